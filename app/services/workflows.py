"""Workflows: the list, and what is done to one as a whole. Edits are in drafts, publishing is in versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import drafts, triggers
from app.services.access import Actor, owned
from app.services.checked import forget
from app.services.drafts import EditResult, edit, redo, replace, undo
from app.services.errors import NotFound
from app.services.triggers import TriggerView
from app.services.unit import reads
from app.services.versions import Version, publish, published, restore, version, versions
from app.services.words import name_of
from app.services.workflow_list import LastRun, WorkflowRow, list_workflows, trash
from engine import document
from engine.catalog import catalog
from engine.graph import Graph
from engine.models import Workflow, WorkflowVersion, now
from engine.problem import Problem

__all__ = [
    "Draft",
    "EditResult",
    "LastRun",
    "Version",
    "WorkflowRow",
    "body",
    "create",
    "delete",
    "duplicate",
    "edit",
    "forget_sample",
    "get",
    "list_workflows",
    "publish",
    "redo",
    "rename",
    "replace",
    "restore",
    "schema",
    "set_on",
    "text",
    "trash",
    "undelete",
    "undo",
    "validate",
    "version",
    "versions",
]


@dataclass(frozen=True)
class Draft:
    """A workflow opened for editing."""

    workflow: Workflow
    checked: drafts.Checked
    changes_since_publish: int
    published_number: int | None
    can_undo: bool
    can_redo: bool
    triggers: Sequence[TriggerView] = field(default=())

    @property
    def graph(self) -> Graph:
        return self.checked.graph

    @property
    def seq(self) -> int:
        return self.workflow.draft_seq

    @property
    def problems(self) -> Sequence[Problem]:
        return self.checked.problems

    @property
    def ranks(self) -> Mapping[str, int]:
        return self.checked.ranks


def create(
    db: Session,
    actor: Actor,
    name: str = "",
    source: str | Mapping[str, Any] | None = None,
    *,
    settings: Mapping[str, Any] | None = None,
) -> str:
    """A new workflow, empty or with this document; returns its id. Raises Invalid.

    ``settings`` are those of the workflow as a whole, such as ``description`` and ``run_label`` of its form.
    """
    actor.need("editor")
    graph, comments = drafts.read(source) if source is not None else (Graph(), None)
    title = name_of(name or graph.name or "Untitled workflow", longest=200)
    graph = graph.model_copy(update={"name": title})
    workflow = Workflow(
        workspace_id=actor.workspace_id,
        name=title,
        draft=document.dump(graph),
        draft_text=comments,
        settings=dict(settings or {}),
        created_by=actor.user_id or None,
    )
    db.add(workflow)
    db.flush()
    return workflow.id


@reads
def get(db: Session, actor: Actor, workflow_id: str) -> Draft:
    """The workflow with its draft; raises NotFound."""
    workflow = drafts.find(db, actor, workflow_id)
    published = select(col(WorkflowVersion.number)).where(
        owned(WorkflowVersion, actor), col(WorkflowVersion.id) == workflow.published_id
    )
    return Draft(
        workflow=workflow,
        checked=drafts.checked(db, workflow),
        changes_since_publish=drafts.count_changes(db, actor, workflow_id).get(workflow_id, 0),
        published_number=db.scalar(published),
        can_undo=drafts.can_undo(db, workflow),
        can_redo=drafts.can_redo(db, workflow),
        triggers=triggers.list_triggers(db, actor, workflow_id),
    )


def rename(db: Session, actor: Actor, workflow_id: str, name: str) -> EditResult:
    """Change the name, as an edit that can be undone."""
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    return edit(db, actor, workflow_id, [{"op": "set_name", "name": name_of(name, longest=200)}], workflow.draft_seq)


def duplicate(db: Session, actor: Actor, workflow_id: str) -> str:
    """A copy of the draft under a new name, off and unpublished; returns its id."""
    draft = get(db, actor, workflow_id)
    name = f"{draft.workflow.name} (copy)"
    return create(db, actor, name[:200], document.dump(draft.graph))


def set_on(db: Session, actor: Actor, workflow_id: str, on: bool) -> None:
    """Let the published version's triggers fire, or not. Raises Conflict when nothing is published."""
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    workflow.enabled = on
    if on:
        fixed = published(db, actor, workflow)
        triggers.sync(db, actor, workflow, fixed.id, document.load(fixed.document))
    else:
        triggers.turn_off(db, actor, workflow)


def forget_sample(db: Session, actor: Actor, workflow_id: str) -> None:
    """The template's sample was replaced: its number of rows says nothing any more."""
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    workflow.settings = {**workflow.settings, "sample_rows": None}


def delete(db: Session, actor: Actor, workflow_id: str) -> None:
    """Put the workflow in the trash and turn it off; its runs stay. It can come back."""
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    workflow.deleted_at, workflow.enabled = now(), False
    triggers.turn_off(db, actor, workflow, release=True)
    forget(workflow_id)


def undelete(db: Session, actor: Actor, workflow_id: str) -> None:
    """Take a workflow out of the trash; it stays off."""
    actor.need("editor")
    mine = (owned(Workflow, actor), col(Workflow.id) == workflow_id, col(Workflow.deleted_at).is_not(None))
    workflow = db.scalar(select(Workflow).where(*mine))
    if workflow is None:
        raise NotFound("workflow")
    workflow.deleted_at = None


@reads
def validate(db: Session, actor: Actor, source: str | Mapping[str, Any]) -> Sequence[Problem]:
    """What is wrong with a document, without storing it. Raises Invalid when it cannot be read at all."""
    del db, actor
    return drafts.Checked(drafts.read(source)[0]).problems


@reads
def text(db: Session, actor: Actor, workflow_id: str, number: int | None = None) -> tuple[int, str]:
    """The draft's seq, and it or a published version as YAML with its comments."""
    workflow, graph = _found(db, actor, workflow_id, number)
    return workflow.draft_seq, document.to_yaml(graph, workflow.draft_text or "")


@reads
def body(db: Session, actor: Actor, workflow_id: str, number: int | None = None) -> tuple[int, dict[str, Any]]:
    """The draft's seq, and it or a published version as a JSON document."""
    workflow, graph = _found(db, actor, workflow_id, number)
    return workflow.draft_seq, document.dump(graph)


def _found(db: Session, actor: Actor, workflow_id: str, number: int | None) -> tuple[Workflow, Graph]:
    workflow = drafts.find(db, actor, workflow_id)
    if number is not None:
        return workflow, version(db, actor, workflow_id, number)[1]
    return workflow, drafts.checked(db, workflow).graph


def schema() -> dict[str, Any]:
    """The JSON Schema of a document, with the settings of every installed node."""
    return document.schema(catalog())
