"""What the benchmarks stand on: real servers in folders of their own, worker processes, the workflow "Size it"."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, Popen

import psutil
import psycopg
import redis
from sqlalchemy import func, select
from sqlmodel import col

from app import migrations
from app.processes import start_child, stop_child
from engine.launch import Launcher
from engine.models import Run
from engine.settings import settings
from engine.store.db import Database
from tests.engine.seed import Seed, seed
from tests.servers import PostgresServer, ValkeyServer
from tests.size_it import SIZE_IT

ROOT = Path(__file__).parents[1]
GIVEN = {"trigger": "hook", "payload": {"body": {"value": 7, "name": "bench"}}, "inputs": {}}


@contextmanager
def home() -> Iterator[Path]:
    """A folder for all data of one measurement; it is what the settings name."""
    folder = Path(tempfile.mkdtemp(prefix="weft-bench-"))
    os.environ["WEFT_HOME"] = str(folder)
    settings.cache_clear()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def valkey() -> Iterator[str]:
    """A Valkey with an append-only file; its address is what the settings name."""
    server = ValkeyServer().start()
    os.environ["REDIS_URL"] = server.url()
    settings.cache_clear()
    try:
        yield server.url()
    finally:
        server.stop()


@contextmanager
def database(kind: str, folder: Path) -> Iterator[str]:
    """A migrated database that flushes at every commit; its address is what the settings name."""
    server = PostgresServer(durable=True).start() if kind == "postgresql" else None
    url = f"sqlite:///{folder / 'bench.db'}"
    if server is not None:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute("CREATE DATABASE bench")
        url = server.url("bench")
    os.environ["DATABASE_URL"] = url
    settings.cache_clear()
    migrations.upgrade(url)
    try:
        yield url
    finally:
        if server is not None:
            server.stop()


@contextmanager
def processes(name: str, count: int) -> Iterator[list[Popen[bytes]]]:
    """So many processes of `./weft <name>`."""
    command = [sys.executable, "-m", "app.cli", name]
    running = [start_child(command, env=dict(os.environ), cwd=ROOT, output=DEVNULL) for _ in range(count)]
    try:
        yield running
    finally:
        for process in running:
            stop_child(process, grace=20)


@dataclass
class Ground:
    """A database with the workflow in it, and the way to start runs."""

    database: Database
    launcher: Launcher
    place: Seed

    async def start(self) -> str:
        """Record one run; it is delivered right after."""
        started = await self.launcher.start_run(
            workspace_id=self.place.workspace_id,
            workflow_id=self.place.workflow_id,
            version_id=self.place.version_id,
            source="webhook",
            input=GIVEN,
        )
        return started.run_id

    async def until_done(self, count: int) -> None:
        """Return when so many runs are done. Raises RuntimeError if one failed."""
        while True:
            with self.database.transaction(write=False) as session:
                query = select(col(Run.status), func.count()).group_by(col(Run.status))
                found = dict(session.execute(query).tuples().all())
            if found.get("failed"):
                raise RuntimeError("a run failed")
            if found.get("done", 0) >= count:
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def ground() -> AsyncIterator[Ground]:
    """On the database and the Valkey that the settings name."""
    data = Database(settings().database_url)
    launcher = Launcher(data, settings().redis_url)
    launcher.start()
    try:
        yield Ground(data, launcher, seed(data, SIZE_IT))
    finally:
        await asyncio.to_thread(launcher.close)
        data.close()


def workers_are_up(url: str, count: int, longest: float = 60) -> None:
    """Wait until so many RQ workers have registered."""
    with redis.Redis.from_url(url) as client:
        until = time.monotonic() + longest
        while client.scard("rq:workers") < count:
            if time.monotonic() > until:
                raise RuntimeError("the workers did not start")
            time.sleep(0.05)


def memory(*pids: int) -> float:
    """The unshared memory (USS) of these processes and all their children, in MB."""
    found = {pid: psutil.Process(pid) for pid in pids}
    for process in list(found.values()):
        found |= {child.pid: child for child in process.children(recursive=True)}
    total: int = sum(process.memory_full_info().uss for process in found.values())
    return total / 1024**2
