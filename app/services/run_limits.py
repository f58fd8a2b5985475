"""What a workflow and the workspace may do at once and spend a day, over all their runs."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final
from zoneinfo import available_timezones

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import drafts
from app.services.access import Actor
from app.services.errors import Invalid, NotFound
from app.services.unit import reads
from engine.models import Workspace

HIGHEST: Final = 10_000
MOST_MONEY: Final = 1_000_000_000


@dataclass(frozen=True, slots=True)
class WorkspaceLimits:
    """What holds for all workflows together; None is no limit. Days begin at midnight in ``time_zone``."""

    runs_at_once: int | None = None
    per_day_money: float | None = None
    time_zone: str = "UTC"


@reads
def of_workflow(db: Session, actor: Actor, workflow_id: str) -> int | None:
    """How many runs of it may be under way at once; None for as many as there is room for. Raises NotFound."""
    found = drafts.find(db, actor, workflow_id).limits.get("runs_at_once")
    return found if isinstance(found, int) else None


@reads
def of_workspace(db: Session, actor: Actor) -> WorkspaceLimits:
    """What holds for all workflows together."""
    row = find_workspace(db, actor)
    return WorkspaceLimits(row.limits.get("runs_at_once"), row.limits.get("per_day_money"), row.time_zone)


def limit_workflow(db: Session, actor: Actor, workflow_id: str, runs_at_once: int | None) -> None:
    """Let no more runs of it be under way at once; the others wait for their turn. Raises NotFound, Invalid."""
    actor.need("editor")
    check_number("runs_at_once", runs_at_once, HIGHEST, whole=True)
    row = drafts.find(db, actor, workflow_id, lock=True)
    row.limits = changed(row.limits, {"runs_at_once": runs_at_once})


def limit_workspace(db: Session, actor: Actor, limits: WorkspaceLimits) -> None:
    """Set what holds for all workflows together, from now on. Raises Invalid."""
    actor.need("owner")
    check_number("runs_at_once", limits.runs_at_once, HIGHEST, whole=True)
    check_number("per_day_money", limits.per_day_money, MOST_MONEY)
    if limits.time_zone not in available_timezones():
        raise Invalid.field("time_zone", "Choose a time zone such as Europe/Berlin.")
    row = find_workspace(db, actor, lock=True)
    given = asdict(limits)
    row.time_zone = given.pop("time_zone")
    row.limits = changed(row.limits, given)


def check_number(name: str, value: float | None, most: int, whole: bool = False) -> None:
    """Raises Invalid for what is neither None nor a number in bounds."""
    if value is None:
        return
    if not (math.isfinite(value) and 0 < value <= most) or (whole and value != int(value)):
        least = "from 1 to" if whole and most == HIGHEST else "above 0 and up to"
        raise Invalid.field(name, f"Enter a number {least} {most:,}, or nothing for no limit.")


def changed(limits: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Limits with those that are given, without those of them that are None."""
    return {name: value for name, value in {**limits, **given}.items() if value is not None}


def find_workspace(db: Session, actor: Actor, lock: bool = False) -> Workspace:
    """The actor's own workspace; raises NotFound."""
    query = select(Workspace).where(col(Workspace.id) == actor.workspace_id)
    row = db.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("workspace")
    return row
