"""Payloads that nothing names any more: found by looking at everything that could name them, set aside, then deleted.

Mark and sweep in two steps (decisions 0032 and 0037). What no row names, and was not stored lately, is set aside, where
it can still be read; what is aside for as long again and still not named is deleted. A process may be killed at any
moment, and several may collect at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import SQLModel, col, delete, select

from engine.contract.errors import NotFound
from engine.models import Payload, Run, StoredFile
from engine.store.db import Database
from engine.store.payloads import READ_BYTES
from engine.store.retention import HASH as NAMED
from engine.store.retention import NAMES
from engine.store.storage import Storage

GRACE_SECONDS = 3_600.0
DRAFT_SECONDS = 86_400.0  # in which a process that lives writes more to what it has begun
ROWS_AT_ONCE = 500
MOVED_AT_ONCE = 500
BINARY_HASH = 64
FORGOTTEN_AT_ONCE = 200

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Collected:
    """What one pass did: payloads that were set aside, put back, and deleted, and the bytes that were freed."""

    aside: int = 0
    back: int = 0
    deleted: int = 0
    bytes: int = 0


class Collector:
    """Collects in one payload store. Remembers what payloads name: their bytes, and so their names, never change."""

    def __init__(self, data: Database, storage: Storage, grace: float = GRACE_SECONDS) -> None:
        self._data, self._storage, self._grace = data, storage, grace
        self._inner: dict[str, frozenset[str]] = {}

    def workspaces(self) -> list[str]:
        """The workspaces that stored something, be they still there or not. Raises StoreUnavailable."""
        return self._storage.place.owners()

    def collect(self, workspace_id: str) -> Collected:
        """One pass over a workspace's payloads. May take long; raises DatabaseUnavailable, StoreUnavailable."""
        old = time.time() - self._grace  # before looking: what is named meanwhile was stored or read since then
        marked = self._marked(workspace_id)
        done, gone = self._sweep(workspace_id, marked, old)
        self._storage.place.tidy(workspace_id, time.time() - DRAFT_SECONDS)
        self._forget(workspace_id, gone)
        self._inner = {name: inner for name, inner in self._inner.items() if name in marked}
        return done

    # --- mark ---

    def _marked(self, workspace_id: str) -> set[str]:
        """Every payload that a row names, or a payload that is named."""
        marked: set[str] = set()
        left = [name for text in self._texts(workspace_id) for name in NAMED.findall(text)]
        left += self._files(workspace_id)
        while left:
            name = left.pop()
            if name not in marked and self._storage.has(workspace_id, name):
                marked.add(name)
                left += self._named_inside(workspace_id, name)
        return marked

    def _texts(self, workspace_id: str) -> Iterator[str]:
        """All that could hold the name of a payload: each column of JSON or long text of every table."""
        for table in SQLModel.metadata.sorted_tables:
            if "workspace_id" not in table.c or table.name == StoredFile.__tablename__:
                continue
            columns = [column for column in table.c if isinstance(column.type, sa.JSON | sa.Text)]
            for column in columns:
                yield from self._texts_of(workspace_id, table, column)

    def _texts_of(self, workspace_id: str, table: sa.Table, column: sa.Column[Any]) -> Iterator[str]:
        text = sa.cast(column, sa.Text)
        key = list(table.primary_key.columns)
        query = (
            sa.select(*key, text)
            .where(table.c.workspace_id == workspace_id, sa.or_(*(text.like(mark) for mark in NAMES.values())))
            .order_by(*key)
            .limit(ROWS_AT_ONCE)
        )
        last: tuple[Any, ...] = ()
        while True:
            after = query.where(sa.tuple_(*key) > sa.tuple_(*last)) if last else query
            with self._data.transaction(write=False) as session:
                rows = session.execute(after).all()
            for row in rows:
                yield row[-1]
            if len(rows) < ROWS_AT_ONCE:
                return
            last = tuple(rows[-1][:-1])

    def _files(self, workspace_id: str) -> list[str]:
        """Files that a person uploaded, or that a run produced which is still there."""
        there = sa.or_(col(StoredFile.run_id).is_(None), col(StoredFile.run_id).in_(select(Run.id)))
        query = select(StoredFile.hash).where(col(StoredFile.workspace_id) == workspace_id, there)
        with self._data.transaction(write=False) as session:
            return list(session.exec(query))

    def _named_inside(self, workspace_id: str, name: str) -> frozenset[str]:
        found = self._inner.get(name)
        if found is None:
            found = self._inner[name] = frozenset(self._read_names(workspace_id, name))
        return found

    def _read_names(self, workspace_id: str, name: str) -> Iterator[str]:
        rest = ""
        with suppress(NotFound), self._storage.open_file(workspace_id, name) as file:
            while piece := file.read(READ_BYTES):
                text = rest + piece.decode("latin-1")
                yield from NAMED.findall(text)
                rest = text[-BINARY_HASH:]

    # --- sweep ---

    def _sweep(self, workspace_id: str, marked: set[str], old: float) -> tuple[Collected, set[str]]:
        """Judges all that is stored, some at a time. Gives also the names of what is nowhere any more."""
        place = self._storage.place
        aside, back, size, gone = 0, 0, 0, set[str]()
        for some in _batches(place.aside(workspace_id)):
            back += place.put_back(workspace_id, [entry for entry in some if entry.name in marked], old)
            dead = [entry for entry in some if entry.name not in marked and entry.moment < old]
            deleted = place.delete(workspace_id, dead)
            size += sum(entry.size for entry in deleted)
            gone.update(entry.name for entry in deleted)
        count = len(gone)
        for some in _batches(place.stored(workspace_id)):
            gone.difference_update(entry.name for entry in some)  # stored again meanwhile
            dead = [entry for entry in some if entry.name not in marked and entry.moment < old]
            aside += place.set_aside(workspace_id, [entry.name for entry in dead])
        return Collected(aside, back, count, size), gone

    def _forget(self, workspace_id: str, names: Iterable[str]) -> None:
        for some in _batches(names, FORGOTTEN_AT_ONCE):
            lost = sa.and_(col(StoredFile.run_id).is_not(None), col(StoredFile.run_id).not_in(select(Run.id)))
            mine = {table: col(table.workspace_id) == workspace_id for table in (Payload, StoredFile)}
            with self._data.transaction() as session:
                session.exec(delete(Payload).where(mine[Payload], col(Payload.hash).in_(some)))
                # Somebody may have stored the same file just now, whose row must stay.
                session.exec(delete(StoredFile).where(mine[StoredFile], col(StoredFile.hash).in_(some), lost))


def _batches(items: Iterable[T], size: int = MOVED_AT_ONCE) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
