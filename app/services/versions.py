"""Versions: what was published, numbered and fixed for good, and the drafts that ran, without a number."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import func, select
from sqlmodel import Session, col

from app.services import drafts, triggers
from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid, NotFound
from app.services.unit import reads
from engine import document
from engine.graph import Graph
from engine.models import User, Workflow, WorkflowVersion, now

_LONGEST_NOTE: Final = 500


@dataclass(frozen=True, slots=True)
class Version:
    """A published version in a list. ``current`` is the one that triggers run."""

    id: str
    number: int
    note: str
    created_at: datetime
    created_by: str
    current: bool


def publish(db: Session, actor: Actor, workflow_id: str, note: str = "") -> Version:
    """Fix the draft as the next version and let triggers run it.

    Publishing what is published already gives that version again. Raises Invalid when a problem stands in the way.
    """
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    checked = drafts.checked(db, workflow)
    refuse_problems(checked, "This draft cannot be published yet")
    body = document.dump(checked.graph)
    content_hash = hash_of(body)
    current = published(db, actor, workflow) if workflow.published_id else None
    if current is None or current.content_hash != content_hash:
        current = _add(db, actor, workflow, body, content_hash, note=note.strip()[:_LONGEST_NOTE])
    workflow.published_id, workflow.published_seq = current.id, workflow.draft_seq
    workflow.updated_at = now()
    triggers.sync(db, actor, workflow, current.id, checked.graph)
    return _shown(current, actor.name, workflow)


@reads
def versions(db: Session, actor: Actor, workflow_id: str) -> list[Version]:
    """All published versions, newest first."""
    workflow = drafts.find(db, actor, workflow_id)
    rows = db.execute(
        select(WorkflowVersion, col(User.name))
        .outerjoin(User, col(User.id) == col(WorkflowVersion.created_by))
        .where(
            owned(WorkflowVersion, actor),
            col(WorkflowVersion.workflow_id) == workflow_id,
            col(WorkflowVersion.number).is_not(None),
        )
        .order_by(col(WorkflowVersion.number).desc())
    ).all()
    return [_shown(row, name or "", workflow) for row, name in rows]


@reads
def version(db: Session, actor: Actor, workflow_id: str, number: int) -> tuple[Version, Graph]:
    """One published version and its drawing."""
    workflow = drafts.find(db, actor, workflow_id)
    row = db.scalar(
        select(WorkflowVersion).where(
            owned(WorkflowVersion, actor),
            col(WorkflowVersion.workflow_id) == workflow_id,
            col(WorkflowVersion.number) == number,
        )
    )
    if row is None:
        raise NotFound("version")
    author = db.scalar(select(col(User.name)).where(col(User.id) == row.created_by)) if row.created_by else None
    return _shown(row, author or "", workflow), document.load(row.document)


def restore(db: Session, actor: Actor, workflow_id: str, number: int) -> drafts.EditResult:
    """Make the draft what this version is; an edit like any other, so it can be undone."""
    _, graph = version(db, actor, workflow_id, number)
    return drafts.replace(db, actor, workflow_id, document.dump(graph))


def published(db: Session, actor: Actor, workflow: Workflow) -> WorkflowVersion:
    """What triggers, forms and REST run; raises Conflict when nothing is published."""
    mine = (owned(WorkflowVersion, actor), col(WorkflowVersion.id) == workflow.published_id)
    found = db.scalar(select(WorkflowVersion).where(*mine)) if workflow.published_id else None
    if found is None:
        raise Conflict("Publish the draft first: triggers, forms and calls run what is published.")
    return found


def freeze(db: Session, actor: Actor, workflow: Workflow) -> WorkflowVersion:
    """The draft as a version without a number, for a run of it; equal drafts share one."""
    checked = drafts.checked(db, workflow)
    refuse_problems(checked, "This draft cannot run yet")
    body = document.dump(checked.graph)
    content_hash = hash_of(body)
    same = db.scalar(
        select(WorkflowVersion)
        .where(
            owned(WorkflowVersion, actor),
            col(WorkflowVersion.workflow_id) == workflow.id,
            col(WorkflowVersion.content_hash) == content_hash,
        )
        .limit(1)
    )
    return same or _add(db, actor, workflow, body, content_hash, numbered=False)


def refuse_problems(checked: drafts.Checked, message: str) -> None:
    """Raise Invalid that names the first problem and carries all of them."""
    found = [problem for problem in checked.problems if problem.severity == "error"]
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        node = checked.graph.nodes.get(found[0].node or "")
        place = f"{node.title}: " if node else ""
        raise Invalid(
            f"{message}. {place}{found[0].message}{more}",
            [one.model_dump(mode="json", exclude_none=True) for one in found],
        )


def hash_of(body: dict[str, Any]) -> str:
    """The SHA-256 of what a document does: positions on the canvas do not count."""
    counted = {key: value for key, value in body.items() if key != "layout"}
    return hashlib.sha256(orjson.dumps(counted)).hexdigest()


def _add(
    db: Session,
    actor: Actor,
    workflow: Workflow,
    body: dict[str, Any],
    content_hash: str,
    *,
    note: str = "",
    numbered: bool = True,
) -> WorkflowVersion:
    newest = select(func.max(col(WorkflowVersion.number))).where(col(WorkflowVersion.workflow_id) == workflow.id)
    row = WorkflowVersion(
        workspace_id=actor.workspace_id,
        workflow_id=workflow.id,
        number=(db.scalar(newest) or 0) + 1 if numbered else None,
        document=body,
        content_hash=content_hash,
        note=note,
        created_by=actor.user_id or None,
    )
    db.add(row)
    db.flush()
    return row


def _shown(row: WorkflowVersion, author: str, workflow: Workflow) -> Version:
    current = row.id == workflow.published_id
    return Version(row.id, row.number or 0, row.note, row.created_at, author, current)
