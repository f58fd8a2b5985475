"""What a run is to be started with: which version, and inputs that have been checked."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from sqlmodel import Session

from app.services import drafts, inputs, versions
from app.services.access import Actor
from app.services.errors import Invalid
from app.services.unit import reads
from engine import document
from engine.graph import Graph
from engine.models import Workflow, WorkflowVersion
from engine.run.stale import Kept, fingerprint

Use = Literal["draft", "published"]


@dataclass(frozen=True, slots=True)
class Order:
    """``input`` holds ``trigger``, ``payload`` and ``inputs``; ``pins`` are the draft's kept outputs, see ``kept``."""

    workflow_id: str
    version_id: str
    input: dict[str, Any]
    pins: Mapping[str, Any] = field(default_factory=dict)


def of_draft(db: Session, actor: Actor, workflow_id: str, given: Mapping[str, Any]) -> Order:
    """A run of the draft, which is fixed as a version without a number. Raises Invalid."""
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id)
    return _checked(workflow, versions.freeze(db, actor, workflow), given)


@reads
def of_published(db: Session, actor: Actor, workflow_id: str, given: Mapping[str, Any]) -> Order:
    """A run of what is published. Raises Invalid, and Conflict when nothing is."""
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id)
    return _checked(workflow, versions.published(db, actor, workflow), given)


def kept(held: Mapping[str, Any], drawing: Graph) -> dict[str, Any]:
    """What a run's options say of kept outputs: by node its outputs, their fingerprint, and the run they are from."""
    found = {node_id: one for node_id, one in held.items() if node_id in drawing.nodes}
    return {
        node_id: {"outputs": one["outputs"], "of": fingerprint(one["outputs"]), "run": one.get("run", "")}
        for node_id, one in found.items()
    }


def as_kept(options: Mapping[str, Any]) -> dict[str, Kept]:
    """The same for those who ask what still holds."""
    return {node_id: Kept(one["of"], one.get("run", "")) for node_id, one in options.items()}


def _checked(workflow: Workflow, version: WorkflowVersion, given: Mapping[str, Any]) -> Order:
    drawing = document.load(version.document)
    trigger = given["trigger"]
    if trigger is not None and trigger not in drawing.nodes:
        raise Invalid.field("trigger", f"This workflow has no node {trigger!r}.")
    inputs.check(drawing, given["inputs"])
    return Order(workflow.id, version.id, dict(given), kept(workflow.pins, drawing))
