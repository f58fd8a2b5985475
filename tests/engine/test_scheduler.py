"""Due schedules and waits that are over, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from engine.delivery.queue import QUEUE_NAME, parse_job_id
from engine.launch import Launcher
from engine.models import Run, Segment, Trigger, Wait, new_id, now, to_ms
from engine.scheduler import fire, tick
from engine.settings import settings
from engine.store import record
from engine.store.checkpoint import Changes, Checkpoints, NewWait
from engine.store.db import Database, database
from engine.store.lease import Leases
from tests.engine.seed import Seed, seed


class Clockwork:
    """A launcher with a workflow whose schedules can be set."""

    def __init__(self, data: Database, launcher: Launcher) -> None:
        self.data, self.launcher = data, launcher
        self.seed: Seed = seed(data)

    def trigger(self, late: timedelta, **params: Any) -> str:
        row = Trigger(
            workspace_id=self.seed.workspace_id,
            workflow_id=self.seed.workflow_id,
            version_id=self.seed.version_id,
            node_id=f"t{new_id()[-6:]}",
            kind="schedule",
            params={"cron": "* * * * *"} | params,
            next_due=now().replace(second=0, microsecond=0) - late,
            enabled=True,
        )
        with self.data.transaction() as session:
            session.add(row)
        return row.id

    def row(self, model: Any, key: str) -> Any:
        with self.data.transaction(write=False) as session:
            return session.get(model, key)

    def runs(self, trigger_id: str) -> list[Run]:
        with self.data.transaction(write=False) as session:
            return list(session.scalars(select(Run).where(col(Run.trigger_id) == trigger_id).order_by(col(Run.due))))

    def end_runs(self) -> None:
        with self.data.transaction() as session:
            for run in session.scalars(select(Run)):
                run.status = "done"


@pytest.fixture
async def clockwork(any_database: str, valkey_url: str) -> AsyncIterator[Clockwork]:
    launcher = Launcher(database(), settings().redis_url)
    launcher.start()
    yield Clockwork(database(), launcher)
    launcher.close()


async def test_a_due_schedule_starts_one_run_and_moves_on(clockwork: Clockwork) -> None:
    trigger_id = clockwork.trigger(timedelta(0))
    due = clockwork.row(Trigger, trigger_id).next_due
    await asyncio.gather(*(clockwork.launcher.writer.submit(fire) for _ in range(3)))
    await tick(clockwork.launcher)
    (run,) = clockwork.runs(trigger_id)
    trigger = clockwork.row(Trigger, trigger_id)
    assert (run.source, run.status, run.due) == ("schedule", "queued", due)
    assert run.input["trigger"] == trigger.node_id
    assert run.input["payload"]["due"] == due.isoformat()
    assert trigger.next_due > now()
    assert trigger.last_fired == due


async def test_a_schedule_that_is_off_or_not_due_starts_nothing(clockwork: Clockwork) -> None:
    future = clockwork.trigger(-timedelta(minutes=5))
    off = clockwork.trigger(timedelta(0))
    with clockwork.data.transaction() as session:
        row = session.get(Trigger, off)
        assert row is not None
        row.enabled = False
    await tick(clockwork.launcher)
    assert clockwork.runs(future) == clockwork.runs(off) == []


@pytest.mark.parametrize(("missed", "count"), [("once", 1), ("all", 11), ("skip", 2)])
async def test_missed_fires_follow_the_policy(clockwork: Clockwork, missed: str, count: int) -> None:
    # Seconds into the minute decide whether the fire before counts as missed: look at what is sure.
    trigger_id = clockwork.trigger(timedelta(minutes=10), missed=missed)
    await tick(clockwork.launcher)
    runs = clockwork.runs(trigger_id)
    assert count - 1 <= len(runs) <= count + 1
    assert len({run.due for run in runs}) == len(runs)
    assert clockwork.row(Trigger, trigger_id).next_due > now()
    assert bool(clockwork.row(Trigger, trigger_id).alarm) == (missed == "skip")


async def test_an_overlapping_fire_is_skipped(clockwork: Clockwork) -> None:
    trigger_id = clockwork.trigger(timedelta(minutes=5), overlap="skip", missed="all")
    for _ in range(3):
        await tick(clockwork.launcher)
    assert len(clockwork.runs(trigger_id)) == 1


async def test_overlapping_fires_queue_up(clockwork: Clockwork) -> None:
    trigger_id = clockwork.trigger(timedelta(minutes=3), overlap="queue", missed="all")
    for count in (1, 2, 3):
        await tick(clockwork.launcher)
        await tick(clockwork.launcher)
        assert len(clockwork.runs(trigger_id)) == count
        clockwork.end_runs()


async def test_a_broken_schedule_raises_an_alarm_and_stops(clockwork: Clockwork) -> None:
    broken = clockwork.trigger(timedelta(0), cron="every day")
    fine = clockwork.trigger(timedelta(0))
    await tick(clockwork.launcher)
    trigger = clockwork.row(Trigger, broken)
    assert trigger.next_due is None
    assert "every day" in trigger.alarm
    assert len(clockwork.runs(fine)) == 1


async def test_a_wait_that_is_over_wakes_its_run(clockwork: Clockwork) -> None:
    launcher = clockwork.launcher
    leases = Leases(launcher.writer)
    checkpoints = Checkpoints(clockwork.data, launcher.writer)
    started = await launcher.writer.submit(partial(record.start, new=clockwork.seed.run()))
    claim = await leases.claim(started.deliveries[0])
    assert claim is not None
    wait = NewWait(new_id(), "pause", "timer", due=to_ms(now()) - 1)
    late = NewWait(new_id(), "later", "timer", due=to_ms(now()) + 3_600_000)
    assert (await checkpoints.save(claim, Changes(waits=[wait, late], park=True))).parked
    await tick(launcher)
    assert clockwork.row(Wait, wait.id).outcome == {"due": True}
    assert clockwork.row(Wait, late.id).settled_at is None
    assert clockwork.row(Run, started.run_id).status == "queued"
    with clockwork.data.transaction(write=False) as session:
        segment = session.get(Segment, (started.run_id, 0))
        assert segment is not None
        assert (segment.status, segment.epoch) == ("queued", 1)
    for _ in range(100):
        names: Any = launcher.client.lrange(f"rq:queue:{QUEUE_NAME}", 0, -1)
        if any(parse_job_id(name.decode()).epoch == 1 for name in names):
            return
        await asyncio.sleep(0.02)
    pytest.fail("the woken segment was not delivered")
