"""What is wrong with the options of a node, beside its fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.contract import CallWorkflow, FirstOf, NodeType
from engine.graph import Node
from engine.problem import Fix, Problem

OF_A_ROUND: Final = {"retry": "Try again", "time_limit": "Time limit"}


def option_problems(node: Node, node_type: NodeType) -> Iterator[Problem]:
    """Options that could have no effect on what the engine runs itself."""
    if node_type.kind != "container":
        return
    told = _why_not(node, node_type)
    if told is not None:
        for option, label in OF_A_ROUND.items():
            yield from _without_effect(node, option, label, *told)
    yield from _without_effect(
        node,
        "fallback",
        "Fallback",
        "it calls no service itself.",
        "Set it for the steps inside, or put them into a Try and go on with what it caught.",
    )


def _without_effect(node: Node, option: str, label: str, why: str, hint: str) -> Iterator[Problem]:
    if getattr(node, option) is not None:
        yield Problem(
            code="option_without_effect",
            message=f"“{label}” cannot be set for “{node.title}”: {why}",
            node=node.id,
            field=option,
            hint=hint,
            fix=Fix(label="Remove it", ops=({"op": "set_option", "node": node.id, "key": option, "value": None},)),
        )


def _why_not(node: Node, node_type: NodeType) -> tuple[str, str] | None:
    """Why a container has no rounds that could be tried again or take too long, and what to do instead."""
    if node_type.result is FirstOf:
        return "it does nothing itself.", "Set it for the steps that race, or let a Wait race with them."
    if node_type.result is CallWorkflow and node.params.get("mode") in ("child", "detached"):
        return (
            "the workflow that it starts is a run of its own.",
            "Set it for the steps of that workflow, or run it in line.",
        )
    return None
