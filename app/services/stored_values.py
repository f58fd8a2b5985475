"""What workflows remember from run to run, as people see and change it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlmodel import Session

from app.services import drafts, plain
from app.services.access import Actor
from app.services.errors import Conflict, Invalid, NotFound
from app.services.unit import reads
from engine.contract import NodeError
from engine.store import values
from engine.store.values import Place

Scope = Literal["workflow", "workspace"]
Kind = Literal["value", "keys"]


@dataclass(frozen=True)
class ValueView:
    """A stored value. Of kind ``keys`` it is a list of items that were seen, and ``value`` how many there are.

    ``run_id`` is the run that changed it last; none if that was a person.
    """

    name: str
    value: Any
    kind: Kind
    updated_at: datetime
    run_id: str | None


@reads
def list_values(
    db: Session, actor: Actor, workflow_id: str, *, scope: Scope = "workflow", trial: bool = False
) -> list[ValueView]:
    """The values by name: the workflow's own or those of the workspace, of published versions or of trial runs."""
    place = _place(db, actor, workflow_id, scope, trial)
    return [_view(row) for row in values.listed(db, place)]


@reads
def get(
    db: Session, actor: Actor, workflow_id: str, name: str, *, scope: Scope = "workflow", trial: bool = False
) -> ValueView:
    """One value; raises NotFound."""
    row = values.find(db, _place(db, actor, workflow_id, scope, trial), name)
    if row is None:
        raise NotFound("stored value")
    return _view(row)


def put(
    db: Session,
    actor: Actor,
    workflow_id: str,
    name: str,
    value: Any,
    *,
    scope: Scope = "workflow",
    trial: bool = False,
) -> None:
    """Store a value in the place of what is there. Raises Invalid, and Conflict for a list of items that were seen."""
    actor.need("editor")
    plain.check(value, "value")
    place = _place(db, actor, workflow_id, scope, trial)
    row = values.find(db, place, name)
    if row is not None and row.kind != "value":
        raise Conflict(f"“{name}” holds items that were seen. It can be forgotten as a whole, not set.")
    try:
        values.put(db, place, name, value)
    except NodeError as refusal:
        field = getattr(refusal, "field", "") or "value"
        raise Invalid.field(field, " ".join(filter(None, (refusal.message, refusal.hint)))) from refusal


def delete(
    db: Session, actor: Actor, workflow_id: str, name: str, *, scope: Scope = "workflow", trial: bool = False
) -> None:
    """Forget a value, or all items seen under this name; raises NotFound."""
    actor.need("editor")
    if not values.remove(db, _place(db, actor, workflow_id, scope, trial), name):
        raise NotFound("stored value")


def _place(db: Session, actor: Actor, workflow_id: str, scope: Scope, trial: bool) -> Place:
    workflow = drafts.find(db, actor, workflow_id)
    return Place(actor.workspace_id, workflow.id if scope == "workflow" else "", trial)


def _view(row: Any) -> ValueView:
    return ValueView(row.name, row.value, row.kind, row.updated_at, row.run_id)
