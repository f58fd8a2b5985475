"""Pairs the lists that map a node: of one origin by their items' paths, of different origins by position."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from engine.broadcast.cursors import Cursor, at_list, paths_of
from engine.broadcast.paths import common, compact, places
from engine.broadcast.values import Axis
from engine.contract import BadParams, ListLengthMismatch
from engine.contract.lists import LongList, is_list

K = TypeVar("K")
MOST_NESTED = 100_000


@dataclass(slots=True)
class Track(Generic[K]):
    """One reference on its way through the levels. `levels`: how many of its list levels may map the node, None for
    all; `follows`: it never maps but goes along with an origin that does. `field` names it in an error."""

    key: K
    cursor: Cursor
    levels: int | None
    follows: bool
    field: str

    @property
    def drives(self) -> bool:
        return not self.follows and self.levels != 0 and self.cursor.is_list

    def into(self, position: int | None) -> Track[K]:
        cursor = self.cursor.item(position) if position is not None else Cursor(None, (), (), self.cursor.name)
        return Track(self.key, cursor, None if self.levels is None else self.levels - 1, self.follows, self.field)


@dataclass(slots=True)
class Level(Generic[K]):
    """One level of pairing: for each item its path in the leading origin, and where each track that takes part finds
    it (None: this track has no such item)."""

    axis: Axis
    paths: Sequence[int]
    places: Mapping[int, Sequence[int | None]]
    lead: int

    @property
    def length(self) -> int:
        return len(self.paths)


@dataclass(slots=True)
class Item(Generic[K]):
    """One call: its tracks at their last level, the item and its index on the innermost level, and its path."""

    tracks: Sequence[Track[K]]
    item: Any
    index: int
    path: tuple[int, ...]


@dataclass(slots=True)
class Branch:
    """The shape of a mapping: for each child its path, and the number of its call or the branch below it."""

    origin: str
    paths: Sequence[int]
    children: list[int | Branch] = field(default_factory=list)
    complete: bool = True

    @property
    def origins(self) -> tuple[str, ...]:
        """The origin of each level from here on, along the deepest way down."""
        below = (child.origins for child in self.children if isinstance(child, Branch))
        return (self.origin, *max(below, key=len, default=()))


def level(tracks: Sequence[Track[K]]) -> Level[K] | None:
    """The next level of mapping, or None when nothing maps any further.

    Raises:
        ListLengthMismatch: two lists of different origins differ in length.
    """
    groups: dict[str, list[int]] = {}
    for number, track in enumerate(tracks):
        if track.drives:
            groups.setdefault(track.cursor.axis.origin, []).append(number)
    if not groups:
        return None
    shared = {origin: _common([tracks[n].cursor for n in members]) for origin, members in groups.items()}
    _same_length([(tracks[members[0]].field, origin, len(shared[origin])) for origin, members in groups.items()])
    found: dict[int, Sequence[int | None]] = {}
    for number, track in enumerate(tracks):
        if track.cursor.is_list and (track.drives or track.follows) and track.cursor.axis.origin in shared:
            found[number] = places(paths_of(track.cursor), shared[track.cursor.axis.origin])
    lead_origin, members = next(iter(groups.items()))
    axis, paths = tracks[members[0]].cursor.axis, shared[lead_origin]
    whole = axis.paths is None and len(paths) == len(tracks[members[0]].cursor.data)
    return Level(Axis(lead_origin, None if whole else compact(paths)), paths, found, members[0])


def _common(cursors: Sequence[Cursor]) -> Sequence[int]:
    """The paths that all of them have, in the order of the first."""
    return common(paths_of(cursors[0]), map(paths_of, cursors[1:]))


def _same_length(found: Sequence[tuple[str, str, int]]) -> None:
    """`found`: field, origin and length of each list. Two lists of one field are told apart by their origins."""
    if len({length for _, _, length in found}) <= 1:
        return
    fields = [name for name, _, _ in found]
    lengths = {name if fields.count(name) == 1 else f"{name}: {origin}": length for name, origin, length in found}
    told = " and ".join(f"“{name}” has {length:,}" for name, length in lengths.items())
    raise ListLengthMismatch(
        f"Lists of different lengths cannot be paired item by item: {told}.",
        lengths=lengths,
        hint="Pad or cut one of them, or make every combination first with a merge.",
    )


def enter(tracks: Sequence[Track[K]], level: Level[K], number: int) -> list[Track[K]]:
    """The tracks inside the `number`-th item of a level; those that take no part stay where they are."""
    return [track.into(level.places[n][number]) if n in level.places else track for n, track in enumerate(tracks)]


def expand(tracks: Sequence[Track[K]], first: Level[K], calls: list[Item[K]]) -> Branch:
    """The whole shape under `first`; each call is added to `calls`, in order.

    Raises BadParams above 100,000 items: what is nested is held in memory as a whole.
    """
    if first.length > MOST_NESTED:
        raise BadParams(
            f"“{tracks[first.lead].field}” is a list of lists with {first.length:,} items. Lists inside of lists are "
            f"mapped up to {MOST_NESTED:,} items.",
            hint="Flatten the list first, or take the inner lists whole.",
        )
    return _expand(tracks, first, calls, ())


def _expand(tracks: Sequence[Track[K]], level_: Level[K], calls: list[Item[K]], path: tuple[int, ...]) -> Branch:
    branch = Branch(level_.axis.origin, level_.paths, complete=level_.axis.paths is None)
    lead = tracks[level_.lead].cursor
    for number in range(level_.length):
        inner, here = enter(tracks, level_, number), (*path, level_.paths[number])
        deeper = level(inner)
        if deeper is not None:
            branch.children.append(_expand(inner, deeper, calls, here))
        else:
            position = level_.places[level_.lead][number]
            branch.children.append(len(calls))
            calls.append(Item(inner, lead.data[position] if position is not None else None, number, here))
    return branch


def is_flat(tracks: Sequence[Track[Any]], level_: Level[Any]) -> bool:
    """Whether no item of this level maps any further: the common case, which then needs no work ahead of each call."""
    for number, found in level_.places.items():
        track = tracks[number]
        if track.levels is not None and track.levels <= 1:
            continue
        if not track.follows and _any_list(track.cursor, found):
            return False
    return not any(track.drives for n, track in enumerate(tracks) if n not in level_.places)


def _any_list(cursor: Cursor, found: Iterable[int | None]) -> bool:
    if isinstance(cursor.data, LongList):
        # All are looked at, one after the other: that reads each piece once.
        return not cursor.data.flat and any(is_list(at_list(item, cursor.path, (), "").data) for item in cursor.data)
    if not cursor.path:
        return any(is_list(cursor.data[p]) for p in found if p is not None)
    if len(cursor.path) == 1 and isinstance(cursor.path[0], str):
        name = cursor.path[0]
        return any(is_list(item) or (isinstance(item, Mapping) and is_list(item.get(name))) for item in cursor.data)
    return any(cursor.item(p).is_list for p in found if p is not None)
