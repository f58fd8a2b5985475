"""Outputs that are kept for steps of a draft: runs of the draft take them instead of calling; published runs do not."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import orjson
from sqlalchemy import select
from sqlmodel import Session, col

from app.services import drafts, held_values, plain, runs
from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid, NotFound
from app.services.unit import reads
from engine.catalog import catalog
from engine.graph import Node
from engine.models import Step, Workflow, from_ms, now, to_ms

LARGEST: Final = 256 * 1024
_ALL_TOGETHER: Final = 1024 * 1024
_ERROR: Final = "error"

Stored = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kept:
    """What stands for a step: by output the value. ``at`` is when it was kept or edited."""

    node_id: str
    outputs: Mapping[str, Any]
    at: datetime


@reads
def list_pins(db: Session, actor: Actor, workflow_id: str) -> list[Kept]:
    """The kept outputs of the draft's steps, in the order of the drawing."""
    workflow = drafts.find(db, actor, workflow_id)
    nodes = drafts.checked(db, workflow).graph.nodes
    return [_shown(node_id, workflow.pins[node_id]) for node_id in nodes if node_id in workflow.pins]


@reads
def stored(db: Session, actor: Actor, workflow_id: str) -> dict[str, Any]:
    """What is kept, as the workflow holds it: for those who ask whether results still hold."""
    return dict(drafts.find(db, actor, workflow_id).pins)


@reads
def given(db: Session, actor: Actor, run_id: str, node_id: str) -> dict[str, Any]:
    """By output what a step gave in a run; nothing if it gave nothing. Raises Invalid for more than can be kept."""
    row = _closing(db, actor, run_id, node_id)
    outputs = {port: _stored(actor, held) for port, held in ((row.output if row else None) or {}).items()}
    _check_size(outputs)
    return {port: held["v"] for port, held in outputs.items()}


@reads
def find(db: Session, actor: Actor, workflow_id: str, node_id: str) -> Kept | None:
    """What is kept for a step, if anything is."""
    held = drafts.find(db, actor, workflow_id).pins.get(node_id)
    return _shown(node_id, held) if held else None


def keep(db: Session, actor: Actor, workflow_id: str, node_id: str, run_id: str) -> Kept:
    """Keep what the step gave in this run.

    Raises:
        NotFound: no such step or run.
        Conflict: the step gave nothing there.
        Invalid: it gave more than can be kept.
    """
    actor.need("editor")
    workflow, _ = _node(db, actor, workflow_id, node_id)
    if runs.find(db, actor, run_id).workflow_id != workflow_id:
        raise NotFound("run")
    row = _closing(db, actor, run_id, node_id)
    if row is None or not row.output:
        raise Conflict("This step has given nothing in that run, so there is nothing to keep.")
    outputs = {port: _stored(actor, held) for port, held in row.output.items()}
    return _put(workflow, node_id, outputs, row.reused_from or run_id)


def set_kept(db: Session, actor: Actor, workflow_id: str, node_id: str, outputs: Mapping[str, Any]) -> Kept:
    """Keep these values, by output, as if the step had given them.

    Raises Invalid for an output that the step does not have, or for more than can be kept.
    """
    actor.need("editor")
    plain.check(dict(outputs), "outputs")
    workflow, node = _node(db, actor, workflow_id, node_id)
    if not outputs:
        raise Invalid("Give a value for at least one output.")
    known = _ports(node)
    for port in outputs:
        if port not in known:
            raise Invalid.field(port, f"“{node.title}” has no output {port!r}. It has {', '.join(known)}.")
    before = workflow.pins.get(node_id, {}).get("outputs", {})
    return _put(workflow, node_id, {port: _edited(value, before.get(port)) for port, value in outputs.items()})


def release(db: Session, actor: Actor, workflow_id: str, node_id: str) -> None:
    """Keep nothing for this step any more."""
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    workflow.pins = {name: held for name, held in workflow.pins.items() if name != node_id}


def _node(db: Session, actor: Actor, workflow_id: str, node_id: str) -> tuple[Workflow, Node]:
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    node = drafts.checked(db, workflow).graph.nodes.get(node_id)
    if node is None:
        raise NotFound("step")
    if node.container is not None:
        raise Conflict("The output of a step inside of a group cannot be kept, since it has one for each round.")
    return workflow, node


def _closing(db: Session, actor: Actor, run_id: str, node_id: str) -> Step | None:
    runs.find(db, actor, run_id)
    mine = (owned(Step, actor), col(Step.run_id) == run_id, col(Step.node_id) == node_id)
    return db.scalar(select(Step).where(*mine, col(Step.item) == "", col(Step.scope) == ""))


def _ports(node: Node) -> list[str]:
    one = catalog().get(node.type, node.version)
    names = [output.name for output in one.outputs_for(dict(node.params))] if one else []
    return [*names, _ERROR] if node.on_error == "output" else names


def _stored(actor: Actor, held: Stored) -> dict[str, Any]:
    """A value as rows hold it, with the origin of its items, inline."""
    if held.get("size", 0) > LARGEST:
        raise Invalid(
            f"This output is {held['size'] / 1024:,.0f} kB. At most {LARGEST // 1024} kB can be kept for a step."
        )
    value = held_values.read_whole(actor, held)
    origin = [_with_numbers(actor, axis) for axis in held.get("o") or ()]
    return {"v": value, **({"o": origin} if origin else {})}


def _with_numbers(actor: Actor, axis: Mapping[str, Any]) -> Mapping[str, Any]:
    """Where the items of a list come from, inline."""
    at = axis.get("at")
    return {**axis, "at": held_values.read_whole(actor, at)} if isinstance(at, Mapping) else axis


def _edited(value: Any, before: Stored | None) -> dict[str, Any]:
    """The items of a list come from where they came from, as long as there are as many."""
    earlier = (before or {}).get("v")
    same = isinstance(value, list) and isinstance(earlier, list) and len(value) == len(earlier)
    return {"v": value, **({"o": before["o"]} if same and before and before.get("o") else {})}


def _put(workflow: Workflow, node_id: str, outputs: Mapping[str, Stored], run_id: str = "") -> Kept:
    held = {"outputs": dict(outputs), "at": to_ms(now()), "run": run_id}
    pins = {**workflow.pins, node_id: held}
    _check_size(outputs)
    if len(orjson.dumps(pins)) > _ALL_TOGETHER:
        raise Invalid("The kept outputs of this workflow would be larger than 1 MB together. Let go of another first.")
    workflow.pins = pins
    return _shown(node_id, held)


def _check_size(outputs: Mapping[str, Stored]) -> None:
    size = len(orjson.dumps(outputs))
    if size > LARGEST:
        raise Invalid(f"This output is {size / 1024:,.0f} kB. At most {LARGEST // 1024} kB can be kept for a step.")


def _shown(node_id: str, held: Stored) -> Kept:
    outputs = {port: one.get("v") for port, one in held["outputs"].items()}
    return Kept(node_id, outputs, from_ms(int(held.get("at", 0))))
