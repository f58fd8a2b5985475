"""How many runs may be under way at once: of one workflow, and of the workspace."""

from typing import Final

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import drafts
from app.services.access import Actor
from app.services.errors import Invalid, NotFound
from app.services.unit import reads
from engine.models import Workflow, Workspace

HIGHEST: Final = 10_000


@reads
def of_workflow(db: Session, actor: Actor, workflow_id: str) -> int | None:
    """How many runs of it may be under way at once; None for as many as there is room for. Raises NotFound."""
    return _number(drafts.find(db, actor, workflow_id))


@reads
def of_workspace(db: Session, actor: Actor) -> int | None:
    """How many runs of all workflows together."""
    return _number(find_workspace(db, actor))


def limit_workflow(db: Session, actor: Actor, workflow_id: str, runs_at_once: int | None) -> None:
    """Let no more runs of it be under way at once; the others wait for their turn. Raises NotFound, Invalid."""
    actor.need("editor")
    _set(drafts.find(db, actor, workflow_id, lock=True), runs_at_once)


def limit_workspace(db: Session, actor: Actor, runs_at_once: int | None) -> None:
    """The same for all workflows together. Raises Invalid."""
    actor.need("owner")
    _set(find_workspace(db, actor, lock=True), runs_at_once)


def find_workspace(db: Session, actor: Actor, lock: bool = False) -> Workspace:
    """The actor's own workspace; raises NotFound."""
    query = select(Workspace).where(col(Workspace.id) == actor.workspace_id)
    row = db.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise NotFound("workspace")
    return row


def _number(row: Workflow | Workspace) -> int | None:
    found = row.limits.get("runs_at_once")
    return found if isinstance(found, int) else None


def _set(row: Workflow | Workspace, runs_at_once: int | None) -> None:
    if runs_at_once is not None and not 1 <= runs_at_once <= HIGHEST:
        raise Invalid.field("runs_at_once", f"Enter a number from 1 to {HIGHEST:,}, or nothing for no limit.")
    others = {name: value for name, value in row.limits.items() if name != "runs_at_once"}
    row.limits = others if runs_at_once is None else {**others, "runs_at_once": runs_at_once}
