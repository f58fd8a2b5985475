"""(h) Runs that rest for an hour: what a worker holds of them, and how soon one that is woken is over."""

from __future__ import annotations

import asyncio
import statistics
import time

from sqlalchemy import func, select
from sqlmodel import col

from benchmarks.ground import database, home, memory, processes, valkey, workers_are_up
from benchmarks.table import Row
from engine.launch import Launcher
from engine.models import Run, Wait
from engine.settings import settings
from engine.store.db import Database
from tests.engine.seed import Seed, seed

PARKED = 10_000
WOKEN = 50


async def _parked(url: str) -> list[Row]:
    """Runs that rest for an hour: what a worker holds of them, and how soon one that is woken is over."""
    nodes = {
        "rest": {"type": "flow.wait", "with": {"amount": 1, "unit": "hours"}},
        "end": {"type": "data.template", "with": {"text": "Rested {{ rest }}"}},
    }
    with processes("worker", 1) as (worker,):
        workers_are_up(settings().redis_url, 1)
        data = Database(url)
        launcher = Launcher(data, settings().redis_url)
        launcher.start()
        place = seed(data, {"weft": 1, "name": "Rest", "nodes": nodes})
        before = memory(worker.pid)
        began = time.perf_counter()
        for _ in range(PARKED // 100):
            await asyncio.gather(*(_start(launcher, place) for _ in range(100)))
        await _until(data, "waiting", PARKED)
        parked = time.perf_counter() - began
        after = memory(worker.pid)
        times = [await _wake(data, launcher) for _ in range(WOKEN)]
        await asyncio.to_thread(launcher.close)
        data.close()
    return [
        Row("h", f"starting and parking {PARKED:,} runs", parked, "s", f"{PARKED / parked:,.0f} runs/s"),
        Row("h", "memory of the worker before", before, "MB"),
        Row("h", f"the same with {PARKED:,} runs parked", after, "MB", f"{after / before:.2f} of before"),
        Row("h", "from waking one to its end: p50", statistics.median(times) * 1000, "ms"),
    ]


async def _start(launcher: Launcher, place: Seed) -> None:
    await launcher.start_run(
        workspace_id=place.workspace_id,
        workflow_id=place.workflow_id,
        version_id=place.version_id,
        source="api",
        input={"trigger": None, "payload": None, "inputs": {}},
    )


async def _until(data: Database, status: str, count: int) -> None:
    while True:
        with data.transaction(write=False) as session:
            if session.scalar(select(func.count()).where(col(Run.status) == status)) == count:
                return
        await asyncio.sleep(0.05)


async def _wake(data: Database, launcher: Launcher) -> float:
    with data.transaction(write=False) as session:
        wait_id, run_id = session.execute(
            select(col(Wait.id), col(Wait.run_id)).where(col(Wait.settled_at).is_(None)).limit(1)
        ).one()
    began = time.perf_counter()
    await launcher.settle(wait_id, {})
    while True:
        with data.transaction(write=False) as session:
            status = session.scalar(select(col(Run.status)).where(col(Run.id) == run_id))
        if status == "done":
            return time.perf_counter() - began
        if status == "failed":
            raise RuntimeError("a run that was woken failed")
        await asyncio.sleep(0.002)


def measure() -> list[Row]:
    """On SQLite, which is what one gets without settings."""
    with home() as folder, valkey(), database("sqlite", folder) as url:
        return asyncio.run(_parked(url))
