"""`python -m benchmarks.large [rows …]`: a list of a million rows from a CSV file through a workflow and back to CSV.

Read, set fields (mapped), filter, router (dealt out), sort, group, and two CSV files written. For each number of rows a
worker of its own is started; measured are the wall time from start to end of the run, the processor time that the
worker and its pool took, and the largest resident memory (VmHWM) of the worker and of the processes of its pool.

    python -m benchmarks.large 10000 1000000 --workers 2      # with more than one worker the list is cut into shards
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import io
import random
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import select
from sqlmodel import col

from benchmarks.ground import database, home, processes, valkey, workers_are_up
from benchmarks.table import Row, machine, markdown
from engine.contract.values import File
from engine.launch import Launcher
from engine.models import Run, StoredFile, Workflow, WorkflowVersion
from engine.settings import settings
from engine.store.db import Database
from engine.store.storage import storage
from tests.engine.seed import Seed, seed

SIZES = (10_000, 100_000, 1_000_000)
TEAMS = 40
BIG = 50.0


def workflow(file: File) -> dict[str, Any]:
    """The document: orders are read, priced, filtered, dealt out, sorted, summed up, and written twice."""
    return {
        "weft": 1,
        "name": "Large",
        "nodes": {
            "read": {"type": "files.read_csv", "with": {"file": file.model_dump(by_alias=True), "numbers": True}},
            "price": {
                "type": "data.set",
                "with": {"record": "{{ read.rows }}", "fields": {"total": "{{ read.rows.amount * 2 }}"}},
            },
            "some": {"type": "data.filter", "with": {"rows": "{{ price }}", "when": "{{ item.total > 20 }}"}},
            "route": {
                "type": "flow.router",
                "with": {"value": "{{ some }}", "rules": [{"name": "Big", "when": "{{ value.amount > 50 }}"}]},
            },
            "order": {"type": "data.sort", "with": {"rows": "{{ route.big }}", "by": ["-amount", "id"]}},
            "teams": {
                "type": "data.group",
                "with": {
                    "rows": "{{ route.otherwise }}",
                    "by": ["team"],
                    "summaries": [
                        {"function": "count", "name": "orders"},
                        {"function": "sum", "field": "total", "name": "total"},
                    ],
                },
            },
            "big": {"type": "files.write_csv", "with": {"rows": "{{ order }}", "name": "big.csv"}},
            "small": {"type": "files.write_csv", "with": {"rows": "{{ teams }}", "name": "teams.csv"}},
        },
    }


def orders(count: int) -> Iterator[bytes]:
    """The lines of a CSV file of so many orders, the same each time."""
    chance = random.Random(7)
    yield b"id,team,amount,note\n"
    for number in range(count):
        amount = chance.randrange(1, 10_000) / 100
        yield f"{number},team {number % TEAMS},{amount},an order like any other {number}\n".encode()


@dataclass(frozen=True)
class Measured:
    """One run: seconds by the clock and of the processors, and the peaks of resident memory in MB."""

    rows: int
    seconds: float
    busy: float
    worker: float
    pool: float


class Peaks:
    """The largest resident memory of workers and of each of their children, by the kernel's own high-water mark, and
    the processor time that they have taken."""

    def __init__(self, pids: Sequence[int]) -> None:
        self._processes = [psutil.Process(pid) for pid in pids]
        self._busy: dict[int, float] = {}
        self.worker = 0.0
        self.pool = 0.0

    @property
    def busy(self) -> float:
        return sum(self._busy.values())

    def look(self) -> None:
        """Take note. A child that has ended keeps what was noted last."""
        for process in self._processes:
            self.worker = max(self.worker, _high_water(process.pid))
            self._note(process)
            for child in process.children(recursive=True):
                self.pool = max(self.pool, _high_water(child.pid))
                self._note(child)

    def _note(self, process: psutil.Process) -> None:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            return
        self._busy[process.pid] = times.user + times.system


def _high_water(pid: int) -> float:
    try:
        text = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in text.splitlines() if line.startswith("VmHWM")), 0.0)


async def once(rows: int, pids: Sequence[int], launcher: Launcher, data: Database) -> Measured:
    """Store the file, run the workflow, check what came of it."""
    place = seed(data)
    file = storage().put_file(place.workspace_id, orders(rows), "orders.csv", "text/csv")
    place = seed_in(data, place, workflow(file))
    peaks = Peaks(pids)
    peaks.look()
    before = peaks.busy
    began = time.perf_counter()
    started = await launcher.start_run(
        workspace_id=place.workspace_id,
        workflow_id=place.workflow_id,
        version_id=place.version_id,
        source="manual",
        input={"trigger": None, "payload": None, "inputs": {}},
    )
    while (status := _status(data, started.run_id)) not in ("done", "failed", "cancelled"):
        peaks.look()
        await asyncio.sleep(0.05)
    seconds = time.perf_counter() - began
    peaks.look()
    if status != "done":
        raise RuntimeError(f"the run of {rows:,} rows {status}: {_error(data, started.run_id)}")
    _check(rows, place, data)
    return Measured(rows, seconds, peaks.busy - before, peaks.worker, peaks.pool)


def seed_in(data: Database, place: Seed, document: dict[str, Any]) -> Seed:
    """A version with this document in a workspace that is there already."""
    drawn = Workflow(workspace_id=place.workspace_id, name="Large", draft=document)
    version = WorkflowVersion(
        workspace_id=place.workspace_id, workflow_id=drawn.id, number=1, document=document, content_hash="1" * 64
    )
    with data.transaction() as session:
        session.add(drawn)
        session.flush()
        session.add(version)
    return Seed(place.workspace_id, drawn.id, version.id)


def _status(data: Database, run_id: str) -> str:
    with data.transaction(write=False) as session:
        return str(session.scalar(select(col(Run.status)).where(col(Run.id) == run_id)))


def _error(data: Database, run_id: str) -> Any:
    with data.transaction(write=False) as session:
        return session.scalar(select(col(Run.error)).where(col(Run.id) == run_id))


def _check(rows: int, place: Seed, data: Database) -> None:
    """The written rows must be exactly those that the same sums in plain Python give."""
    big, teams = 0, dict.fromkeys((f"team {n}" for n in range(TEAMS)), 0)
    for line in csv.DictReader(io.TextIOWrapper(io.BytesIO(b"".join(orders(rows))), "utf-8")):
        amount = float(line["amount"])
        if amount * 2 > 20:
            big += amount > BIG
            teams[line["team"]] += amount <= BIG
    with data.transaction(write=False) as session:
        files = {one.name: one for one in session.scalars(select(StoredFile))}
    with storage().open_file(place.workspace_id, files["big.csv"].hash) as stream:
        written = sum(1 for _ in stream) - 1
    with storage().open_file(place.workspace_id, files["teams.csv"].hash) as stream:
        found = {line["team"]: int(line["orders"]) for line in csv.DictReader(io.TextIOWrapper(stream, "utf-8"))}
    if written != big or found != {name: count for name, count in teams.items() if count}:
        raise RuntimeError(f"wrong results for {rows:,} rows: {written} instead of {big}, {found}")


def measured(rows: int, workers: int = 1) -> Measured:
    """One size, with everything of its own."""
    with ExitStack() as stack:
        folder = stack.enter_context(home())
        redis_url = stack.enter_context(valkey())
        stack.enter_context(database("sqlite", folder))
        running = stack.enter_context(processes("worker", workers))
        workers_are_up(redis_url, workers)
        return asyncio.run(_measured(rows, [worker.pid for worker in running]))


async def _measured(rows: int, pids: Sequence[int]) -> Measured:
    data = Database(settings().database_url)
    launcher = Launcher(data, settings().redis_url)
    launcher.start()
    try:
        await once(100, pids, launcher, data)
        return await once(rows, pids, launcher, data)
    finally:
        await asyncio.to_thread(launcher.close)
        data.close()


def measure(sizes: tuple[int, ...] = SIZES, workers: int = 1) -> list[Row]:
    """Each size, compared with the smallest."""
    found = []
    for size in sizes:
        found.append(measured(size, workers))
        print(found[-1], file=sys.stderr, flush=True)
    first = found[0]
    rows = []
    for one in found:
        share = one.seconds / one.rows / (first.seconds / first.rows)
        busy = one.busy / one.rows / (first.busy / first.rows)
        rows += [
            Row("l", f"{one.rows:,} rows", one.seconds, "s", f"{share:.2f} a row"),
            Row("l", f"{one.rows:,} rows: processor time", one.busy, "s", f"{busy:.2f} a row", "≤ 1.15"),
            Row("l", f"{one.rows:,} rows: worker", one.worker, "MB", f"{one.worker / first.worker:.2f}", "≤ 1.5"),
            Row("l", f"{one.rows:,} rows: pool", one.pool, "MB", f"{one.pool / first.pool:.2f}", "≤ 1.5"),
        ]
    return rows


if __name__ == "__main__":
    known = machine()
    given = argparse.ArgumentParser(description="A long list from CSV to CSV")
    given.add_argument("rows", nargs="*", type=int, default=list(SIZES))
    given.add_argument("--workers", type=int, default=1)
    asked = given.parse_args()
    print(markdown(measure(tuple(asked.rows), asked.workers)))
    print()
    print("\n".join(f"- {line}" for line in known))
