"""The ports of a card: what goes in, what comes out, and what a container asks inside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.pages.editor import words
from engine.broadcast.leaves import SCOPE_NAMES
from engine.contract import NodeType, Output
from engine.graph import Edge, Node
from engine.validation import Interface, Outside
from engine.validation.giving import RUN_WORKFLOW

View = dict[str, Any]

WORDS_OF_TYPES = {"array": "list", "object": "record", "string": "text", "number": "number", "integer": "number"}


def in_port(one: NodeType, name: str, *, wired: bool = False, problem: bool = False, given: str = "") -> View:
    """An input on a card. ``given``: what of the container around it takes, or of the run."""
    spec = one.fields[name]
    kind = {"list": "a list", "whole": "anything"}.get(spec.rank, "a single value, or each item of a list")
    return {
        "name": name,
        "title": spec.title,
        "type": kind,
        "required": spec.required,
        "wired": wired or bool(given),
        "problem": problem,
        "given": given,
    }


def outputs_of(one: NodeType, params: Mapping[str, Any]) -> Sequence[Output]:
    """The ways out under these settings, also while they are half written."""
    try:
        return one.outputs_for(dict(params))
    except (TypeError, ValueError, AttributeError, LookupError):
        return ()


def out_ports(one: NodeType, params: Mapping[str, Any]) -> list[View]:
    """The outputs on a card."""
    return [
        {
            "name": port.name,
            "title": port.label or (main_word(one) if port.name == "main" else port.name.replace("_", " ")),
        }
        for port in outputs_of(one, params)
    ]


def main_word(one: NodeType) -> str:
    """What a person calls the main output: list, record, text, file."""
    schema = one.output_schema
    if "$file" in schema.get("properties", {}):
        return "file"
    return WORDS_OF_TYPES.get(str(schema.get("type")), "value")


def results(one: NodeType, edges: Iterable[Edge] = ()) -> list[View]:
    """What a container asks in its body and a wire can end in, drawn on the inside."""
    wired = {edge.field.partition(".")[0] for edge in edges if edge.kind == "result"}
    passed = {output.passes for output in outputs_of(one, {})}
    return [
        {"name": name, "title": spec.title, "wired": name in wired}
        for name, spec in one.fields.items()
        if spec.inside and (name in passed or name in wired)
    ]


def given(value: Any) -> str:
    """A field that is exactly one reference to what no wire brings: the item of a container, for example."""
    reference = words.exact(value)
    return str(reference) if reference is not None and reference.node in SCOPE_NAMES else ""


def called(node: Node, one: NodeType | None, outside: Outside) -> Interface | None:
    """What the workflow takes and gives that a node runs, if that is known and it is published."""
    if one is None or one.id != RUN_WORKFLOW or outside.workflows is None:
        return None
    found = outside.workflows.get(str(node.params.get("workflow")))
    inputs = node.params.get("inputs") or {}
    return found if found is not None and found.published and isinstance(inputs, Mapping) else None


def as_called(view: View, node: Node, called: Interface, edges: Iterable[Edge]) -> View:
    """The card with the name of the workflow that the node runs, and a port for each of its inputs."""
    inputs = node.params.get("inputs") or {}
    wired = {edge.field for edge in edges if edge.kind == "value"}
    faulty = {problem["field"] for problem in view["problems"]}
    ports = [
        {
            "name": f"inputs.{one.name}",
            "title": one.label or one.name,
            "type": "a list" if one.kind == "rows" else "a single value, or each item of a list",
            "required": one.required,
            "wired": any(field == f"inputs.{one.name}" or field.startswith(f"inputs.{one.name}.") for field in wired),
            "problem": f"inputs.{one.name}" in faulty,
            "given": given(inputs.get(one.name)),
        }
        for one in called.takes
    ]
    kept = [port for port in view["ins"] if port["name"] != "inputs"] if called.takes else view["ins"]
    return {**view, "sub": called.title, "ins": [*ports, *kept]}
