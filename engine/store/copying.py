"""Payloads brought from one place to another; what is there already is left, so that it can go on where it ended."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import chain

from engine.contract.errors import NotFound
from engine.store.payloads import READ_BYTES
from engine.store.places import Entry, Place

TOLD_EVERY = 1_000


@dataclass(slots=True)
class Copied:
    """What was done: payloads and bytes that were copied, those that were there, and the names of damaged ones."""

    count: int = 0
    bytes: int = 0
    there: int = 0
    damaged: list[str] = field(default_factory=list)


def copy(source: Place, target: Place, tell: Callable[[Copied], None]) -> Copied:
    """Copies all payloads of all workspaces, each read, hashed and held against its name.

    What goes on being stored in `source` meanwhile may be missed: call it again. Raises StoreUnavailable.
    """
    done = Copied()
    for owner in source.owners():
        there = {entry.name: entry.size for entry in target.stored(owner)}
        for entry in _once(chain(source.stored(owner), source.aside(owner))):
            if there.get(entry.name) == entry.size:
                done.there += 1
            else:
                with suppress(NotFound):  # collected meanwhile
                    _copy_one(source, target, owner, entry.name, done)
            if (done.there + done.count) % TOLD_EVERY == 0:
                tell(done)
    return done


def _copy_one(source: Place, target: Place, owner: str, name: str, done: Copied) -> None:
    digest = hashlib.sha256()
    size = 0
    with source.open(owner, name) as stream, target.writing(owner) as (file, keep):
        while piece := stream.read(READ_BYTES):
            digest.update(piece)
            size += len(piece)
            file.write(piece)
        if digest.hexdigest() != name:
            done.damaged.append(f"{owner}/{name}")
            return
        keep(name)
    done.count += 1
    done.bytes += size


def _once(entries: Iterator[Entry]) -> Iterator[Entry]:
    seen = set[str]()
    for entry in entries:
        if entry.name not in seen:
            seen.add(entry.name)
            yield entry
