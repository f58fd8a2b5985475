"""What a template may do with a long list: reduce one of any length, read up to a limit of items."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from engine.contract.lists import LongList
from engine.expressions.errors import Refused

MAX_READ = 100_000
# These read item by item and keep one value; whatever else is asked of a list builds a list.
REDUCING = ("average", "count", "first", "last", "length", "max", "min", "sum")
_AFTER = rf"\s*\|\s*(?:{'|'.join(REDUCING)})\b"
_AROUND = r"\b(?:len|max|min|sum)\(\s*"


def streamed(code: str, names: Iterable[str]) -> frozenset[str]:
    """Of the variables in a program those that are only reduced, wherever they stand."""
    found = set()
    for name in names:
        all_uses = len(re.findall(rf"\b{name}\b", code))
        reduced = len(re.findall(rf"\b{name}{_AFTER}|{_AROUND}{name}\s*\)", code))
        if all_uses == reduced:
            found.add(name)
    return frozenset(found)


def check_read(count: int, name: str) -> None:
    """Raises Refused for a list that is too long for a template to take as a whole."""
    if count > MAX_READ:
        told = f"“{name}”" if name else "This list"
        raise Refused(
            f"{told} has {count:,} items, and a template reads up to {MAX_READ:,} of them. Its length, sum, average, "
            "min, max, first and last are known at any length; for more put a Filter, Group or Limit before."
        )


class Seen(LongList):
    """A long list as one evaluation sees it: counts what is read of it. `limit` None: as often as one likes."""

    def __init__(self, items: LongList, name: str, limit: int | None) -> None:
        self.items, self.name, self._left = items, name, limit

    def __len__(self) -> int:
        return len(self.items)

    def read(self, start: int, stop: int) -> list[Any]:
        if self._left is not None:
            self._left -= stop - start
            if self._left < 0:
                check_read(len(self.items), self.name)
        return self.items.read(start, stop)

    def pieces(self) -> Iterator[list[Any]]:
        if self._left is not None:
            check_read(len(self.items), self.name)
        return self.items.pieces()
