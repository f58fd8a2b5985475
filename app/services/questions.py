"""What a waiting run asks a person: whether an effect that a crash left open should be repeated."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, get_args

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import runs, unit
from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid, NotFound
from app.services.unit import reads
from engine import launch
from engine.models import Wait

Choice = Literal["again", "done", "fail"]

_ASK: Final = "ask"
_MOST: Final = 200


@dataclass(frozen=True, slots=True)
class Question:
    """Did it happen? ``again`` repeats the effect, ``done`` takes it as done, ``fail`` fails the step.

    ``item`` is empty, or says for which item of a list the node was called.
    """

    id: str
    run_id: str
    node_id: str
    label: str
    item: str
    message: str
    asked_at: datetime


@reads
def list_questions(db: Session, actor: Actor, run_id: str) -> list[Question]:
    """The run's open questions, oldest first; raises NotFound."""
    drawing = runs.graph(db, actor, run_id)
    rows = db.scalars(
        select(Wait)
        .where(owned(Wait, actor), col(Wait.run_id) == run_id, col(Wait.kind) == _ASK, col(Wait.settled_at).is_(None))
        .order_by(col(Wait.created_at), col(Wait.id))
        .limit(_MOST)
    ).all()
    found = []
    for row in rows:
        node = drawing.nodes.get(row.node_id)
        label = node.title if node else row.node_id
        message = (
            f"A worker stopped while “{label}” was having its effect, so nobody knows whether it happened. "
            "Look at the service itself, then decide."
        )
        found.append(Question(row.id, run_id, row.node_id, label, row.item, message, row.created_at))
    return found


async def answer(actor: Actor, run_id: str, question_id: str, choice: str) -> None:
    """Answer a question, once; the run goes on.

    Raises:
        Invalid: there is no such choice.
        Conflict: somebody has answered already.
    """
    if choice not in get_args(Choice):
        raise Invalid.field("choice", f"Choose one of {', '.join(get_args(Choice))}.")
    await unit.ask(_check, actor, run_id, question_id)
    if not await launch.settle(question_id, {"choice": choice}):
        raise Conflict("This question has been answered already.")


@reads
def _check(db: Session, actor: Actor, run_id: str, question_id: str) -> None:
    actor.need("editor")
    mine = (owned(Wait, actor), col(Wait.run_id) == run_id, col(Wait.id) == question_id, col(Wait.kind) == _ASK)
    if db.scalar(select(col(Wait.id)).where(*mine)) is None:
        raise NotFound("question")
