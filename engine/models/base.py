"""What all tables share: identifiers, instants, and the workspace they belong to."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import uuid_utils
from sqlalchemy.types import TypeDecorator
from sqlmodel import Field, SQLModel


def new_id() -> str:
    """A UUID of version 7 (RFC 9562) as 32 hex digits: unique everywhere and ordered by time, kind to indexes."""
    return uuid_utils.uuid7().hex


def now() -> datetime:
    """The present as an aware datetime in UTC, to the millisecond that the database keeps."""
    return from_ms(int(datetime.now(UTC).timestamp() * 1000))


def to_ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def from_ms(milliseconds: int) -> datetime:
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


class Instant(TypeDecorator[datetime]):
    """A moment, kept as whole milliseconds since 1970 UTC in a BIGINT: the same number in every database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("an instant needs a time zone")
        return to_ms(value)

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else from_ms(value)


def id_field() -> Any:
    return Field(default_factory=new_id, primary_key=True, max_length=32)


def instant(**options: Any) -> Any:
    """A column of type `Instant`; `index=True` and `default` as for Field."""
    return Field(sa_type=Instant, **options)


def stamp() -> Any:
    return Field(default_factory=now, sa_type=Instant, nullable=False)


def json_column(**options: Any) -> Any:
    """JSON as text in both databases: the order of keys is part of a document."""
    return Field(sa_type=sa.JSON, **options)


def partial_index(name: str, *columns: str, where: str) -> sa.Index:
    """An index of the rows that fit, on both databases: rows that do not cost it nothing."""
    return sa.Index(name, *columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))


def workspace_key() -> Any:
    """Every table but users and workspaces names the workspace that owns the row."""
    return Field(foreign_key="workspace.id", index=True, max_length=32, ondelete="CASCADE")


class Table(SQLModel):
    """Base of all tables."""
