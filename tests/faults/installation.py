"""A whole installation on real servers, each process of which can be killed, suspended and started again."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import Popen
from typing import Literal

import psycopg

from app import frontend, migrations
from app.processes import free_port, start_child, stop_child
from engine.settings import CHECKOUT, settings
from tests.engine import lab
from tests.servers import PostgresServer, ValkeyServer

Part = Literal["worker", "scheduler", "web", "valkey", "postgresql"]
PARTS: tuple[Part, ...] = ("worker", "scheduler", "web", "valkey", "postgresql")
LEASE_SECONDS = 3


@dataclass
class Installation:
    """Workers, scheduler, web server, Valkey and, if that is its database, PostgreSQL: all in one folder.

    Whoever kills a part starts it again at once, as `./weft up` or systemd would.
    """

    folder: Path
    kind: Literal["sqlite", "postgresql"]
    workers: int = 2
    durable: bool = False
    more: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    killed: dict[Part, int] = field(default_factory=lambda: dict.fromkeys(PARTS, 0))
    _running: dict[str, Popen[bytes]] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """Where its web server listens."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def parts(self) -> tuple[Part, ...]:
        """What can be killed here."""
        return PARTS if self.kind == "postgresql" else PARTS[:-1]

    @contextmanager
    def running(self, set_variable: Callable[[str, str], None]) -> Iterator[Installation]:
        """All of it while the block runs; `set_variable` puts its addresses into this process's environment."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self.valkey = ValkeyServer().start()
        self.postgres = PostgresServer(self.durable).start() if self.kind == "postgresql" else None
        variables = {
            "WEFT_HOME": str(self.folder / "home"),
            "PORT": str(self.port),
            "REDIS_URL": self.valkey.url(),
            "DATABASE_URL": self._database(),
            "WEFT_LEASE_SECONDS": str(LEASE_SECONDS),
            "WEFT_INTEGRATIONS": str(lab.FOLDER),
            **self.more,
        }
        for name, value in variables.items():
            set_variable(name, value)
        settings.cache_clear()
        migrations.upgrade(settings().database_url)
        frontend.build(settings().home, lambda _said: None)
        try:
            for name in (*(f"worker-{number}" for number in range(self.workers)), "scheduler", "web"):
                self._start(name)
            yield self
        finally:
            for process in self._running.values():
                process.send_signal(signal.SIGCONT)
                stop_child(process, grace=15)
            self.valkey.stop()
            if self.postgres is not None:
                self.postgres.stop()
            settings.cache_clear()

    def _database(self) -> str:
        if self.postgres is None:
            return f"sqlite:///{self.folder / 'chaos.db'}"
        with psycopg.connect(self.postgres.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE chaos")
        return self.postgres.url("chaos")

    def _start(self, name: str) -> None:
        command = [sys.executable, "-m", "app.cli", name.partition("-")[0]]
        with (self.folder / f"{name}.log").open("ab") as output:
            self._running[name] = start_child(command, env=dict(os.environ), cwd=CHECKOUT, output=output)

    def _names(self, part: Part) -> list[str]:
        return [name for name in self._running if name.partition("-")[0] == part]

    def kill(self, part: Part) -> None:
        """kill -9 a process of this part, with all its children, and start it again; of workers, the oldest.

        Valkey comes back empty every second time: what it holds is never the only copy.
        """
        self.killed[part] += 1
        if part == "valkey":
            self.valkey.kill()
            if self.killed[part] % 2 == 0:
                self.valkey.lose_everything()
            self.valkey.start()
        elif part == "postgresql":
            assert self.postgres is not None
            self.postgres.kill()
            self.postgres.start()
        else:
            name = self._names(part)[0]
            process = self._running.pop(name)
            self._still_runs(name, process)
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            self._start(name)

    def suspend_worker(self, seconds: float) -> None:
        """Let a worker stand still for so long, as a machine does that swaps or is moved, then go on."""
        name = self._names("worker")[0]
        process = self._running.pop(name)
        self._running[name] = process
        process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        process.send_signal(signal.SIGCONT)

    def _still_runs(self, name: str, process: Popen[bytes]) -> None:
        if process.poll() is not None:
            said = (self.folder / f"{name}.log").read_text()[-3000:]
            raise AssertionError(f"{name} ended by itself with {process.returncode}:\n{said}")
