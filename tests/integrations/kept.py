"""Stored values for a node's case: the real ones, in a SQLite file of the case's own."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sqlmodel import SQLModel

import engine.models  # noqa: F401 - registers all tables
from engine.models import Run, Workflow, WorkflowVersion, Workspace
from engine.store import values
from engine.store.db import Database
from engine.store.runvalues import RunValues
from engine.store.values import Place
from tests.integrations.services import RUN

EARLIER = "earlier"
PLACE = Place(RUN.workspace_id, RUN.workflow_id)


class Kept:
    """A database with the workflow of `RUN`, an earlier run of it, and values by name."""

    def __init__(self, folder: Path, given: dict[str, Any]) -> None:
        self.database = Database(f"sqlite:///{folder}/values.db")
        with self.database.exclusive() as connection:
            SQLModel.metadata.create_all(connection)
        owner = {"workspace_id": RUN.workspace_id}
        drawn = {**owner, "workflow_id": RUN.workflow_id}
        with self.database.transaction() as session:
            session.add(Workspace(id=RUN.workspace_id, name="Test", slug="test"))
            session.flush()
            session.add(Workflow(**owner, id=RUN.workflow_id, name="Test", draft={}))
            session.flush()
            session.add(WorkflowVersion(**drawn, id="version", number=1, document={}, content_hash="0"))
            session.flush()
            for run_id in (RUN.run_id, EARLIER):
                session.add(Run(**drawn, id=run_id, version_id="version", source="manual", input={}))
            for name, value in given.items():
                values.put(session, PLACE, name, value)

    def of(self, run_id: str) -> RunValues:
        return RunValues(self.database, RUN.workspace_id, RUN.workflow_id, run_id, f"{run_id}:node::0")

    def now(self) -> dict[str, Any]:
        with self.database.transaction(write=False) as session:
            return {row.name: row.value for row in values.listed(session, PLACE)}

    def __enter__(self) -> Kept:
        return self

    def __exit__(self, *args: object) -> None:
        self.database.close()
