"""Lists too long to be held: read piece by piece from where they are stored, and written while they come about.

A short list is a plain `list` everywhere. Above a limit a list stays in the payload store, and who refers to it gets a
`LongList`: it knows its length, iterates and slices, and holds a piece at a time. A node says by the type `Items` that
it can live with that; any other field gets the whole list, as long as that is not too large.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, TypeGuard, TypeVar, get_args, get_origin, overload

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

T = TypeVar("T")
PIECE = 512  # items that an iteration holds at a time


# A class that inherits from `Sequence` is asked about on a slow path (`ABCMeta`), and every value on a wire is asked.
if TYPE_CHECKING:
    _Sequence = Sequence[Any]
else:
    _Sequence = object


class LongList(_Sequence):
    """A list of which only a piece is in memory. Reading blocks: on the event loop use `asyncio.to_thread`.

    `flat`: certainly no item holds a list, so a node that is mapped over it need not look for further levels.
    `portable`: it survives pickling, so that a process of the pool can read it. `size`: bytes as JSON, roughly.
    """

    flat: bool = False
    portable: bool = True
    size: int = 0

    @abstractmethod
    def read(self, start: int, stop: int) -> list[Any]:
        """The items from `start` to before `stop`, both within the list."""

    def pieces(self) -> Iterator[list[Any]]:
        """All items, a piece at a time."""
        for start in range(0, len(self), PIECE):
            yield self.read(start, min(start + PIECE, len(self)))

    def __iter__(self) -> Iterator[Any]:
        for piece in self.pieces():
            yield from piece

    def __reversed__(self) -> Iterator[Any]:
        return iter(self[::-1])

    def __contains__(self, value: object) -> bool:
        return any(item == value for item in self)

    def index(self, value: Any, start: int = 0, stop: int | None = None) -> int:
        """Where the value stands first. Raises ValueError if it does not."""
        for at, item in enumerate(self[start:stop], range(len(self))[start:stop].start):
            if item == value:
                return at
        raise ValueError("the value is not in the list")

    def count(self, value: Any) -> int:
        """How often the value stands in it."""
        return sum(item == value for item in self)

    @overload
    def __getitem__(self, index: int) -> Any: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Any]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return Picked(self, range(*index.indices(len(self))))
        at = index + len(self) if index < 0 else index
        if not 0 <= at < len(self):
            raise IndexError("there is no such item in the list")
        return self.read(at, at + 1)[0]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, LongList | list | tuple):
            return NotImplemented
        return len(self) == len(other) and all(mine == theirs for mine, theirs in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {len(self):,} items>"


Sequence.register(LongList)  # type: ignore[type-abstract]


class Picked(LongList):
    """Some items of a list, by their positions there."""

    def __init__(self, base: Sequence[Any], positions: Sequence[int]) -> None:
        self._base, self._positions = base, positions

    @property
    def flat(self) -> bool:  # type: ignore[override]
        return isinstance(self._base, LongList) and self._base.flat

    @property
    def portable(self) -> bool:  # type: ignore[override]
        return not isinstance(self._base, LongList) or self._base.portable

    @property
    def size(self) -> int:  # type: ignore[override]
        return self._base.size * len(self) // max(1, len(self._base)) if isinstance(self._base, LongList) else 0

    def __len__(self) -> int:
        return len(self._positions)

    def read(self, start: int, stop: int) -> list[Any]:
        return picked(self._base, self._positions[start:stop])


class Joined(LongList):
    """Several lists, one after the other."""

    def __init__(self, parts: Sequence[Sequence[Any]]) -> None:
        self._parts = [part for part in parts if len(part)]

    @property
    def flat(self) -> bool:  # type: ignore[override]
        return all(isinstance(part, LongList) and part.flat for part in self._parts)

    @property
    def portable(self) -> bool:  # type: ignore[override]
        return all(not isinstance(part, LongList) or part.portable for part in self._parts)

    @property
    def size(self) -> int:  # type: ignore[override]
        return sum(part.size for part in self._parts if isinstance(part, LongList))

    def __len__(self) -> int:
        return sum(map(len, self._parts))

    def read(self, start: int, stop: int) -> list[Any]:
        items: list[Any] = []
        first = 0
        for part in self._parts:
            if first < stop and first + len(part) > start:
                items += part_of(part, max(0, start - first), min(len(part), stop - first))
            first += len(part)
        return items


def part_of(items: Sequence[Any], start: int, stop: int) -> list[Any]:
    """Some items in a row, as a plain list."""
    return items.read(start, stop) if isinstance(items, LongList) else list(items[start:stop])


def picked(items: Sequence[Any], positions: Sequence[int]) -> list[Any]:
    """The items at these positions, as a plain list; what lies in a row is read at once."""
    if not isinstance(items, LongList):
        return [items[at] for at in positions]
    found: list[Any] = []
    at = 0
    while at < len(positions):
        first = last = positions[at]
        at += 1
        # Read through small gaps too: a piece is decoded as a whole anyway.
        row = [0]
        while at < len(positions) and 0 < positions[at] - last <= PIECE // 8 and positions[at] - first < PIECE:
            last = positions[at]
            row.append(last - first)
            at += 1
        read = items.read(first, last + 1)
        found += [read[place] for place in row]
    return found


LISTS = (list, LongList)


def is_list(value: Any) -> TypeGuard[list[Any] | LongList]:
    """Whether a value on a wire is a list, of whatever length."""
    return value.__class__ is list or isinstance(value, LISTS)


def pieces_of(items: Iterable[Any], size: int = PIECE) -> Iterator[list[Any]]:
    """Any items in plain lists of so many."""
    source = iter(items)
    while piece := list(islice(source, size)):
        yield piece


@dataclass(frozen=True)
class Streamed:
    """This field takes a list piece by piece: a long one arrives as a `LongList`."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        inner = handler(source)
        if get_origin(source) is Sequence or source is Sequence:
            (item,) = get_args(source) or (Any,)
            inner = core_schema.list_schema(handler.generate_schema(item))
        return core_schema.no_info_wrap_validator_function(
            _as_it_is, inner, serialization=core_schema.plain_serializer_function_ser_schema(_plain)
        )

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        inner: Any = core
        return handler(inner["schema"] if inner["type"] == "function-wrap" else inner)


def _as_it_is(value: Any, handler: Any) -> Any:
    return value if isinstance(value, LongList) else handler(value)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, LongList) else value


Items = Annotated[Sequence[T], Streamed()]
