"""Rows that the engine's tests stand on: a workspace with a workflow and one version of it."""

from dataclasses import dataclass
from typing import Any

from engine.models import Workflow, WorkflowVersion, Workspace, new_id
from engine.store.db import Database
from engine.store.starting import NewRun


@dataclass(frozen=True)
class Seed:
    """Identifiers of the rows."""

    workspace_id: str
    workflow_id: str
    version_id: str
    slug: str = ""

    def run(self, **more: Any) -> NewRun:
        """A run of the version, not recorded yet."""
        values = {"id": new_id(), "source": "manual", "input": {"payload": None}} | more
        return NewRun(
            workspace_id=self.workspace_id, workflow_id=self.workflow_id, version_id=self.version_id, **values
        )


def seed(database: Database, document: dict[str, Any] | None = None) -> Seed:
    """Records a workspace, a workflow and a version with this document."""
    document = document or {"weft": 1, "name": "Nothing", "nodes": {}}
    workspace = Workspace(name="Test", slug=f"test-{new_id()[-12:]}")
    workflow = Workflow(workspace_id=workspace.id, name="Nothing", draft=document)
    version = WorkflowVersion(
        workspace_id=workspace.id, workflow_id=workflow.id, number=1, document=document, content_hash="0" * 64
    )
    with database.transaction() as session:
        session.add(workspace)
        session.flush()
        session.add(workflow)
        session.flush()
        session.add(version)
    return Seed(workspace.id, workflow.id, version.id, workspace.slug)
