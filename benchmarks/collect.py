"""`python -m benchmarks.collect`: what a look for payloads that nothing names costs, by processor time and memory.

Payloads lie in a folder; twice as many rows of ended runs name them, and as many more payloads again are garbage of a
tenth. Each size is measured in a process of its own. No test asserts these figures.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import multiprocessing
import os
import resource
import time
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import sqlalchemy as sa

from app import migrations
from benchmarks.ground import home
from benchmarks.table import Row, machine, markdown
from engine.models import Run, Step, new_id, now
from engine.settings import settings
from engine.store.collector import Collector
from engine.store.db import Database
from engine.store.storage import Storage, storage
from engine.store.writer import Writer
from engine.upkeep import Upkeep
from tests.engine.seed import Seed, seed

SIZES = (25_000, 100_000)
STEPS = 10  # of a run
NAMED_TWICE = 2
GARBAGE = 10  # one payload of so many more is named by nothing
VALUE = 100_000  # characters of every twentieth payload; the others are short, so that writing them takes no hour
BATCH = 5_000


def measure() -> list[Row]:
    """Rows for each size."""
    spawn = multiprocessing.get_context("spawn")
    found: list[Row] = []
    for size in SIZES:
        with spawn.Pool(1) as pool:
            found += pool.apply(_measure, (size,))
    return found


def _measure(payloads: int) -> list[Row]:
    with home():
        url = settings().database_url
        migrations.upgrade(url)
        data = Database(url)
        place = seed(data)
        names = [*_payloads(storage(), place.workspace_id, payloads + payloads // GARBAGE)]
        _rows(data, place, names[:payloads])
        writer = Writer(data)
        writer.start()
        found = []
        upkeep = Upkeep(data, writer, storage())
        what = f"{payloads:,} payloads, {payloads * NAMED_TWICE:,} rows"
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found.append(_timed(f"measuring the runs of {what}", lambda: asyncio.run(upkeep.measure())))
        collector, restarted = Collector(data, storage()), Collector(data, storage())
        for which, looks in (("first look", collector), ("next look", collector), ("look after a restart", restarted)):
            found.append(_timed(f"{which} at {what}", partial(looks.collect, place.workspace_id)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        found.append(Row("collect", f"memory at {what}, above what it had", (peak - before) / 1024, "MB"))
        writer.stop()
        data.close()
    return found


def _timed(what: str, act: Callable[[], Any]) -> Row:
    before = time.process_time()
    act()
    return Row("collect", what, time.process_time() - before, "s of CPU")


def _payloads(store: Storage, workspace_id: str, count: int) -> Iterator[str]:
    """Written without flushing, and long ago."""
    root = settings().home / "payloads" / workspace_id
    for drawer in range(256):
        (root / f"{drawer:02x}").mkdir(parents=True, exist_ok=True)
    for number in range(count):
        text = json.dumps({"number": number, "text": "x" * (VALUE if number % 20 == 0 else 100)}).encode()
        name = hashlib.sha256(text).hexdigest()
        path = root / name[:2] / name
        path.write_bytes(text)
        os.utime(path, (0, 0))
        yield name


def _rows(data: Database, place: Seed, names: list[str]) -> None:
    twice = iter(names * NAMED_TWICE)
    while some := list(islice(twice, BATCH)):
        runs, steps = [], []
        for start in range(0, len(some), STEPS):
            run_id = new_id()
            runs.append(_run(place, run_id))
            steps += [
                {
                    "run_id": run_id,
                    "node_id": f"n{number}",
                    "workspace_id": place.workspace_id,
                    "status": "done",
                    "output": {"main": {"ref": name, "count": None, "size": 100}},
                    "input": {"text": {"v": "an input like any other " * 20}},
                }
                for number, name in enumerate(some[start : start + STEPS])
            ]
        with data.transaction() as session:
            session.execute(sa.insert(Run), runs)
            session.execute(sa.insert(Step), steps)


def _run(place: Seed, run_id: str) -> dict[str, Any]:
    return {
        "id": run_id,
        "workspace_id": place.workspace_id,
        "workflow_id": place.workflow_id,
        "version_id": place.version_id,
        "source": "manual",
        "status": "done",
        "input": {},
        "finished_at": now(),
    }


if __name__ == "__main__":
    print(markdown(measure()))
    print()
    print("\n".join(f"- {line}" for line in machine()))
