"""What is wrong with a node that runs another workflow, as far as somebody says what that one takes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from engine.contract import NodeType
from engine.expressions import did_you_mean
from engine.graph import Node
from engine.problem import Fix, Problem
from engine.validation.giving import RUN_WORKFLOW
from engine.validation.mapping import Knowledge
from engine.validation.outside import Interface

INPUTS = "inputs"


def workflow_problems(known: Knowledge, node: Node, node_type: NodeType) -> Iterator[Problem]:
    """Whether the other workflow is there, can run, and gets what it asks for."""
    asked = node.params.get("workflow")
    if node_type.id != RUN_WORKFLOW or known.outside.workflows is None or not isinstance(asked, str) or not asked:
        return
    other = known.outside.workflows.get(asked)
    if other is None:
        yield Problem(
            code="unknown_workflow",
            message="This workflow is not there any more, or belongs to another workspace.",
            node=node.id,
            field="workflow",
            hint="Choose another one.",
        )
    elif not other.published:
        yield Problem(
            code="not_published",
            message=f"“{other.title}” was never published, so it cannot be run from here.",
            node=node.id,
            field="workflow",
            hint="Open it and publish it first.",
        )
    else:
        yield from _inputs(node, other)


def _inputs(node: Node, other: Interface) -> Iterator[Problem]:
    given = node.params.get(INPUTS) or {}
    if not isinstance(given, Mapping):
        return
    known = {taken.name: taken for taken in other.takes}
    for taken in other.takes:
        if taken.required and given.get(taken.name) in (None, ""):
            yield Problem(
                code="missing_input",
                message=f"“{other.title}” needs “{taken.label or taken.name}”.",
                node=node.id,
                field=f"{INPUTS}.{taken.name}",
            )
    for name in given:
        if name not in known:
            yield Problem(
                code="unknown_input",
                message=f"“{other.title}” has no input “{name}”.",
                node=node.id,
                field=f"{INPUTS}.{name}",
                hint=did_you_mean(name, known) or None,
                fix=Fix(label="Remove it", ops=({"op": "set_field", "node": node.id, "path": [INPUTS, name]},)),
            )
