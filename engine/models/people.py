"""Who uses Weft, and where they belong."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Field

from engine.models.base import Table, id_field, instant, json_column, stamp, workspace_key

Role = Literal["owner", "editor", "viewer"]


class User(Table, table=True):
    """A person. The e-mail address is kept in lower case."""

    __tablename__ = "user_account"

    id: str = id_field()
    email: str = Field(max_length=254, unique=True)
    name: str = Field(max_length=120)
    password_hash: str = Field(repr=False)
    appearance: str = Field(default="system", max_length=10)
    created_at: datetime = stamp()


class Workspace(Table, table=True):
    """What a team shares. `slug` stands in webhook addresses; days of budgets begin at midnight in `time_zone`."""

    id: str = id_field()
    name: str = Field(max_length=120)
    slug: str = Field(max_length=40, unique=True)
    limits: dict[str, Any] = json_column(default_factory=dict, nullable=False)
    time_zone: str = Field(default="UTC", max_length=60, sa_column_kwargs={"server_default": "UTC"})
    created_at: datetime = stamp()


class Membership(Table, table=True):
    """A person's role in a workspace."""

    __table_args__ = (sa.UniqueConstraint("workspace_id", "user_id"),)

    id: str = id_field()
    workspace_id: str = workspace_key()
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    role: str = Field(max_length=10)
    created_at: datetime = stamp()


class AuthSession(Table, table=True):
    """A signed-in browser. Only the SHA-256 of the cookie is kept."""

    __tablename__ = "auth_session"

    id: str = id_field()
    workspace_id: str = workspace_key()
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    token_hash: str = Field(max_length=64, unique=True, repr=False)
    created_at: datetime = stamp()
    expires_at: datetime = instant(nullable=False)


class ApiKey(Table, table=True):
    """A machine's access to one workspace. Only the SHA-256 of the key is kept; `prefix` is what lists show."""

    __tablename__ = "api_key"

    id: str = id_field()
    workspace_id: str = workspace_key()
    user_id: str = Field(foreign_key="user_account.id", index=True, ondelete="CASCADE")
    name: str = Field(max_length=120)
    role: str = Field(max_length=10)
    prefix: str = Field(max_length=16)
    key_hash: str = Field(max_length=64, unique=True, repr=False)
    created_at: datetime = stamp()
    last_used_at: datetime | None = instant(default=None, nullable=True)
    revoked_at: datetime | None = instant(default=None, nullable=True)
