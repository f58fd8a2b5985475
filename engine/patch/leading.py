"""Leads references to other places when nodes go into a container or come out of one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

from engine.broadcast.edges import mentioned, port_of, ports
from engine.catalog import Catalog
from engine.contract import MAIN, NodeType
from engine.expressions import Reference, redirect
from engine.graph import Graph, Node
from engine.patch.changes import reference_in

Change = Callable[[Reference], Reference | None]
Output = tuple[str, str]


def with_templates(node: Node, node_type: NodeType | None, change: Callable[[str, str], str]) -> Node:
    """The node with every template led through `change`, which gets the text and the name of its field."""
    literal = {name for name, spec in node_type.fields.items() if spec.literal} if node_type is not None else set()

    def walk(raw: Any, field: str) -> Any:
        if isinstance(raw, str):
            return change(raw, field)
        if isinstance(raw, Mapping):
            return {key: walk(value, field) for key, value in raw.items()}
        return [walk(value, field) for value in raw] if isinstance(raw, list) else raw

    params = {name: raw if name in literal else walk(raw, name) for name, raw in node.params.items()}
    after = tuple(dict.fromkeys(change(source, "after") for source in node.after))
    if params == node.params and after == node.after:
        return node
    return node.model_copy(update={"params": MappingProxyType(params), "after": after})


def led(graph: Graph, node_ids: Iterable[str], change: Change, catalog: Catalog, *, inside: bool = False) -> Graph:
    """The drawing with the references of these nodes led elsewhere. An own field is no reference; what a container asks
    in its body is left alone, or with `inside` alone changed."""
    nodes = dict(graph.nodes)
    for node_id in node_ids:
        node = nodes[node_id]
        node_type = catalog.get(node.type, node.version)
        fields = node_type.fields if node_type is not None else {}

        def changed(text: str, field: str, fields: Mapping[str, Any] = fields) -> str:
            asked_inside = field in fields and fields[field].inside
            if asked_inside != inside:
                return text
            own = {name for name, spec in fields.items() if name != field and spec.inside == asked_inside}
            return redirect(text, lambda r: None if r.node in own and field != "after" else change(r))

        nodes[node_id] = with_templates(node, node_type, changed)
    return graph.model_copy(update={"nodes": MappingProxyType(nodes)})


def outputs_used(graph: Graph, inner: set[str], catalog: Catalog) -> list[Output]:
    """The outputs of some nodes that others refer to, in the order of the document."""
    return list(
        dict.fromkeys(
            (reference.node, port_of(reference, _ports(graph, reference.node, catalog))[0])
            for reference in _references(graph, (n for n in graph.nodes if n not in inner), catalog)
            if reference.node in inner
        )
    )


def entering(graph: Graph, inner: set[str], catalog: Catalog) -> Reference | None:
    """What some nodes take from outside, if it is all parts of one value: the longest path to it.

    None as well where one of them takes a list whole: it means the list, not its items.
    """
    outer = graph.nodes.keys() - inner
    found = [r for r in _references(graph, inner, catalog) if r.node in outer]
    if not found or len({r.node for r in found}) > 1 or any(r.whole for r in found):
        return None
    path = found[0].path
    for reference in found[1:]:
        same = [a == b for a, b in zip(path, reference.path, strict=False)]
        path = path[: same.index(False) if False in same else len(same)]
    return Reference(found[0].node, path)


def _references(graph: Graph, node_ids: Iterable[str], catalog: Catalog) -> Iterator[Reference]:
    for node_id in node_ids:
        node = graph.nodes[node_id]
        for mention in mentioned(node, catalog.get(node.type, node.version)):
            if mention.kind != "after":
                yield mention.reference


def _ports(graph: Graph, node_id: str, catalog: Catalog) -> frozenset[str]:
    node = graph.nodes[node_id]
    return ports(node, catalog.get(node.type, node.version))


def of_output(output: Output) -> Reference:
    """The reference to one output of a node."""
    node_id, port = output
    return Reference(node_id, () if port == MAIN.name else (port,))


def result_of(graph: Graph, container: Node, last: tuple[str, ...]) -> Mapping[str, Reference] | Reference | None:
    """What a container's result is made of: one reference, or one by the name of each part; None: something else."""
    raw = container.params.get("result")
    if raw is None:
        return Reference(last[0], ()) if len(last) == 1 else {name: Reference(name, ()) for name in last}
    if isinstance(raw, Mapping):
        parts = {name: reference_in(value) for name, value in raw.items()}
        return {name: reference for name, reference in parts.items() if reference is not None}
    return reference_in(raw)
