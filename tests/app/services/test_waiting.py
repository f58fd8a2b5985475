"""What a run that does not go on says of itself."""

import asyncio
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest
import redis
from sqlalchemy import update

from app.services import alarms, run_limits, runs, unit, workflows
from app.services.access import Actor
from app.services.errors import Forbidden, Invalid, NotFound
from app.services.run_limits import WorkspaceLimits
from app.services.waiting import Waiting
from engine.delivery import scripts
from engine.delivery.queue import RunQueue
from engine.delivery.room import announce
from engine.models import Run, Segment, new_id, now, to_ms
from engine.presence import alive, telling
from engine.settings import settings
from engine.store import pausing, starting
from engine.store.changes import Changes, NewWait
from engine.store.checkpoint import Checkpoints
from engine.store.db import database
from engine.store.lease import Leases
from engine.store.results import Delivery, Started
from engine.store.starting import NewRun
from engine.store.writer import Writer
from tests.app.services.conftest import Tenants, person
from tests.size_it import SIZE_IT


class Office:
    """A workflow of Ada's with its version, and runs of it that no worker takes."""

    def __init__(self, actor: Actor, workflow_id: str, version_id: str, writer: Writer) -> None:
        self.actor, self.workflow_id, self.version_id, self.writer = actor, workflow_id, version_id, writer

    def start(self, deliver: bool = False, **more: Any) -> str:
        values = {"id": new_id(), "source": "api", "input": {}} | more
        new = NewRun(
            workspace_id=self.actor.workspace_id, workflow_id=self.workflow_id, version_id=self.version_id, **values
        )
        started: Started = self.writer.call(partial(starting.start, new=new, deliver=deliver))
        return started.run_id

    async def said(self, run_id: str) -> str:
        waiting = (await unit.ask(runs.get, self.actor, run_id)).row.waiting
        assert waiting is not None
        return waiting.text


@pytest.fixture
async def office(tenants: Tenants, valkey_url: str) -> Any:
    writer = Writer(database())
    writer.start()
    workflow_id = await unit.ask(workflows.create, tenants.ada, "", SIZE_IT)
    version = await unit.ask(workflows.publish, tenants.ada, workflow_id)
    yield Office(tenants.ada, workflow_id, version.id, writer)
    await asyncio.to_thread(writer.stop)


@pytest.fixture
def queue(valkey_url: str) -> Iterator[RunQueue]:
    with redis.Redis.from_url(valkey_url) as client:
        yield RunQueue(client)


def work(queue: RunQueue, slots: int, *taken: str) -> None:
    """A worker that has taken these jobs."""
    announce(queue.client, queue.queue, "w", slots, 600)
    with queue.client.pipeline() as pipe:
        scripts.enqueue(pipe, queue.queue, [(f"{one}-0-0", b"[]") for one in taken])
        pipe.execute()
    if taken:
        scripts.take(queue.client, queue.queue, "w", 600, most=len(taken))


async def test_no_worker_and_no_redis_are_said(
    office: Office, queue: RunQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_id = office.start()
    assert await office.said(run_id) == "No worker is running. The run starts when one does."
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9")
    settings.cache_clear()
    assert (await office.said(run_id)).startswith("Redis cannot be reached")


async def test_how_many_are_ahead_and_since_when_all_are_busy(office: Office, queue: RunQueue) -> None:
    first, *_, last = [office.start() for _ in range(4)]
    work(queue, 10)
    assert await office.said(first) == "A worker is about to take it."
    assert await office.said(last) == "3 ahead of you."
    work(queue, 1, "r1")
    announce(queue.client, queue.queue, "w", 10, -1)
    queue.look()
    detail = (await unit.ask(runs.get, office.actor, last)).row.waiting
    assert detail is not None
    assert (detail.text, detail.ahead) == ("3 ahead of you, 1 worker busy.", 3)
    assert detail.since is not None
    assert detail.since <= now()
    page = await unit.ask(runs.list_runs, office.actor)
    assert {row.id: row.waiting.ahead for row in page.runs if row.waiting}[last] == 3


async def test_limits_are_said_with_their_numbers(office: Office, queue: RunQueue) -> None:
    work(queue, 10)
    running = [office.start(deliver=True) for _ in range(2)]
    run_id = office.start()
    await unit.ask(run_limits.limit_workflow, office.actor, office.workflow_id, 2)
    assert await office.said(run_id) == "Limit of 2 runs at once for this workflow: 2 are running."
    await unit.ask(run_limits.limit_workflow, office.actor, office.workflow_id, None)
    await unit.ask(run_limits.limit_workspace, office.actor, WorkspaceLimits(1))
    assert await office.said(run_id) == "Limit of 1 run at once for this workspace: 2 are running."
    assert await office.said(running[0]) != "Limit of 1 run at once for this workspace: 2 are running."


async def test_a_sleeping_run_says_until_when(office: Office) -> None:
    run_id = office.start(deliver=True)
    leases = Leases(office.writer)
    claim = await leases.claim(Delivery(run_id, 0, 0))
    assert claim is not None
    said = "Rate limit of api.example.com"
    wait = NewWait(new_id(), "call", "retry", due=2_000_000_000_000, detail={"held_by": said})
    await Checkpoints(database(), office.writer).save(claim, Changes(waits=[wait], park=True))
    waiting = (await unit.ask(runs.get, office.actor, run_id)).row.waiting
    assert waiting is not None
    assert waiting.until is not None
    assert (waiting.reason, waiting.text, waiting.until.year) == ("rate", said, 2033)


async def test_a_workspace_that_holds_its_share_says_that_others_go_first(
    tenants: Tenants, office: Office, queue: RunQueue
) -> None:
    work(queue, 5)
    for _ in range(4):
        office.start(deliver=True)
    run_id = office.start()
    assert (
        await office.said(run_id) != "This workspace holds 4 of 5 places, its share while others wait; they go first."
    )
    other = await unit.ask(workflows.create, tenants.bob, "", SIZE_IT)
    version = await unit.ask(workflows.publish, tenants.bob, other)
    Office(tenants.bob, other, version.id, office.writer).start()
    assert (
        await office.said(run_id) == "This workspace holds 4 of 5 places, its share while others wait; they go first."
    )


async def asleep(office: Office, wait: NewWait) -> Waiting:
    """What a run says that is parked for this."""
    run_id = office.start(deliver=True)
    leases = Leases(office.writer)
    claim = await leases.claim(Delivery(run_id, 0, 0))
    assert claim is not None
    await Checkpoints(database(), office.writer).save(claim, Changes(waits=[wait], park=True))
    waiting = (await unit.ask(runs.get, office.actor, run_id)).row.waiting
    assert waiting is not None
    return waiting


@pytest.mark.parametrize(
    ("kind", "because", "reason", "said"),
    [
        (
            "CircuitOpen",
            "shop.example.com is not called just now.",
            "breaker",
            "shop.example.com is not called just now.",
        ),
        ("Unavailable", "shop.example.com answered 503.", "retry", "shop.example.com answered 503. It is tried again."),
    ],
)
async def test_a_call_that_failed_says_why_and_when_it_is_made_again(
    office: Office, kind: str, because: str, reason: str, said: str
) -> None:
    detail = {"because": {"kind": kind, "message": because}}
    waiting = await asleep(office, NewWait(new_id(), "call", "retry", due=2_000_000_000_000, detail=detail))
    assert (waiting.reason, waiting.until is not None) == (reason, True)
    assert waiting.text.startswith(said)


async def test_a_time_that_passed_unheeded_names_the_scheduler(office: Office, valkey_url: str) -> None:
    late = NewWait(new_id(), "doze", "timer", due=to_ms(now()) - 60_000)
    waiting = await asleep(office, late)
    assert (waiting.reason, waiting.since is not None) == ("scheduler", True)
    assert "no scheduler is running" in waiting.text
    (alarm,) = await unit.ask(alarms.list_alarms, office.actor)
    assert (alarm.kind, alarm.text[:31]) == ("no_scheduler", "1 time has passed unheeded. The")
    async with telling("scheduler", valkey_url):
        with redis.Redis.from_url(valkey_url) as client:
            while not alive(client):
                await asyncio.sleep(0.01)
        assert await unit.ask(alarms.list_alarms, office.actor) == []


async def test_a_paused_run_says_who_has_to_do_what(office: Office) -> None:
    run_id = office.start()
    await asyncio.to_thread(office.writer.call, partial(pausing.pause, run_id=run_id))
    assert await office.said(run_id) == "Somebody paused it. It goes on when it is resumed."
    over = office.start(deliver=True)
    claim = await Leases(office.writer).claim(Delivery(over, 0, 0))
    assert claim is not None
    asks = NewWait(new_id(), "", "budget", due=2_000_000_000_000, detail={"title": "Today's budget of $5 is used up."})
    await Checkpoints(database(), office.writer).save(claim, Changes(waits=[asks], pause=True))
    waiting = (await unit.ask(runs.get, office.actor, over)).row.waiting
    assert waiting is not None
    assert (waiting.reason, waiting.text) == ("budget", "Today's budget of $5 is used up. Raise it or end the run.")
    assert waiting.until is not None


async def test_a_queue_that_stands_still_raises_an_alarm(
    office: Office, queue: RunQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    office.start()
    office.start()
    assert await unit.ask(alarms.list_alarms, office.actor) == [], "a moment's wait is none"
    with database().transaction() as session:
        session.execute(update(Segment).values(queued_at=to_ms(now()) - 60_000))
    (alarm,) = await unit.ask(alarms.list_alarms, office.actor)
    assert (alarm.kind, alarm.title) == ("no_worker", "No worker is running")
    assert alarm.text.startswith("2 runs wait. They start by themselves when a worker does")
    work(queue, 10)
    assert await unit.ask(alarms.list_alarms, office.actor) == []
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9")
    settings.cache_clear()
    (away,) = await unit.ask(alarms.list_alarms, office.actor)
    assert (away.kind, away.title) == ("redis", "Redis cannot be reached")


async def test_who_runs_waits_for_nothing(office: Office) -> None:
    run_id = office.start()
    with database().transaction() as session:
        run, segment = session.get(Run, run_id), session.get(Segment, (run_id, 0))
        assert run is not None
        assert segment is not None
        run.status, segment.status = "running", "running"
    assert (await unit.ask(runs.get, office.actor, run_id)).row.waiting is None


async def test_limits_are_for_those_who_may(tenants: Tenants, office: Office) -> None:
    editor = unit.call(person, "editor", tenants.ada.workspace_id)
    await unit.ask(run_limits.limit_workflow, editor, office.workflow_id, 5)
    assert await unit.ask(run_limits.of_workflow, tenants.ada, office.workflow_id) == 5
    with pytest.raises(Forbidden):
        await unit.ask(run_limits.limit_workspace, editor, WorkspaceLimits(5))
    with pytest.raises(NotFound):
        await unit.ask(run_limits.limit_workflow, tenants.bob, office.workflow_id, 5)
    with pytest.raises(Invalid, match="a number from 1"):
        await unit.ask(run_limits.limit_workspace, tenants.ada, WorkspaceLimits(0))
    assert await unit.ask(run_limits.of_workspace, tenants.ada) == WorkspaceLimits()
