"""Workflows in lists, with how their last runs went."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.services import drafts, triggers
from app.services.access import Actor, owned
from app.services.triggers import TriggerView
from app.services.unit import reads
from engine.models import Run, User, Workflow, WorkflowVersion, now

_HEALTH: Final = 14


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a workflow; ``seconds`` is how long it took or has taken so far."""

    id: str
    status: str
    at: datetime
    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """A workflow in a list. ``health`` holds the states of the last runs, oldest first; ``today`` counts 24 hours."""

    id: str
    name: str
    enabled: bool
    version: int | None
    changes: int
    updated_at: datetime
    owner: str
    last_run: LastRun | None
    today: int
    health: tuple[str, ...]
    triggers: tuple[TriggerView, ...]


@reads
def list_workflows(db: Session, actor: Actor, search: str = "", deleted: bool = False) -> list[WorkflowRow]:
    """The workspace's workflows, changed last first; ``search`` looks for a part of the name."""
    query = (
        select(
            col(Workflow.id),
            col(Workflow.name),
            col(Workflow.enabled),
            col(Workflow.updated_at),
            col(User.name),
            col(WorkflowVersion.number),
        )
        .outerjoin(User, col(User.id) == col(Workflow.created_by))
        .outerjoin(WorkflowVersion, col(WorkflowVersion.id) == col(Workflow.published_id))
        .where(
            owned(Workflow, actor),
            col(Workflow.deleted_at).is_not(None) if deleted else col(Workflow.deleted_at).is_(None),
        )
        .order_by(col(Workflow.updated_at).desc(), col(Workflow.id).desc())
    )
    if search.strip():
        query = query.where(func.lower(col(Workflow.name)).contains(search.strip().lower(), autoescape=True))
    by_workflow: dict[str, list[TriggerView]] = {}
    for trigger in triggers.list_triggers(db, actor):
        by_workflow.setdefault(trigger.workflow_id, []).append(trigger)
    changes, today = drafts.count_changes(db, actor), _today(db, actor)
    rows = []
    for workflow_id, name, enabled, updated_at, owner, number in db.execute(query).all():
        last_run, health = _recent(db, actor, workflow_id)
        rows.append(
            WorkflowRow(
                id=workflow_id,
                name=name,
                enabled=enabled,
                version=number,
                changes=changes.get(workflow_id, 0),
                updated_at=updated_at,
                owner=owner or "",
                last_run=last_run,
                today=today.get(workflow_id, 0),
                health=health,
                triggers=tuple(by_workflow.get(workflow_id, ())),
            )
        )
    return rows


@reads
def trash(db: Session, actor: Actor) -> list[WorkflowRow]:
    """What was deleted and can come back."""
    return list_workflows(db, actor, deleted=True)


def _recent(db: Session, actor: Actor, workflow_id: str) -> tuple[LastRun | None, tuple[str, ...]]:
    rows = db.execute(
        select(
            col(Run.id), col(Run.status), col(Run.created_at), col(Run.started_at), col(Run.finished_at), col(Run.error)
        )
        .where(owned(Run, actor), col(Run.workflow_id) == workflow_id)
        .order_by(col(Run.created_at).desc(), col(Run.id).desc())
        .limit(_HEALTH)
    ).all()
    if not rows:
        return None, ()
    run_id, status, created_at, started_at, finished_at, error = rows[0]
    seconds = ((finished_at or now()) - (started_at or created_at)).total_seconds()
    newest = LastRun(run_id, status, created_at, seconds, (error or {}).get("message", ""))
    return newest, tuple(row[1] for row in reversed(rows))


def _today(db: Session, actor: Actor) -> dict[str, int]:
    since = now() - timedelta(hours=24)
    query = select(col(Run.workflow_id), func.count()).where(owned(Run, actor), col(Run.created_at) > since)
    return {row[0]: row[1] for row in db.execute(query.group_by(col(Run.workflow_id)))}
