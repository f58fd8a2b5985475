"""Following a reference into a value, one list level at a time."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.broadcast.paths import MANY, Where, compact
from engine.broadcast.values import Axis, Value
from engine.contract.lists import Joined, LongList, Picked, is_list
from engine.expressions import walk

Step = str | int


@dataclass(slots=True)
class Cursor:
    """A place inside a value: `data` here, the `path` still to follow, the axes of the list levels from here on, and
    the name that a list found here has as an origin."""

    data: Any
    path: tuple[Step, ...]
    axes: tuple[Axis, ...]
    name: str

    @property
    def is_list(self) -> bool:
        return is_list(self.data)

    @property
    def axis(self) -> Axis:
        """Of the list that stands here."""
        return self.axes[0] if self.axes else Axis(self.name)

    @property
    def value(self) -> Any:
        """All that the reference means from here, lists projected."""
        return walk(self.data, self.path) if self.path else self.data

    def item(self, position: int) -> Cursor:
        """Into one item of the list that stands here."""
        axes = tuple(axis.inside(position) for axis in self.axes[1:]) if len(self.axes) > 1 else ()
        return at_list(self.data[position], self.path, axes, self.name + "[]")

    def depth(self) -> int:
        """How many list levels lie ahead, judged by the first item of each."""
        if not is_list(self.data):
            return 0
        return 1 + (self.item(0).depth() if len(self.data) else 0)


def start(value: Value, path: Sequence[Step], name: str) -> Cursor:
    """At the first list on the way, or at the end of the path."""
    return at_list(value.data, tuple(path), value.origin, name)


def at_list(data: Any, path: tuple[Step, ...], axes: tuple[Axis, ...], name: str) -> Cursor:
    """Follow `path` up to the first list that is not indexed, or to its end."""
    for at, step in enumerate(path):
        if isinstance(data, Mapping):
            data, axes, name = data.get(step), (), f"{name}.{step}"
        elif is_list(data):
            if isinstance(step, str):
                return Cursor(data, path[at:], axes, name)
            inside = -len(data) <= step < len(data)
            axes = tuple(axis.inside(step) for axis in axes[1:]) if inside else ()
            data, name = data[step] if inside else None, f"{name}.{step}"
        else:
            return Cursor(None, (), (), name)
    return Cursor(data, (), axes, name)


def merged(cursors: Sequence[Cursor]) -> Cursor:
    """What `first` gives for the parts that fired.

    Of dealt lists of one origin each item from the first part that has it, in the original order, on every level;
    otherwise the first part.
    """
    lead = cursors[0]
    parts = [(c.value, c.axes) for c in cursors if c.is_list and c.axes and lead.axes and _same_origin(c, lead)]
    if len(parts) < 2 or not lead.is_list:
        return lead
    data, axes = _merged(parts)
    return Cursor(data, (), axes, lead.name)


def _same_origin(one: Cursor, other: Cursor) -> bool:
    return one.axis.origin == other.axis.origin


Part = tuple[Any, tuple[Axis, ...]]


def _merged(parts: Sequence[Part]) -> Part:
    """Lists of one origin as one list, and its axes."""
    if sum(len(data) for data, _ in parts) > MANY and all(len(axes) == 1 for _, axes in parts):
        return _merged_long(parts)
    items: dict[int, list[Part]] = {}
    for data, axes in parts:
        for position, path in enumerate(_paths(data, axes[0])):
            inner = tuple(axis.inside(position) for axis in axes[1:])
            items.setdefault(path, []).append((data[position], inner))
    order = sorted(items)
    inner_parts = [_merged_item(items[path]) for path in order]
    complete = order == list(range(len(order))) and any(axes[0].paths is None for _, axes in parts)
    outer = Axis(parts[0][1][0].origin, None if complete else tuple(order))
    return [data for data, _ in inner_parts], (outer, *_deeper([axes for _, axes in inner_parts]))


def _merged_long(parts: Sequence[Part]) -> Part:
    """The same for many items on one level, by numbers alone: no item is read."""
    size = 1 + max(_paths(data, axes[0])[-1] for data, axes in parts if len(data))
    chosen, first = array("q", [-1]) * size, 0
    for data, axes in parts:
        for position, path in enumerate(_paths(data, axes[0]), first):
            if chosen[path] < 0:
                chosen[path] = position
        first += len(data)
    kept = array("q", (position for position in chosen if position >= 0))
    whole = Picked(Joined([data for data, _ in parts]), kept)
    complete = len(kept) == size and any(axes[0].paths is None for _, axes in parts)
    paths = None if complete else compact(path for path, position in enumerate(chosen) if position >= 0)
    is_long = any(isinstance(data, LongList) for data, _ in parts)
    return whole if is_long else list(whole), (Axis(parts[0][1][0].origin, paths),)


def _merged_item(parts: Sequence[Part]) -> Part:
    data, axes = parts[0]
    if not axes or not is_list(data):
        return data, ()
    alike = [part for part in parts if is_list(part[0]) and part[1] and part[1][0].origin == axes[0].origin]
    return _merged(alike) if len(alike) > 1 else (data, axes)


def _deeper(axes: Sequence[tuple[Axis, ...]]) -> Iterator[Axis]:
    """The axes of the levels below as seen from above: their paths nested by item."""
    for depth in range(max(map(len, axes), default=0)):
        here = [inner[depth] if depth < len(inner) else None for inner in axes]
        origin = next(axis.origin for axis in here if axis is not None)
        paths = tuple(None if axis is None else axis.paths for axis in here)
        yield Axis(origin, None if all(path is None for path in paths) else paths)


def paths_of(cursor: Cursor) -> Sequence[int]:
    """The position in the origin's list of each item of the list that stands here."""
    return _paths(cursor.data, cursor.axis)


def _paths(data: Sequence[Any], axis: Axis) -> Sequence[int]:
    return range(len(data)) if axis.paths is None else axis.paths


def limited(cursor: Cursor, limits: Mapping[str, Where]) -> Cursor:
    """Only the items that `after` was dealt, when the list is of that origin."""
    if not cursor.is_list or cursor.axis.origin not in limits:
        return cursor
    allowed = limits[cursor.axis.origin]
    paths = paths_of(cursor)
    kept = array("q", (position for position, path in enumerate(paths) if allowed.get(path) is not None))
    axis = Axis(cursor.axis.origin, compact(paths[position] for position in kept))
    data = Picked(cursor.data, kept) if isinstance(cursor.data, LongList) else [cursor.data[at] for at in kept]
    return Cursor(data, cursor.path, (axis, *deeper(cursor.axes, kept)), cursor.name)


def deeper(axes: Sequence[Axis], kept: Sequence[int]) -> tuple[Axis, ...]:
    """The axes below the first, of some items only."""
    return tuple(a if a.paths is None else Axis(a.origin, tuple(a.paths[at] for at in kept)) for a in axes[1:])
