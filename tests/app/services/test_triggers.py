"""Triggers follow what is published and whether it is on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.services import triggers, unit, workflows
from app.services.access import Actor
from app.services.errors import Conflict, Invalid
from engine.models import Run, Trigger, now
from engine.store.db import database
from engine.store.overview import overview


def document(**nodes: Any) -> dict[str, Any]:
    return {
        "weft": 1,
        "name": "Started",
        "nodes": {name: {"type": kind, "with": given} for name, (kind, given) in nodes.items()},
    }


async def on(actor: Actor, body: dict[str, Any]) -> str:
    workflow_id = await unit.ask(workflows.create, actor, "", body)
    await unit.ask(workflows.publish, actor, workflow_id)
    await unit.ask(workflows.set_on, actor, workflow_id, True)
    return workflow_id


async def test_a_schedule_counts_from_when_it_is_turned_on(ada: Actor) -> None:
    daily = {"cron": "0 9 * * *", "time_zone": "Europe/Berlin"}
    workflow_id = await unit.ask(workflows.create, ada, "", document(clock=("trigger.schedule", daily)))
    await unit.ask(workflows.publish, ada, workflow_id)
    (off,) = await unit.ask(triggers.list_triggers, ada, workflow_id)
    assert (off.enabled, off.next_due) == (False, None)
    await unit.ask(workflows.set_on, ada, workflow_id, True)
    (on_now,) = await unit.ask(triggers.list_triggers, ada, workflow_id)
    assert on_now.enabled
    assert on_now.next_due == triggers.next_due(daily)
    assert on_now.summary == "At 09:00 every day, Europe/Berlin"
    assert not on_now.overdue
    await unit.ask(workflows.set_on, ada, workflow_id, False)
    (off,) = await unit.ask(triggers.list_triggers, ada, workflow_id)
    assert (off.enabled, off.next_due) == (False, None)


def test_clocks_change_and_nine_stays_nine() -> None:
    daily = {"cron": "0 9 * * *", "time_zone": "Europe/Berlin"}
    before = triggers.next_due(daily, datetime(2026, 10, 24, 12, tzinfo=UTC))
    after = triggers.next_due(daily, before)
    assert (before.hour, after.hour) == (8, 8)
    assert triggers.next_due(daily, datetime(2026, 10, 23, 12, tzinfo=UTC)).hour == 7


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"cron": "never"}, "'never' is no cron expression"),
        ({"cron": "0 0 30 2 *"}, "never comes|no cron expression"),
        ({"cron": "0 9 * * *", "time_zone": "Mars/Base"}, "no time zone 'Mars/Base'"),
        ({}, "no cron expression"),
    ],
)
def test_a_time_that_never_comes(params: dict[str, Any], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        triggers.next_due(params)


async def test_publishing_moves_addresses_and_drops_what_is_gone(ada: Actor) -> None:
    workflow_id = await on(
        ada, document(one=("trigger.webhook", {"path": "a"}), two=("trigger.webhook", {"path": "b"}))
    )
    swapped = document(one=("trigger.webhook", {"path": "b"}), two=("trigger.webhook", {"path": "a"}))
    await unit.ask(workflows.replace, ada, workflow_id, swapped)
    assert {one.node_id: one.summary for one in await unit.ask(triggers.list_triggers, ada, workflow_id)} == {
        "one": "Webhook POST /a",
        "two": "Webhook POST /b",
    }
    await unit.ask(workflows.publish, ada, workflow_id)
    assert {one.node_id: one.summary for one in await unit.ask(triggers.list_triggers, ada, workflow_id)} == {
        "one": "Webhook POST /b",
        "two": "Webhook POST /a",
    }
    await unit.ask(workflows.replace, ada, workflow_id, document(one=("trigger.webhook", {"path": "b"})))
    await unit.ask(workflows.publish, ada, workflow_id)
    assert [one.node_id for one in await unit.ask(triggers.list_triggers, ada, workflow_id)] == ["one"]


async def test_two_triggers_of_one_workflow_need_two_addresses(ada: Actor) -> None:
    twice = document(one=("trigger.webhook", {"path": "a"}), two=("trigger.webhook", {"path": "a"}))
    workflow_id = await unit.ask(workflows.create, ada, "", twice)
    with pytest.raises(Conflict, match="Two: POST /a is already answered by “One”"):
        await unit.ask(workflows.publish, ada, workflow_id)


async def test_a_deleted_workflow_lets_its_address_go(ada: Actor) -> None:
    body = document(one=("trigger.webhook", {"path": "a"}))
    first = await on(ada, body)
    await unit.ask(workflows.delete, ada, first)
    second = await on(ada, body)
    await unit.ask(workflows.undelete, ada, first)
    with pytest.raises(Conflict, match="already answered"):
        await unit.ask(workflows.set_on, ada, first, True)
    await unit.ask(workflows.delete, ada, second)
    await unit.ask(workflows.set_on, ada, first, True)
    (view,) = await unit.ask(triggers.list_triggers, ada, first)
    assert view.enabled
    assert view.address.endswith("/a")


async def test_an_overdue_schedule_says_why_and_waiting_for_its_own_run_is_no_delay(
    ada: Actor, valkey_url: str
) -> None:
    params = {"cron": "* * * * *", "overlap": "queue"}
    workflow_id = await on(ada, document(clock=("trigger.schedule", params)))
    (view,) = await unit.ask(triggers.list_triggers, ada, workflow_id)
    assert not view.overdue
    with database().transaction() as session:
        row = session.get(Trigger, view.id)
        assert row is not None
        row.next_due = now() - timedelta(minutes=2)
        version = row.version_id
    (view,) = await unit.ask(triggers.of_workflow, ada, workflow_id)
    assert view.overdue
    assert counted(ada) == 1
    assert "no scheduler is running" in view.alarm
    with database().transaction() as session:
        values = {"workspace_id": ada.workspace_id, "workflow_id": workflow_id, "version_id": version}
        session.add(Run(**values, status="running", source="schedule", input={}, trigger_id=view.id))
    (view,) = await unit.ask(triggers.of_workflow, ada, workflow_id)
    assert (view.overdue, view.alarm) == (False, "")
    assert counted(ada) == 0


def counted(actor: Actor) -> int:
    """How many schedules are overdue, as the doctor and the metrics count them."""
    with database().reader() as driver:
        return overview(driver, actor.workspace_id).schedules_overdue
