"""What was spent today, and raising a day's budget that is used up: for all runs that wait for it at once."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import drafts, run_limits, runs, unit
from app.services.access import Actor, owned
from app.services.unit import reads
from engine import launch
from engine.models import Run, Wait, Workflow, Workspace, now
from engine.store.db import database
from engine.store.spending import day_of, raised_on, spent_since

WHAT = "per_day_money"


@dataclass(frozen=True, slots=True)
class Today:
    """What was spent on the present day of the workspace's time zone; ``limit`` includes what was raised for it."""

    day: str
    time_zone: str
    begins: int
    ends: int
    spent: float
    limit: float | None


@dataclass(frozen=True, slots=True)
class Resting:
    """A run that waits for a day's budget: the wait, and the budget that it goes on with."""

    run_id: str
    wait_id: str
    budget: Mapping[str, Any]


@reads
def of_workflow(db: Session, actor: Actor, workflow_id: str) -> Today:
    """What a workflow spent today. Raises NotFound."""
    row = drafts.find(db, actor, workflow_id)
    return _today(row.limits, run_limits.find_workspace(db, actor).time_zone, "workflow", row.id)


@reads
def of_workspace(db: Session, actor: Actor) -> Today:
    """What all workflows together spent today."""
    row = run_limits.find_workspace(db, actor)
    return _today(row.limits, row.time_zone, "workspace", row.id)


def _today(limits: Mapping[str, Any], zone: str, of: str, key: str) -> Today:
    day = day_of(now(), zone)
    with database().reader() as driver:
        spent = spent_since(driver, of, key, day.begins)
    limit = limits.get(WHAT)
    most = None if limit is None else limit + raised_on(limits.get("raised"), day)
    return Today(day.date, zone, day.begins, day.ends, round(spent, 4), most)


async def raise_today(actor: Actor, wait: Wait, outcome: Mapping[str, Any]) -> bool:
    """Give the day as much money again, and let every run go on that waits for it. False if that was answered before.

    Raises Forbidden, NotFound.
    """
    resting = await unit.ask(_raise, actor, wait)
    answered = await asyncio.gather(
        *(launch.raise_budget(one.run_id, one.wait_id, outcome, one.budget) for one in resting)
    )
    return any(answered)


def _raise(db: Session, actor: Actor, wait: Wait) -> Sequence[Resting]:
    detail = wait.detail or {}
    row: Workspace | Workflow
    if detail["of"] == "workspace":
        actor.need("owner")
        row = run_limits.find_workspace(db, actor, lock=True)
    else:
        actor.need("editor")
        row = drafts.find(db, actor, runs.find(db, actor, wait.run_id).workflow_id, lock=True)
    day = day_of(now(), run_limits.find_workspace(db, actor).time_zone)
    limit, before = row.limits.get(WHAT), raised_on(row.limits.get("raised"), day)
    # Of two people who raise it at the same moment, the second finds it done.
    if limit is not None and detail["day"] == day.date and detail["limit"] >= limit + before:
        row.limits = {**row.limits, "raised": {"day": day.date, "money": before + limit}}
    query = (
        select(Wait, col(Run.budget), col(Run.workflow_id))
        .join(Run, col(Run.id) == col(Wait.run_id))
        .where(owned(Wait, actor), owned(Run, actor), col(Wait.kind) == "budget", col(Wait.settled_at).is_(None))
    )
    return [
        Resting(one.run_id, one.id, budget or {})
        for one, budget, workflow_id in db.execute(query)
        if one.detail["what"] == WHAT
        and one.detail["of"] == detail["of"]
        and (detail["of"] == "workspace" or workflow_id == row.id)
    ]
