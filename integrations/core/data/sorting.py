"""Sorting and telling apart more rows than fit in memory: sorted runs in temporary files, merged as they are read.

External merge sort and partitioning by hash: Knuth, The Art of Computer Programming 3, sections 5.4 and 6.4.
"""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from heapq import merge
from itertools import islice
from tempfile import TemporaryFile
from typing import IO, Any

RUN = 10_000  # rows that are sorted in memory at a time
BATCH = 100  # rows of a run that are read at a time
PARTITIONS = 64
_ENTRY = struct.Struct("<16sq")


def merge_sorted(rows: Iterable[Any], key: Callable[[Any], Any], run: int = RUN) -> Iterator[Any]:
    """The rows by their keys; equal ones in the order in which they came. Holds about `run` of them at a time."""
    source = iter(rows)
    with ExitStack() as files:
        runs: list[Iterator[Any]] = []
        while piece := sorted(islice(source, run), key=key):
            if len(piece) < run and not runs:
                yield from piece
                return
            runs.append(_kept(piece, files.enter_context(TemporaryFile())))
        yield from merge(*runs, key=key)


def _kept(piece: list[Any], file: IO[bytes]) -> Iterator[Any]:
    for at in range(0, len(piece), BATCH):
        pickle.dump(piece[at : at + BATCH], file, pickle.HIGHEST_PROTOCOL)
    file.seek(0)
    batches = -(-len(piece) // BATCH)
    return (row for _ in range(batches) for row in pickle.load(file))  # noqa: S301  written above


def first_of_each(keys: Iterable[bytes], count: int, *, last: bool = False) -> bytearray:
    """For each of `count` keys a byte: 1 where it comes for the first time (or, asked so, for the last)."""
    chosen = bytearray(count)
    with ExitStack() as files:
        parts = [files.enter_context(TemporaryFile()) for _ in range(PARTITIONS)]
        for place, text in enumerate(keys):
            digest = blake2b(text, digest_size=16).digest()
            parts[digest[0] % PARTITIONS].write(_ENTRY.pack(digest, place))
        for part in parts:
            part.seek(0)
            found: dict[bytes, int] = {}
            for digest, place in _ENTRY.iter_unpack(part.read()):
                if last or digest not in found:
                    found[digest] = place
            for place in found.values():
                chosen[place] = 1
    return chosen


class Backwards:
    """A key that sorts the other way round."""

    __slots__ = ("key",)

    def __init__(self, key: Any) -> None:
        self.key = key

    def __lt__(self, other: Backwards) -> bool:
        return bool(other.key < self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Backwards) and bool(self.key == other.key)

    __hash__ = None  # type: ignore[assignment]
