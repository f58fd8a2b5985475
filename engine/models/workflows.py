"""What people draw, its versions, and what starts it."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from engine.models.base import Table, id_field, instant, json_column, stamp, workspace_key


class Workflow(Table, table=True):
    """A workflow with its draft. `draft_seq` counts the edits; `draft_text` keeps the YAML's comments."""

    id: str = id_field()
    workspace_id: str = workspace_key()
    name: str = Field(max_length=200)
    draft: dict[str, Any] = json_column(nullable=False)
    draft_text: str | None = Field(default=None, sa_type=sa.Text)
    draft_seq: int = Field(default=0)
    undo_seq: int = Field(
        default=0, description="`draft_seq` of the newest new edit: what was undone since can be redone"
    )
    pins: dict[str, Any] = json_column(default_factory=dict, nullable=False)
    published_id: str | None = Field(default=None, max_length=32)
    published_seq: int = Field(default=0)
    enabled: bool = Field(default=False)
    settings: dict[str, Any] = json_column(default_factory=dict, nullable=False)
    limits: dict[str, Any] = json_column(default_factory=dict, nullable=False)
    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = stamp()
    updated_at: datetime = stamp()
    deleted_at: datetime | None = instant(default=None, nullable=True)


class DraftEdit(Table, table=True):
    """One edit of a draft: what was done and how to take it back. Nothing drawn is ever lost.

    An edit that is redone takes a new `seq`, so that the standing edits in the order of `seq` make the draft.
    """

    __tablename__ = "draft_edit"
    __table_args__ = (sa.UniqueConstraint("workflow_id", "seq"),)

    id: str = id_field()
    workspace_id: str = workspace_key()
    workflow_id: str = Field(foreign_key="workflow.id", index=True, ondelete="CASCADE")
    seq: int
    user_id: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    ops: list[dict[str, Any]] = json_column(nullable=False)
    inverse: list[dict[str, Any]] = json_column(nullable=False)
    undone: int = Field(default=0, description="`draft_seq` at which it was undone; 0 while it stands")
    at: datetime = stamp()


class WorkflowVersion(Table, table=True):
    """A fixed drawing. `number` counts what was published; drafts that ran have none and are shared by content."""

    __tablename__ = "workflow_version"
    __table_args__ = (
        sa.UniqueConstraint("workflow_id", "number"),
        sa.Index("ix_workflow_version_content", "workflow_id", "content_hash"),
    )

    id: str = id_field()
    workspace_id: str = workspace_key()
    workflow_id: str = Field(foreign_key="workflow.id", index=True, ondelete="CASCADE")
    number: int | None = Field(default=None)
    document: dict[str, Any] = json_column(nullable=False)
    content_hash: str = Field(max_length=64)
    note: str = Field(default="", max_length=500)
    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = stamp()


class Trigger(Table, table=True):
    """What starts the published version. `next_due` is stored, so a fire can be late but never forgotten."""

    __table_args__ = (
        sa.UniqueConstraint("workflow_id", "node_id"),
        sa.UniqueConstraint("workspace_id", "method", "path"),
        sa.Index("ix_trigger_due", "enabled", "next_due"),
    )

    id: str = id_field()
    workspace_id: str = workspace_key()
    workflow_id: str = Field(foreign_key="workflow.id", index=True, ondelete="CASCADE")
    version_id: str = Field(foreign_key="workflow_version.id", ondelete="CASCADE")
    node_id: str = Field(max_length=60)
    kind: str = Field(max_length=12)
    params: dict[str, Any] = json_column(default_factory=dict, nullable=False)
    method: str | None = Field(default=None, max_length=8)
    path: str | None = Field(default=None, max_length=200)
    next_due: datetime | None = instant(default=None, nullable=True)
    last_fired: datetime | None = instant(default=None, nullable=True)
    alarm: str | None = Field(default=None, max_length=500)
    enabled: bool = Field(default=False)
    created_at: datetime = stamp()


class FormLink(Table, table=True):
    """The public address of a workflow's form. It runs the published version until it is revoked."""

    __tablename__ = "form_link"

    id: str = id_field()
    workspace_id: str = workspace_key()
    workflow_id: str = Field(foreign_key="workflow.id", unique=True, ondelete="CASCADE")
    token: str = Field(max_length=64, unique=True, repr=False)
    enabled: bool = Field(default=True)
    created_at: datetime = stamp()


class Credential(Table, table=True):
    """An account of the workspace. `sealed` is ciphertext; what is inside is never shown again."""

    id: str = id_field()
    workspace_id: str = workspace_key()
    name: str = Field(max_length=120)
    type: str = Field(max_length=60)
    sealed: bytes = Field(sa_type=sa.LargeBinary, repr=False)
    key_id: str = Field(max_length=32)
    limits: dict[str, Any] = json_column(default_factory=dict, nullable=False)
    created_by: str | None = Field(default=None, foreign_key="user_account.id", ondelete="SET NULL")
    created_at: datetime = stamp()
    updated_at: datetime = stamp()
    last_used_at: datetime | None = instant(default=None, nullable=True)
