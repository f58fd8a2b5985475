"""The workflows that a drawing can run as a step: what each takes and gives, as validation and forms need it."""

from collections.abc import Collection, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import select
from sqlmodel import Session, col

from app.services import inputs
from app.services.access import Actor, owned
from app.services.unit import reads
from engine import document
from engine.graph import Graph
from engine.models import Workflow, WorkflowVersion
from engine.validation import Interface, Outside, Taken
from engine.validation.outside import NOTHING

RUN_WORKFLOW: Final = "flow.run_workflow"
MOST: Final = 200


def called_by(graph: Graph) -> list[str]:
    """The ids that nodes of the drawing name, each once."""
    calls = (node.params.get("workflow") for node in graph.nodes.values() if node.type == RUN_WORKFLOW)
    return list(dict.fromkeys(called for called in calls if isinstance(called, str) and "{{" not in called))[:MOST]


def outside(db: Session, workspace_id: str, graph: Graph) -> Outside:
    """What validation asks of other workflows. A drawing that runs none costs no query."""
    wanted = called_by(graph)
    if not wanted:
        return NOTHING
    query = (
        select(col(Workflow.id), col(Workflow.name), col(WorkflowVersion.document))
        .join(WorkflowVersion, col(WorkflowVersion.id) == col(Workflow.published_id), isouter=True)
        .where(
            col(Workflow.workspace_id) == workspace_id,
            col(Workflow.id).in_(wanted),
            col(Workflow.deleted_at).is_(None),
        )
    )
    return Outside(workflows={row[0]: _interface(row[0], row[1], row[2]) for row in db.execute(query)})


def _interface(workflow_id: str, name: str, body: Mapping[str, Any] | None) -> Interface:
    if body is None:
        return Interface(workflow_id, name, published=False)
    graph = document.load(body)
    takes = tuple(
        Taken(one.name, one.label, one.kind, one.required and one.default is None) for one in inputs.inputs_of(graph)
    )
    outputs = (node for node in graph.nodes.values() if node.type == "flow.output" and not node.off)
    return Interface(workflow_id, name, True, takes, tuple(str(node.params.get("name") or node.id) for node in outputs))


def closures(db: Session, workspace_id: str, graph: Graph) -> dict[str, dict[str, str]]:
    """For each workflow that a drawing runs: by workflow the published version, of itself and of all that it calls."""
    known: dict[str, tuple[str, tuple[str, ...]]] = {}
    todo = set(called_by(graph))
    while todo:
        for workflow_id, version_id, body in db.execute(_published(workspace_id, todo)):
            known[workflow_id] = (version_id, tuple(called_by(document.load(body))))
        todo = {one for _, calls in known.values() for one in calls} - known.keys() - todo
    return {one: _reached(one, known) for one in called_by(graph) if one in known}


def _published(workspace_id: str, wanted: Collection[str]) -> sa.Select[Any]:
    return (
        select(col(Workflow.id), col(WorkflowVersion.id), col(WorkflowVersion.document))
        .join(WorkflowVersion, col(WorkflowVersion.id) == col(Workflow.published_id))
        .where(
            col(Workflow.workspace_id) == workspace_id, col(Workflow.id).in_(wanted), col(Workflow.deleted_at).is_(None)
        )
    )


def _reached(workflow_id: str, known: Mapping[str, tuple[str, tuple[str, ...]]]) -> dict[str, str]:
    found: dict[str, str] = {}
    todo = [workflow_id]
    while todo:
        one = todo.pop()
        if one in known and one not in found:
            found[one] = known[one][0]
            todo += known[one][1]
    return found


@reads
def choices(db: Session, actor: Actor, but: str = "") -> list[dict[str, Any]]:
    """The workflows of the workspace that can be chosen, by name: ``id``, ``name`` and whether it is published."""
    query = (
        select(col(Workflow.id), col(Workflow.name), col(Workflow.published_id))
        .where(owned(Workflow, actor), col(Workflow.deleted_at).is_(None), col(Workflow.id) != but)
        .order_by(col(Workflow.name))
        .limit(MOST)
    )
    return [{"id": row[0], "name": row[1], "published": row[2] is not None} for row in db.execute(query)]
