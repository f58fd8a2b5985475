"""What a workflow remembers from run to run."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from engine.models.base import Table, id_field, instant, json_column, stamp, workspace_key


class StoredValue(Table, table=True):
    """A named value. Trial runs of a draft (`draft`) and runs of published versions each have their own.

    Of kind `keys` it is a list of keys that were seen (`SeenKey`), and `value` how many there are.
    """

    __tablename__ = "stored_value"
    __table_args__ = (sa.UniqueConstraint("workspace_id", "holder", "draft", "name"),)

    id: str = id_field()
    workspace_id: str = workspace_key()
    workflow_id: str | None = Field(default=None, foreign_key="workflow.id", index=True, ondelete="CASCADE")
    holder: str = Field(max_length=32, description="`workflow_id`, or empty: a value of the whole workspace")
    draft: bool = Field(default=False)
    name: str = Field(max_length=120)
    kind: str = Field(default="value", max_length=8)
    value: Any = json_column(default=None, nullable=True)
    run_id: str | None = Field(default=None, max_length=32, description="The run that changed it last; none: a person")
    created_at: datetime = stamp()
    updated_at: datetime = stamp()


class SeenKey(Table, table=True):
    """A key of a list of keys, by its SHA-256. `effect` names the call that saw it first, so that a repeat agrees."""

    __tablename__ = "seen_key"
    __table_args__ = (sa.Index("ix_seen_key_age", "value_id", "seen_at"),)

    value_id: str = Field(primary_key=True, foreign_key="stored_value.id", ondelete="CASCADE", max_length=32)
    key: str = Field(primary_key=True, max_length=64)
    workspace_id: str = Field(max_length=32)
    effect: str = Field(max_length=64)
    seen_at: datetime = instant(nullable=False)


class ValueChange(Table, table=True):
    """A change that a run made, and what came of it: repeated after a crash, the same call finds it and makes none."""

    __tablename__ = "value_change"

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", max_length=32)
    effect: str = Field(primary_key=True, max_length=64, description="SHA-256 of the call's idempotency key")
    workspace_id: str = Field(max_length=32)
    result: Any = json_column(default=None, nullable=True)
