"""What the browser may send as an edit: checked before anything believes it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from app.services.errors import Invalid

Kind = Literal["edit", "undo", "redo", "tidy"]
KINDS: tuple[Kind, ...] = ("edit", "undo", "redo", "tidy")
MOST_OPS = 5_000
LARGEST = 100_000.0  # pixels of a card
_KEY = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Batch:
    """One gesture: its key (the same when it is sent again), what it is, and its operations.

    ``sizes``: to tidy up, width and height of the cards in pixels as the browser draws them, by node.
    """

    key: str
    kind: Kind
    ops: list[dict[str, Any]]
    sizes: dict[str, tuple[float, float]] = field(default_factory=dict)


def read(data: Any) -> Batch:
    """Raises Invalid for what our own canvas would never send."""
    if not isinstance(data, Mapping):
        raise Invalid("An edit must be a record.")
    key, kind, ops = data.get("key"), data.get("kind", "edit"), data.get("ops", [])
    if not isinstance(key, str) or not _KEY.fullmatch(key):
        raise Invalid("An edit needs a key of 32 hexadecimal digits.")
    if kind not in KINDS:
        raise Invalid(f"An edit is one of {', '.join(KINDS)}.")
    if not isinstance(ops, list) or len(ops) > MOST_OPS or not all(isinstance(op, dict) for op in ops):
        raise Invalid(f"An edit holds at most {MOST_OPS} operations, each a record.")
    if kind == "edit" and not ops:
        raise Invalid("This edit holds no operation.")
    return Batch(key, kind, ops, _sizes(data.get("sizes", {})))


def _sizes(data: Any) -> dict[str, tuple[float, float]]:
    if not isinstance(data, Mapping) or len(data) > MOST_OPS:
        raise Invalid("The sizes of cards are a record by node.")
    for size in data.values():
        if not isinstance(size, list) or len(size) != 2 or not all(_is_length(one) for one in size):
            raise Invalid("The size of a card is its width and height.")
    return {str(node): (float(size[0]), float(size[1])) for node, size in data.items()}


def _is_length(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= LARGEST


def word(value: Any, longest: int = 200) -> str:
    """A short text from the browser. Raises Invalid."""
    if not isinstance(value, str) or len(value) > longest:
        raise Invalid(f"Send a text of at most {longest} characters.")
    return value


def words(value: Any, most: int = 5_000) -> list[str]:
    """Several short texts. Raises Invalid."""
    if not isinstance(value, list) or len(value) > most:
        raise Invalid(f"Send at most {most} texts.")
    return [word(one) for one in value]


def count(value: Any) -> int:
    """A position in a list from the browser. Raises Invalid."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1_000_000_000:
        raise Invalid("Send a position in the list.")
    return value
