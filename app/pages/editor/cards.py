"""One node as the canvas draws it: a plain record."""

from collections.abc import Iterable, Sequence

from app.pages.editor import ports, words
from app.pages.editor.ports import View
from engine.contract import NodeType
from engine.document.writing import dump_node
from engine.graph import Edge, Node
from engine.problem import Problem

PLAIN: View = {
    "icon": "circle-help", "kind": "flow", "sub": "", "ins": [], "outs": [], "trigger": False, "times": "",
    "writes": False, "after": False, "body": False, "results": [],
}  # fmt: skip


def card(
    node: Node,
    one: NodeType | None,
    place: tuple[float, float],
    *,
    edges: Iterable[Edge],
    problems: Sequence[Problem],
    rank: int,
) -> View:
    """``edges``: those that enter it. ``rank``: how many list levels it is mapped over."""
    x, y = place
    base: View = {
        "id": node.id,
        "type": node.type,
        "label": node.title,
        "x": x,
        "y": y,
        "off": node.off,
        "starts": one is not None and one.kind == "trigger",
        "problems": [words.told(problem) for problem in problems],
        "doc": dump_node(node),
    }
    if one is None:
        return base | PLAIN | {"sub": node.type}
    if one.kind == "note":
        return base | PLAIN | {"icon": one.icon, "trigger": True, **words.note(node.params)}
    wired = {edge.field.partition(".")[0] for edge in edges if edge.kind == "value"}
    faulty = {words.field_of(problem) for problem in problems}
    writes = words.writes(one, node)
    shown = [name for name, spec in one.fields.items() if spec.port or name in wired]
    outs = ports.out_ports(one, node.params)
    if node.on_error == "output":
        outs.append({"name": "error", "title": "on failure"})
    return base | {
        "icon": one.icon,
        "kind": one.category,
        "sub": words.summary(one, node),
        "ins": [
            ports.in_port(
                one, name, wired=name in wired, problem=name in faulty, given=ports.given(node.params.get(name))
            )
            for name in shown
        ],
        "outs": outs,
        "trigger": one.kind == "trigger",
        "times": "once per item" if rank and writes else "",
        "writes": writes,
        "after": bool(node.after),
        "body": one.body,
        "results": ports.results(one, edges),
    }
