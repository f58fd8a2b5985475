"""The wires of a drawing, read off its fields; never stored."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from engine.broadcast.leaves import SCOPE_NAMES, field_leaves, is_own
from engine.catalog import Catalog
from engine.contract import MAIN, NodeType, Output
from engine.expressions import Reference, TemplateError, compile
from engine.graph import Edge, EdgeKind, Graph, Node

ERROR = "error"
KEPT = 20_000


class Mentioned(NamedTuple):
    """A reference in a field. `path` is the field's place in the params, `after` for the header."""

    reference: Reference
    path: str
    kind: EdgeKind


_cache: dict[int, tuple[Node, NodeType | None, tuple[Mentioned, ...]]] = {}
_ports: dict[int, tuple[Node, NodeType | None, frozenset[str]]] = {}


def mentioned(node: Node, node_type: NodeType | None) -> tuple[Mentioned, ...]:
    """Every reference to another node, in the order of the fields. What cannot be read is left out."""
    found = _cache.get(id(node))
    if found is None or found[0] is not node or found[1] is not node_type:
        if len(_cache) >= KEPT:
            _cache.clear()
        found = _cache[id(node)] = (node, node_type, tuple(_read(node, node_type)))
    return found[2]


def _read(node: Node, node_type: NodeType | None) -> Iterator[Mentioned]:
    if node_type is not None:
        for name in node.params:
            try:
                leaves = list(field_leaves(node, node_type, name))
            except TemplateError:
                continue
            for leaf in leaves:
                for number, template in enumerate(leaf.templates):
                    path = f"{leaf.field}.first.{number}" if leaf.kind == "first" else leaf.field
                    kind: EdgeKind = "value" if template.kind == "reference" else "mention"
                    kind = "result" if leaf.mode.inside else kind
                    for reference in template.references:
                        if reference.node not in SCOPE_NAMES and not is_own(node_type, leaf, reference.node):
                            yield Mentioned(reference, path, kind)
    for number, source in enumerate(node.after):
        try:
            references = compile(source).references
        except TemplateError:
            continue
        for reference in references:
            if reference.node not in SCOPE_NAMES:
                yield Mentioned(reference, f"after.{number}", "after")


def ports(node: Node, node_type: NodeType | None) -> frozenset[str]:
    """The names of a node's outputs under its settings, the error output among them where it is on."""
    found = _ports.get(id(node))
    if found is None or found[0] is not node or found[1] is not node_type:
        if len(_ports) >= KEPT:
            _ports.clear()
        found = _ports[id(node)] = (node, node_type, frozenset(_port_names(node, node_type)))
    return found[2]


def _port_names(node: Node, node_type: NodeType | None) -> Iterator[str]:
    if node.on_error == "output":
        yield ERROR
    if node_type is None:
        yield MAIN.name
        return
    yield from (output.name for output in outputs_of(node, node_type))


def outputs_of(node: Node, node_type: NodeType) -> tuple[Output, ...]:
    """A node's outputs under its settings; none where the settings make no sense."""
    try:
        return node_type.outputs_for(node.params)
    except (TypeError, ValueError, KeyError, AttributeError):
        return ()


def port_of(reference: Reference, names: frozenset[str]) -> tuple[str, tuple[str | int, ...]]:
    """Which output a reference means, and the path inside its value: the output's own name first, else main."""
    head = reference.path[0] if reference.path else None
    if isinstance(head, str) and head in names:
        return head, reference.path[1:]
    return MAIN.name, reference.path


def edges(graph: Graph, catalog: Catalog) -> tuple[Edge, ...]:
    """The wires between nodes that exist and see each other, in the order of the document.

    Several mentions in one field are one wire.

    Asked by several of one drawing in turn, so the answers for the last few are kept.
    """
    for known, of, answer in tuple(_recent):
        if known is graph and of is catalog:
            return answer
    answer = _edges(graph, catalog)
    _recent.append((graph, catalog, answer))
    return answer


_recent: deque[tuple[Graph, Catalog, tuple[Edge, ...]]] = deque(maxlen=8)


def _edges(graph: Graph, catalog: Catalog) -> tuple[Edge, ...]:
    found: dict[tuple[str, str, str, str], EdgeKind] = {}
    types = {node_id: catalog.get(node.type, node.version) for node_id, node in graph.nodes.items()}
    for target, node in graph.nodes.items():
        for mention in mentioned(node, types[target]):
            source = graph.nodes.get(mention.reference.node)
            if source is not None and _sees(graph, node, source, mention):
                port, _ = port_of(mention.reference, ports(source, types[source.id]))
                field = "after" if mention.kind == "after" else mention.path
                found[source.id, port, target, field] = mention.kind
    return tuple(
        Edge(source=source_id, port=port, target=target, field=field, kind=kind)
        for (source_id, port, target, field), kind in found.items()
    )


def _sees(graph: Graph, node: Node, source: Node, mention: Mentioned) -> bool:
    if node.container is None and source.container is None and mention.kind != "result":
        return True
    return graph.sees(node.id, source.id, inside=mention.kind == "result")


def waits(graph: Graph, found: Iterable[Edge]) -> Iterator[tuple[str, Edge]]:
    """For each wire who waits for its source: the target itself, or the container of the source's level that holds it.

    So both stand on one level. What ends a body makes nobody wait.
    """
    for edge in found:
        if edge.kind != "result":
            waiting = graph.at_level(edge.target, graph.level(edge.source))
            if waiting is not None:
                yield waiting, edge


def behind(graph: Graph, found: Iterable[Edge]) -> dict[str, set[str]]:
    """For each node those of its own level that it waits for, itself or by what stands in it."""
    sources: dict[str, set[str]] = {}
    for waiting, edge in waits(graph, found):
        sources.setdefault(waiting, set()).add(edge.source)
    return sources


def ahead_of(sources: Mapping[str, set[str]], node_id: str) -> frozenset[str]:
    """All nodes of its level that this one waits for, directly or by way of others."""
    found: set[str] = set()
    frontier = [node_id]
    while frontier:
        fresh = sources.get(frontier.pop(), set()) - found
        found |= fresh
        frontier += fresh
    return frozenset(found)
