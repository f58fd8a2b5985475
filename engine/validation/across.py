"""What is wrong between levels: nodes that stand where they cannot, and references across the wall of a container."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.broadcast import Leaf, port_of
from engine.broadcast.edges import outputs_of
from engine.contract import MAIN, NodeType
from engine.expressions import Reference, write
from engine.graph import Graph, Node
from engine.problem import Fix, Problem
from engine.validation.mapping import Knowledge

OUTPUT = "flow.output"


def container_problems(known: Knowledge, node: Node, node_type: NodeType) -> Iterator[Problem]:
    """Whether a node can stand where it stands, and whether something stands in a container."""
    if node.container is not None:
        yield from _standing(known, node, node_type)
    if node_type.body and not known.body(node.id):
        yield Problem(
            code="empty_container",
            message=f"Nothing stands in “{node.title}” yet.",
            node=node.id,
            hint="Drag nodes into it, or add one inside.",
        )


def _standing(known: Knowledge, node: Node, node_type: NodeType) -> Iterator[Problem]:
    around = known.graph.nodes.get(str(node.container))
    out = Fix(label="Take it out", ops=({"op": "set_option", "node": node.id, "key": "in", "value": None},))
    told = ""
    if around is None:
        code, told = "unknown_container", f"There is no container “{node.container}”."
    elif node.id in known.graph.levels(node.id):
        code, told = "container_in_itself", f"“{node.title}” stands in itself."
    elif (of_type := known.types[around.id]) is not None and not of_type.body:
        code, told = "no_container", f"“{around.title}” is no container: nothing can stand in it."
    elif node_type.kind == "trigger":
        code, told = "trigger_inside", f"“{node.title}” starts runs and cannot stand in a container."
    elif node_type.id == OUTPUT:
        code = "output_inside"
        told = f"“{node.title}” says what the workflow gives back, so it cannot stand in a container."
    if told:
        yield Problem(code=code, message=told, node=node.id, field="in", fix=out)


def unseen(known: Knowledge, node: Node, leaf: Leaf | None, field: str, reference: Reference) -> Problem | None:
    """Why a reference to a node that is there can never bring anything: a container stands between."""
    graph, source = known.graph, known.graph.nodes[reference.node]
    inside = leaf is not None and leaf.mode.inside
    if inside and graph.at_level(source.id, node.id) is None and source.id != node.id:
        return _result_outside(node, source, field)
    if graph.sees(node.id, source.id, inside=inside):
        return None
    if source.id in graph.levels(node.id) or source.id == node.id:
        return Problem(
            code="own_container",
            message=f"“{source.title}” is the container around: it gives nothing before its body has ended.",
            node=node.id,
            field=field,
        )
    around = graph.nodes[_wall(graph, node, source, inside=inside)]
    return Problem(
        code="inside_container",
        message=f"“{source.title}” stands inside “{around.title}”: from outside only the outputs of “{around.title}” "
        "can be used.",
        node=node.id,
        field=field,
        hint=f"Let “{around.title}” give the value as its result, and refer to that.",
        fix=_fix(known, node, leaf, reference, around),
    )


def _result_outside(node: Node, source: Node, field: str) -> Problem:
    title = field.partition(".")[0].replace("_", " ").capitalize()
    return Problem(
        code="result_outside",
        message=f"“{title}” is asked inside “{node.title}”, and “{source.title}” stands outside of it.",
        node=node.id,
        field=field,
        hint="Refer to nodes of the body; one of them may take the value from outside.",
    )


def _wall(graph: Graph, node: Node, source: Node, *, inside: bool) -> str:
    """The outermost container around the source that the node does not stand in."""
    own = (*graph.levels(node.id), node.id) if inside else graph.levels(node.id)
    return next(around for around in graph.levels(source.id) if around not in own)


def _fix(known: Knowledge, node: Node, leaf: Leaf | None, reference: Reference, around: Node) -> Fix | None:
    """Take the container's result instead, where a wire is all that the field holds."""
    of_type = known.types[around.id]
    if (
        of_type is None
        or not of_type.body
        or leaf is None
        or leaf.kind != "template"
        or leaf.templates[0].kind != "reference"
    ):
        return None
    names = [output.name for output in outputs_of(around, of_type) if output.passes]
    if not names or around.id in known.graph.levels(node.id):
        return None
    _, path = port_of(reference, known.ports(reference.node))
    start: tuple[str, ...] = () if names[0] == MAIN.name else (names[0],)
    op: Mapping[str, Any] = {
        "op": "set_field",
        "node": node.id,
        "path": list(leaf.path),
        "value": write(around.id, (*start, *path)),
    }
    return Fix(label=f"Use what “{around.title}” gives", ops=(op,))
