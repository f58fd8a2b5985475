"""The ports of a node that runs another workflow: that one's Input and Output nodes. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Annotated, Any

from pydantic import Field, create_model

from engine.catalog import Catalog
from engine.contract import MAIN, CallWorkflow, NodeType, Output, Params, Port, Whole
from engine.graph import Graph, Node

INPUT, OUTPUT = "flow.input", "flow.output"
WORKFLOW, INPUTS, MODE = "workflow", "inputs", "mode"


def calls_of(graph: Graph, catalog: Catalog) -> tuple[str, ...]:
    """The ids of the workflows that a drawing runs as nodes, each once; not those that only a template names."""
    found = (called(node, catalog.get(node.type, node.version)) for node in graph.nodes.values())
    return tuple(dict.fromkeys(workflow for workflow in found if workflow))


def called(node: Node, node_type: NodeType | None) -> str:
    """The workflow that a node runs; empty if it runs none, or says only by a template which."""
    if node_type is None or node_type.result is not CallWorkflow:
        return ""
    workflow = node.params.get(WORKFLOW)
    return workflow if isinstance(workflow, str) and "{{" not in workflow else ""


def with_ports(node: Node, node_type: NodeType, other: Graph) -> NodeType:
    """The type with the ports of the workflow that the node runs.

    An input of rows takes a list whole, every other one a single value, so that a list maps the node. A run of its own
    that is not waited for has no output but its id.
    """
    fields: dict[str, Any] = {}
    for name, kind, required in _inputs(other):
        annotation = Annotated[list[Any], Port(), Whole()] if kind == "rows" else Annotated[Any, Port()]
        fields[name] = (annotation, ...) if required else (annotation | None, None)
    inputs = create_model("Inputs", __base__=Params, **fields)
    default = Field(default_factory=dict, validate_default=True)
    changed: dict[str, Any] = {INPUTS: (inputs, default)}
    params = create_model(node_type.params.__name__, __base__=node_type.params, **changed)
    names = () if node.params.get(MODE) == "detached" else tuple(_outputs(other))
    outputs = (MAIN, *(Output(name, label) for name, label in names if name != MAIN.name))
    return replace(node_type, params=params, outputs=outputs)


def _inputs(graph: Graph) -> Iterator[tuple[str, str, bool]]:
    """Name, kind, and whether a caller must fill it."""
    for node in _at_top(graph, INPUT):
        params = node.params
        default = params.get("default")
        yield str(params.get("name")), str(params.get("kind", "text")), params.get("required", True) and default is None


def _outputs(graph: Graph) -> Iterator[tuple[str, str]]:
    """Name and label."""
    seen: dict[str, str] = {}
    for node in _at_top(graph, OUTPUT):
        seen.setdefault(str(node.params.get("name") or node.id), str(node.params.get("label") or ""))
    yield from seen.items()


def _at_top(graph: Graph, kind: str) -> Iterator[Node]:
    yield from (graph.nodes[node_id] for node_id in graph.children() if graph.nodes[node_id].type == kind)


def by_port(outputs: Mapping[str, Any], last: Any) -> dict[str, Any]:
    """What leaves the node by output. The main one: all outputs as a record, or without any what the last node gave."""
    main = outputs.get(MAIN.name, dict(outputs)) if outputs else last
    return {**outputs, MAIN.name: main}
