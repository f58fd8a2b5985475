"""How a node is called: not at all, once, or once per item, and what the templates of each call see."""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.broadcast.align import Branch, Item, Level, Track
from engine.broadcast.cursors import Cursor, deeper, paths_of
from engine.broadcast.fields import Wire
from engine.broadcast.leaves import Path
from engine.broadcast.values import Axis
from engine.contract.lists import part_of, picked
from engine.expressions import walk


@dataclass(frozen=True, slots=True)
class Skip:
    """The node is not called; `reason` is a sentence for the step."""

    reason: str


@dataclass(slots=True)
class CallScope:
    """What the templates of one call see: `tracks` hold the wires, `names` everything else."""

    tracks: Mapping[Wire, Track[Wire]]
    names: Mapping[str, Any]
    skipped: frozenset[Wire] = frozenset()

    def get(self, wire: Wire) -> Any:
        """What a wire brings, bound to the item at hand; null when its node was skipped."""
        track = self.tracks.get(wire)
        return None if track is None else track.cursor.value

    def cursor(self, wire: Wire) -> Cursor | None:
        """Where the wire ends, for those who ask where its items come from."""
        track = self.tracks.get(wire)
        return None if track is None else track.cursor


@dataclass(slots=True)
class ItemScope(CallScope):
    """The scope of one item of a single level: made for every item, so it works nothing out ahead."""

    mapped: Mapped | None = None
    number: int = 0

    def get(self, wire: Wire) -> Any:
        reader = self.mapped.readers.get(wire) if self.mapped is not None else None
        if reader is None:
            return CallScope.get(self, wire)
        data, positions, path = reader
        position = positions[self.number]
        if position is None:
            return None
        return walk(data[position], path) if path else data[position]

    def cursor(self, wire: Wire) -> Cursor | None:
        cursor = CallScope.cursor(self, wire)
        reader = self.mapped.readers.get(wire) if self.mapped is not None else None
        if cursor is None or reader is None:
            return cursor
        position = reader[1][self.number]
        return None if position is None else cursor.item(position)


@dataclass(slots=True)
class Once:
    """One call."""

    scope: CallScope
    node: str = ""


@dataclass(eq=False)
class Mapped:
    """One call per item, `length` of them. `node`: whose calls they are. `first`: the number of the first of them in
    the mapping of which this is a part."""

    node: str
    length: int
    outer: Level[Wire]
    has_main: bool = True
    shape: Branch | None = None
    _tracks: Sequence[Track[Wire]] = ()
    _scope: CallScope = field(default_factory=lambda: CallScope({}, {}))
    _items: Sequence[Item[Wire]] = ()
    first: int = 0

    @cached_property
    def readers(self) -> Mapping[Wire, tuple[Sequence[Any], Sequence[int | None], Path]]:
        """Of each wire that maps: its list, where each item of this call stands in it, and the path from there."""
        return {
            self._tracks[n].key: (self._tracks[n].cursor.data, positions, self._tracks[n].cursor.path)
            for n, positions in self.outer.places.items()
        }

    def part(self, start: int, stop: int) -> Mapped:
        """The calls from `start` to before `stop` alone, with what they read of long lists in memory. Blocks.

        Raises ValueError for a mapping of several levels.
        """
        if self.shape is not None:
            raise ValueError("a mapping of several levels has no parts")
        tracks, found = list(self._tracks), dict[int, Sequence[int | None]]()
        for n, positions in self.outer.places.items():
            tracks[n], found[n] = _part_of_track(tracks[n], positions[start:stop])
        axis, paths = self.outer.axis, self.outer.paths[start:stop]
        level: Level[Wire] = Level(Axis(axis.origin, paths), paths, found, self.outer.lead)
        scope = CallScope({**self._scope.tracks, **{t.key: t for t in tracks}}, self._scope.names, self._scope.skipped)
        return Mapped(self.node, stop - start, level, self.has_main, None, tracks, scope, first=start)

    @property
    def axes(self) -> tuple[str, ...]:
        """The origins of the levels, outermost first."""
        return (self.outer.axis.origin,) if self.shape is None else self.shape.origins

    def deals(self, node: str) -> bool:
        """Whether all that the calls take of a node's outputs comes to them item by item, by the leading origin."""
        if any(reference.node == node for wire in self._scope.skipped for reference in wire.references):
            return False
        taken = [n for n, track in enumerate(self._tracks) if any(ref.node == node for ref in track.key.references)]
        lead = self.outer.axis.origin
        return all(n in self.outer.places and self._tracks[n].cursor.axis.origin == lead for n in taken)

    def path_at(self, number: int) -> tuple[int, ...]:
        """An item's path: its place in the origin's list, one number per level."""
        return self._items[number].path if self.shape else (self.outer.paths[number],)

    def item_at(self, number: int) -> Any:
        """What the call is about: the item of the list that leads, on the innermost level."""
        if self.shape:
            return self._items[number].item
        position = self.outer.places[self.outer.lead][number]
        return None if position is None else self._tracks[self.outer.lead].cursor.data[position]

    def scope_at(self, number: int) -> CallScope:
        """What the templates of one call see."""
        scope = self._scope
        if self.shape is None:
            names = {**scope.names, "item": self.item_at(number), "index": self.first + number}
            return ItemScope(scope.tracks, names, scope.skipped, self, number)
        item = self._items[number]
        names = {**scope.names, "item": item.item, "index": item.index}
        return CallScope({track.key: track for track in item.tracks}, names, scope.skipped)


def _part_of_track(track: Track[Wire], positions: Sequence[int | None]) -> tuple[Track[Wire], Sequence[int | None]]:
    """The track over some items of its list only, and where each of them stands there now."""
    cursor = track.cursor
    wanted = array("q", (at for at in positions if at is not None))
    in_a_row = len(wanted) > 0 and wanted[-1] - wanted[0] == len(wanted) - 1
    data = part_of(cursor.data, wanted[0], wanted[-1] + 1) if in_a_row else picked(cursor.data, wanted)
    axes = (Axis(cursor.axis.origin, [paths_of(cursor)[at] for at in wanted]), *deeper(cursor.axes, wanted))
    places: Sequence[int | None] = range(len(wanted))
    if len(wanted) < len(positions):
        numbers = iter(range(len(wanted)))
        places = [None if at is None else next(numbers) for at in positions]
    return Track(
        track.key, Cursor(data, cursor.path, axes, cursor.name), track.levels, track.follows, track.field
    ), places


Call = Skip | Once | Mapped
