"""(g) What the shape of a drawing costs: long chains, many branches, many items.

One process, SQLite with `synchronous=FULL`, everything saved; each run's rows are counted afterwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlmodel import col

from benchmarks.ground import database, home
from benchmarks.table import Row
from engine import heap
from engine.models import Step
from engine.store import starting
from engine.store.results import Delivery
from tests.engine.bench import Bench, Seeded, opened
from tests.engine.seed import Seed, seed

RUNS_OF = {5: 2_000, 50: 200, 500: 20}  # by the length of the chain
AT_ONCE = 20
BRANCHES = 100
FANS = (10_000, 1_000_000)


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


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one run: seconds by the clock, and microseconds of this process's processor time."""

    seconds: float
    processor: float


async def _cost(bench: Bench, nodes: Mapping[str, Any], runs: int = 1) -> Cost:
    """What a run costs, of so many of one version that are advanced together, after a first one."""
    document = {"weft": 1, "name": "Shape", "nodes": nodes}
    place = seed(bench.database, document)
    bench.seeds[place.version_id] = Seeded(document)
    if runs > 1:
        await _advance(bench, iter([await _recorded(bench, place)]))
    ids = [await _recorded(bench, place) for _ in range(runs)]
    source = iter(ids)
    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(_advance(bench, source) for _ in range(AT_ONCE)))
    took, processor = time.perf_counter() - began, time.process_time() - used
    with bench.database.transaction(write=False) as session:
        steps = (col(Step.item) == "", col(Step.status) == "done", col(Step.run_id).in_(ids))
        if session.scalar(select(func.count()).where(*steps)) != runs * len(nodes):
            raise RuntimeError("a step is missing")
    return Cost(took / runs, processor / runs * 1_000_000)


async def _recorded(bench: Bench, place: Seed) -> str:
    new = place.run(input={"trigger": None, "payload": None, "inputs": {}})
    await bench.writer.submit(partial(starting.start, new=new))
    return new.id


async def _advance(bench: Bench, source: Iterator[str]) -> None:
    for run_id in source:
        claim = await bench.leases.claim(Delivery(run_id, 0, 0))
        if claim is not None:
            await bench.executor.execute(claim)
            bench.leases.drop(claim)


async def _shapes(url: str, folder: Path) -> list[Row]:
    async with opened(url, folder / "home") as bench:
        rows = await _chains(bench)
        beside = await _cost(bench, branches(BRANCHES), 20)
        rows.append(Row("g", f"a run of {BRANCHES} parallel branches, joined", beside.processor / 1000, "ms"))
        for items in FANS:
            took = (await _cost(bench, fan(items))).seconds
            rows.append(Row("g", f"a node over {items:,} items", took, "s", f"{items / took:,.0f} items/s"))
    return rows


async def _chains(bench: Bench) -> list[Row]:
    """Processor time per node: all that a run costs shared among its nodes, and what each further node adds."""
    await _cost(bench, chain(50), 20)
    heap.settle()  # as a worker does
    costs = {size: (await _cost(bench, chain(size), runs)).processor for size, runs in RUNS_OF.items()}
    rows = []
    for size, cost in costs.items():
        ratio = f"{cost / size / costs[50] * 50:.2f} of that at 50"
        rows.append(Row("g", f"a run of a chain of {size}, shared among its nodes", cost / size, "µs a node", ratio))
    more = {(few, many): (costs[many] - costs[few]) / (many - few) for few, many in pairwise(sorted(costs))}
    first = next(iter(more.values()))
    for (few, many), each in more.items():
        what = f"each further node, from {few} to {many}"
        rows.append(Row("g", what, each, "µs", f"{each / first:.2f} of the first", "flat within 20 %"))
    return rows


def measure() -> list[Row]:
    """On SQLite, which is what one gets without settings."""
    with home() as folder, database("sqlite", folder) as url:
        return asyncio.run(_shapes(url, folder))
