"""A long list over several workers: each does its range, a lost one's is taken over, and the result is the same."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from engine.catalog import catalog
from engine.delivery.queue import job_id
from engine.models import Segment
from engine.settings import settings
from engine.store import cancelling, pausing
from engine.store.claim import Claim
from engine.store.folder import Folder
from engine.store.lease import Leases
from engine.store.results import Delivery, Found
from engine.store.storage import Storage
from engine.store.sweeping import sweep
from engine.store.writer import Writer
from engine.worker import Segments
from tests.engine import lab
from tests.engine.bench import Bench, opened
from tests.engine.run.test_budget import question, started

ITEMS = 1_050
NODES: dict[str, Any] = {
    "start": {"type": "trigger.manual", "with": {}},
    "text": {"type": "data.template", "with": {"text": "{{ start }} at {{ now() }}"}},
    "deal": {"type": "flow.if", "with": {"value": "{{ text }}", "when": "{{ index % 3 }}"}},
    "count": {"type": "data.template", "with": {"text": "{{ deal.yes | length }} and {{ deal.no | length }}"}},
}


@pytest.fixture
async def bench(any_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    lab.install(monkeypatch)
    monkeypatch.setenv("WEFT_SHARD_ITEMS", "500")
    settings.cache_clear()
    async with opened(any_database, tmp_path / "home", lease_seconds=2) as bench:
        bench.storage = Storage(Folder(tmp_path / "payloads"), long_items=100)
        bench.workers = 3
        bench.executor = bench.another()
        yield bench
    settings.cache_clear()
    catalog.cache_clear()


class Recorded(Leases):
    """Leases of a worker that may be killed: then nothing is given back, and what it held runs out."""

    def __init__(self, writer: Writer, number: int, took: list[tuple[int, int]]) -> None:
        super().__init__(writer, 2)
        self.number, self.took, self.killed = number, took, False

    async def claim(self, delivery: Delivery) -> Claim | None:
        held = await super().claim(delivery)
        if held is not None:
            self.took.append((self.number, held.segment))
        return held

    async def give_back(self, held: Claim) -> Found:
        return Found(()) if self.killed else await super().give_back(held)


class Crew:
    """Workers of one bench, each with an executor and an owner of its own, that take what is queued, one at a time."""

    def __init__(self, bench: Bench, count: int) -> None:
        self.bench = bench
        self.took: list[tuple[int, int]] = []
        self.leases = [Recorded(bench.writer, number, self.took) for number in range(count)]

    async def __aenter__(self) -> Crew:
        for leases in self.leases:
            leases.start()
        self._tasks = [asyncio.create_task(self._work(leases)) for leases in self.leases]
        return self

    async def __aexit__(self, *error: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for leases in self.leases:
            await leases.stop()

    async def kill(self, number: int) -> None:
        """End a worker in the middle of whatever it does."""
        self.leases[number].killed = True
        self._tasks[number].cancel()
        await self.leases[number].stop()

    async def _work(self, leases: Leases) -> None:
        segments = Segments(leases, self.bench.checkpoints, self.bench.another())
        while True:
            for delivery in self.queued():
                await segments.execute(job_id(delivery))
            await asyncio.sleep(0.02)

    def queued(self) -> list[Delivery]:
        with self.bench.database.transaction(write=False) as session:
            found = session.scalars(select(Segment).where(col(Segment.status) == "queued"))
            return [Delivery(row.run_id, row.number, row.epoch) for row in found]


async def over(bench: Bench, run_id: str, longest: float = 60) -> Any:
    async with asyncio.timeout(longest):
        while bench.row(run_id).status not in ("done", "failed", "cancelled"):
            await bench.writer.submit(partial(sweep, patience=60_000))
            await asyncio.sleep(0.05)
    return await bench.ran(run_id)


def segments(bench: Bench, run_id: str) -> list[Segment]:
    with bench.database.transaction(write=False) as session:
        return list(session.scalars(select(Segment).where(col(Segment.run_id) == run_id)))


async def test_several_workers_give_what_one_gives(bench: Bench) -> None:
    run_id = await bench.start(NODES, input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 3) as crew:
        ran = await over(bench, run_id)
    assert ran.run.error is None
    assert ran.output("count") == "700 and 350"
    held = ran.steps["text"]["output"]["main"]
    texts = bench.storage.get_json(ran.run.workspace_id, held["ref"])
    assert [text.split(" at ")[0] for text in texts] == [str(n) for n in range(ITEMS)]
    assert len({text.split(" at ")[1] for text in texts}) == 1, "it is the same moment in all shards"
    assert ran.steps["deal"]["counts"] == {"total": ITEMS, "done": ITEMS, "failed": 0}
    assert {segment for _, segment in crew.took} == {0, 1, 2, 3, 4}, "two nodes, three workers"
    assert all(segment.status == "done" for segment in segments(bench, run_id))


async def test_the_range_of_a_lost_worker_is_taken_over(bench: Bench) -> None:
    slow = {**NODES, "text": {"type": "lab.think", "with": {"value": "{{ start }}", "seconds": 0.03}}}
    run_id = await bench.start(slow, input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 3) as crew:
        while not any(segment for _, segment in crew.took):
            await asyncio.sleep(0.01)
        lost = next(number for number, segment in crew.took if segment)
        await crew.kill(lost)
        ran = await over(bench, run_id)
    assert ran.run.error is None
    assert ran.output("count") == "700 and 350"
    taken = [(number, segment) for number, segment in crew.took if segment]
    again = [segment for number, segment in taken if (lost, segment) in taken and number != lost]
    assert again, "another worker took the shard"


async def test_one_worker_cuts_nothing(bench: Bench) -> None:
    bench.workers = 1
    run_id = await bench.start(NODES, input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 1):
        ran = await over(bench, run_id)
    assert ran.output("count") == "700 and 350"
    assert [segment.number for segment in segments(bench, run_id)] == [0]


async def test_a_failure_in_a_shard_ends_the_run_and_all_shards(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "try": {"type": "lab.fail", "with": {"value": "{{ start }}", "when": "{{ start == 1000 }}"}},
    }
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 3):
        ran = await over(bench, run_id)
    assert ran.run.status == "failed" and ran.run.error and ran.run.error["item"] == "1000"
    assert all(segment.status == "done" for segment in segments(bench, run_id))


def slow(seconds: float) -> dict[str, Any]:
    """The nodes, the first of which takes its time with the items of the shards, and none with the others."""
    think = {"value": "{{ start }}", "seconds": "{{ " + str(seconds) + " if start >= 400 else 0 }}"}
    return {**NODES, "text": {"type": "lab.think", "with": think}}


async def parked(bench: Bench, run_id: str) -> None:
    """Return once the first segment has nothing left to do while others are at it."""
    async with asyncio.timeout(30):
        while {row.number: row.status for row in segments(bench, run_id)}.get(0) != "parked":
            await asyncio.sleep(0.02)


async def test_who_dealt_out_holds_nothing_until_the_last_shard_wakes_it(bench: Bench) -> None:
    run_id = await bench.start(slow(0.1), input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 3) as crew:
        await parked(bench, run_id)
        assert bench.row(run_id).status == "running", "others advance it"
        ran = await over(bench, run_id)
    assert ran.run.error is None and ran.output("count") == "700 and 350"
    assert ran.steps["text"]["counts"] == {"total": ITEMS, "done": ITEMS, "failed": 0}
    # Once for the run, then at most once for each of the two nodes.
    assert 2 <= [segment for _, segment in crew.took].count(0) <= 3


async def test_a_sharded_run_rests_and_goes_on(bench: Bench) -> None:
    run_id = await bench.start(slow(0.05), input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 3):
        await parked(bench, run_id)
        await bench.writer.submit(partial(pausing.pause, run_id=run_id))
        async with asyncio.timeout(20):
            while bench.row(run_id).status != "paused":
                await asyncio.sleep(0.02)
        assert {segment.status for segment in segments(bench, run_id)} <= {"paused", "done"}
        assert (await bench.writer.submit(partial(pausing.resume, run_id=run_id))).done
        ran = await over(bench, run_id)
    assert ran.run.error is None and ran.output("count") == "700 and 350"


async def test_what_all_shards_spend_counts_and_people_are_asked_once(bench: Bench) -> None:
    nodes = {name: slow(0.02)[name] for name in ("start", "text")}
    run_id = await started(bench, nodes, list(range(ITEMS)), steps=700)
    async with Crew(bench, 3):
        async with asyncio.timeout(30):
            while bench.row(run_id).status != "paused":
                await asyncio.sleep(0.02)
        asked = await question(bench, run_id)
        assert 700 <= bench.row(run_id).steps < ITEMS, "none of the three alone made as many"
        more = partial(
            pausing.raise_budget,
            run_id=run_id,
            wait_id=asked["id"],
            outcome={"choice": "more"},
            budget={"steps": 9999},
        )
        assert (await bench.writer.submit(more)).done
        ran = await over(bench, run_id)
    assert ran.run.status == "done" and ran.steps["text"]["counts"]["done"] == ITEMS


async def test_cancelling_ends_a_run_whose_first_segment_sleeps(bench: Bench) -> None:
    run_id = await bench.start(slow(0.3), input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 3):
        await parked(bench, run_id)
        await bench.writer.submit(partial(cancelling.cancel, run_id=run_id))
        # Long before the sweep would end it because nobody heeds the wish.
        ran = await over(bench, run_id, longest=8)
    assert ran.run.status == "cancelled"
    assert all(segment.status == "done" for segment in segments(bench, run_id))


async def test_cancelling_ends_all_shards(bench: Bench) -> None:
    nodes = {**NODES, "text": {"type": "lab.think", "with": {"value": "{{ start }}", "seconds": 0.2}}}
    run_id = await bench.start(nodes, input={"trigger": "start", "payload": list(range(ITEMS))})
    async with Crew(bench, 3) as crew:
        while not any(segment for _, segment in crew.took):
            await asyncio.sleep(0.01)
        await bench.writer.submit(partial(cancelling.cancel, run_id=run_id))
        ran = await over(bench, run_id)
        assert ran.run.status == "cancelled"
        async with asyncio.timeout(20):
            while any(segment.status != "done" for segment in segments(bench, run_id)):
                await asyncio.sleep(0.05)
