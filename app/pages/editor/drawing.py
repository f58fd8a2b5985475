"""A draft as the canvas draws it: one plain record per card and per wire, and what changed between two drawings."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.pages.editor import cards, ports
from app.pages.editor.ports import View
from engine.catalog import Catalog
from engine.contract import NodeType
from engine.graph import Edge, Graph
from engine.problem import Problem
from engine.validation import Outside, Targets
from engine.validation.outside import NOTHING
from engine.validation.targets import AFTER


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
        level, called = graph.level(name), ports.called(node, one, outside)
        made_from = (node, place, wires, tuple(wrong.get(name, ())), ranks.get(name, 0), level, called)
        if _same(old.made_from.get(name), made_from):
            drawing.nodes[name] = old.nodes[name]
        else:
            view = cards.card(node, one, place, edges=wires, problems=made_from[3], rank=made_from[4])
            view = ports.as_called(view, node, called, wires) if called is not None else view
            drawing.nodes[name] = {**view, "parent": level or "", "levels": len(graph.levels(name))}
        drawing.made_from[name] = made_from
        for edge in wires:
            wire = _wire(edge, one, ranks.get(name, 0))
            if called is not None and edge.kind == "value" and edge.field.startswith("inputs."):
                wire["handle"] = ".".join(edge.field.split(".")[:2])
            drawing.edges[wire["id"]] = wire
    return drawing


def _same(old: tuple[Any, ...] | None, new: tuple[Any, ...]) -> bool:
    """Whether a card was made from just this; nodes are told apart by identity, which edits keep."""
    return old is not None and old[0] is new[0] and old[1:] == new[1:]


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
