"""What lies inside a run: its steps, the items that passed each of them, and its results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import held_values, places, rounds, runs
from app.services.access import Actor, owned
from app.services.errors import Invalid, NotFound
from app.services.places import Place
from app.services.unit import reads
from engine.catalog import catalog
from engine.contract import is_list
from engine.graph import Graph, Node
from engine.models import Step

LONGEST_PAGE: Final = 500
_RESULT_ROWS: Final = 100


@dataclass(frozen=True, slots=True)
class StepView:
    """A node of the run's version and how far it is; ``status`` is ``pending`` before it starts, and
    ``paused`` where a pause of the run cut it short.

    ``counts`` has total, done and failed for a node that runs once per item. ``outputs`` are the ports that fired, with
    the number of items where the value is a list. ``reused_from`` is the earlier run that really did it; ``stand_in``
    says that it was not called, what its output is instead, and in a dry run what it would have sent. ``opens``: rounds
    or calls of it can be looked into, each by its scope.
    """

    node_id: str
    label: str
    type: str
    icon: str
    category: str
    status: str
    attempt: int
    started_at: datetime | None
    finished_at: datetime | None
    counts: Mapping[str, Any] | None
    error: Mapping[str, Any] | None
    outputs: Mapping[str, int | None]
    log: Sequence[Any]
    reused_from: str | None = None
    stand_in: Mapping[str, Any] | None = None
    container: str = ""
    depth: int = 0
    has_body: bool = False
    opens: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """What an Output node shows: ``show`` and ``columns`` as set in the node; a list comes with its first rows."""

    node_id: str
    name: str
    label: str
    show: str
    columns: Sequence[Any]
    review_below: float | None
    status: str
    value: Any
    total: int | None


@reads
def steps(db: Session, actor: Actor, run_id: str, *, scope: str = "") -> list[StepView]:
    """Every step of the run's version in the order of the document, with how far it is. A note is none.

    ``scope`` singles out rounds of containers; what stands deeper is counted over all rounds. One that leads into a
    workflow that was called in line gives the steps of that.
    """
    place = places.at(db, actor, run_id, scope)
    known = rounds.rows(db, actor, run_id, place)
    summed = rounds.summed(db, actor, run_id, place)
    return [
        _step(place, node_id, known.get(node_id), summed.get(node_id))
        for node_id, node in place.drawing.nodes.items()
        if not _is_note(node) or node_id in known
    ]


def _is_note(node: Node) -> bool:
    node_type = catalog().get(node.type)
    return node_type is not None and node_type.kind == "note"


@reads
def item_steps(
    db: Session,
    actor: Actor,
    run_id: str,
    node_id: str,
    *,
    status: Sequence[str] = (),
    after: str = "",
    limit: int = 50,
    scope: str = "",
) -> list[Step]:
    """The rows of a node's single items or chunks, in the order of their paths, for instance the failed ones."""
    runs.find(db, actor, run_id)
    query = select(Step).where(
        owned(Step, actor),
        col(Step.run_id) == run_id,
        col(Step.node_id) == node_id,
        col(Step.item) > (after or ""),
        col(Step.scope) == scope,
    )
    if status:
        query = query.where(col(Step.status).in_(status))
    return list(db.scalars(query.order_by(col(Step.item)).limit(max(1, min(limit, LONGEST_PAGE)))))


@reads
def items(
    db: Session,
    actor: Actor,
    run_id: str,
    node_id: str,
    *,
    side: Literal["input", "output"] = "output",
    port: str = "main",
    field: str = "",
    start: int = 0,
    stop: int = 50,
    inner: int | None = None,
    scope: str = "",
) -> held_values.Items:
    """The values from ``start`` to before ``stop`` that came in or went out; the rest of the list is not read.

    ``field``: those of the list under this name in a record. Long lists inside of a value are told by their number of
    items and the first ones, or, with ``inner``, stand there with so many of their items. Of a node in a container
    ``scope`` says which round; without one there are none.
    """
    if not 0 <= start <= stop or stop - start > LONGEST_PAGE:
        raise Invalid(f"Ask for at most {LONGEST_PAGE} items at a time.")
    row = _closing(db, actor, run_id, node_id, scope)
    at = ((row.input if side == "input" else row.output) or {}) if row else {}
    if port not in at:
        return held_values.Items([], start, 0)
    return held_values.page(actor, at[port], start, stop, field=field, inner=inner)


@reads
def inner_lists(db: Session, actor: Actor, run_id: str, node_id: str, port: str, *, scope: str = "") -> dict[str, int]:
    """The lists in the record that left a step, by the names of their fields, and how many items each has."""
    row = _closing(db, actor, run_id, node_id, scope)
    kept = ((row.output or {}) if row else {}).get(port) or {}
    value = held_values.value_of(actor, kept) if kept.get("count") is None else None
    record = value if isinstance(value, Mapping) and "$file" not in value else {}
    return {str(name): len(found) for name, found in record.items() if is_list(found)}


@reads
def results(db: Session, actor: Actor, run_id: str) -> list[Result]:
    """The values of the run's Output nodes, in the order of the document."""
    drawing = runs.graph(db, actor, run_id)
    wanted = [node for node in drawing.nodes.values() if node.type == "flow.output" and not node.off]
    rows = db.scalars(
        select(Step).where(
            owned(Step, actor),
            col(Step.run_id) == run_id,
            col(Step.scope) == "",
            col(Step.item) == "",
            col(Step.node_id).in_([node.id for node in wanted]),
        )
    )
    known = {row.node_id: row for row in rows}
    return [_result(actor, drawing, node.id, known.get(node.id)) for node in wanted]


@reads
def outputs(db: Session, actor: Actor, run_id: str) -> Any:
    """The values that the run gave back, by the names of its Output nodes; without these, what its last node gave."""
    return held_values.read_resolved(actor, runs.find(db, actor, run_id).output or {})


def _closing(db: Session, actor: Actor, run_id: str, node_id: str, scope: str) -> Step | None:
    place = places.at(db, actor, run_id, scope)
    if node_id not in place.drawing.nodes:
        raise NotFound("step")
    found = place.scope_of(node_id)
    if found is None:
        return None
    query = select(Step).where(
        owned(Step, actor),
        col(Step.run_id) == run_id,
        col(Step.scope) == found,
        col(Step.node_id) == node_id,
        col(Step.item) == "",
    )
    return db.scalar(query)


def _step(place: Place, node_id: str, row: Step | None, summed: rounds.Summed | None) -> StepView:
    drawing, node = place.drawing, place.drawing.nodes[node_id]
    node_type = catalog()[node.type]
    return StepView(
        node_id=node_id,
        label=node.title,
        type=node.type,
        icon=node_type.icon,
        category=node_type.category,
        status=place.shown(row.status if row else summed.status if summed else "pending"),
        attempt=row.attempt if row else 1,
        started_at=row.started_at if row else summed.started_at if summed else None,
        finished_at=row.finished_at if row else summed.finished_at if summed else None,
        counts=row.counts if row else summed.counts if summed else None,
        error=row.error if row else None,
        outputs={port: _count(kept) for port, kept in ((row.output if row else None) or {}).items()},
        log=(row.log if row else None) or (),
        reused_from=row.reused_from if row else None,
        stand_in=row.stand_in if row else None,
        container=drawing.level(node_id) or "",
        depth=len(drawing.levels(node_id)),
        has_body=node_type.body,
        opens=node_type.body or places.calls_in_line(node),
    )


def _count(kept: Mapping[str, Any]) -> int | None:
    if "ref" in kept:
        return kept.get("count")
    return len(kept["v"]) if isinstance(kept.get("v"), list) else None


def _result(actor: Actor, drawing: Graph, node_id: str, row: Step | None) -> Result:
    node = drawing.nodes[node_id]
    kept = (row.output or {}).get("main") if row else None
    found = held_values.page(actor, kept, 0, _RESULT_ROWS) if kept else None
    single = found is not None and found.total is None
    return Result(
        node_id=node_id,
        name=str(node.params.get("name") or node_id),
        label=str(node.params.get("label") or node.title),
        show=str(node.params.get("show") or "auto"),
        columns=tuple(node.params.get("columns") or ()),
        review_below=node.params.get("review_below"),
        status=row.status if row else "pending",
        value=None if found is None else found.items[0] if single else found.items,
        total=None if found is None else found.total,
    )
