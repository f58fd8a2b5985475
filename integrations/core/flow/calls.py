"""Run workflow, and Race."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract import CallWorkflow, Effect, FirstOf, KeyValue, Params, Port, Select, WorkflowField, container

Mode = Literal["in_line", "child", "detached"]


class RunWorkflow(Params):
    workflow: Annotated[str, WorkflowField()] = Field(
        min_length=1,
        description="Which workflow; its published version runs",
        examples=["0199c8a2f0aa7d3e8e5b2c1d4f60718a"],
    )
    inputs: Annotated[dict[str, Any], KeyValue(add="Add input"), Port()] = Field(
        default_factory=dict,
        description="What its Input nodes are given, by their names",
        examples=[{"customer": {"id": 7}}],
    )
    mode: Annotated[Mode, Select(options=("in_line", "child", "detached"))] = Field(
        default="in_line",
        description="In line: as a part of this run. Child: as a run of its own, which is waited for. "
        "Detached: as a run of its own, not waited for",
        examples=["in_line"],
    )


def _effect(params: Any) -> Effect:
    mode = params.get("mode", "in_line") if isinstance(params, Mapping) else params.mode
    return Effect.none if mode == "in_line" else Effect.write


@container(
    "flow.run_workflow",
    title="Run workflow",
    icon="workflow",
    body=False,
    effect=_effect,
    subtitle="Another workflow as a step",
    keywords=("sub-workflow", "subflow", "call", "execute", "module", "reuse"),
)
def run_workflow(params: RunWorkflow) -> CallWorkflow:
    """Run another workflow of the workspace as a step of this one.

    Its Input nodes are the step's inputs and its Output nodes the step's outputs: `{{ call.total }}` is the value of
    the Output named total. A failure inside fails this step, with the step inside that failed and why. Cancelling the
    run cancels what it called, unless that is detached; a detached call gives `{run_id}` at once.

    With a list: once per item for an input that takes a single value; an input of rows takes a list whole.
    """
    return CallWorkflow(params.workflow, dict(params.inputs), params.mode)


class Race(Params):
    values: Annotated[list[Any], Port()] = Field(
        min_length=1, description="The wires that race, each a reference", examples=[["{{ fast }}", "{{ slow }}"]]
    )
    first: int = Field(default=1, ge=1, le=1_000, description="Go on as soon as so many have come", examples=[1])


@container(
    "flow.race",
    title="Race",
    icon="flag",
    body=False,
    subtitle="Whichever comes first",
    keywords=("any", "first", "fastest", "wait for any", "timeout"),
)
def race(params: Race) -> FirstOf:
    """Go on with whichever of several branches comes first in time, or with the first so many of them.

    What has been chosen stays chosen, also after a crash. The other branches go on to their end, and are shown as late.
    With one to be chosen its value goes on as it is; with more a list of them in the order in which they came. If all
    branches have ended and fewer came, those that came go on.

    With a list: each wire's list races as a whole.
    """
    return FirstOf(params.first)
