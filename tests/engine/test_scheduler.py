"""Due schedules and waits that are over, on both databases."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from app import migrations
from engine.delivery.queue import QUEUE_NAME, parse_job_id
from engine.launch import Launcher
from engine.models import Run, Segment, Trigger, Wait, new_id, now, to_ms
from engine.scheduler import TRIGGERS_AT_ONCE, Clockwork, fire
from engine.settings import settings
from engine.store import starting
from engine.store.changes import Changes, NewWait
from engine.store.checkpoint import Checkpoints
from engine.store.db import Database, DatabaseUnavailable, database
from engine.store.lease import Leases
from tests.engine.seed import Seed, seed
from tests.servers import PostgresServer


class Hall:
    """A launcher with a workflow whose schedules can be set."""

    def __init__(self, data: Database, launcher: Launcher) -> None:
        self.data, self.launcher = data, launcher
        self.seed: Seed = seed(data)
        self.clockwork = Clockwork(launcher, data)

    async def tick(self) -> None:
        await self.clockwork.tick()

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
async def hall(any_database: str, valkey_url: str) -> AsyncIterator[Hall]:
    launcher = Launcher(database(), settings().redis_url)
    launcher.start()
    yield Hall(database(), launcher)
    launcher.close()


async def test_a_due_schedule_starts_one_run_and_moves_on(hall: Hall) -> None:
    trigger_id = hall.trigger(timedelta(0))
    due = hall.row(Trigger, trigger_id).next_due
    await asyncio.gather(*(hall.launcher.writer.submit(partial(fire, trigger=trigger_id)) for _ in range(3)))
    await hall.tick()
    (run,) = hall.runs(trigger_id)
    trigger = hall.row(Trigger, trigger_id)
    assert (run.source, run.status, run.due) == ("schedule", "queued", due)
    assert run.input["trigger"] == trigger.node_id
    assert run.input["payload"]["due"] == due.isoformat()
    assert trigger.next_due > now()
    assert trigger.last_fired == due


async def test_a_schedule_that_is_off_or_not_due_starts_nothing(hall: Hall) -> None:
    future = hall.trigger(-timedelta(minutes=5))
    off = hall.trigger(timedelta(0))
    with hall.data.transaction() as session:
        row = session.get(Trigger, off)
        assert row is not None
        row.enabled = False
    await hall.tick()
    assert hall.runs(future) == hall.runs(off) == []


@pytest.mark.parametrize(("missed", "count"), [("once", 1), ("all", 11), ("skip", 2)])
async def test_missed_fires_follow_the_policy(hall: Hall, missed: str, count: int) -> None:
    # Seconds into the minute decide whether the fire before counts as missed: look at what is sure.
    trigger_id = hall.trigger(timedelta(minutes=10), missed=missed)
    await hall.tick()
    runs = hall.runs(trigger_id)
    assert count - 1 <= len(runs) <= count + 1
    assert len({run.due for run in runs}) == len(runs)
    assert hall.row(Trigger, trigger_id).next_due > now()
    assert bool(hall.row(Trigger, trigger_id).alarm) == (missed == "skip")


async def test_an_overlapping_fire_is_skipped(hall: Hall) -> None:
    trigger_id = hall.trigger(timedelta(minutes=5), overlap="skip", missed="all")
    for _ in range(3):
        await hall.tick()
    assert len(hall.runs(trigger_id)) == 1


async def test_overlapping_fires_queue_up(hall: Hall) -> None:
    trigger_id = hall.trigger(timedelta(minutes=3), overlap="queue", missed="all")
    for count in (1, 2, 3):
        await hall.tick()
        await hall.tick()
        assert len(hall.runs(trigger_id)) == count
        hall.end_runs()


async def test_a_broken_schedule_raises_an_alarm_and_stops(hall: Hall) -> None:
    broken = hall.trigger(timedelta(0), cron="every day")
    fine = hall.trigger(timedelta(0))
    await hall.tick()
    trigger = hall.row(Trigger, broken)
    assert trigger.next_due is None
    assert "every day" in trigger.alarm
    assert len(hall.runs(fine)) == 1


async def test_a_schedule_that_cannot_be_started_says_so_and_stands_in_no_others_way(hall: Hall) -> None:
    gone = hall.trigger(timedelta(minutes=3))
    with hall.data.transaction() as session:
        row = session.get(Trigger, gone)
        assert row is not None
        row.params = ["no settings"]  # type: ignore[assignment]
    fine = [hall.trigger(timedelta(0)) for _ in range(3)]
    await hall.tick()
    assert [len(hall.runs(one)) for one in fine] == [1, 1, 1]
    stuck = hall.row(Trigger, gone)
    assert "could not be started" in stuck.alarm
    assert stuck.next_due < now()
    with hall.data.transaction() as session:
        row = session.get(Trigger, gone)
        assert row is not None
        row.params = {"cron": "* * * * *"}
    await Clockwork(hall.launcher, hall.data).tick()
    assert len(hall.runs(gone)) == 1
    assert hall.row(Trigger, gone).alarm is None


async def test_many_that_must_wait_for_their_runs_stand_in_no_others_way(hall: Hall) -> None:
    busy = [hall.trigger(timedelta(minutes=5), overlap="queue", missed="all") for _ in range(TRIGGERS_AT_ONCE + 5)]
    await hall.tick()
    late = hall.trigger(timedelta(0))
    await hall.tick()
    assert len(hall.runs(late)) == 1
    assert {len(hall.runs(one)) for one in busy} == {1}


async def test_a_crash_between_run_and_move_leaves_neither(hall: Hall) -> None:
    trigger_id = hall.trigger(timedelta(0))
    driver = hall.data.driver()
    driver.begin()
    (fired,) = driver.run([fire(driver, trigger_id)])
    assert len(fired.run_ids) == 1
    driver.rollback()  # what a crash before the commit does
    driver.close()
    assert hall.runs(trigger_id) == []
    await hall.tick()
    await hall.tick()
    assert len(hall.runs(trigger_id)) == 1


async def test_what_was_due_while_the_database_was_away_is_started_once_it_is_back(
    own_postgres: PostgresServer, valkey_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.store.writer.PATIENCE_SECONDS", 0.2)
    migrations.upgrade(own_postgres.url())
    data = Database(own_postgres.url())
    launcher = Launcher(data, valkey_url)
    launcher.start()
    hall = Hall(data, launcher)
    trigger_id = hall.trigger(timedelta(0))
    data.close()
    own_postgres.kill()
    with pytest.raises(DatabaseUnavailable):
        await hall.tick()
    own_postgres.start()
    await hall.tick()
    await hall.tick()
    assert len(hall.runs(trigger_id)) == 1
    await asyncio.to_thread(launcher.close)
    data.close()


async def test_a_wait_that_is_over_wakes_its_run(hall: Hall) -> None:
    launcher = hall.launcher
    leases = Leases(launcher.writer)
    checkpoints = Checkpoints(hall.data, launcher.writer)
    started = await launcher.writer.submit(partial(starting.start, new=hall.seed.run()))
    claim = await leases.claim(started.deliveries[0])
    assert claim is not None
    wait = NewWait(new_id(), "pause", "timer", due=to_ms(now()) - 1)
    late = NewWait(new_id(), "later", "timer", due=to_ms(now()) + 3_600_000)
    assert (await checkpoints.save(claim, Changes(waits=[wait, late], park=True))).parked
    await hall.tick()
    assert hall.row(Wait, wait.id).outcome == {"due": True}
    assert hall.row(Wait, late.id).settled_at is None
    assert hall.row(Run, started.run_id).status == "queued"
    with hall.data.transaction(write=False) as session:
        segment = session.get(Segment, (started.run_id, 0))
        assert segment is not None
        assert (segment.status, segment.epoch) == ("queued", 1)
    for _ in range(100):
        names: Any = launcher.client.lrange(f"rq:queue:{QUEUE_NAME}", 0, -1)
        if any(parse_job_id(name.decode()).epoch == 1 for name in names):
            return
        await asyncio.sleep(0.02)
    pytest.fail("the woken segment was not delivered")
