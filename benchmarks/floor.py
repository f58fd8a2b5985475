"""(i) The floor below it all: bare commits, alone and in groups, and a page's commits beside a saturated writer."""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import time
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path

from benchmarks.ground import database, home
from benchmarks.table import Row
from engine.models import Workspace, new_id
from engine.store.db import Database
from engine.store.driver import Driver, Operation
from engine.store.statement import Statement
from tests.engine.bench import Bench, opened

COMMITS = 300
TOUCH = Statement("UPDATE workspace SET name = :name WHERE id = :id")


def touch(driver: Driver, workspace_id: str) -> Operation:
    """The least that an operation can do."""
    driver.send(TOUCH, {"id": workspace_id, "name": "x"})
    yield


async def _floor(url: str, folder: Path, title: str) -> list[Row]:
    """Commits of one small update: one after the other, and a hundred at a time through the writer."""
    async with opened(url, folder / "floor") as bench:
        with bench.database.transaction() as session:
            session.add(place := Workspace(name="x", slug=new_id()))
        alone = await _rate(bench, place.id, 1, COMMITS)
        grouped = await _rate(bench, place.id, 100, 100 * COMMITS)
    return [
        Row("i", f"commits of one small update, one at a time, {title}", alone, "/s"),
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


def _beside(url: str, folder: Path, title: str) -> list[Row]:
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
        Row("i", f"a page's commit beside a saturated writer, {title}: p50", marks[49] * 1000, "ms"),
        Row("i", "the same: p99", marks[98] * 1000, "ms", aim="< 20"),
    ]


def measure() -> list[Row]:
    """Both databases."""
    rows: list[Row] = []
    for kind, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with home() as folder, database(kind, folder) as url:
            rows += asyncio.run(_floor(url, folder, title))
            rows += _beside(url, folder, title)
    return rows
