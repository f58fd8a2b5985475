"""Places for the nodes of a drawing: in layers from left to right, wires crossing as little as a few sweeps can do.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981): layers by
the longest way from a start, order within a layer by the mean place of the neighbors, swept both ways.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from engine.broadcast import edges
from engine.broadcast.edges import behind
from engine.catalog import Catalog
from engine.graph import Graph

COLUMN = 300.0
ROW = 140.0
SWEEPS = 8
Place = tuple[float, float]


def arrange(graph: Graph, catalog: Catalog) -> dict[str, Place]:
    """A place for every node, whatever places there were. Top left is (0, 0); no two nodes overlap."""
    sources = behind(graph, edges(graph, catalog))
    layers = _layers(graph.nodes, sources)
    feeds: dict[str, set[str]] = {}
    for target, found in sources.items():
        for source in found:
            feeds.setdefault(source, set()).add(target)
    _reduce_crossings(layers, sources, feeds)
    rows = _rows(layers, sources, feeds)
    top = min(rows.values(), default=0.0)
    return {
        node_id: (column * COLUMN, round(rows[node_id] - top))
        for column, layer in enumerate(layers)
        for node_id in layer
    }


def complete(graph: Graph, catalog: Catalog) -> Graph:
    """The drawing with a place for every node: all arranged when none has one, else the new beside their sources."""
    missing = [node_id for node_id in graph.nodes if node_id not in graph.layout]
    if not missing:
        return graph
    arranged = arrange(graph, catalog)
    if len(missing) == len(graph.nodes):
        return graph.model_copy(update={"layout": MappingProxyType(arranged)})
    sources, places = behind(graph, edges(graph, catalog)), dict(graph.layout)
    for node_id in sorted(missing, key=lambda n: arranged[n]):
        before = [places[source] for source in sources.get(node_id, ()) if source in places]
        if before:
            start = (max(x for x, _ in before) + COLUMN, sum(y for _, y in before) / len(before))
        else:
            start = (min(x for x, _ in places.values()), max(y for _, y in places.values()) + ROW)
        places[node_id] = _free(start, places.values())
    ordered = {node_id: places[node_id] for node_id in graph.nodes}
    return graph.model_copy(update={"layout": MappingProxyType(ordered)})


def _free(start: Place, taken: Iterable[Place]) -> Place:
    """The nearest place at or below `start` where a card covers no other."""
    near = sorted(y for x, y in taken if abs(x - start[0]) < COLUMN)
    row = start[1]
    for y in near:
        if abs(y - row) < ROW:
            row = y + ROW
    return start[0], row


def _layers(nodes: Iterable[str], sources: Mapping[str, set[str]]) -> list[list[str]]:
    """Each node right of all that it waits for; what stands in a circle goes where it is met first."""
    depth: dict[str, int] = {}
    for start in nodes:
        stack = [start]
        open_: set[str] = set()
        while stack:
            node_id = stack[-1]
            open_.add(node_id)
            waiting = [s for s in sorted(sources.get(node_id, ())) if s not in depth and s not in open_]
            if node_id not in depth and waiting:
                stack += waiting
                continue
            stack.pop()
            if node_id not in depth:
                depth[node_id] = 1 + max((depth.get(s, -1) for s in sources.get(node_id, ())), default=-1)
    layers: list[list[str]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for node_id in nodes:
        layers[depth[node_id]].append(node_id)
    return layers


def _reduce_crossings(layers: list[list[str]], sources: Mapping[str, set[str]], feeds: Mapping[str, set[str]]) -> None:
    for sweep in range(SWEEPS):
        neighbors = feeds if sweep % 2 else sources
        rank = {node_id: float(row) for layer in layers for row, node_id in enumerate(layer)}
        for layer in reversed(layers) if sweep % 2 else layers:
            keys = {node_id: _mean(neighbors.get(node_id, ()), rank, rank[node_id]) for node_id in layer}
            layer.sort(key=keys.__getitem__)
            rank.update((node_id, float(row)) for row, node_id in enumerate(layer))


def _rows(
    layers: Sequence[Sequence[str]], sources: Mapping[str, set[str]], feeds: Mapping[str, set[str]]
) -> dict[str, float]:
    """How far down each node stands: level with its neighbors where there is room."""
    rows = {node_id: row * ROW for layer in layers for row, node_id in enumerate(layer)}
    for sweep in range(SWEEPS):
        neighbors = feeds if sweep % 2 else sources
        for layer in reversed(layers) if sweep % 2 else layers:
            wanted = [_mean(neighbors.get(node_id, ()), rows, rows[node_id]) for node_id in layer]
            rows.update(zip(layer, _spread(wanted), strict=True))
    return rows


def _spread(wanted: Sequence[float]) -> list[float]:
    """The nearest rows in this order that keep their distance: neighbors that would overlap share the move."""
    groups: list[tuple[float, int]] = []
    for number, row in enumerate(wanted):
        total, count = row - number * ROW, 1
        while groups and groups[-1][0] / groups[-1][1] >= total / count:
            before = groups.pop()
            total, count = total + before[0], count + before[1]
        groups.append((total, count))
    flat = [total / count for total, count in groups for _ in range(count)]
    return [base + number * ROW for number, base in enumerate(flat)]


def _mean(neighbors: Iterable[str], place: Mapping[str, float], default: float) -> float:
    found = [place[node_id] for node_id in neighbors]
    return sum(found) / len(found) if found else default
