"""What is worked out of many values, one value after the other, holding no more than it must."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from engine.contract import BadParams
from integrations.core.values import identity, number, order

MOST_COLLECTED = 200_000  # values that one group may hold for a list, or to count those that differ


class Tally(Protocol):
    """Takes values and gives what came of them."""

    def take(self, value: Any) -> None: ...

    def result(self) -> Any: ...


class Count:
    """How many."""

    def __init__(self) -> None:
        self._count = 0

    def take(self, value: Any) -> None:
        self._count += 1

    def result(self) -> int:
        return self._count


class CountUnique:
    """How many that differ."""

    def __init__(self) -> None:
        self._seen: set[Any] = set()

    def take(self, value: Any) -> None:
        self._seen.add(identity(value))
        _check(len(self._seen), "different values")

    def result(self) -> int:
        return len(self._seen)


class Sum:
    """Exact for whole numbers, correctly rounded for others (Shewchuk 1997, as in `math.fsum`)."""

    def __init__(self) -> None:
        self.count = 0
        self._whole: int | None = 0
        self._partials: list[float] = []

    def take(self, value: int | float) -> None:
        self.count += 1
        self._whole = self._whole + value if self._whole is not None and isinstance(value, int) else None
        try:
            self._add(float(value))
        except OverflowError:
            self._partials = [math.inf]

    def _add(self, x: float) -> None:
        kept = 0
        for partial in self._partials:
            large, small = (x, partial) if abs(x) >= abs(partial) else (partial, x)
            x = large + small
            if low := small - (x - large):
                self._partials[kept] = low
                kept += 1
        self._partials[kept:] = [x]

    def result(self) -> int | float:
        """Raises BadParams for a sum that is no number any more."""
        if self._whole is not None:
            return self._whole
        total = math.fsum(self._partials) if all(map(math.isfinite, self._partials)) else math.inf
        if not math.isfinite(total):
            raise BadParams("The sum is too large for a number.", field="summaries")
        return total


class Average(Sum):
    """The mean; None of nothing."""

    def result(self) -> Any:
        return super().result() / self.count if self.count else None


class Extreme:
    """The smallest or largest by the order that Sort uses: as numbers where all spell one."""

    def __init__(self, larger: bool) -> None:
        self._larger = larger
        self._empty, self._numeric = True, True
        self._value: Any = None
        self._key: Any = None
        self._number: Any = None

    def take(self, value: Any) -> None:
        found, key = number(value), order(value)
        self._numeric = self._numeric and found is not None
        if self._empty or (key > self._key if self._larger else key < self._key):
            self._value, self._key = value, key
        if self._numeric and (self._empty or (found > self._number if self._larger else found < self._number)):
            self._number = found
        self._empty = False

    def result(self) -> Any:
        return self._number if self._numeric else self._value


class First:
    """The first."""

    def __init__(self) -> None:
        self._found: list[Any] = []

    def take(self, value: Any) -> None:
        if not self._found:
            self._found.append(value)

    def result(self) -> Any:
        return self._found[0] if self._found else None


class Last:
    """The last."""

    def __init__(self) -> None:
        self._value: Any = None

    def take(self, value: Any) -> None:
        self._value = value

    def result(self) -> Any:
        return self._value


class Collect:
    """All of them."""

    def __init__(self) -> None:
        self._values: list[Any] = []

    def take(self, value: Any) -> None:
        self._values.append(value)
        _check(len(self._values), "values")

    def result(self) -> list[Any]:
        return self._values


def _check(count: int, what: str) -> None:
    if count > MOST_COLLECTED:
        raise BadParams(
            f"One group has more than {MOST_COLLECTED:,} {what}, which is too much to hold.",
            field="summaries",
            hint="Group by more fields, or use count, sum, average, min or max.",
        )


TALLIES: Mapping[str, Callable[[], Tally]] = {
    "count": Count,
    "count_unique": CountUnique,
    "sum": Sum,
    "average": Average,
    "min": lambda: Extreme(larger=False),
    "max": lambda: Extreme(larger=True),
    "first": First,
    "last": Last,
    "list": Collect,
}
NUMERIC = frozenset({"sum", "average"})
WHOLE_ROWS = frozenset({"count", "count_unique", "first", "last", "list"})
