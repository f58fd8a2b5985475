"""One step of a run as its panel shows it. A step's inputs are the outputs that its fields refer to."""

from typing import Final, Literal

from sqlmodel import Session

from app.services import places, run_data, run_view, values
from app.services.access import Actor
from app.services.errors import NotFound
from app.services.result_view import signed_in_href
from app.services.run_data import StepView
from app.services.shown import Record, ms
from app.services.unit import reads
from engine.broadcast import edges
from engine.catalog import catalog

MOST_FAILED: Final = 50
_BETWEEN: Final = "/"

Side = Literal["input", "output"]


@reads
def step(db: Session, actor: Actor, run_id: str, node_id: str, *, scope: str = "") -> Record:
    """Facts, error, failed items and log of a step, in the rounds that ``scope`` names; raises NotFound."""
    found = next((one for one in run_data.steps(db, actor, run_id, scope=scope) if one.node_id == node_id), None)
    if found is None:
        raise NotFound("step")
    row = run_view.step(found)
    place = places.at(db, actor, run_id, scope)
    node, own = place.drawing.nodes[node_id], place.scope_of(node_id)
    own = scope if own is None else own
    failed = run_data.item_steps(db, actor, run_id, node_id, status=("failed",), limit=MOST_FAILED, scope=own)
    return {
        "facts": {
            **row,
            "note": node.note,
            "attempt": f"attempt {found.attempt}" if found.attempt > 1 else "",
            "start": ms(found.started_at),
            "end": ms(found.finished_at),
        },
        "came_from": run_view.came_from(found),
        "would_send": _would_send(db, actor, run_id, node_id, found, scope=own),
        "error": run_view.error(found.error),
        "failed_items": [run_view.error(each.error) for each in failed if each.item],
        "log": run_view.log_lines(found.log),
    }


def _would_send(db: Session, actor: Actor, run_id: str, node_id: str, found: StepView, *, scope: str) -> list[Record]:
    """What each item of a dry run would have sent, the first of them."""
    if not found.stand_in or found.stand_in.get("sends") or not found.counts:
        return []
    rows = run_data.item_steps(db, actor, run_id, node_id, status=("done",), limit=MOST_FAILED, scope=scope)
    told = [(int(row.item), run_view.sends(row.stand_in or {})) for row in rows if row.item.isdigit()]
    return [{"where": f"Item {index + 1:,}", "text": text} for index, text in sorted(told) if text]


@reads
def ports(db: Session, actor: Actor, run_id: str, node_id: str, side: Side, *, scope: str = "") -> list[dict[str, str]]:
    """What can be looked at: records of ``value`` (for ``page``) and ``label``."""
    drawing = places.at(db, actor, run_id, scope).drawing
    if node_id not in drawing.nodes:
        raise NotFound("step")
    steps = {one.node_id: one for one in run_data.steps(db, actor, run_id, scope=scope)}
    if side == "output":
        return [
            one
            for port in steps[node_id].outputs
            for one in _parts(db, actor, run_id, steps[node_id], port, scope=scope)
        ]
    wires = [edge for edge in edges(drawing, catalog()) if edge.target == node_id and edge.kind in ("value", "mention")]
    sources = dict.fromkeys((edge.source, edge.port) for edge in wires)
    return [
        {**one, "label": f"{steps[source].label}: {one['label']}"}
        for source, port in sources
        if source in steps and port in steps[source].outputs
        for one in _parts(db, actor, run_id, steps[source], port, scope=scope)
    ]


@reads
def page(db: Session, actor: Actor, run_id: str, port: str, start: int, *, scope: str = "") -> Record:
    """A page of the values at a port, named as ``ports`` does."""
    node_id, _, rest = port.partition(_BETWEEN)
    name, _, field = rest.partition(_BETWEEN)
    start = max(0, start)
    stop = start + values.PAGE
    found = run_data.items(
        db, actor, run_id, node_id, side="output", port=name, field=field, start=start, stop=stop, scope=scope
    )
    return values.view(found.items, found.start, found.total, signed_in_href)


def _parts(db: Session, actor: Actor, run_id: str, step: StepView, port: str, *, scope: str) -> list[dict[str, str]]:
    """An output, and before it the lists inside if it is a record: those are what one wants to leaf through."""
    number = step.outputs[port]
    whole = {"value": f"{step.node_id}{_BETWEEN}{port}", "label": _label(port, number)}
    if number is not None:
        return [whole]
    lists = run_data.inner_lists(db, actor, run_id, step.node_id, port, scope=scope)
    inner = (
        {"value": f"{whole['value']}{_BETWEEN}{name}", "label": f"{name} ({count:,})"}
        for name, count in lists.items()
        if count
    )
    return [*inner, whole]


def _label(port: str, number: int | None) -> str:
    name = "Output" if port == "main" else port
    return name if number is None else f"{name} ({number:,})"
