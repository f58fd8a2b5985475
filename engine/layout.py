"""Places for the nodes of a drawing: in layers from left to right, wires crossing as little as a few sweeps can do.

After Sugiyama, Tagawa and Toda, "Methods for Visual Understanding of Hierarchical System Structures" (1981): layers by
the longest way from a start, order within a layer by the mean place of the neighbors, swept both ways. What stands in a
container is laid out first, so that the level around knows how much room the container takes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType

from engine.broadcast import edges
from engine.broadcast.edges import behind
from engine.catalog import Catalog
from engine.graph import BODY, Graph, Place

COLUMN = 300.0
ROW = 140.0
CARD = (220.0, 100.0)
GAP = (COLUMN - CARD[0], ROW - CARD[1])
MARGIN = 24.0  # between a container's content and its right and lower edge
NOTE_SIGNS, NOTE_LINE = 32, 20.0  # signs in a line of a note's text, and its height
SWEEPS = 8
Size = tuple[float, float]
Sizes = Mapping[str, Size]
Neighbors = Mapping[str, set[str]]


def arrange(graph: Graph, catalog: Catalog, drawn: Sizes = MappingProxyType({})) -> dict[str, Place]:
    """A place for every node on its level, whatever places there were. No two cards overlap.

    `drawn`: width and height in pixels of cards as they are drawn, a folded container's among them; others are
    reckoned.

    The top left of the top level is (0, 0), and so is that of each body, as seen from where the body starts.
    """
    sources = behind(graph, edges(graph, catalog))
    places: dict[str, Place] = {}
    sizes: dict[str, Size] = {**_notes(graph, catalog), **drawn}
    for container in reversed(_levels(graph)):
        body = graph.children(container)
        found = _arranged(body, sources, sizes)
        places.update(found)
        if container is not None and container not in sizes:
            sizes[container] = _around(found, sizes, graph, catalog, container)
    lost = [node_id for node_id in graph.nodes if node_id not in places]  # containers that stand in each other
    places.update(_arranged(lost, sources, sizes))
    return {node_id: places[node_id] for node_id in graph.nodes}


def _notes(graph: Graph, catalog: Catalog) -> dict[str, Size]:
    """How much room each note takes with its text."""
    found: dict[str, Size] = {}
    for node_id, node in graph.nodes.items():
        node_type = catalog.get(node.type)
        if node_type is not None and node_type.kind == "note":
            lines = sum(1 + len(line) // NOTE_SIGNS for line in str(node.params.get("text") or "").split("\n"))
            found[node_id] = (CARD[0], max(CARD[1], CARD[1] / 2 + lines * NOTE_LINE))
    return found


def sizes(graph: Graph, catalog: Catalog) -> dict[str, Size]:
    """How much room each container takes with its content where it stands now; width and height of its card."""
    found: dict[str, Size] = {}
    for container in reversed(_levels(graph)):
        if container is not None:
            body = {n: graph.layout[n] for n in graph.children(container) if n in graph.layout}
            found[container] = _around(body, found, graph, catalog, container)
    return {node_id: size for node_id, size in found.items() if size != CARD}


def _levels(graph: Graph) -> list[str | None]:
    """The top level and all nodes that something may stand in, each before what stands in it."""
    found: list[str | None] = [None]
    for level in found:  # grows while it is walked
        found += graph.children(level)
    return found


def _around(body: Mapping[str, Place], sizes: Sizes, graph: Graph, catalog: Catalog, container: str) -> Size:
    """The card around a body; that of a container with nothing in it has room for one."""
    node = graph.nodes[container]
    node_type = catalog.get(node.type, node.version)
    if not body and (node_type is None or not node_type.body):
        return CARD
    right = max((x + sizes.get(n, CARD)[0] for n, (x, _) in body.items()), default=CARD[0])
    low = max((y + sizes.get(n, CARD)[1] for n, (_, y) in body.items()), default=CARD[1])
    return BODY[0] + max(right, CARD[0]) + MARGIN, BODY[1] + max(low, CARD[1]) + MARGIN


def _arranged(nodes: Sequence[str], sources: Neighbors, sizes: Sizes) -> dict[str, Place]:
    """Places for the nodes of one level."""
    layers = _layers(nodes, sources)
    feeds: dict[str, set[str]] = {}
    for target in nodes:
        for source in sources.get(target, ()):
            feeds.setdefault(source, set()).add(target)
    level = {n: sources.get(n, set()).intersection(nodes) for n in nodes}
    _reduce_crossings(layers, level, feeds)
    rows = _rows(layers, level, feeds, sizes)
    top = min(rows.values(), default=0.0)
    places: dict[str, Place] = {}
    left = 0.0
    for layer in layers:
        places.update({node_id: (left, round(rows[node_id] - top)) for node_id in layer})
        left += max(sizes.get(node_id, CARD)[0] for node_id in layer) + GAP[0]
    return places


def complete(graph: Graph, catalog: Catalog) -> Graph:
    """The drawing with a place for every node: a level where none has one is arranged, else the new stand beside their
    sources."""
    missing = [node_id for node_id in graph.nodes if node_id not in graph.layout]
    if not missing:
        return graph
    arranged = arrange(graph, catalog)
    if len(missing) == len(graph.nodes):
        return graph.model_copy(update={"layout": MappingProxyType(arranged)})
    sources, places = behind(graph, edges(graph, catalog)), dict(graph.layout)
    cards = sizes(graph, catalog)
    for node_id in sorted(missing, key=lambda n: arranged[n]):
        level = [other for other in graph.children(graph.level(node_id)) if other in graph.layout]
        if not level:
            places[node_id] = arranged[node_id]
            continue
        beside = [other for other in graph.children(graph.level(node_id)) if other in places]
        before = [places[source] for source in sources.get(node_id, ()) if source in beside]
        if before:
            start = (max(x for x, _ in before) + COLUMN, sum(y for _, y in before) / len(before))
        else:
            start = (min(places[n][0] for n in beside), max(places[n][1] for n in beside) + ROW)
        places[node_id] = _free(start, {n: places[n] for n in beside}, cards)
    ordered = {node_id: places[node_id] for node_id in graph.nodes}
    return graph.model_copy(update={"layout": MappingProxyType(ordered)})


def _free(start: Place, taken: Mapping[str, Place], cards: Sizes) -> Place:
    """The nearest place at or below `start` where a card covers no other."""
    left, row = start
    near = [
        (y, y + cards.get(node_id, CARD)[1] + GAP[1])
        for node_id, (x, y) in taken.items()
        if x - COLUMN < left < x + cards.get(node_id, CARD)[0] + GAP[0]
    ]
    for top, below in sorted(near):
        if top - ROW < row < below:
            row = below
    return left, row


def _layers(nodes: Sequence[str], sources: Neighbors) -> list[list[str]]:
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
    return [layer for layer in layers if layer]


def _reduce_crossings(layers: list[list[str]], sources: Neighbors, feeds: Neighbors) -> None:
    for sweep in range(SWEEPS):
        neighbors = feeds if sweep % 2 else sources
        rank = {node_id: float(row) for layer in layers for row, node_id in enumerate(layer)}
        for layer in reversed(layers) if sweep % 2 else layers:
            keys = {node_id: _mean(neighbors.get(node_id, ()), rank, rank[node_id]) for node_id in layer}
            layer.sort(key=keys.__getitem__)
            rank.update((node_id, float(row)) for row, node_id in enumerate(layer))


def _rows(layers: Sequence[Sequence[str]], sources: Neighbors, feeds: Neighbors, sizes: Sizes) -> dict[str, float]:
    """How far down each node stands: level with its neighbors where there is room."""
    steps = [_steps(layer, sizes) for layer in layers]
    rows = {n: row for layer, down in zip(layers, steps, strict=True) for n, row in zip(layer, down, strict=True)}
    for sweep in range(SWEEPS):
        neighbors = feeds if sweep % 2 else sources
        both = list(zip(layers, steps, strict=True))
        for layer, down in reversed(both) if sweep % 2 else both:
            wanted = [_mean(neighbors.get(node_id, ()), rows, rows[node_id]) for node_id in layer]
            rows.update(zip(layer, _spread(wanted, down), strict=True))
    return rows


def _steps(layer: Sequence[str], sizes: Sizes) -> list[float]:
    """How far down each node of a layer stands when they follow each other closely."""
    found, down = [], 0.0
    for node_id in layer:
        found.append(down)
        down += sizes.get(node_id, CARD)[1] + GAP[1]
    return found


def _spread(wanted: Sequence[float], steps: Sequence[float]) -> list[float]:
    """The nearest rows in this order that keep their distance: neighbors that would overlap share the move."""
    groups: list[tuple[float, int]] = []
    for row, step in zip(wanted, steps, strict=True):
        total, count = row - step, 1
        while groups and groups[-1][0] / groups[-1][1] >= total / count:
            before = groups.pop()
            total, count = total + before[0], count + before[1]
        groups.append((total, count))
    flat = [total / count for total, count in groups for _ in range(count)]
    return [base + step for base, step in zip(flat, steps, strict=True)]


def _mean(neighbors: Iterable[str], place: Mapping[str, float], default: float) -> float:
    found = [place[node_id] for node_id in neighbors if node_id in place]
    return sum(found) / len(found) if found else default
