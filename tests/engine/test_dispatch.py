"""The backlog reaches the workers a little at a time, whoever is loud, whatever is lost."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from sqlalchemy import func, select, text, update
from sqlmodel import col

from engine.delivery import scripts
from engine.delivery.queue import RunQueue, parse_job_id
from engine.delivery.room import announce
from engine.launch import Launcher
from engine.models import Segment, Workflow
from engine.settings import settings
from engine.store.backlog import BACKLOG
from engine.store.changes import Changes
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim
from engine.store.db import Database, database
from engine.store.lease import Leases
from engine.sweep import sweep_once
from tests.engine.seed import Seed, seed
from tests.engine.store.test_backlog import add_runs

SLOTS = 10


class Hall:
    """A launcher, and a hand that takes jobs as a worker with ten slots does."""

    def __init__(self, data: Database, launcher: Launcher) -> None:
        self.data, self.launcher = data, launcher
        self.jobs = RunQueue(launcher.client)
        self.leases = Leases(launcher.writer)
        self.checkpoints = Checkpoints(data, launcher.writer)
        self.deepest = 0
        self._taken: dict[str, scripts.Taken] = {}

    def come_to_work(self) -> None:
        announce(self.launcher.client, self.jobs.queue, "hand", SLOTS, 600)

    async def start(self, place: Seed, **more: Any) -> str:
        values = {"source": "api", "input": {}} | more
        started = await self.launcher.start_run(
            workspace_id=place.workspace_id,
            workflow_id=place.workflow_id,
            version_id=place.version_id,
            **values,
        )
        return started.run_id

    def take(self, most: int = 1) -> list[str]:
        """The runs of the jobs that are next."""
        self.deepest = max(self.deepest, self.jobs.depth())
        found = scripts.take(self.launcher.client, self.jobs.queue, "hand", 60, most=most)[1]
        runs = {parse_job_id(one.job_id).run_id: one for one in found}
        self._taken |= runs
        return list(runs)

    async def finish(self, run_id: str) -> None:
        """What a worker does with a job."""
        job = self._taken.pop(run_id)
        claim: Claim | None = await self.leases.claim(parse_job_id(job.job_id))
        if claim is not None:
            await self.checkpoints.save(claim, Changes(end="done"))
            self.leases.drop(claim)
        scripts.end(self.launcher.client, self.jobs.queue, [(job.job_id, job.execution_id)], worker="hand")

    async def work(self, until: Callable[[list[str]], bool]) -> list[str]:
        """Take and finish jobs, ten at once, until told to stop; the runs in the order in which they were taken."""
        order: list[str] = []
        end = time.monotonic() + 60
        while not until(order):
            assert time.monotonic() < end, f"after {len(order)} runs it did not come to pass"
            taken = self.take(SLOTS)
            order += taken
            await asyncio.gather(*(self.finish(run_id) for run_id in taken))
            await asyncio.sleep(0 if taken else 0.01)
        return order

    def waiting(self) -> int:
        """How many segments are in the backlog."""
        with self.data.transaction(write=False) as session:
            query = select(func.count()).select_from(Segment).where(text(BACKLOG))
            return session.scalar(query) or 0


@pytest.fixture
async def hall(any_database: str, valkey_url: str) -> AsyncIterator[Hall]:
    launcher = Launcher(database(), settings().redis_url)
    launcher.start()
    yield Hall(database(), launcher)
    launcher.close()


async def settled(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 20
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.02)


async def test_a_crowded_workspace_delays_anothers_single_run_by_the_queue_alone(hall: Hall) -> None:
    loud, quiet = seed(hall.data), seed(hall.data)
    hall.come_to_work()
    add_runs(hall.data, loud, 10_000)
    begun = await hall.work(lambda order: len(order) >= 300)
    single = await hall.start(quiet)
    before = hall.jobs.depth()
    order = await hall.work(lambda order: single in order)
    # What was on the queue goes first, and what a dispatcher had chosen in the moment in which the run was recorded.
    assert order.index(single) <= before + 2 * hall.launcher.room.slots
    assert len(set(begun + order)) == len(begun + order)
    assert hall.waiting() > 5_000


async def test_the_queue_stays_short(hall: Hall) -> None:
    hall.come_to_work()
    place = seed(hall.data)
    add_runs(hall.data, place, 2_000)
    order = await hall.work(lambda order: len(order) >= 1_000)
    assert hall.deepest <= hall.launcher.room.slots + 2 * SLOTS + len(order) / 2
    assert order == [f"r{n:05}" for n in range(len(order))]


async def test_nothing_is_delivered_into_the_void_and_all_of_it_once_a_worker_comes(hall: Hall) -> None:
    place = seed(hall.data)
    runs = [await hall.start(place) for _ in range(20)]
    await settled(lambda: hall.waiting() + hall.jobs.depth() == 20)
    assert hall.jobs.depth() <= 5
    hall.come_to_work()
    assert sorted(await hall.work(lambda order: len(order) == 20)) == sorted(runs)


async def test_a_limit_lets_the_next_one_in_when_one_has_ended(hall: Hall) -> None:
    hall.come_to_work()
    place = seed(hall.data)
    with hall.data.transaction() as session:
        row = session.get(Workflow, place.workflow_id)
        assert row is not None
        row.limits = {"runs_at_once": 2}
    runs = [await hall.start(place) for _ in range(6)]
    taken: list[str] = []
    while len(taken) < 6:
        await settled(lambda: hall.jobs.depth() > 0)
        taken += hall.take(SLOTS)
        await asyncio.sleep(0.1)
        assert hall.jobs.depth() + len(hall._taken) <= 2
        await hall.finish(next(iter(hall._taken)))
    assert taken == runs


async def test_losing_redis_loses_nothing_of_backlog_or_queue(hall: Hall) -> None:
    hall.come_to_work()
    place = seed(hall.data)
    add_runs(hall.data, place, 100)
    done = await hall.work(lambda order: len(order) >= 20)
    hall.launcher.client.flushall()
    with hall.data.transaction() as session:
        session.execute(update(Segment).where(col(Segment.delivered_at).is_not(None)).values(delivered_at=1))
    hall.come_to_work()
    await sweep_once(hall.launcher)
    rest = await hall.work(lambda order: len(set(order) | set(done)) == 100)
    assert set(done) | set(rest) == {f"r{n:05}" for n in range(100)}
