"""Workflows: the list, and what is done to one as a whole. Edits are in drafts, publishing is in versions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import func, select
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
from engine import document
from engine.catalog import catalog
from engine.graph import Graph
from engine.models import Run, User, Workflow, WorkflowVersion, now
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

_HEALTH: Final = 14
TRASH_DAYS: Final = 30


@dataclass(frozen=True, slots=True)
class LastRun:
    """The newest run of a workflow; ``seconds`` is how long it took or has taken so far."""

    id: str
    status: str
    at: datetime
    seconds: float
    error: str


@dataclass(frozen=True, slots=True)
class WorkflowRow:
    """A workflow in a list. ``health`` holds the states of the last runs, oldest first; ``today`` counts 24 hours."""

    id: str
    name: str
    enabled: bool
    version: int | None
    changes: int
    updated_at: datetime
    owner: str
    last_run: LastRun | None
    today: int
    health: tuple[str, ...]
    triggers: tuple[TriggerView, ...]


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


@reads
def list_workflows(db: Session, actor: Actor, search: str = "", deleted: bool = False) -> list[WorkflowRow]:
    """The workspace's workflows, changed last first; ``search`` looks for a part of the name."""
    query = (
        select(
            col(Workflow.id),
            col(Workflow.name),
            col(Workflow.enabled),
            col(Workflow.updated_at),
            col(User.name),
            col(WorkflowVersion.number),
        )
        .outerjoin(User, col(User.id) == col(Workflow.created_by))
        .outerjoin(WorkflowVersion, col(WorkflowVersion.id) == col(Workflow.published_id))
        .where(
            owned(Workflow, actor),
            col(Workflow.deleted_at).is_not(None) if deleted else col(Workflow.deleted_at).is_(None),
        )
        .order_by(col(Workflow.updated_at).desc(), col(Workflow.id).desc())
    )
    if search.strip():
        query = query.where(func.lower(col(Workflow.name)).contains(search.strip().lower(), autoescape=True))
    by_workflow: dict[str, list[TriggerView]] = {}
    for trigger in triggers.list_triggers(db, actor):
        by_workflow.setdefault(trigger.workflow_id, []).append(trigger)
    changes, today = drafts.count_changes(db, actor), _today(db, actor)
    rows = []
    for workflow_id, name, enabled, updated_at, owner, number in db.execute(query).all():
        last_run, health = _recent(db, actor, workflow_id)
        rows.append(
            WorkflowRow(
                id=workflow_id,
                name=name,
                enabled=enabled,
                version=number,
                changes=changes.get(workflow_id, 0),
                updated_at=updated_at,
                owner=owner or "",
                last_run=last_run,
                today=today.get(workflow_id, 0),
                health=health,
                triggers=tuple(by_workflow.get(workflow_id, ())),
            )
        )
    return rows


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
    """Put the workflow in the trash and turn it off; its runs stay. It can come back for 30 days."""
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id, lock=True)
    workflow.deleted_at, workflow.enabled = now(), False
    triggers.turn_off(db, actor, workflow, release=True)
    forget(workflow_id)


@reads
def trash(db: Session, actor: Actor) -> list[WorkflowRow]:
    """What was deleted and can come back."""
    return list_workflows(db, actor, deleted=True)


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


def _recent(db: Session, actor: Actor, workflow_id: str) -> tuple[LastRun | None, tuple[str, ...]]:
    rows = db.execute(
        select(
            col(Run.id), col(Run.status), col(Run.created_at), col(Run.started_at), col(Run.finished_at), col(Run.error)
        )
        .where(owned(Run, actor), col(Run.workflow_id) == workflow_id)
        .order_by(col(Run.created_at).desc(), col(Run.id).desc())
        .limit(_HEALTH)
    ).all()
    if not rows:
        return None, ()
    run_id, status, created_at, started_at, finished_at, error = rows[0]
    seconds = ((finished_at or now()) - (started_at or created_at)).total_seconds()
    newest = LastRun(run_id, status, created_at, seconds, (error or {}).get("message", ""))
    return newest, tuple(row[1] for row in reversed(rows))


def _today(db: Session, actor: Actor) -> dict[str, int]:
    since = now() - timedelta(hours=24)
    query = select(col(Run.workflow_id), func.count()).where(owned(Run, actor), col(Run.created_at) > since)
    return {row[0]: row[1] for row in db.execute(query.group_by(col(Run.workflow_id)))}
