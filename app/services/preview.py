"""What the fields of a node would hold, worked out on the values of an earlier run while the node is being edited."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from sqlmodel import Session

from app.services import held_values, run_data, values
from app.services.access import Actor
from app.services.errors import Invalid, NotFound
from app.services.run_data import StepView
from app.services.unit import reads
from engine import broadcast
from engine.broadcast import Call, Mapped, NodeOutputs, Once, Value
from engine.catalog import catalog
from engine.contract import ListLengthMismatch, NodeType
from engine.expressions import TemplateError
from engine.graph import Graph, Node
from engine.models import now

SAMPLE_ITEMS: Final = 20
LONGEST_LINE: Final = 160
MOST_NODES: Final = 60

Samples = Mapping[str, Mapping[str, held_values.Items]]


@dataclass(frozen=True)
class Preview:
    """One line per field; ``bad`` names the fields whose line is an error. ``calls``: how many items can be stepped."""

    lines: Mapping[str, str] = field(default_factory=dict)
    bad: frozenset[str] = frozenset()
    calls: int = 0


@reads
def samples(db: Session, actor: Actor, run_id: str, nodes: Iterable[str], *, scope: str = "") -> Samples:
    """The first values that left these nodes in the run, by node and port; nodes that did not run are left out.

    Of a node in a container those of the round that ``scope`` names.
    """
    wanted = set(nodes)
    try:
        steps = run_data.steps(db, actor, run_id, scope=scope)
    except (NotFound, Invalid):
        return {}
    chosen = [one for one in steps if one.node_id in wanted and one.status == "done"][:MOST_NODES]
    return {one.node_id: _ports(db, actor, run_id, one, scope) for one in chosen}


@reads
def first_lines(db: Session, actor: Actor, run_id: str, steps: Iterable[StepView]) -> dict[str, str]:
    """The first value that left each of these nodes, as one line."""
    lines = {}
    for one in list(steps)[:MOST_NODES]:
        port = next(iter(one.outputs), None)
        found = run_data.items(db, actor, run_id, one.node_id, port=port, start=0, stop=1) if port else None
        if found and found.items:
            lines[one.node_id] = values.cell(found.items[0])[:LONGEST_LINE]
    return lines


def preview(
    node: Node, node_type: NodeType, found: Samples, number: int, given: Mapping[str, Any] | None = None
) -> Preview:
    """Each field that holds a template, for the call of item ``number``; one that fails hides no other.

    ``given``: what the containers around give in the round that is looked at, as far as that is known.
    """
    outputs: dict[str, NodeOutputs] = {
        name: {port: Value(_data(items)) for port, items in ports.items()} for name, ports in found.items()
    }
    try:
        order = broadcast.fields_of(node, node_type).order
    except TemplateError:
        order = tuple(node.params)
    lines: dict[str, str] = {}
    bad: set[str] = set()
    good: dict[str, Any] = {}
    calls = 0
    for name in order:
        part = node.model_copy(update={"params": {**good, name: node.params[name]}, "after": ()})
        try:
            fields = broadcast.fields_of(part, node_type)
            good[name] = node.params[name]
            if name not in fields.by_field:
                continue
            line, found_calls = _line(part, node_type, outputs, number, name=name, given=given or {})
            calls = max(calls, found_calls)
        except (TemplateError, ListLengthMismatch) as error:
            good.pop(name, None)
            bad.add(name)
            line = getattr(error, "message", str(error))
        if line:
            lines[name] = line[:LONGEST_LINE]
    return Preview(lines, frozenset(bad), calls)


def given(
    graph: Graph, node_id: str, indexes: Mapping[str, int], found: Samples, before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What the containers around a node give their bodies in these rounds, worked out on an earlier run's values.

    ``before``: by container what its round before this one gave. What is not known is not there.
    """
    names: dict[str, Any] = {}
    outputs: dict[str, NodeOutputs] = {
        node: {port: Value(_data(items)) for port, items in ports.items()} for node, ports in found.items()
    }
    for container in graph.levels(node_id):
        node = graph.nodes[container]
        node_type = catalog().get(node.type, node.version)
        index = indexes.get(container)
        if node_type is None or index is None:
            return names
        fields = _resolved(node, node_type, outputs, names)
        for name, field_name in node_type.gives.items():
            names.pop(name, None)
            if not field_name:
                names[name] = index
            elif node_type.fields[field_name].levels:
                names.update(_item(name, fields.get(field_name), index, fields.get("batch", 1)))
            elif index == 0 and field_name in fields:
                names[name] = fields[field_name]
            elif container in (before or {}):
                names[name] = (before or {})[container]
    return names


def _item(name: str, items: Any, index: int, batch: Any) -> dict[str, Any]:
    if not isinstance(items, list) or not isinstance(batch, int) or index * batch >= len(items):
        return {}
    return {name: items[index] if batch == 1 else items[index * batch : (index + 1) * batch]}


def _resolved(
    node: Node, node_type: NodeType, outputs: Mapping[str, NodeOutputs], names: Mapping[str, Any]
) -> Mapping[str, Any]:
    """A container's fields on these values; none where they cannot be worked out."""
    try:
        scope = _scope(broadcast.bind(node, node_type, outputs, {**_extra(), **names}), 0)
        return {} if scope is None else broadcast.resolve(node, node_type, scope)
    except (TemplateError, ListLengthMismatch):
        return {}


def _line(
    node: Node,
    node_type: NodeType,
    outputs: Mapping[str, NodeOutputs],
    number: int,
    *,
    name: str,
    given: Mapping[str, Any],
) -> tuple[str, int]:
    known = set(outputs)
    mentioned = {
        one.node for leaf in broadcast.fields_of(node, node_type).by_field[name] for one in leaf.references
    } - set(node_type.fields)
    if not (mentioned - known).issubset({"item", "index", "previous", "run", "vars", "now", "trigger", "random"}):
        return "", 0
    call = broadcast.bind(node, node_type, outputs, {**_extra(), **given})
    if isinstance(call, Once) and node.container and (mentioned & {"item", "index", "previous"}) - set(given):
        return "", 0
    scope = _scope(call, number)
    if scope is None:
        return "", 0
    value = broadcast.resolve(node, node_type, scope).get(name)
    return values.cell(value), call.length if isinstance(call, Mapped) else 0


def _scope(call: Call, number: int) -> Any:
    if isinstance(call, Once):
        return call.scope
    if isinstance(call, Mapped) and call.length:
        return call.scope_at(min(number, call.length - 1))
    return None


def _extra() -> dict[str, Any]:
    return {"trigger": None, "run": {"id": "preview"}, "vars": {}, "now": now().isoformat(), "random": "preview"}


def _data(items: held_values.Items) -> Any:
    return (items.items[0] if items.items else None) if items.total is None else items.items


def _ports(db: Session, actor: Actor, run_id: str, one: StepView, scope: str) -> dict[str, held_values.Items]:
    return {
        port: run_data.items(
            db, actor, run_id, one.node_id, port=port, start=0, stop=SAMPLE_ITEMS, inner=SAMPLE_ITEMS, scope=scope
        )
        for port in one.outputs
    }
