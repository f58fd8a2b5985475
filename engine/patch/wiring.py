"""Wires are fields: drawing one writes a reference, removing one clears it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from engine.broadcast import edges, port_of, ports
from engine.broadcast.edges import ahead_of, behind
from engine.catalog import Catalog
from engine.contract import MAIN, NodeType
from engine.expressions import Reference, write
from engine.graph import Graph, Node
from engine.patch.changes import (
    CLEARED,
    PatchError,
    Steps,
    collapsed,
    reference_in,
    replaced,
    steps,
    value_at,
    with_field,
)

AFTER = "after"


def written(source: Node, port: str) -> str:
    """The reference to one output of a node."""
    return write(source.id, () if port == MAIN.name else (port,))


def connect(graph: Graph, source: Node, port: str, target: Node, *, field: Any, catalog: Catalog) -> Graph:
    """A wire more. Into a port that has one already it makes a `first`, or one element more of a list of wires.

    Raises:
        PatchError: there is no such output or field, or the wire would close a circle.
    """
    if port not in ports(source, catalog.get(source.type, source.version)):
        raise PatchError(f"“{source.title}” has no output “{port}”.")
    target_type = catalog.get(target.type, target.version)
    if target_type is not None and target_type.kind == "trigger":
        raise PatchError(f"“{target.title}” starts runs: no wire can enter it.")
    spec = target_type.fields.get(str(steps(field)[0])) if target_type is not None else None
    if spec is not None and spec.inside:
        if graph.level(source.id) != target.id:
            raise PatchError(f"“{spec.title}” is asked inside “{target.title}”, where “{source.title}” does not stand.")
    else:
        check_order(graph, source, target, catalog)
    reference = written(source, port)
    if field == AFTER:
        after = target.after if reference in target.after else (*target.after, reference)
        return graph.with_node(target.model_copy(update={"after": after}))
    path = steps(field)
    if spec is not None and spec.literal:
        raise PatchError(f"“{spec.title}” takes no wires: what it holds is used as it is written.")
    new = _joined(value_at(target.params, path), reference, takes_lists=spec is not None and spec.levels > 1)
    return graph.with_node(with_field(target, target_type, path, new))


def check_order(graph: Graph, source: Node, target: Node, catalog: Catalog) -> None:
    """Raises PatchError where the target can never wait for the source."""
    level = graph.level(source.id)
    waiting = graph.at_level(target.id, level)
    if waiting is None:
        around = graph.nodes[str(level)].title
        raise PatchError(f"“{source.title}” stands inside “{around}”: from outside only its outputs can be used.")
    if waiting == source.id != target.id:
        raise PatchError(f"“{target.title}” stands in “{source.title}”, which gives nothing before its body has ended.")
    if waiting == source.id or waiting in ahead_of(behind(graph, edges(graph, catalog)), source.id):
        raise PatchError(f"“{source.title}” already waits for “{target.title}”: this wire would close a circle.")


def _joined(raw: Any, reference: str, takes_lists: bool) -> Any:
    if isinstance(raw, Mapping) and list(raw) == ["first"] and isinstance(raw["first"], list):
        return raw if reference in raw["first"] else {"first": [*raw["first"], reference]}
    if isinstance(raw, list) and raw and all(reference_in(item) is not None for item in raw):
        return raw if reference in raw else [*raw, reference]
    if reference_in(raw) is None:
        return [reference] if takes_lists else reference
    if raw == reference:
        return raw
    return [raw, reference] if takes_lists else {"first": [raw, reference]}


def disconnect(graph: Graph, source: Node, port: str, target: Node, *, field: Any, catalog: Catalog) -> Graph:
    """A wire less.

    Raises:
        PatchError: no such wire ends there; a mention inside a text is no wire.
    """
    names = ports(source, catalog.get(source.type, source.version))

    def is_it(reference: Reference | None) -> bool:
        return reference is not None and reference.node == source.id and port_of(reference, names)[0] == port

    if str(field).partition(".")[0] == AFTER:
        after = tuple(entry for entry in target.after if not is_it(reference_in(entry)))
        if after == target.after:
            raise no_wire(source, target)
        return graph.with_node(target.model_copy(update={"after": after}))
    target_type = catalog.get(target.type, target.version)
    path = steps(field)
    if not is_it(reference_in(value_at(target.params, path))):
        raise no_wire(source, target)
    return graph.with_node(_cleared(target, target_type, path))


def _cleared(node: Node, node_type: NodeType | None, path: Steps) -> Node:
    """Without the wire at `path`; a `first` of one becomes the one, a list of none is gone."""
    if len(path) > 2 and path[-2] == "first":
        around = path[:-2]
        entries = value_at(node.params, (*around, "first"))
        position = int(path[-1])
        return with_field(node, node_type, around, collapsed([*entries[:position], *entries[position + 1 :]]))
    changed = with_field(node, node_type, path, CLEARED)
    if len(path) > 1 and value_at(changed.params, path[:-1]) == []:
        return with_field(changed, node_type, path[:-1], CLEARED)
    return changed


def no_wire(source: Node, target: Node) -> PatchError:
    """What to say where a wire was named that is not there."""
    return PatchError(
        f"No wire from “{source.title}” ends there in “{target.title}”. A mention inside a text is edited in the text."
    )


def without_references(
    nodes: Mapping[str, Node], gone: Node, gone_type: NodeType | None, catalog: Catalog, *, heal: bool
) -> dict[str, Node]:
    """The other nodes with every wire from `gone` cleared, or led on from what `gone` stood behind.

    Mentions inside texts stay and become problems.
    """
    entering = list(_entering(gone, gone_type)) if heal else []
    names = ports(gone, gone_type)

    def change(reference: Reference) -> Sequence[str] | None:
        if reference.node != gone.id:
            return None
        return entering if entering and not port_of(reference, names)[1] else ()

    return {node_id: _without(node, gone, change, catalog) for node_id, node in nodes.items()}


def _entering(gone: Node, gone_type: NodeType | None) -> Iterator[str]:
    """The wires into the node's first wired port: what its own value was made from."""
    for name, spec in gone_type.fields.items() if gone_type is not None else ():
        raw = gone.params.get(name)
        entries: list[Any] = raw["first"] if isinstance(raw, Mapping) and list(raw) == ["first"] else [raw]
        if spec.port and all(reference_in(entry) is not None for entry in entries):
            yield from entries
            return


def _without(node: Node, gone: Node, change: Any, catalog: Catalog) -> Node:
    node_type = catalog.get(node.type, node.version)
    literal = {name for name, spec in node_type.fields.items() if spec.literal} if node_type is not None else set()
    params: dict[str, Any] = {}
    for name, raw in node.params.items():
        value = raw if name in literal else _in_field(raw, change)
        if value is not CLEARED:
            params[name] = value
    after: list[str] = []
    for entry in node.after:
        reference = reference_in(entry)
        new = change(reference) if reference is not None else None
        after += [entry] if new is None else [template for template in new if template not in after]
    if params == node.params and tuple(after) == node.after:
        return node
    return node.model_copy(update={"params": MappingProxyType(params), "after": tuple(after)})


def _in_field(raw: Any, change: Any) -> Any:
    """A single wire that is led on to several becomes a `first`."""
    reference = reference_in(raw)
    if reference is None:
        return replaced(raw, change)
    new = change(reference)
    return raw if new is None else collapsed(list(new))
