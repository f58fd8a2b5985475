"""A drawing as its document: only what differs from the default, in a stable order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.graph import Fallback, Graph, Node, Retry

VERSION = 1
# The document's word for each attribute of Node, in the order in which they are written.
NODE_KEYS: Mapping[str, str] = {
    "type": "type",
    "version": "version",
    "label": "label",
    "in": "container",
    "with": "params",
    "after": "after",
    "each": "each",
    "limit": "limit",
    "retry": "retry",
    "on_error": "on_error",
    "fallback": "fallback",
    "on_unknown": "on_unknown",
    "time_limit": "time_limit",
    "note": "note",
    "off": "off",
}
_DEFAULTS = {name: info.get_default(call_default_factory=True) for name, info in Node.model_fields.items()}


def dump(graph: Graph) -> dict[str, Any]:
    """The document as plain JSON: `load(dump(graph)) == graph`."""
    document: dict[str, Any] = {"weft": VERSION, "name": graph.name}
    document["nodes"] = {node_id: dump_node(node) for node_id, node in graph.nodes.items()}
    if graph.layout:
        document["layout"] = {node_id: [_number(x), _number(y)] for node_id, (x, y) in graph.layout.items()}
    return document


def dump_node(node: Node) -> dict[str, Any]:
    """One node as it stands in the document, without its id."""
    written: dict[str, Any] = {}
    for key, attribute in NODE_KEYS.items():
        value = getattr(node, attribute)
        if attribute != "type" and value == _DEFAULTS[attribute]:
            continue
        written[key] = _plain(value)
    return written


def _plain(value: Any) -> Any:
    if isinstance(value, Fallback):
        return {"value": value.value}
    if isinstance(value, Retry):
        return {name: _plain(inner) for name, inner in value.model_dump(exclude_defaults=True).items()}
    if isinstance(value, Mapping):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return _number(value) if isinstance(value, float) else value


def _number(value: float) -> float:
    """2 rather than 2.0: JSON knows one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value
