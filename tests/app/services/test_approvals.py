"""Approvals: who sees them, who may decide, and that the first decision counts."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlmodel import Session

from app.services import approvals, ask_view, runs, unit, workflows
from app.services.access import Actor, Role
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from engine import launch
from engine.models import Run, Wait, now
from tests.app.services.conftest import Tenants, person
from tests.app.services.test_drafts import SMALL

DETAIL = {"title": "Refund?", "people": [], "role": "", "on_deadline": "reject", "evidence": {"v": {"refund": 790}}}


def put(db: Session, actor: Actor, run_id: str, **more: Any) -> str:
    """A wait as the engine writes it."""
    row = Wait(
        **{
            "workspace_id": actor.workspace_id,
            "run_id": run_id,
            "node_id": "first",
            "kind": "approval",
            "detail": DETAIL,
        }
        | more
    )
    db.add(row)
    return row.id


@pytest.fixture
async def run_id(tenants: Tenants, valkey_url: str) -> Any:
    workflow_id = await unit.ask(workflows.create, tenants.ada, "", SMALL)
    started = await runs.start(tenants.ada, workflow_id, use="draft", trigger="hand")
    yield started.run_id
    launch.dispose()


async def asked(who: Tenants, run_id: str, **more: Any) -> str:
    return await unit.ask(put, who.ada, run_id, **more)


def _member(db: Session, role: Role, workspace_id: str) -> Actor:
    return person(db, role, workspace_id)


async def test_what_is_asked_is_shown_with_its_evidence(tenants: Tenants, run_id: str) -> None:
    due = now() + timedelta(days=2)
    await asked(tenants, run_id, due=due, item="7", scope="each.3")
    (one,) = await unit.ask(approvals.list_approvals, tenants.ada)
    assert (one.title, one.evidence, one.choices, one.mine) == ("Refund?", {"refund": 790}, ("approve", "reject"), True)
    assert (one.asked_by, one.deadline, one.on_deadline) == (tenants.ada.name, due, "reject")
    card = ask_view.card(one)
    assert card["facts"] == [{"name": "refund", "text": "790"}]
    assert "round 4, item 8" in card["about"]
    assert [choice["word"] for choice in card["choices"]] == ["Reject", "Approve"]
    assert await unit.ask(approvals.list_approvals, tenants.bob) == []
    with pytest.raises(NotFound):
        await unit.ask(approvals.list_approvals, tenants.bob, run_id=run_id)


async def test_the_first_decision_counts(tenants: Tenants, run_id: str) -> None:
    ask_id = await asked(tenants, run_id)
    tries = [approvals.decide(tenants.ada, ask_id, "approve", f"no. {n}") for n in range(4)]
    told = await asyncio.gather(*tries, return_exceptions=True)
    assert [type(one) for one in told].count(Conflict) == 3
    assert await unit.ask(approvals.list_approvals, tenants.ada) == []
    wait = await unit.ask(lambda db: db.get(Wait, ask_id))
    assert wait is not None and wait.outcome is not None
    assert (wait.outcome["choice"], wait.outcome["by"], wait.outcome["by_id"]) == (
        "approve",
        tenants.ada.name,
        tenants.ada.user_id,
    )


async def test_rejecting_says_why(tenants: Tenants, run_id: str) -> None:
    ask_id = await asked(tenants, run_id)
    for note in ("", "   ", "x" * 3_000):
        with pytest.raises(Invalid):
            await approvals.decide(tenants.ada, ask_id, "reject", note)
    with pytest.raises(Invalid, match="approve, reject"):
        await approvals.decide(tenants.ada, ask_id, "again")
    await approvals.decide(tenants.ada, ask_id, "reject", "Too much")


@pytest.mark.parametrize(
    ("people", "role", "who", "may"),
    [
        ([], "", "viewer", True),
        ([], "editor", "viewer", False),
        ([], "editor", "editor", True),
        ([], "owner", "editor", False),
        (["named"], "", "viewer", True),
        (["somebody@else.test"], "", "owner", False),
        (["somebody@else.test"], "owner", "owner", True),
    ],
)
async def test_only_those_who_are_asked_decide(
    tenants: Tenants, run_id: str, people: list[str], role: str, who: Role, may: bool
) -> None:
    member = await unit.ask(_member, who, tenants.ada.workspace_id)
    named = [member.email if one == "named" else one for one in people]
    ask_id = await asked(tenants, run_id, detail={**DETAIL, "people": named, "role": role})
    (one,) = await unit.ask(approvals.list_approvals, member)
    assert one.mine is may
    assert len(await unit.ask(approvals.list_approvals, member, mine=True)) == may
    if may:
        await approvals.decide(member, ask_id, "approve")
        return
    with pytest.raises(Forbidden):
        await approvals.decide(member, ask_id, "approve")
    assert not ask_view.card(one)["choices"]


async def test_others_workspaces_cannot_decide(tenants: Tenants, run_id: str) -> None:
    ask_id = await asked(tenants, run_id)
    with pytest.raises(NotFound):
        await approvals.decide(tenants.bob, ask_id, "approve")


async def test_after_the_deadline_and_after_the_end_nobody_decides(tenants: Tenants, run_id: str) -> None:
    late = await asked(tenants, run_id, due=now() - timedelta(seconds=1))
    with pytest.raises(Conflict):
        await approvals.decide(tenants.ada, late, "approve")
    ask_id = await asked(tenants, run_id, item="1")
    await runs.cancel(tenants.ada, run_id)
    assert (await unit.ask(lambda db: db.get(Run, run_id))).status == "cancelled"  # type: ignore[union-attr]
    assert await unit.ask(approvals.list_approvals, tenants.ada) == []
    with pytest.raises(Conflict):
        await approvals.decide(tenants.ada, ask_id, "approve")


async def test_what_a_crash_left_open_is_for_editors(tenants: Tenants, run_id: str) -> None:
    ask_id = await asked(tenants, run_id, kind="ask", detail={"attempt": 2})
    viewer = await unit.ask(_member, "viewer", tenants.ada.workspace_id)
    with pytest.raises(Forbidden):
        await approvals.decide(viewer, ask_id, "done")
    (one,) = await unit.ask(approvals.list_approvals, tenants.ada, run_id=run_id)
    assert (one.kind, "nobody knows whether it happened" in one.title) == ("unknown", True)
    await approvals.decide(tenants.ada, ask_id, "done")
