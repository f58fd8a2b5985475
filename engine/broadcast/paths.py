"""Paths of the items of a list: their positions in the list that they come from. Few are tuples, many a range or array.

A million positions as an array of 8-byte integers take 8 MB; as Python tuples and sets they would take a hundred.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from typing import overload

MANY = 2_000
NOWHERE = -1


def compact(paths: Iterable[int]) -> Sequence[int]:
    """The same numbers: a range if they lie in a row, an array if they are many, else a tuple."""
    if isinstance(paths, range):
        return paths
    numbers = paths if isinstance(paths, array) else array("q", paths)
    if len(numbers) <= MANY:
        return tuple(numbers)
    first = numbers[0]
    row = range(first, first + len(numbers))
    return row if numbers[-1] == row[-1] and alike(numbers, row) else numbers


def alike(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether these are the same numbers, in whatever form."""
    if type(one) is type(other):
        return one == other
    return len(one) == len(other) and all(a == b for a, b in zip(one, other, strict=True))


def common(first: Sequence[int], others: Iterable[Sequence[int]]) -> Sequence[int]:
    """The numbers that all have, in the order of the first."""
    different = [other for other in others if not alike(other, first)]
    if not different:
        return first
    if max(map(len, (first, *different))) <= MANY:
        sets = [set(other) for other in different]
        return [path for path in first if all(path in have for have in sets)]
    size = max((max(other, default=0) for other in (first, *different)), default=0) + 1
    for other in different:
        marks = bytearray(size)
        for path in other:
            marks[path] = 1
        first = array("q", (path for path in first if marks[path]))
    return compact(first)


class Places(Sequence["int | None"]):
    """Where a list has each of the wanted numbers: a position, or None."""

    def __init__(self, positions: array[int]) -> None:
        self._positions = positions

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, index: int) -> int | None: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[int | None]: ...
    def __getitem__(self, index: int | slice) -> int | Sequence[int | None] | None:
        if isinstance(index, slice):
            return [None if at == NOWHERE else at for at in self._positions[index]]
        at = self._positions[index]
        return None if at == NOWHERE else at

    def __iter__(self) -> Iterator[int | None]:
        return (None if at == NOWHERE else at for at in self._positions)


def places(paths: Sequence[int], wanted: Sequence[int]) -> Sequence[int | None]:
    """Where `paths` has each of the wanted numbers."""
    if alike(paths, wanted):
        return range(len(wanted))
    where = Where(paths)
    if len(wanted) <= MANY:
        return [where.get(path) for path in wanted]
    return Places(array("q", (NOWHERE if (at := where.get(path)) is None else at for path in wanted)))


class Where:
    """The position of each number in a sequence of them."""

    def __init__(self, paths: Sequence[int]) -> None:
        self._range = paths if isinstance(paths, range) and paths.step == 1 else None
        self._known: dict[int, int] | None = None
        self._table = array("q")
        if self._range is None and len(paths) <= MANY:
            self._known = {path: position for position, path in enumerate(paths)}
        elif self._range is None:
            self._table = array("q", [NOWHERE]) * (max(paths) + 1)
            for position, path in enumerate(paths):
                self._table[path] = position

    def get(self, path: int) -> int | None:
        """Where this number stands, or None."""
        if self._range is not None:
            return path - self._range.start if path in self._range else None
        if self._known is not None:
            return self._known.get(path)
        at = self._table[path] if 0 <= path < len(self._table) else NOWHERE
        return None if at == NOWHERE else at
