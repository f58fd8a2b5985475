"""In which order a drawing can be worked out: level by level, each node after all that it waits for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from engine.broadcast.edges import waits
from engine.graph import Edge, Graph


@dataclass(frozen=True, eq=False)
class Order:
    """`nodes`: each after those it waits for, a container before its body; what stands in a circle comes last on its
    level. `sources`: by node those of its level that it waits for, each with the first wire that makes it wait.
    `circular`: the nodes that no order can place: they wait for each other, or for such a circle.
    """

    nodes: Sequence[str]
    sources: Mapping[str, Mapping[str, Edge]]
    circular: frozenset[str]


def ordered(graph: Graph, edges: Iterable[Edge]) -> Order:
    """The order of all levels of a drawing."""
    sources: dict[str, dict[str, Edge]] = {node_id: {} for node_id in graph.nodes}
    for waiting, edge in waits(graph, edges):
        sources[waiting].setdefault(edge.source, edge)
    found: dict[str, None] = {}
    circular: set[str] = set()
    ahead = list(reversed(_level(graph.children(), sources, circular)))
    while ahead:
        node_id = ahead.pop()
        if node_id not in found:
            found[node_id] = None
            ahead += reversed(_level(graph.children(node_id), sources, circular))
    lost = [node_id for node_id in graph.nodes if node_id not in found]  # containers that stand in each other
    return Order((*found, *lost), sources, frozenset(circular))


def _level(body: Sequence[str], sources: Mapping[str, Mapping[str, Edge]], circular: set[str]) -> Sequence[str]:
    """The nodes of one level in order (Kahn, 1962)."""
    order = list(_placed(body, sources))
    if len(order) == len(body):
        return order
    left = [node_id for node_id in body if node_id not in set(order)]
    circular.update(left)
    return [*order, *left]


def _placed(body: Sequence[str], sources: Mapping[str, Mapping[str, Edge]]) -> Iterator[str]:
    left = {node_id: len(sources[node_id]) for node_id in body}
    feeds: dict[str, list[str]] = {}
    for target in body:
        for source in sources[target]:
            feeds.setdefault(source, []).append(target)
    ready = [node_id for node_id, count in left.items() if not count]
    for node_id in ready:  # grows while it is walked
        yield node_id
        for target in feeds.get(node_id, ()):
            left[target] -= 1
            if not left[target]:
                ready.append(target)
