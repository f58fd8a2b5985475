"""What turns one drawing into another: the way back of any edit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.document import dump_node
from engine.document.writing import NODE_KEYS
from engine.graph import Graph, Node

Op = dict[str, Any]
OPTIONS = tuple(key for key in NODE_KEYS if key not in ("type", "with", "label"))


def difference(start: Graph, goal: Graph) -> list[Op]:
    """Operations that turn `start` into `goal`; nodes that both share cost nothing."""
    ops: list[Op] = []
    if start.name != goal.name:
        ops.append({"op": "set_name", "name": goal.name})
    ops += [
        {"op": "remove_node", "node": node_id, "clear": False} for node_id in start.nodes if node_id not in goal.nodes
    ]
    changed: list[Op] = []
    for index, (node_id, node) in enumerate(goal.nodes.items()):
        before = start.nodes.get(node_id)
        if before is None or before.type != node.type:
            ops += _added(node, index, replaces=before is not None)
        elif before is not node:
            changed += _changed(before, node)
    ops += changed  # a node may go into a container that is new
    ops += _moved(start, goal)
    return ops


def _added(node: Node, index: int, replaces: bool) -> Iterator[Op]:
    if replaces:
        yield {"op": "remove_node", "node": node.id, "clear": False}
    rest = {key: value for key, value in dump_node(node).items() if key != "type"}
    yield {
        "op": "add_node",
        "id": node.id,
        "type": node.type,
        "node": {"version": node.version, **rest},
        "index": index,
    }


def _changed(before: Node, node: Node) -> Iterator[Op]:
    if before.label != node.label:
        yield {"op": "rename", "node": node.id, "label": node.label}
    for key in OPTIONS:
        attribute = NODE_KEYS[key]
        if getattr(before, attribute) != getattr(node, attribute):
            exact = {"exact": True} if key == "in" else {}
            yield {"op": "set_option", "node": node.id, "key": key, "value": dump_node(node).get(key), **exact}
    yield from _fields(node.id, before.params, node.params)


def _fields(node_id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Op]:
    for name in before:
        if name not in after:
            yield {"op": "set_field", "node": node_id, "path": [name]}
    for name, value in after.items():
        if name not in before or not _same(before[name], value):
            yield {"op": "set_field", "node": node_id, "path": [name], "value": value, "exact": True}


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON: True is not 1."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return type(left) is type(right) and bool(left == right)


def _moved(start: Graph, goal: Graph) -> Iterator[Op]:
    kept = {
        node_id: place
        for node_id, place in start.layout.items()
        if node_id in goal.nodes and start.nodes[node_id].type == goal.nodes[node_id].type
    }
    for node_id, place in goal.layout.items():
        if kept.get(node_id) != place:
            yield {"op": "move", "node": node_id, "x": place[0], "y": place[1]}
    for node_id in kept:
        if node_id not in goal.layout:
            yield {"op": "move", "node": node_id}
