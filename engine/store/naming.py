"""Where the names of payloads stand: in rows, and inside of payloads.

Everything that could hold a name is looked at, but nothing twice that cannot change any more. The rows of a run that is
over are read once, when it is measured, and what they name is noted (`RunPayload`); a payload is read once, and what
stands inside is noted (`PayloadNames`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import SQLModel, col, select

from engine.contract.errors import NotFound
from engine.models import Attempt, PayloadNames, Run, RunPayload, Segment, Step, StoredFile, Wait, now
from engine.store.db import Database
from engine.store.lists import LIST_MARK, Manifest
from engine.store.payloads import READ_BYTES
from engine.store.retention import HASH, NAMES
from engine.store.storage import Storage

ROWS_AT_ONCE = 500
KEYS_AT_ONCE = 10_000
HASH_LENGTH = 64
UPLOAD_DAYS = 7
OF_RUN = {table.__tablename__: "run_id" for table in (Step, Wait, Attempt, Segment)} | {Run.__tablename__: "id"}
APART = {table.__tablename__ for table in (StoredFile, PayloadNames)}


def named_by_rows(data: Database, workspace_id: str) -> Iterator[str]:
    """Whatever could be the name of a payload in a row of this workspace, some of it several times.

    First the runs that are not measured: one that is measured meanwhile is among the others then.
    """
    for table in SQLModel.metadata.sorted_tables:
        if "workspace_id" in table.c and table.name not in APART:
            for column in table.c:
                if isinstance(column.type, sa.JSON | sa.Text):
                    for text in _texts(data, workspace_id, table, column):
                        yield from HASH.findall(text)
    yield from _noted(data, workspace_id)
    files = select(StoredFile.hash).where(col(StoredFile.workspace_id) == workspace_id, sa.not_(lost_files()))
    with data.transaction(write=False) as session:
        yield from session.exec(files).all()


def lost_files() -> sa.ColumnElement[bool]:
    """The rows of files that do not count as a name: their run is gone, or a person uploaded them days ago.

    A form or a screen names what was uploaded there within minutes, or nobody ever does.
    """
    gone = sa.and_(col(StoredFile.run_id).is_not(None), col(StoredFile.run_id).not_in(select(Run.id)))
    days_ago = now() - timedelta(days=UPLOAD_DAYS)
    return sa.or_(gone, sa.and_(col(StoredFile.run_id).is_(None), col(StoredFile.created_at) < days_ago))


def _texts(data: Database, workspace_id: str, table: sa.Table, column: sa.Column[Any]) -> Iterator[str]:
    text = sa.cast(column, sa.Text)
    key = list(table.primary_key.columns)
    query = sa.select(*key, text).where(
        table.c.workspace_id == workspace_id, sa.or_(*(text.like(mark) for mark in NAMES.values()))
    )
    if table.name in OF_RUN:
        open_runs = select(Run.id).where(col(Run.workspace_id) == workspace_id, col(Run.row_bytes).is_(None))
        query = query.where(table.c[OF_RUN[table.name]].in_(open_runs))
    query = query.order_by(*key).limit(ROWS_AT_ONCE)
    last: tuple[Any, ...] = ()
    while True:
        after = query.where(sa.tuple_(*key) > sa.tuple_(*last)) if last else query
        with data.transaction(write=False) as session:
            rows = session.execute(after).all()
        for row in rows:
            yield row[-1]
        if len(rows) < ROWS_AT_ONCE:
            return
        last = tuple(rows[-1][:-1])


def _noted(data: Database, workspace_id: str) -> Iterator[str]:
    query = select(RunPayload.hash).where(col(RunPayload.workspace_id) == workspace_id).distinct()
    query = query.order_by(col(RunPayload.hash)).limit(KEYS_AT_ONCE)
    last = ""
    while True:
        with data.transaction(write=False) as session:
            names = session.exec(query.where(col(RunPayload.hash) > last)).all()
        yield from names
        if len(names) < KEYS_AT_ONCE:
            return
        last = names[-1]


class Names:
    """What stands inside of the payloads of one workspace."""

    def __init__(self, data: Database, storage: Storage, workspace_id: str) -> None:
        self._data, self._storage, self._workspace = data, storage, workspace_id

    def inside(self, payloads: Sequence[str]) -> Iterator[str]:
        """The names in these payloads, of which those are read that never were. Not too many at once."""
        query = select(PayloadNames.hash, PayloadNames.names).where(
            col(PayloadNames.workspace_id) == self._workspace, col(PayloadNames.hash).in_(payloads)
        )
        with self._data.transaction(write=False) as session:
            known = dict(session.exec(query).all())
        read: dict[str, list[str]] = {}
        for name in payloads:
            if name not in known and name not in read:
                with suppress(NotFound):
                    read |= self._read(name)
        self._note(read)
        for names in (*known.values(), *read.values()):
            yield from names

    def _read(self, name: str) -> dict[str, list[str]]:
        """The names in a payload. Of a list that holds no names itself, its files of lines need not be read either."""
        pieces = self._pieces(name)
        first = next(pieces, b"")
        if first.startswith(LIST_MARK):
            with suppress(ValueError, TypeError, KeyError):  # a file that only begins like a list
                manifest = Manifest.loads(b"".join((first, *pieces)))
                parts = [part for part, _ in manifest.parts]
                bare = {} if manifest.nested or manifest.files else {part: list[str]() for part in parts}
                return {name: parts, **bare}
            pieces = self._pieces(name)
            first = b""
        found, rest = set[str](), ""
        for piece in chain((first,), pieces):
            text = rest + piece.decode("latin-1")
            found.update(HASH.findall(text))
            rest = text[-HASH_LENGTH:]
        return {name: sorted(found)}

    def _pieces(self, name: str) -> Iterator[bytes]:
        offset = 0
        while piece := self._storage.read_part(self._workspace, name, offset, READ_BYTES):
            yield piece
            offset += len(piece)
            if len(piece) < READ_BYTES:
                return

    def _note(self, read: dict[str, list[str]]) -> None:
        if not read:
            return
        insert = postgresql.insert if self._data.kind == "postgresql" else sqlite.insert
        rows = [{"workspace_id": self._workspace, "hash": name, "names": names} for name, names in read.items()]
        with self._data.transaction() as session:
            # Another collector may have read the same.
            session.execute(insert(PayloadNames).on_conflict_do_nothing(), rows)
