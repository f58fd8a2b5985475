"""A node put into a wire: it takes what the wire brought, and the wire's end takes what the node gives."""

from __future__ import annotations

from engine.broadcast.edges import outputs_of, port_of, ports
from engine.catalog import Catalog
from engine.contract import MAIN, NodeType
from engine.expressions import Reference
from engine.graph import Graph, Node
from engine.patch.changes import PatchError, reference_in, steps, value_at, with_field
from engine.patch.wiring import AFTER, check_order, connect, no_wire, written


def splice(
    graph: Graph, node: Node, source: Node, port: str, target: Node, *, field: str, into: str, catalog: Catalog
) -> Graph:
    """The drawing with `node` in the middle of the wire from `source` that ends in `field` of `target`.

    A part that the wire brought (`{{ orders.rows }}`) is what the node gets. `into`: the node's field; empty: the first
    port that is free, a required one before others. Of a `first` or a list of wires the other wires stay as they are.

    Raises:
        PatchError: there is no such wire, the node takes or gives nothing, or stands where one of the two ends cannot
            see it.
    """
    names = ports(source, catalog.get(source.type, source.version))
    raw = _end(target, field)
    reference = reference_in(raw)
    if reference is None or not _is_it(reference, source, port, names):
        raise no_wire(source, target)
    node_type = catalog.get(node.type, node.version)
    given = _given(node, node_type)
    if field.partition(".")[0] == AFTER:
        graph = connect(graph, source, port, node, field=AFTER, catalog=catalog)
    else:
        taken = _port(node, node_type, into)
        graph = connect(graph, source, port, node, field=taken, catalog=catalog)
        node = graph.nodes[node.id]
        listed = isinstance(value_at(node.params, steps(taken)), list)
        graph = graph.with_node(with_field(node, node_type, steps(taken), [raw] if listed else raw))
    return _ended(graph, node.id, target.id, field, given=given, catalog=catalog)


def _end(target: Node, field: str) -> str:
    """What is written where the wire ends."""
    if field.partition(".")[0] == AFTER:
        number = field.partition(".")[2]
        return target.after[int(number)] if number.isdecimal() and int(number) < len(target.after) else ""
    found = value_at(target.params, steps(field))
    return found if isinstance(found, str) else ""


def _is_it(reference: Reference, source: Node, port: str, names: frozenset[str]) -> bool:
    return reference.node == source.id and port_of(reference, names)[0] == port


def _given(node: Node, node_type: NodeType | None) -> str:
    """The reference to the node's first output: its main one, if it has one."""
    if node_type is None:
        raise PatchError(f"“{node.title}” is of a type that is not there, so nothing can be led through it.")
    found = [output.name for output in outputs_of(node, node_type)]
    if node_type.kind == "trigger" or not found:
        raise PatchError(f"Nothing can be led through “{node.title}”.")
    return written(node, MAIN.name if MAIN.name in found else found[0])


def _port(node: Node, node_type: NodeType | None, asked: str) -> str:
    fields = node_type.fields if node_type is not None else {}
    free = [
        name
        for name, spec in fields.items()
        if spec.port and not (spec.literal or spec.per_item or spec.inside or name in node.params)
    ]
    if not free or (asked and asked not in free):
        raise PatchError(f"“{node.title}” has no free port for what this wire brings.")
    return asked or next((name for name in free if fields[name].required), free[0])


def _ended(graph: Graph, node_id: str, target_id: str, field: str, *, given: str, catalog: Catalog) -> Graph:
    """The wire's end takes what the node gives."""
    node, target = graph.nodes[node_id], graph.nodes[target_id]
    if field.partition(".")[0] == AFTER:
        check_order(graph, node, target, catalog)
        number = int(field.partition(".")[2])
        after = tuple(dict.fromkeys([*target.after[:number], given, *target.after[number + 1 :]]))
        return graph.with_node(target.model_copy(update={"after": after}))
    target_type = catalog.get(target.type, target.version)
    spec = target_type.fields.get(str(steps(field)[0])) if target_type is not None else None
    if spec is None or not spec.inside:
        check_order(graph, node, target, catalog)
    elif graph.level(node.id) != target.id:
        raise PatchError(f"“{spec.title}” is asked inside “{target.title}”, where “{node.title}” does not stand.")
    return graph.with_node(with_field(target, target_type, steps(field), given))
