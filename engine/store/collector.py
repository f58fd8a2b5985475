"""Payloads that nothing names any more: found by looking at everything that could name them, set aside, then deleted.

Mark and sweep in two steps (decisions 0032, 0037 and 0038). What nothing names (engine.store.naming) and was not stored
lately is set aside, where it can still be read; what is aside for as long again and still not named is deleted. A
process may be killed at any moment, and several may collect at the same time.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import TypeVar

from sqlmodel import col, delete

from engine.models import Payload, PayloadNames, StoredFile
from engine.store.db import Database
from engine.store.naming import Names, lost_files, named_by_rows
from engine.store.storage import Storage

GRACE_SECONDS = 3_600.0
DRAFT_SECONDS = 86_400.0  # in which a process that lives writes more to what it has begun
ROWS_AT_ONCE = 500
MOVED_AT_ONCE = 500
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
    """Collects in one payload store."""

    def __init__(self, data: Database, storage: Storage, grace: float = GRACE_SECONDS) -> None:
        self._data, self._storage, self._grace = data, storage, grace

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
        return done

    # --- mark ---

    def _marked(self, workspace_id: str) -> set[bytes]:
        """Every payload that a row names, or a payload that is named; by its hash in 32 bytes."""
        place = self._storage.place
        there = {bytes.fromhex(e.name) for look in (place.aside, place.stored) for e in look(workspace_id)}
        marked: set[bytes] = set()
        names = Names(self._data, self._storage, workspace_id)
        fresh = self._kept(there, marked, named_by_rows(self._data, workspace_id))
        while fresh:
            inner = (name for some in _batches(fresh, ROWS_AT_ONCE) for name in names.inside(some))
            fresh = self._kept(there, marked, inner)
        return marked

    @staticmethod
    def _kept(there: set[bytes], marked: set[bytes], names: Iterable[str]) -> list[str]:
        """Marks what is there; gives what was not marked before. Most texts that look like a name are none."""
        fresh = []
        for name in names:
            key = bytes.fromhex(name)
            if key in there and key not in marked:
                marked.add(key)
                fresh.append(name)
        return fresh

    # --- sweep ---

    def _sweep(self, workspace_id: str, marked: set[bytes], old: float) -> tuple[Collected, set[str]]:
        """Judges all that is stored, some at a time. Gives also the names of what is nowhere any more."""
        place = self._storage.place
        aside, back, size, gone = 0, 0, 0, set[str]()
        for some in _batches(place.aside(workspace_id)):
            back += place.put_back(workspace_id, [entry for entry in some if bytes.fromhex(entry.name) in marked], old)
            dead = [entry for entry in some if bytes.fromhex(entry.name) not in marked and entry.moment < old]
            deleted = place.delete(workspace_id, dead)
            size += sum(entry.size for entry in deleted)
            gone.update(entry.name for entry in deleted)
        count = len(gone)
        for some in _batches(place.stored(workspace_id)):
            gone.difference_update(entry.name for entry in some)  # stored again meanwhile
            dead = [entry for entry in some if bytes.fromhex(entry.name) not in marked and entry.moment < old]
            aside += place.set_aside(workspace_id, [entry.name for entry in dead])
        return Collected(aside, back, count, size), gone

    def _forget(self, workspace_id: str, names: Iterable[str]) -> None:
        for some in _batches(names, FORGOTTEN_AT_ONCE):
            with self._data.transaction() as session:
                for table in (Payload, PayloadNames):
                    mine = col(table.workspace_id) == workspace_id
                    session.exec(delete(table).where(mine, col(table.hash).in_(some)))
                # Somebody may have stored the same file just now, whose row must stay.
                mine = col(StoredFile.workspace_id) == workspace_id
                session.exec(delete(StoredFile).where(mine, col(StoredFile.hash).in_(some), lost_files()))


def _batches(items: Iterable[T], size: int = MOVED_AT_ONCE) -> Iterator[list[T]]:
    left = iter(items)
    while some := list(islice(left, size)):
        yield some
