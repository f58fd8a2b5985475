"""A value on a wire, and where the items of its lists come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Paths = Sequence[Any] | None


@dataclass(frozen=True, slots=True)
class Axis:
    """One list level that came from mapping. `origin` names the list whose items these are.

    `paths`: the position of each item in that list; None: all of them, in order. On a deeper level the positions are
    nested as the lists are: one tuple (or None) for each item of the level above. Many positions of an outermost level
    are a range or an array (`engine.broadcast.paths`).
    """

    origin: str
    paths: Paths = None

    def inside(self, position: int) -> Axis:
        """The same axis as seen from inside one item of the level above."""
        return self if self.paths is None else Axis(self.origin, self.paths[position])

    def to_json(self) -> dict[str, Any]:
        """How the axis is stored beside the data."""
        if self.paths is None:
            return {"of": self.origin}
        if isinstance(self.paths, range):
            return {"of": self.origin, "range": [self.paths.start, self.paths.stop]}
        return {"of": self.origin, "at": list(self.paths)}

    @classmethod
    def from_json(cls, held: Mapping[str, Any]) -> Axis:
        """The axis again, from what `to_json` gave."""
        return cls(held["of"], range(*held["range"]) if "range" in held else _tuples(held.get("at")))

    def only(self, places: Sequence[int], length: int) -> Axis:
        """The axis of the items at these places, in order, of so many on this level."""
        if len(places) == length:
            return self
        paths = range(length) if self.paths is None else self.paths
        return Axis(self.origin, tuple(paths[place] for place in places))


@dataclass(frozen=True, slots=True)
class Value:
    """Plain JSON, and an axis for each of its outer list levels that came from mapping, outermost first."""

    data: Any
    origin: tuple[Axis, ...] = ()

    def origin_json(self) -> list[dict[str, Any]]:
        """How the origin is stored beside the data."""
        return [axis.to_json() for axis in self.origin]

    @classmethod
    def from_json(cls, data: Any, origin: Sequence[Mapping[str, Any]] | None) -> Value:
        """The value again, from its data and what `origin_json` gave."""
        return cls(data, tuple(map(Axis.from_json, origin or ())))


def _tuples(paths: Any) -> Any:
    return tuple(_tuples(inner) for inner in paths) if isinstance(paths, list | tuple) else paths


class Skipped:
    """In the place of a node's outputs: the node did not run, or nothing of it fired."""

    def __repr__(self) -> str:
        return "SKIPPED"


SKIPPED: Final = Skipped()
NodeOutputs = Mapping[str, Value] | Skipped
