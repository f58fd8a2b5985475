"""Rounds of containers: which of them a person looks at, and what all of them together come to.

A place to look from is a scope as rows name it, ``regions.0/orders.3``. A node of the top level has its row in the
empty scope, one inside has a row in each round of its container. What is not singled out is counted over all rounds.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sqlalchemy import and_, func, or_, select
from sqlalchemy.sql.elements import ColumnElement
from sqlmodel import Session, col

from app.services import places
from app.services.access import Actor, owned
from app.services.errors import Invalid, NotFound
from app.services.places import Place, joined
from app.services.unit import reads
from engine.graph import Graph
from engine.models import Step
from engine.models.runs import ASIDE

LONGEST_PAGE: Final = 200
# What a node in a body is, of all that its rounds are: the first of these that one of them is.
_TELLING: Final = ("failed", "running", "waiting", "paused", "queued", "done", "cancelled", "skipped")


@dataclass(frozen=True, slots=True)
class Summed:
    """A node of a body over several rounds. ``counts``: total, done and failed rounds, as far as they have begun."""

    status: str
    counts: Mapping[str, Any]
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Round:
    """One round of a container. ``scope``: where the rows of its body are."""

    index: int
    scope: str
    status: str
    started_at: datetime | None
    finished_at: datetime | None
    error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Chosen:
    """A level around a node, and which of its rounds is looked at: ``index`` of ``total``.

    ``before``: what the round before gave, as its row holds it.
    """

    container: str
    label: str
    index: int
    total: int
    before: Mapping[str, Any] | None = None


def rows(db: Session, actor: Actor, run_id: str, place: Place) -> dict[str, Step]:
    """The rows of the nodes whose round is singled out."""
    places = {node_id: place.scope_of(node_id) for node_id in place.drawing.nodes}
    wanted = {place for place in places.values() if place is not None}
    query = select(Step).where(
        owned(Step, actor), col(Step.run_id) == run_id, col(Step.item) == "", col(Step.scope).in_(wanted)
    )
    return {row.node_id: row for row in db.scalars(query) if places.get(row.node_id) == row.scope}


def summed(db: Session, actor: Actor, run_id: str, place: Place) -> dict[str, Summed]:
    """What the nodes that stand deeper than the place come to over all rounds below it."""
    drawing, rounds = place.drawing, place.rounds
    deeper = [node_id for node_id in drawing.nodes if place.scope_of(node_id) is None]
    within = [_in_body(place, node_id) for node_id in deeper if _lies_below(drawing, node_id, rounds)]
    if not within:
        return {}
    times = (func.min(col(Step.started_at)), func.max(col(Step.finished_at)))
    query = (
        select(col(Step.node_id), col(Step.status), func.count(), *times)
        .where(owned(Step, actor), col(Step.run_id) == run_id, col(Step.item) == "", or_(*within))
        .where(~col(Step.scope).contains(ASIDE))
        .group_by(col(Step.node_id), col(Step.status))
    )
    found: dict[str, list[Any]] = {}
    for row in db.execute(query):
        found.setdefault(row[0], []).append(row)
    return {node_id: _sum(parts) for node_id, parts in found.items()}


def _lies_below(drawing: Graph, node_id: str, scope: str) -> bool:
    """Whether the node stands in what the scope singles out, not in another container."""
    chosen = [part.rpartition(".")[0] for part in scope.split("/")] if scope else []
    return list(drawing.levels(node_id)[: len(chosen)]) == chosen


def _in_body(place: Place, node_id: str) -> ColumnElement[bool]:
    """Rows of a node in any round of the containers around it: the path starts and ends with just these."""
    start = joined(place.base, place.rounds)
    line = place.drawing.levels(node_id)[place.rounds.count("/") + 1 if place.rounds else 0 :]
    pattern = joined(_escaped(start), *(f"{_escaped(container)}.%" for container in line))
    slashes = func.length(col(Step.scope)) - func.length(func.replace(col(Step.scope), "/", ""))
    return and_(
        col(Step.node_id) == node_id,
        col(Step.scope).like(pattern, escape="\\"),
        slashes == pattern.count("/"),
    )


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _sum(parts: Sequence[Any]) -> Summed:
    counts = {status: number for _, status, number, _, _ in parts}
    total = sum(counts.values())
    done = counts.get("done", 0) + counts.get("skipped", 0)
    status = next((one for one in _TELLING if counts.get(one)), parts[0][1])
    begun = [at for *_, at, _ in parts if at is not None]
    ended = [at for *_, at in parts if at is not None]
    going = status in ("running", "waiting", "queued", "paused")
    return Summed(
        status,
        {"total": total, "done": done, "failed": counts.get("failed", 0), "rounds": True},
        min(begun, default=None),
        None if going else max(ended, default=None),
    )


@reads
def page(
    db: Session, actor: Actor, run_id: str, container: str, *, scope: str = "", start: int = 0, stop: int = 50
) -> list[Round]:
    """The rounds of a container from ``start`` to before ``stop``, in their order, that have a row by now.

    Those of a step that runs a workflow in line are its calls.
    """
    place = places.at(db, actor, run_id, scope)
    if container not in place.drawing.nodes:
        raise NotFound("step")
    if not 0 <= start <= stop or stop - start > LONGEST_PAGE:
        raise Invalid(f"Ask for at most {LONGEST_PAGE} rounds at a time.")
    outer = place.scope_of(container)
    if outer is None:
        raise Invalid("Say which round of the containers around it.")
    names = [str(number) for number in range(start, stop)]
    query = select(Step).where(
        owned(Step, actor),
        col(Step.run_id) == run_id,
        col(Step.scope) == outer,
        col(Step.node_id) == container,
        col(Step.item).in_(names),
    )
    found = sorted(db.scalars(query), key=lambda row: int(row.item))
    return [_round(place, outer, row) for row in found]


def _round(place: Place, outer: str, row: Step) -> Round:
    return Round(
        int(row.item),
        joined(outer, f"{row.node_id}.{row.item}"),
        place.shown(row.status),
        row.started_at,
        row.finished_at,
        row.error,
    )


@reads
def chosen(db: Session, actor: Actor, run_id: str, *, drawing: Graph, node_id: str, scope: str) -> list[Chosen]:
    """The levels around a node, outermost first, and which round of each is looked at.

    Where ``scope`` says nothing: the first round that failed, else the first. A drawing that has changed since the run
    finds the rounds of the containers that are still there.
    """
    found: list[Chosen] = []
    asked = dict(part.rpartition(".")[::2] for part in scope.split("/")) if scope else {}
    outer = ""
    for container in drawing.levels(node_id):
        total = _total(db, actor, run_id, outer, container)
        index = asked.get(container, "")
        number = int(index) if index.isdecimal() else _telling(db, actor, run_id, outer, container)
        number = min(number, max(0, total - 1))
        before = _gave(db, actor, run_id, outer, container=container, number=number - 1) if number else None
        found.append(Chosen(container, drawing.nodes[container].title, number, total, before))
        outer = joined(outer, f"{container}.{number}")
    return found


def _gave(
    db: Session, actor: Actor, run_id: str, scope: str, *, container: str, number: int
) -> Mapping[str, Any] | None:
    """What a round gave, as its row holds it."""
    own = _own(actor, run_id, scope, container)
    output = db.scalar(select(col(Step.output)).where(own, col(Step.item) == str(number)))
    return (output or {}).get("main")


def path_of(levels: Sequence[Chosen]) -> str:
    """The scope that these levels lead to."""
    return "/".join(f"{one.container}.{one.index}" for one in levels)


def _own(actor: Actor, run_id: str, scope: str, node_id: str) -> ColumnElement[bool]:
    return and_(owned(Step, actor), col(Step.run_id) == run_id, col(Step.scope) == scope, col(Step.node_id) == node_id)


def _total(db: Session, actor: Actor, run_id: str, scope: str, container: str) -> int:
    """How many rounds there are: as the container's own row counts them, else those that have a row."""
    own = _own(actor, run_id, scope, container)
    counts = db.scalar(select(col(Step.counts)).where(own, col(Step.item) == ""))
    known = int((counts or {}).get("total") or 0)
    return known or int(db.scalar(select(func.count()).select_from(Step).where(own, col(Step.item) != "")) or 0) or 1


def _telling(db: Session, actor: Actor, run_id: str, scope: str, container: str) -> int:
    failed = db.scalars(
        select(col(Step.item)).where(
            _own(actor, run_id, scope, container), col(Step.item) != "", col(Step.status) == "failed"
        )
    )
    return min((int(item) for item in failed if item.isdecimal()), default=0)
