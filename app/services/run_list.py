"""Runs in lists: filtered, newest first, by pages."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from app.services.access import Actor, owned
from app.services.errors import Invalid
from app.services.unit import reads
from app.services.waiting import Waiting, why_waiting
from engine.models import Run, RunStatus, User, Wait, Workflow, WorkflowVersion, from_ms, now, to_ms
from engine.models.states import RUN

LONGEST_PAGE: Final = 200
ASKING: Final = ("approval", "ask", "budget")  # the kinds of waits that a person settles

Source = Literal["manual", "form", "api", "webhook", "schedule", "again", "workflow"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list. ``version`` is None for a run of the draft; ``seconds`` counts on while it runs.

    ``waiting`` says what it waits for, if it does. ``dry``: it sends nothing.
    """

    id: str
    workflow_id: str
    workflow: str
    version: int | None
    status: str
    source: str
    started_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float
    error: Mapping[str, Any] | None
    waiting: Waiting | None = None
    dry: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first; ``cursor`` asks for those after them and is empty at the end."""

    runs: list[RunRow]
    cursor: str


@reads
def list_runs(
    db: Session,
    actor: Actor,
    *,
    workflow_id: str | None = None,
    status: Sequence[str] = (),
    source: Sequence[str] = (),
    search: str = "",
    asking: bool = False,
    cursor: str = "",
    limit: int = 50,
) -> Page:
    """Runs of the workspace, newest first; ``search`` looks in the workflow's name, ``asking`` wait for a person.

    Raises Invalid: a wrong filter.
    """
    query = listed(actor)
    if asking:
        asks = (owned(Wait, actor), col(Wait.kind).in_(ASKING), col(Wait.settled_at).is_(None))
        query = query.where(col(Run.status).in_(RUN.open), col(Run.id).in_(select(col(Wait.run_id)).where(*asks)))
    if workflow_id is not None:
        query = query.where(col(Run.workflow_id) == workflow_id)
    if status:
        query = query.where(col(Run.status).in_(_known("status", status, get_args(RunStatus))))
    if source:
        query = query.where(col(Run.source).in_(_known("source", source, get_args(Source))))
    if search.strip():
        query = query.where(func.lower(col(Workflow.name)).contains(search.strip().lower(), autoescape=True))
    if cursor:
        moment, last = _read_cursor(cursor)
        older = and_(col(Run.created_at) == moment, col(Run.id) < last)
        query = query.where(or_(col(Run.created_at) < moment, older))
    limit = max(1, min(limit, LONGEST_PAGE))
    query = query.order_by(col(Run.created_at).desc(), col(Run.id).desc()).limit(limit + 1)
    found = [shown(row) for row in db.execute(query).all()]
    more = len(found) > limit
    waits = why_waiting(db, actor, {row.id: row.status for row in found[:limit]})
    found = [replace(row, waiting=waits.get(row.id)) for row in found[:limit]]
    return Page(found, f"{to_ms(found[-1].created_at)}-{found[-1].id}" if more else "")


@reads
def count_open(db: Session, actor: Actor, *, workflow_id: str | None = None) -> dict[str, int]:
    """How many runs are under way: ``running`` with those that wait, ``paused``, and ``needs`` a person."""
    mine = [owned(Run, actor), col(Run.status).in_(RUN.open), col(Run.removed_at).is_(None)]
    if workflow_id is not None:
        mine.append(col(Run.workflow_id) == workflow_id)
    found = {
        row[0]: row[1]
        for row in db.execute(select(col(Run.status), func.count()).where(*mine).group_by(col(Run.status)))
    }
    asks = (owned(Wait, actor), col(Wait.kind).in_(ASKING), col(Wait.settled_at).is_(None))
    asked = select(func.count(func.distinct(col(Wait.run_id)))).join(Run, col(Run.id) == col(Wait.run_id))
    paused = found.pop("paused", 0)
    return {"running": sum(found.values()), "paused": paused, "needs": db.scalar(asked.where(*asks, *mine)) or 0}


def listed(actor: Actor) -> Any:
    """The query of all runs in lists, to be narrowed; ``shown`` makes its rows."""
    return (
        select(
            col(Run.id),
            col(Run.workflow_id),
            col(Workflow.name),
            col(WorkflowVersion.number),
            col(Run.status),
            col(Run.source),
            col(User.name),
            col(Run.created_at),
            col(Run.started_at),
            col(Run.finished_at),
            col(Run.error),
            col(Run.options)["dry"].as_boolean(),
        )
        .join(Workflow, col(Workflow.id) == col(Run.workflow_id))
        .join(WorkflowVersion, col(WorkflowVersion.id) == col(Run.version_id))
        .outerjoin(User, col(User.id) == col(Run.started_by))
        .where(owned(Run, actor), col(Run.removed_at).is_(None))
    )


def shown(row: Sequence[Any]) -> RunRow:
    """A row of ``listed``."""
    run_id, workflow_id, name, number, status, source, starter, created_at, started_at, finished_at, error, dry = row
    return RunRow(
        id=run_id,
        workflow_id=workflow_id,
        workflow=name,
        version=number,
        status=status,
        source=source,
        started_by=starter or "",
        created_at=created_at,
        started_at=started_at,
        finished_at=finished_at,
        seconds=((finished_at or now()) - started_at).total_seconds() if started_at else 0.0,
        error=error,
        dry=bool(dry),
    )


def _known(name: str, wanted: Sequence[str], allowed: Sequence[str]) -> Sequence[str]:
    for one in wanted:
        if one not in allowed:
            raise Invalid.field(name, f"{one!r} is no {name}; use {', '.join(allowed)}.")
    return wanted


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    moment, _, last = cursor.partition("-")
    if not (moment.isascii() and moment.isdigit() and len(moment) < 15 and last):
        raise Invalid.field("cursor", "This is no cursor of an earlier page.")
    return from_ms(int(moment)), last
