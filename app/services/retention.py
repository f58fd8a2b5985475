"""How much room each workflow's runs take, how long they are kept, and what that would remove."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.services import drafts
from app.services.access import Actor, owned
from app.services.errors import Invalid
from app.services.run_limits import find_workspace
from app.services.unit import reads
from engine.models import Run, StoredFile, Workflow, Workspace, to_ms
from engine.store import retention as engine_retention
from engine.store.db import database
from engine.store.naming import UPLOAD_DAYS

MOST: Final = {"days": 36_500, "runs": 100_000_000, "bytes": 10**15}
KEY: Final = "retention"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of ended runs: so many days, so many runs, so many bytes. None is no bound; the strictest wins."""

    days: float | None = None
    runs: int | None = None
    bytes: int | None = None


@dataclass(frozen=True, slots=True)
class WorkflowSize:
    """What the runs of a workflow take, in bytes; a value that several runs share counts for each.

    ``oldest`` is when its first run was created, in milliseconds since 1970 UTC. ``retention`` is what holds for it,
    and ``own`` whether it says so itself. ``removed_runs`` and ``removed_bytes`` are what goes the next time.
    ``unmeasured`` runs are not over, or ended a moment ago.
    """

    workflow_id: str
    workflow: str
    runs: int
    row_bytes: int
    payload_bytes: int
    unmeasured: int
    oldest: int | None
    retention: Kept
    own: bool
    removed_runs: int
    removed_bytes: int


@dataclass(frozen=True, slots=True)
class Uploads:
    """Files that people uploaded, with their bytes. After ``days`` one goes if nothing names it any more."""

    files: int
    bytes: int
    days: int = UPLOAD_DAYS


@dataclass(frozen=True, slots=True)
class Report:
    """All workflows that have runs or a retention of their own, largest first; ``retention`` holds for the others."""

    retention: Kept
    workflows: Sequence[WorkflowSize]
    uploads: Uploads


@reads
def report(db: Session, actor: Actor) -> Report:
    """The sizes of the workspace's workflows. Raises Forbidden: this is for owners."""
    actor.need("owner")
    default = find_workspace(db, actor).limits.get(KEY)
    measured = col(Run.row_bytes).is_not(None)
    sums = [func.coalesce(func.sum(column), 0) for column in (col(Run.row_bytes), col(Run.payload_bytes))]
    query: Any = (
        select(
            col(Workflow.id),
            col(Workflow.name),
            col(Workflow.limits),
            func.count(col(Run.id)),
            *sums,
            func.count(col(Run.id)).filter(~measured),
            func.min(col(Run.created_at)),
        )
        .outerjoin(Run, col(Run.workflow_id) == col(Workflow.id))
        .where(owned(Workflow, actor))
        .group_by(col(Workflow.id))
    )
    found = [_size(row, default) for row in db.execute(query) if row[3] or KEY in row[2]]
    found.sort(key=lambda one: -(one.row_bytes + one.payload_bytes))
    return Report(_kept(default), found, _uploads(db, actor))


@reads
def of_workflow(db: Session, actor: Actor, workflow_id: str) -> Kept:
    """What holds for a workflow: its own words, or else the workspace's. Raises NotFound."""
    limits = drafts.find(db, actor, workflow_id).limits
    return _kept(limits.get(KEY, find_workspace(db, actor).limits.get(KEY)))


def keep_workflow(db: Session, actor: Actor, workflow_id: str, kept: Kept | None) -> None:
    """Keep the ended runs of a workflow so long; None: as the workspace says. Raises Forbidden, NotFound, Invalid."""
    actor.need("owner")
    _set(drafts.find(db, actor, workflow_id, lock=True), kept)


def keep_workspace(db: Session, actor: Actor, kept: Kept | None) -> None:
    """The same for all workflows that say nothing themselves. Raises Forbidden, Invalid."""
    actor.need("owner")
    _set(find_workspace(db, actor, lock=True), kept)


def _uploads(db: Session, actor: Actor) -> Uploads:
    # Uploaded several times, it still lies there once.
    each = select(col(StoredFile.hash), func.max(col(StoredFile.size)).label("size")).where(
        owned(StoredFile, actor), col(StoredFile.run_id).is_(None)
    )
    once = each.group_by(col(StoredFile.hash)).subquery()
    files, size = db.execute(select(func.count(), func.coalesce(func.sum(once.c.size), 0)).select_from(once)).one()
    return Uploads(files, int(size))


def _size(row: Sequence[Any], default: object) -> WorkflowSize:
    workflow_id, name, limits, runs, row_bytes, payload_bytes, unmeasured, oldest = row
    held = engine_retention.Retention.of(limits.get(KEY, default))
    removed = (0, 0)
    if held.bounds:
        with database().reader() as driver:
            removed = engine_retention.count_too_much(driver, workflow_id, held)
    return WorkflowSize(
        workflow_id=workflow_id,
        workflow=name,
        runs=runs,
        row_bytes=int(row_bytes),
        payload_bytes=int(payload_bytes),
        unmeasured=unmeasured,
        oldest=to_ms(oldest) if oldest else None,
        retention=Kept(held.days, held.runs, held.bytes),
        own=KEY in limits,
        removed_runs=removed[0],
        removed_bytes=removed[1],
    )


def _kept(stored: object) -> Kept:
    held = engine_retention.Retention.of(stored)
    return Kept(held.days, held.runs, held.bytes)


def _set(row: Workflow | Workspace, kept: Kept | None) -> None:
    limits: Mapping[str, Any] = {name: value for name, value in row.limits.items() if name != KEY}
    if kept is None:
        row.limits = dict(limits)
        return
    for name, most in MOST.items():
        value = getattr(kept, name)
        if value is not None and not (math.isfinite(value) and 0 < value <= most):
            raise Invalid.field(name, f"Enter a number above 0 and up to {most:,}, or nothing for no bound.")
    row.limits = {**limits, KEY: asdict(kept)}
