"""Nodes that stand for something else than their function: triggers, pinned outputs, nodes that are switched off."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

from engine.broadcast import Leaf, NodeOutputs, Skip, Skipped, Value, fields_of
from engine.broadcast.cursors import start
from engine.contract import MAIN, NodeError, PermanentError
from engine.run.outcome import plain
from engine.run.plan import PlannedNode
from engine.run.step import validated
from engine.telemetry import get_logger

INPUT = "flow.input"

log = get_logger(__name__)

Standing = dict[str, Value] | Skip


async def standing(
    planned: PlannedNode, given: Mapping[str, Any], pins: Mapping[str, Any], outputs: Mapping[str, NodeOutputs]
) -> Standing | None:
    """What a node gives without being called, or why it is skipped; None if it is to be called.

    Args:
        given: what started the workflow: {trigger, payload, inputs}.
        pins: by node what stands for its main output.
        outputs: of each node referred to.

    Raises:
        NodeError: the trigger's settings or the event are not what it takes.
    """
    if planned.type.kind == "trigger" and given.get("trigger") != planned.id:
        return Skip("This run was started by something else.")
    if planned.id in pins:
        held: Mapping[str, Any] = pins[planned.id]["outputs"]
        return {port: Value.from_json(one["v"], one.get("o")) for port, one in held.items()}
    if planned.type.kind == "trigger":
        return {MAIN.name: Value(await _event(planned, given.get("payload")))}
    return _passed_through(planned, outputs) if planned.node.off else None


async def _event(planned: PlannedNode, payload: Any) -> Any:
    params = validated(planned.node, planned.type, planned.node.params)
    try:
        result = planned.type.function(params, event=payload)
        return plain(await result if inspect.isawaitable(result) else result)
    except NodeError:
        raise
    except Exception as error:
        log.exception("a trigger could not read its event", node_type=planned.type.id)
        raise PermanentError(
            f"“{planned.node.title}” cannot read what started this run ({type(error).__name__}).",
            hint="Start the run with what this trigger takes; its page in the reference says what that is.",
        ) from error


def _passed_through(planned: PlannedNode, outputs: Mapping[str, NodeOutputs]) -> Standing:
    """A node that is off passes on what is wired to its first port.

    With several outputs (If, Router) there is no single way out, so such a node is skipped.
    """
    if planned.type.outputs != (MAIN,):
        return Skip("This step is switched off.")
    by_field = fields_of(planned.node, planned.type).by_field
    ports = (name for name, spec in planned.type.fields.items() if spec.port and name in planned.node.params)
    name = next(ports, None)
    if name is None:
        return Skip("This step is switched off and nothing is wired to it.")
    if name not in by_field:
        return {MAIN.name: Value(planned.node.params[name])}
    value = _wired(by_field[name][0], outputs)
    return Skip("This step is switched off and nothing came to it.") if value is None else {MAIN.name: value}


def _wired(leaf: Leaf, outputs: Mapping[str, NodeOutputs]) -> Value | None:
    """The value of the first reference that fired, with the origin of its items."""
    for reference in leaf.references:
        fired = outputs.get(reference.node)
        if fired is None or isinstance(fired, Skipped):
            continue
        named = reference.path and reference.path[0] in fired
        port, path = (str(reference.path[0]), reference.path[1:]) if named else (MAIN.name, reference.path)
        if port in fired:
            cursor = start(fired[port], path, f"{reference.node}.{port}")
            return Value(cursor.value, cursor.axes or ((cursor.axis,) if cursor.is_list else ()))
    return None


def handed_in(planned: PlannedNode, given: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an Input node that the workflow's caller fills: `given` is {trigger, payload, inputs}."""
    if planned.node.type != INPUT:
        return {}
    inputs: Mapping[str, Any] = given.get("inputs") or {}
    name = str(planned.node.params.get("name"))
    return {"value": inputs[name]} if name in inputs else {}
