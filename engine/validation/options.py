"""What is wrong with the options of a node, beside its fields."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from engine.contract import NodeType
from engine.graph import Node
from engine.problem import Fix, Problem

# The engine runs containers and calls of workflows itself: there is no call of a function to repeat or to cut short.
OF_A_CALL: Final = {
    "retry": ("Try again", "Set it for the steps inside that may fail."),
    "time_limit": ("Time limit", "Set it for the steps inside, or limit the run's seconds by a budget."),
}


def option_problems(node: Node, node_type: NodeType) -> Iterator[Problem]:
    """Options that have no effect on what the engine runs itself."""
    if node_type.kind != "container":
        return
    for option, (label, hint) in OF_A_CALL.items():
        if getattr(node, option) is not None:
            yield Problem(
                code="option_without_effect",
                message=f"“{label}” has no effect on “{node.title}”.",
                node=node.id,
                field=option,
                hint=hint,
                severity="warning",
                fix=Fix(label="Remove it", ops=({"op": "set_option", "node": node.id, "key": option, "value": None},)),
            )
