"""(b) Durable runs per second of the five-node workflow "Size it": the engine alone, and end to end by the queue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from benchmarks.ground import GIVEN, Ground, database, ground, home, processes, valkey, workers_are_up
from benchmarks.table import Row
from engine import heap
from engine.catalog import catalog
from engine.run.executor import Executor
from engine.run.plans import Plans
from engine.run.pool import Pool
from engine.run.scopes import Tools
from engine.run.toolbox import Toolbox
from engine.store import starting
from engine.store.checkpoint import Checkpoints
from engine.store.files import RunFiles
from engine.store.lease import Leases
from engine.store.results import Delivery
from engine.store.storage import storage
from engine.store.vault import Accounts
from tests.size_it import SIZE_IT

RUNS = 3_000
WARM_UP = 200
AT_ONCE = 100


async def engine_alone(count: int = RUNS) -> float:
    """Runs per second of claim, execution and checkpoints in one process, runs recorded beforehand, no queue."""
    async with ground() as there:
        leases = Leases(there.launcher.writer)
        executor = _executor(there)
        for amount in (WARM_UP, count):
            ids = [await _recorded(there) for _ in range(amount)]
            heap.settle()  # as a worker does
            source = iter(ids)
            began = time.perf_counter()
            await asyncio.gather(*(_work(source, leases, executor) for _ in range(AT_ONCE)))
            took = time.perf_counter() - began
    return count / took


def _executor(there: Ground) -> Executor:
    async def document(version_id: str) -> Mapping[str, Any]:
        return SIZE_IT

    toolbox = Toolbox(RunFiles, lambda workspace_id: Accounts(there.database, workspace_id))
    checkpoints = Checkpoints(there.database, there.launcher.writer)
    return Executor(Plans(catalog(), document), checkpoints, storage(), Tools(Pool(1), toolbox))


async def _recorded(there: Ground) -> str:
    new = there.place.run(input=GIVEN, source="webhook")
    await there.launcher.writer.submit(partial(starting.start, new=new))
    return new.id


async def _work(source: Iterator[str], leases: Leases, executor: Executor) -> None:
    for run_id in source:
        claim = await leases.claim(Delivery(run_id, 0, 0))
        if claim is not None:
            await executor.execute(claim)
            leases.drop(claim)


async def end_to_end(count: int = RUNS) -> float:
    """Runs per second from recording the first to the end of the last, with the workers that are up."""
    async with ground() as there:
        await asyncio.gather(*(there.start() for _ in range(WARM_UP)))
        await there.until_done(WARM_UP)
        began = time.perf_counter()
        for _ in range(count // AT_ONCE):
            await asyncio.gather(*(there.start() for _ in range(AT_ONCE)))
        await there.until_done(WARM_UP + count)
        return count / (time.perf_counter() - began)


def measure() -> list[Row]:
    """Both databases, one and two workers."""
    rows = []
    for kind, title in (("sqlite", "SQLite, synchronous=FULL"), ("postgresql", "PostgreSQL, fsync on")):
        with home() as folder, valkey() as redis_url:
            with database(kind, folder):
                alone = asyncio.run(engine_alone())
            rows.append(Row("b", f"engine alone, {title}", alone, "runs/s"))
            for workers in (1, 2):
                (folder / str(workers)).mkdir()
                with database(kind, folder / str(workers)), processes("worker", workers):
                    workers_are_up(redis_url, workers)
                    found = asyncio.run(end_to_end())
                what = f"end to end, {workers} worker{'s' if workers > 1 else ''}, {title}"
                rows.append(Row("b", what, found, "runs/s", f"{found / alone:.2f} of engine alone", "≥ 500"))
    return rows
