"""(g) What the shape of a drawing costs, (h) parked runs, (i) the floor below it all: a commit, and others' commits.

One process, SQLite with `synchronous=FULL`, everything saved; each run's rows are counted afterwards.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from benchmarks.ground import database, home, memory, processes, valkey, workers_are_up
from benchmarks.table import Row
from engine.launch import Launcher
from engine.models import Run, Step, Wait, Workspace, new_id
from engine.settings import settings
from engine.store.db import Database
from engine.store.driver import Driver, Operation
from engine.store.statement import Statement
from tests.engine.bench import Bench, opened
from tests.engine.seed import Seed, seed

SIZES = (5, 50, 500)
RUNS_OF = {5: 400, 50: 40, 500: 8}
BRANCHES = 100
FANS = (10_000, 1_000_000)
PARKED = 10_000
COMMITS = 300
TOUCH = Statement("UPDATE workspace SET name = :name WHERE id = :id")


def chain(length: int) -> dict[str, Any]:
    """So many nodes, each of which refers to the one before."""
    nodes: dict[str, Any] = {"n0": {"type": "data.template", "with": {"text": "a"}}}
    for number in range(1, length):
        nodes[f"n{number}"] = {"type": "data.template", "with": {"text": f"{{{{ n{number - 1} }}}}"}}
    return nodes


def branches(count: int) -> dict[str, Any]:
    """One node, so many beside each other that refer to it, and one that takes them all."""
    nodes: dict[str, Any] = {"start": {"type": "data.template", "with": {"text": "a"}}}
    for number in range(count):
        nodes[f"b{number}"] = {"type": "data.template", "with": {"text": f"{{{{ start }}}}{number}"}}
    lists = [f"{{{{ b{number} }}}}" for number in range(count)]
    return {**nodes, "all": {"type": "data.template", "with": {"text": " ".join(lists)}}}


def fan(items: int) -> dict[str, Any]:
    """A list of so many numbers, a template for each of them, and their count."""
    return {
        "many": {"type": "data.range", "with": {"stop": items}},
        "each": {"type": "data.template", "with": {"text": "Order {{ many }}"}},
        "count": {"type": "data.template", "with": {"text": "{{ each | length }}"}},
    }


async def _seconds(bench: Bench, nodes: Mapping[str, Any], times: int = 1) -> float:
    """Of one run, the best of so many."""
    best = float("inf")
    for _ in range(times):
        run_id = await bench.start(nodes)
        began = time.perf_counter()
        status = await bench.advance(run_id)
        best = min(best, time.perf_counter() - began)
        if status != "done":
            raise RuntimeError(f"a run is {status}: {bench.row(run_id).error}")
        with bench.database.transaction(write=False) as session:
            over = select(func.count()).where(
                col(Step.run_id) == run_id, col(Step.item) == "", col(Step.status) == "done"
            )
            if session.scalar(over) != len(nodes):
                raise RuntimeError("a step is missing")
    return best


async def _shapes(url: str, folder: Path) -> list[Row]:
    rows: list[Row] = []
    async with opened(url, folder / "home") as bench:
        await _seconds(bench, chain(50), 5)
        each = {size: await _seconds(bench, chain(size), RUNS_OF[size]) / size * 1000 for size in SIZES}
        for size, cost in each.items():
            ratio = f"{cost / each[50]:.2f} of that at 50"
            rows.append(Row("g", f"a node of a chain of {size}", cost, "ms", ratio, "flat within 20 %, 5 to 500"))
        beside = await _seconds(bench, branches(BRANCHES), 5)
        rows.append(Row("g", f"{BRANCHES} parallel branches, joined", beside * 1000, "ms"))
        for items in FANS:
            took = await _seconds(bench, fan(items))
            rows.append(Row("g", f"a node over {items:,} items", took, "s", f"{items / took:,.0f} items/s"))
    return rows


async def _parked(url: str) -> list[Row]:
    """Runs that rest for an hour: what a worker holds of them, and how soon one that is woken is over."""
    nodes = {
        "rest": {"type": "flow.wait", "with": {"amount": 1, "unit": "hours"}},
        "end": {"type": "data.template", "with": {"text": "{{ rest }}"}},
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
        times = [await _wake(data, launcher) for _ in range(50)]
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
            if session.scalar(select(col(Run.status)).where(col(Run.id) == run_id)) == "done":
                return time.perf_counter() - began
        await asyncio.sleep(0.002)


def touch(driver: Driver, workspace_id: str) -> Operation:
    """The least that an operation can do."""
    driver.send(TOUCH, {"id": workspace_id, "name": "x"})
    yield


async def _floor(url: str, folder: Path) -> list[Row]:
    """Commits of one small update: one after the other, and a hundred at a time through the writer."""
    async with opened(url, folder / "floor") as bench:
        with bench.database.transaction() as session:
            session.add(place := Workspace(name="x", slug=new_id()))
        alone = await _rate(bench, place.id, 1, COMMITS)
        grouped = await _rate(bench, place.id, 100, 100 * COMMITS)
    return [
        Row("i", "commits of one small update, one at a time", alone, "/s"),
        Row("i", "the same, a hundred at a time in groups", grouped, "/s", f"{grouped / alone:.0f} times as many"),
    ]


async def _rate(bench: Bench, workspace_id: str, at_once: int, count: int) -> float:
    turns = iter(range(count))

    async def work() -> None:
        for _ in turns:
            await bench.writer.submit(partial(touch, workspace_id=workspace_id))

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(at_once)))
    return count / (time.perf_counter() - began)


def saturate(url: str, folder: Path, workspace_id: str, ready: Event, stop: Event) -> None:
    """In a process of its own: a writer that is never without work."""

    async def work() -> None:
        async with opened(url, folder / "busy") as bench:

            async def one() -> None:
                while not stop.is_set():
                    await bench.writer.submit(partial(touch, workspace_id=workspace_id))
                    ready.set()

            await asyncio.gather(*(one() for _ in range(100)))

    asyncio.run(work())


def _beside(url: str, folder: Path) -> list[Row]:
    """Commits as a page or a route makes them, while another process's writer is never without work."""
    data = Database(url)
    with data.transaction() as session:
        session.add(place := Workspace(name="x", slug=new_id()))
    context = multiprocessing.get_context("spawn")
    ready, stop = context.Event(), context.Event()
    other = context.Process(target=saturate, args=(url, folder, place.id, ready, stop))
    other.start()
    ready.wait(60)
    times = []
    for number in range(COMMITS):
        began = time.perf_counter()
        with data.transaction() as session:
            session.add(Workspace(name=f"x{number}", slug=new_id()))
        times.append(time.perf_counter() - began)
        time.sleep(0.005)
    stop.set()
    other.join()
    data.close()
    marks = statistics.quantiles(times, n=100)
    return [
        Row("i", "a page's commit beside a saturated writer: p50", marks[49] * 1000, "ms"),
        Row("i", "the same: p99", marks[98] * 1000, "ms", aim="< 20"),
    ]


def measure() -> list[Row]:
    """On SQLite, which is what one gets without settings."""
    rows: list[Row] = []
    parts: Mapping[str, Callable[[str, Path], list[Row]]] = {
        "shapes": lambda url, folder: asyncio.run(_shapes(url, folder)),
        "floor": lambda url, folder: asyncio.run(_floor(url, folder)),
        "beside": _beside,
        "parked": lambda url, _folder: asyncio.run(_parked(url)),
    }
    with home() as folder, valkey():
        for name, part in parts.items():
            (folder / name).mkdir()
            with database("sqlite", folder / name) as url:
                rows += part(url, folder / name)
    return rows
