"""Nodes go into containers and come out of them; what they refer to, and what refers to them, goes along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from engine.broadcast.edges import behind, edges, outputs_of, port_of, ports
from engine.catalog import Catalog
from engine.contract import NodeType
from engine.expressions import Reference, write
from engine.graph import BODY, MAX_LEVELS, Graph, Node, Place
from engine.patch.changes import PatchError, reference_in, with_nodes
from engine.patch.leading import entering, led, of_output, outputs_used, result_of

Op = Mapping[str, Any]


def move_into(graph: Graph, node_ids: Sequence[str], container: str | None, places: Mapping[str, Any]) -> Graph:
    """The nodes in another container, or on the top level; each with all that stands in it. `places`: where, from the
    start of that body; without one a node stays where it is on the canvas."""
    if container is not None:
        _check_room(graph, node_ids, container)
    nodes, layout = dict(graph.nodes), dict(graph.layout)
    to = graph.origin(container)
    for node_id in node_ids:
        start = graph.origin(graph.level(node_id))
        nodes[node_id] = nodes[node_id].model_copy(update={"container": container})
        if node_id in layout:
            x, y = layout[node_id]
            layout[node_id] = (x + start[0] - to[0], y + start[1] - to[1])
        if node_id in places:
            layout[node_id] = _place(places[node_id])
    return with_nodes(graph, nodes).model_copy(update={"layout": MappingProxyType(layout)})


def _check_room(graph: Graph, node_ids: Sequence[str], container: str) -> None:
    """Raises PatchError where a node would stand in itself, or too deep."""
    line = (*graph.levels(container), container)
    for node_id in node_ids:
        if node_id in line:
            raise PatchError(f"“{graph.nodes[node_id].title}” cannot stand in itself.")
        deepest = max((len(graph.levels(inner)) for inner in graph.inside(node_id)), default=len(graph.levels(node_id)))
        if len(line) + deepest - len(graph.levels(node_id)) > MAX_LEVELS:
            raise PatchError(f"Containers nest at most {MAX_LEVELS} levels.")


def _place(raw: Any) -> Place:
    if isinstance(raw, list | tuple) and len(raw) == 2:
        x, y = raw
        if all(isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e7 for n in raw):
            return float(x), float(y)
    raise PatchError("A position is two numbers, x and y.")


def need_body(node: Node, catalog: Catalog) -> NodeType:
    """The type of a container. Raises PatchError for a node that nothing can stand in."""
    node_type = catalog.get(node.type, node.version)
    if node_type is None or not node_type.body:
        raise PatchError(f"“{node.title}” is no container.")
    return node_type


def topmost(graph: Graph, node_ids: Iterable[str]) -> list[str]:
    """Those that stand in none of the others, in the order of the document. Raises PatchError unless all of them stand
    on one level."""
    asked = set(node_ids)
    found = [n for n in graph.nodes if n in asked and not asked.intersection(graph.levels(n))]
    if len({graph.level(n) for n in found}) > 1:
        raise PatchError("Only nodes of one level can be grouped: these stand in different containers.")
    return found


def group(graph: Graph, node_ids: Sequence[str], container: Node, catalog: Catalog) -> Graph:
    """A new container, which is in the drawing already, around nodes of one level.

    What others took from the nodes they take from the container, whose result says what that is. Where the nodes take
    one value from outside and the container gives its body parts of it, they take that.
    """
    node_type = need_body(container, catalog)
    inner = {*node_ids, *(deep for node_id in node_ids for deep in graph.inside(node_id))}
    used, taken = outputs_used(graph, inner, catalog), entering(graph, inner, catalog)
    others = [node_id for node_id in graph.nodes if node_id not in inner and node_id != container.id]
    graph = _placed(graph, node_ids, container.id)
    if used and (led_out := _led_out(graph, node_type, container, used, catalog)) is not None:
        graph, change = led_out
        graph = led(graph, others, change, catalog)
    return _led_in(graph, container.id, taken, inner, catalog)


def _placed(graph: Graph, node_ids: Sequence[str], container: str) -> Graph:
    """The nodes in the new container, which stands where they stood."""
    places = [graph.layout[node_id] for node_id in node_ids if node_id in graph.layout]
    if places:
        corner = (min(x for x, _ in places) - BODY[0], min(y for _, y in places) - BODY[1])
        graph = graph.model_copy(update={"layout": MappingProxyType({**graph.layout, container: corner})})
    _check_room(graph, node_ids, container)
    return move_into(graph, node_ids, container, {})


def _led_out(
    graph: Graph, node_type: NodeType, container: Node, used: Sequence[tuple[str, str]], catalog: Catalog
) -> tuple[Graph, Any] | None:
    """The drawing with the container's result, and where references from outside go now."""
    output = next((o for o in outputs_of(container, node_type) if o.passes), None)
    if output is None:
        return None
    start = of_output((container.id, output.name)).path
    names = {out: out[0] if [n for n, _ in used].count(out[0]) == 1 else f"{out[0]}_{out[1]}" for out in used}
    last = last_of(graph, container.id, catalog)
    if len(used) > 1:
        result: Any = {names[out]: write(*of_output(out)[:2]) for out in used}
    else:
        result = None if (used[0][0],) == last and used[0][1] == "main" else write(*of_output(used[0])[:2])
    if result is not None:
        made = graph.nodes[container.id]
        params = MappingProxyType({**made.params, output.passes: result})
        graph = graph.with_node(made.model_copy(update={"params": params}))

    def change(reference: Reference) -> Reference | None:
        if reference.node not in graph.nodes:
            return None
        of = graph.nodes[reference.node]
        port, path = port_of(reference, ports(of, catalog.get(of.type, of.version)))
        if (reference.node, port) not in names:
            return Reference(container.id, ()) if container.id in graph.levels(reference.node) else None
        part = (names[reference.node, port],) if len(used) > 1 else ()
        return Reference(container.id, (*start, *part, *path))

    return graph, change


def _led_in(graph: Graph, container: str, taken: Reference | None, inner: set[str], catalog: Catalog) -> Graph:
    """The body takes what the container gives it instead of the value that the container takes now."""
    made = graph.nodes[container]
    name, field = next(((n, f) for n, f in need_body(made, catalog).gives.items() if f), ("", ""))
    if taken is None or not field or field in made.params:
        return graph
    params = MappingProxyType({field: write(taken.node, taken.path), **made.params})
    graph = graph.with_node(made.model_copy(update={"params": params}))
    reach = len(taken.path)

    def change(reference: Reference) -> Reference | None:
        if reference.node != taken.node or reference.path[:reach] != taken.path:
            return None
        return Reference(name, reference.path[reach:], reference.whole)

    return led(graph, [n for n in graph.nodes if n in inner], change, catalog)


def last_of(graph: Graph, container: str, catalog: Catalog) -> tuple[str, ...]:
    """The nodes that a body ends with: none of it waits for them."""
    body = [
        node_id
        for node_id in graph.children(container)
        if (kind := catalog.get(graph.nodes[node_id].type)) is None or kind.kind != "note"
    ]
    sources = behind(graph, edges(graph, catalog))
    waited = {source for node_id in body for source in sources.get(node_id, ())}
    return tuple(node_id for node_id in body if node_id not in waited)


def ungroup(graph: Graph, container: Node, catalog: Catalog) -> Graph:
    """The body where the container stood; the container stays in the drawing, empty, and nobody refers to it where its
    result says what else is meant."""
    node_type = need_body(container, catalog)
    body, inner = graph.children(container.id), graph.inside(container.id)
    meant = result_of(graph, container, last_of(graph, container.id, catalog))
    output = next((o for o in outputs_of(container, node_type) if o.passes), None)
    names = ports(container, node_type)
    for name, field in node_type.gives.items():
        if (source := reference_in(container.params.get(field))) is not None:
            asking = [n for n in inner if _giver(graph, n, name, catalog) == container.id]
            graph = led(graph, asking, _back(name, source), catalog)
    graph = move_into(graph, body, graph.level(container.id), {})

    def change(reference: Reference) -> Reference | None:
        port, path = port_of(reference, names)
        if reference.node != container.id or output is None or port != output.name:
            return None
        if isinstance(meant, Reference):
            return Reference(meant.node, (*meant.path, *path))
        part = meant.get(str(path[0])) if meant and path else None
        return Reference(part.node, (*part.path, *path[1:])) if part is not None else None

    return led(graph, [n for n in graph.nodes if n != container.id], change, catalog)


def _back(name: str, source: Reference) -> Any:
    def change(reference: Reference) -> Reference | None:
        return Reference(source.node, (*source.path, *reference.path)) if reference.node == name else None

    return change


def _giver(graph: Graph, node_id: str, name: str, catalog: Catalog) -> str | None:
    """The innermost container around that gives its body this name."""
    for around in reversed(graph.levels(node_id)):
        node = graph.nodes[around]
        node_type = catalog.get(node.type, node.version)
        if node_type is not None and name in node_type.gives:
            return around
    return None
