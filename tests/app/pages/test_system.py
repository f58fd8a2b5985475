"""The System page: what it shows of real rows and of processes in a real Valkey, and to whom."""

import asyncio
from datetime import timedelta

import pytest
import redis
from sqlmodel import Session

from app.pages.home.state import Home
from app.pages.system.state import Installation
from app.services import unit
from app.services.access import Actor
from engine.models import Segment, Trigger, now, to_ms
from engine.presence import alive, telling
from engine.settings import settings
from tests.app.pages.conftest import Somebody, Tab, add_run, add_workflow, sign_in
from tests.app.services.conftest import person
from tests.servers import S3Server


def _under_way(db: Session, actor: Actor, run_id: str, workflow_id: str) -> None:
    whose = {"workspace_id": actor.workspace_id, "workflow_id": workflow_id}
    db.add(Segment(**whose, run_id=run_id, status="running", epoch=1, lease_until=1_000))


def _schedule(db: Session, actor: Actor, made: tuple[str, str], minutes: int) -> None:
    workflow_id, version_id = made
    db.add(
        Trigger(
            workspace_id=actor.workspace_id,
            workflow_id=workflow_id,
            version_id=version_id,
            node_id="daily",
            kind="schedule",
            enabled=True,
            next_due=now() + timedelta(minutes=minutes),
        )
    )


async def test_it_shows_processes_leases_and_schedules_of_ones_own_workspace(
    ada: Somebody, bob: Somebody, valkey_url: str
) -> None:
    late, soon = (unit.call(add_workflow, ada.actor, name) for name in ("Late", "Soon"))
    run_id = unit.call(add_run, ada.actor, late, "running")
    unit.call(_under_way, ada.actor, run_id, late[0])
    unit.call(_schedule, ada.actor, late, -10)
    unit.call(_schedule, ada.actor, soon, 10)
    with redis.Redis.from_url(valkey_url) as client:
        async with telling("worker", valkey_url, lambda: (2, 100)):
            while not alive(client):
                await asyncio.sleep(0.01)
            mine = await ada.tab.at("/system").state(Installation)
            await mine.load()
            theirs = await bob.tab.at("/system").state(Installation)
            await theirs.load()
    assert [(one["part"], one["load"]) for one in mine.processes] == [("Worker", "2 of 100")]
    assert mine.missing == "Not running: Web, Scheduler."
    assert mine.tiles[-1]["said"] == "1 needs a look"
    assert [(one["workflow"], one["href"]) for one in mine.leases] == [("Late", f"/runs/{run_id}")]
    assert [(one["workflow"], bool(one["alarm"])) for one in mine.schedules] == [("Late", True), ("Soon", False)]
    tiles = {one["title"]: (one["number"], one["bad"]) for one in mine.tiles}
    assert (tiles["Running"], tiles["Schedules"]) == (("1", True), ("2", True))
    assert not theirs.leases
    assert not theirs.schedules
    assert {one["number"] for one in theirs.tiles} == {"0"}


async def test_without_redis_it_says_so(ada: Somebody, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    settings.cache_clear()
    page = await ada.tab.at("/system").state(Installation)
    await page.load()
    assert page.ready
    assert page.redis_away
    assert not page.missing


async def test_it_is_for_owners(ada: Somebody) -> None:
    editor = unit.call(person, "editor", ada.actor.workspace_id)
    page = await Tab(unit.call(sign_in, editor)).at("/system").state(Installation)
    await page.load()
    assert "Only owners" in page.refused
    assert not page.processes


async def test_a_queue_that_nobody_serves_is_an_alarm_on_home_and_system(ada: Somebody, bob: Somebody) -> None:
    made = unit.call(add_workflow, ada.actor, "Waits")
    run_id = unit.call(add_run, ada.actor, made, "queued")
    unit.call(_waits, ada.actor, run_id, made[0])
    home, system = await ada.tab.at("/").state(Home), await ada.tab.at("/system").state(Installation)
    await home._read()
    await system._read()
    for cards in (home.attention, system.alarms):
        assert (cards[0]["title"], cards[0]["tone"]) == ("No worker is running", "bad")
        assert cards[0]["text"].startswith("1 run waits")
    theirs = await bob.tab.at("/").state(Home)
    await theirs._read()
    assert theirs.attention == []


def _waits(db: Session, actor: Actor, run_id: str, workflow_id: str) -> None:
    whose = {"workspace_id": actor.workspace_id, "workflow_id": workflow_id}
    db.add(Segment(**whose, run_id=run_id, status="queued", queued_at=to_ms(now()) - 60_000))


async def test_a_payload_store_that_is_away_is_told(
    ada: Somebody, valkey_url: str, bucket: str, s3_server: S3Server
) -> None:
    page = await ada.tab.at("/system").state(Installation)
    await page.load()
    assert page.payloads_away == ""
    s3_server.ask("fail", bucket=bucket, status="403", code="AccessDenied")
    await page.load()
    assert page.payloads_away == "The payload store refuses what Weft wants to do there."
