"""A draft as the canvas draws it: one plain record per card and per wire, and what changed between two drawings."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from engine import expressions
from engine.broadcast.leaves import SCOPE_NAMES
from engine.catalog import Catalog
from engine.contract import Effect, NodeType, Output
from engine.document.writing import dump_node
from engine.graph import Edge, Graph, Node
from engine.problem import Problem
from engine.validation import Interface, Outside, Targets
from engine.validation.giving import RUN_WORKFLOW
from engine.validation.outside import NOTHING
from engine.validation.targets import AFTER

View = dict[str, Any]

WORDS_OF_TYPES = {"array": "list", "object": "record", "string": "text", "number": "number", "integer": "number"}
LONGEST_NOTE = 2_000
LONGEST_SUMMARY = 60
ARROW = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "


class Drawing:
    """The views of a draft by id. No dataclass: Reflex would lead every look into one through a proxy."""

    def __init__(self) -> None:
        self.nodes: dict[str, View] = {}
        self.edges: dict[str, View] = {}
        # What each view was made from: an edit leaves nearly all nodes as they are, and their views too.
        self.made_from: dict[str, tuple[Any, ...]] = {}

    def snapshot(self) -> dict[str, list[View]]:
        """All of it, for a tab that knows nothing yet."""
        return {"nodes": list(self.nodes.values()), "edges": list(self.edges.values())}


def changes(before: Drawing, after: Drawing, *, places: bool) -> dict[str, dict[str, View | None]]:
    """What a tab that shows ``before`` must change; None removes.

    Without ``places`` cards stay where the tab has them.
    """
    return {"nodes": _changed(before.nodes, after.nodes, places), "edges": _changed(before.edges, after.edges, True)}


def _changed(before: Mapping[str, View], after: Mapping[str, View], places: bool) -> dict[str, View | None]:
    found: dict[str, View | None] = {
        key: view if places or key not in before else {name: one for name, one in view.items() if name not in "xy"}
        for key, view in after.items()
        if before.get(key) is not view and before.get(key) != view
    }
    found.update({key: None for key in before if key not in after})
    return found


def draw(
    graph: Graph,
    catalog: Catalog,
    edges: Sequence[Edge],
    *,
    problems: Sequence[Problem],
    ranks: Mapping[str, int],
    before: Drawing | None = None,
    outside: Outside = NOTHING,
) -> Drawing:
    """The whole draft; what ``before`` drew of the same nodes is taken over. ``outside``: what other workflows take."""
    old, drawing = before or Drawing(), Drawing()
    incoming: dict[str, list[Edge]] = {}
    for edge in edges:
        incoming.setdefault(edge.target, []).append(edge)
    wrong: dict[str, list[Problem]] = {}
    for problem in problems:
        if problem.node:
            wrong.setdefault(problem.node, []).append(problem)
    for name, node in graph.nodes.items():
        one = catalog.get(node.type, node.version) or catalog.get(node.type)
        place, wires = graph.layout.get(name, (0, 0)), tuple(incoming.get(name, ()))
        level, called = graph.level(name), _called(node, one, outside)
        made_from = (node, place, wires, tuple(wrong.get(name, ())), ranks.get(name, 0), level, called)
        if _same(old.made_from.get(name), made_from):
            drawing.nodes[name] = old.nodes[name]
        else:
            view = _card(node, one, place, edges=wires, problems=made_from[3], rank=made_from[4])
            view = _with_inputs(view, node, called, wires) if called is not None else view
            drawing.nodes[name] = {**view, "parent": level or "", "levels": len(graph.levels(name))}
        drawing.made_from[name] = made_from
        for edge in wires:
            wire = _wire(edge, one, ranks.get(name, 0))
            if called is not None and edge.kind == "value" and edge.field.startswith("inputs."):
                wire["handle"] = ".".join(edge.field.split(".")[:2])
            drawing.edges[wire["id"]] = wire
    return drawing


def _called(node: Node, one: NodeType | None, outside: Outside) -> Interface | None:
    """What the workflow takes that a node runs, if that is known and it takes anything."""
    if one is None or one.id != RUN_WORKFLOW or outside.workflows is None:
        return None
    found = outside.workflows.get(str(node.params.get("workflow")))
    given = node.params.get("inputs") or {}
    return found if found is not None and found.takes and isinstance(given, Mapping) else None


def _with_inputs(view: View, node: Node, called: Interface, edges: Iterable[Edge]) -> View:
    """The card with a port for each input of the workflow that the node runs."""
    given = node.params.get("inputs") or {}
    wired = {edge.field for edge in edges if edge.kind == "value"}
    faulty = {problem["field"] for problem in view["problems"]}
    ports = [
        {
            "name": f"inputs.{one.name}",
            "title": one.label or one.name,
            "type": "a list" if one.kind == "rows" else "a single value, or each item of a list",
            "required": one.required,
            "wired": any(field == f"inputs.{one.name}" or field.startswith(f"inputs.{one.name}.") for field in wired),
            "problem": f"inputs.{one.name}" in faulty,
            "given": _given(given.get(one.name)),
        }
        for one in called.takes
    ]
    return {**view, "ins": [*ports, *(port for port in view["ins"] if port["name"] != "inputs")]}


def _same(old: tuple[Any, ...] | None, new: tuple[Any, ...]) -> bool:
    """Whether a card was made from just this; nodes are told apart by identity, which edits keep."""
    return old is not None and old[0] is new[0] and old[1:] == new[1:]


def in_port(one: NodeType, name: str, *, wired: bool = False, problem: bool = False, given: str = "") -> View:
    """An input on a card. ``given``: what of the container around it takes, or of the run."""
    spec = one.fields[name]
    kind = {"list": "a list", "whole": "anything"}.get(spec.rank, "a single value, or each item of a list")
    return {
        "name": name,
        "title": spec.title,
        "type": kind,
        "required": spec.required,
        "wired": wired or bool(given),
        "problem": problem,
        "given": given,
    }


def outputs_of(one: NodeType, params: Mapping[str, Any]) -> Sequence[Output]:
    """The ways out under these settings, also while they are half written."""
    try:
        return one.outputs_for(dict(params))
    except (TypeError, ValueError, AttributeError, LookupError):
        return ()


def out_ports(one: NodeType, params: Mapping[str, Any]) -> list[View]:
    """The outputs on a card."""
    return [
        {
            "name": port.name,
            "title": port.label or (main_word(one) if port.name == "main" else port.name.replace("_", " ")),
        }
        for port in outputs_of(one, params)
    ]


def main_word(one: NodeType) -> str:
    """What a person calls the main output: list, record, text, file."""
    schema = one.output_schema
    if "$file" in schema.get("properties", {}):
        return "file"
    return WORDS_OF_TYPES.get(str(schema.get("type")), "value")


def _card(
    node: Node,
    one: NodeType | None,
    place: tuple[float, float],
    *,
    edges: Iterable[Edge],
    problems: Sequence[Problem],
    rank: int,
) -> View:
    x, y = place
    base: View = {
        "id": node.id,
        "type": node.type,
        "label": node.title,
        "x": x,
        "y": y,
        "off": node.off,
        "starts": one is not None and one.kind == "trigger",
        "problems": [{"field": problem.field or "", "message": problem.message} for problem in problems],
        "doc": dump_node(node),
    }
    if one is None:
        return base | {
            "icon": "circle-help", "kind": "flow", "sub": node.type, "ins": [], "outs": [], "trigger": False,
            "times": "", "writes": False, "after": False, "body": False, "results": [],
        }  # fmt: skip
    if one.kind == "note":
        return base | {
            "icon": one.icon, "kind": "flow", "sub": "", "ins": [], "outs": [], "trigger": True, "times": "",
            "writes": False, "after": False, "body": False, "results": [],
            "text": str(node.params.get("text") or "")[:LONGEST_NOTE],
        }  # fmt: skip
    wired = {edge.field.partition(".")[0] for edge in edges if edge.kind == "value"}
    faulty = {field_of(problem) for problem in problems}
    writes = _writes(one, node)
    ports = [name for name, spec in one.fields.items() if spec.port or name in wired]
    outs = out_ports(one, node.params)
    if node.on_error == "output":
        outs.append({"name": "error", "title": "on failure"})
    return base | {
        "icon": one.icon,
        "kind": one.category,
        "sub": summary(one, node),
        "ins": [
            in_port(one, name, wired=name in wired, problem=name in faulty, given=_given(node.params.get(name)))
            for name in ports
        ],
        "outs": outs,
        "trigger": one.kind == "trigger",
        "times": "once per item" if rank and writes else "",
        "writes": writes,
        "after": bool(node.after),
        "body": one.body,
        "results": results(one, edges),
    }


def results(one: NodeType, edges: Iterable[Edge] = ()) -> list[View]:
    """What a container asks in its body and a wire can end in, drawn on the inside."""
    wired = {edge.field.partition(".")[0] for edge in edges if edge.kind == "result"}
    passed = {output.passes for output in outputs_of(one, {})}
    return [
        {"name": name, "title": spec.title, "wired": name in wired}
        for name, spec in one.fields.items()
        if spec.inside and (name in passed or name in wired)
    ]


def _given(value: Any) -> str:
    """A field that is exactly one reference to what no wire brings: the item of a container, for example."""
    reference = _reference(value)
    return str(reference) if reference is not None and reference.node in SCOPE_NAMES else ""


def field_of(problem: Problem) -> str:
    """The field of the form that a problem belongs to; empty for the node as a whole."""
    return (problem.field or "").partition(".")[0]


def _writes(one: NodeType, node: Node) -> bool:
    return effect_word(one, node) == EFFECT_WORDS[Effect.write]


EFFECT_WORDS = {Effect.none: "", Effect.read: "reads from outside", Effect.write: "writes to the outside"}


def effect_word(one: NodeType, node: Node) -> str:
    """What a call does to the world outside, in words."""
    try:
        return EFFECT_WORDS[one.effect_for(dict(node.params))]
    except (TypeError, ValueError, AttributeError, LookupError):
        return ""


def _wire(edge: Edge, one: NodeType | None, rank: int) -> View:
    name = edge.field.partition(".")[0]
    spec = one.fields.get(name) if one else None
    single = spec is not None and spec.rank == "single"
    return {
        "id": f"{edge.source}.{edge.port}>{edge.target}.{edge.field}",
        "source": edge.source,
        "port": edge.port,
        "target": edge.target,
        "field": edge.field,
        "handle": name if spec is not None and edge.kind in ("value", "result") else "after",
        "kind": edge.kind,
        "levels": rank if single and edge.kind == "value" else 0,
    }


def summary(one: NodeType, node: Node) -> str:
    """The second line of a card: the setting that says most, else the kind of node."""
    for name, spec in one.fields.items():
        value = node.params.get(name)
        if spec.port or value in (None, "", [], {}) or value == spec.default:
            continue
        words = _said(value)
        if isinstance(value, str) and value in _choices(one, name):
            words = value.replace("_", " ")
        if words and words != node.title:
            return words[:LONGEST_SUMMARY]
    return one.subtitle or one.title if node.title == one.title else one.title


def _choices(one: NodeType, name: str) -> Sequence[str]:
    """The words that a field chooses from."""
    hints = one.params_schema.get("properties", {}).get(name, {}).get("x-ui", {})
    found: Sequence[str] = hints.get("options", ())
    return found


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value.strip().removeprefix("{{").removesuffix("}}").strip()
    if isinstance(value, Mapping):
        return str(value["name"]) if "$file" in value else ", ".join(map(str, value))
    if isinstance(value, list):
        names = [one.get("name") if isinstance(one, Mapping) else one for one in value]
        return ", ".join(str(name) for name in names if name not in (None, "", {}, []))
    return "" if isinstance(value, bool) else str(value)


def badge(graph: Graph, text: Any) -> str:
    """The words of the badge of a text that is exactly one reference; of any other nothing."""
    reference = _reference(text)
    if reference is None:
        return ""
    start = graph.nodes[reference.node].title if reference.node in graph.nodes else reference.node
    return ARROW.join([start, *map(str, reference.path)])


def _reference(text: Any) -> expressions.Reference | None:
    """The reference that a text is exactly."""
    if not isinstance(text, str) or "{{" not in text:
        return None
    try:
        template = expressions.compile(text)
    except expressions.TemplateError:
        return None
    return template.references[0] if template.kind == "reference" else None


def fits(found: Targets, drawing: Drawing) -> dict[str, Any]:
    """Where a wire may end, for the ports that cards show and their headers; and what may follow, by type."""
    answers = {}
    for node_id, fields in found.nodes.items():
        card = drawing.nodes.get(node_id, {"ins": (), "results": ()})
        shown = [port["name"] for port in (*card["ins"], *card["results"])]
        asked = {name: fields[AFTER] if name.startswith("inputs.") else fields.get(name) for name in [*shown, AFTER]}
        answers[node_id] = {
            name: {"fits": one.fits, "reason": one.reason} for name, one in asked.items() if one is not None
        }
    following = {
        type_id: {"fits": one.fits, "field": one.field, "note": one.note} for type_id, one in found.following.items()
    }
    return {"targets": answers, "following": following}
