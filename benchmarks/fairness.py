"""(f) One workspace has 10,000 queued runs of a second each; how long do single runs of another wait to start?"""

from __future__ import annotations

import asyncio
import time

from sqlalchemy import func, insert, select
from sqlmodel import col

from benchmarks.ground import Ground, database, ground, home, processes, valkey, workers_are_up
from benchmarks.table import Row
from engine.models import Run, Segment
from tests.engine.seed import Seed, seed

REST = {"type": "flow.wait", "with": {"amount": 1, "unit": "seconds"}}
SECOND = {"weft": 1, "name": "Second", "nodes": {"rest": REST}}
LOUD = 10_000
SINGLE = 20
# The worker's slots are full, and its throughput is known.
SETTLED_SECONDS = 6.0


def crowd(there: Ground, place: Seed) -> None:
    """So many runs in the backlog, recorded long ago."""
    values = {"workspace_id": place.workspace_id, "workflow_id": place.workflow_id}
    given = {"trigger": None, "payload": None, "inputs": {}}
    runs = [{"id": f"r{n:05}", "version_id": place.version_id, **values} for n in range(LOUD)]
    segments = [{"run_id": f"r{n:05}", "queued_at": 1 + n, **values} for n in range(LOUD)]
    with there.database.transaction() as session:
        session.execute(insert(Run).values(source="api", input=given, options={}), runs)
        session.execute(insert(Segment), segments)


async def until_begun(there: Ground, run_id: str) -> Run:
    """The run once a worker has taken it."""
    while True:
        with there.database.transaction(write=False) as session:
            run = session.get(Run, run_id)
        if run is not None and run.started_at is not None:
            return run
        await asyncio.sleep(0.01)


async def waits() -> tuple[list[float], float]:
    """Seconds from the record of each single run to its start, and the crowd's runs per second meanwhile."""
    async with ground() as there:
        quiet, loud = seed(there.database, SECOND), seed(there.database, SECOND)
        crowd(there, loud)
        there.place = quiet
        await asyncio.sleep(SETTLED_SECONDS)
        before, began, found = await ended(there), time.monotonic(), []
        for _ in range(SINGLE):
            run = await until_begun(there, await there.start())
            if run.started_at is not None:
                found.append((run.started_at - run.created_at).total_seconds())
        return found, (await ended(there) - before) / (time.monotonic() - began)


async def ended(there: Ground) -> int:
    """How many runs are done."""
    with there.database.transaction(write=False) as session:
        return session.scalar(select(func.count()).select_from(Run).where(col(Run.status) == "done")) or 0


def measure() -> list[Row]:
    """Both databases, one worker of 100 slots: a slot becomes free every 10 ms."""
    rows = []
    for kind, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with home() as folder, valkey() as redis_url, database(kind, folder), processes("worker", 1):
            workers_are_up(redis_url, 1)
            found, rate = asyncio.run(waits())
        found.sort()
        rows.append(Row("f", f"a crowd's runs of a second, {title}", rate, "runs/s", aim="100, one a slot"))
        rows.append(Row("f", f"another's single run waits, {title}: median", found[len(found) // 2] * 1000, "ms"))
        rows.append(Row("f", f"another's single run waits, {title}: longest", found[-1] * 1000, "ms", aim="< 2,000"))
    return rows
