"""What the filters and functions of templates do that are ours: values in, plain JSON out."""

from __future__ import annotations

import base64
import hashlib
import math
import re
from collections.abc import Callable, Mapping
from itertools import chain
from typing import Any

from engine.expressions.errors import Refused
from engine.expressions.guards import check_items, check_text
from engine.expressions.long import Seen
from engine.expressions.values import as_list, as_record, as_text, count, is_number, kind, to_text


def default(value: Any, other: Any = "", boolean: bool = False) -> Any:
    """`other` when there is nothing; with `true` also for an empty text, 0, false and an empty list."""
    if value is not None and (value or not boolean):
        return value
    check_text(len(other) if isinstance(other, str) else 0)
    return other


def replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = to_text(value), to_text(old), to_text(new)
    check_text(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def join(value: Any, separator: Any = "", attribute: str | None = None) -> str:
    values = as_list(value, "join")
    if attribute:
        values = [v.get(attribute) if isinstance(v, Mapping) else None for v in values]
    texts, between = [to_text(v) for v in values], to_text(separator)
    check_text(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def join_with(separator: Any, value: Any) -> str:
    return join(value, separator)


def indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
    text, lines = to_text(value), to_text(value).splitlines(keepends=True)
    check_text(len(text) + count(width) * len(lines))
    pad = " " * count(width)
    return "".join(
        pad + line if (number or first) and (blank or line.strip()) else line for number, line in enumerate(lines)
    )


def batch(value: Any, size: int) -> list[list[Any]]:
    if count(size) < 1:
        raise Refused("“batch” needs a size of 1 or more.")
    values = as_list(value, "batch")
    return [values[at : at + size] for at in range(0, len(values), size)]


def round_(value: Any, digits: int = 0, method: str = "common") -> float | int:
    """Halves go away from zero, as in a spreadsheet."""
    if not is_number(value):
        raise Refused(f"{kind(value)} cannot be rounded.")
    scale = 10.0 ** max(-300, min(300, count(digits, below_zero=True)))
    steps = {"common": lambda x: math.copysign(math.floor(abs(x) + 0.5), x), "floor": math.floor, "ceil": math.ceil}
    if method not in steps:
        raise Refused("“round” knows common, floor and ceil.")
    scaled: float = value * scale
    if not math.isfinite(scaled) or abs(scaled) > 1e15:
        return float(value)
    result = float(steps[method](round(scaled, 9))) / scale
    return int(result) if digits <= 0 else result


def to_int(value: Any, other: Any = 0) -> int:
    number = to_float(value, other)
    return int(number) if math.isfinite(number) else to_int(other)


def to_float(value: Any, other: Any = 0.0) -> float | int:
    """A number out of a text; `other` when it holds none."""
    if isinstance(value, bool) or is_number(value):
        return int(value) if isinstance(value, bool) else value
    try:
        text = to_text(value).strip().replace(" ", "")
        return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
    except ValueError:
        return other if is_number(other) else 0


def number(value: Any, digits: int = 0, thousands: str = ",", point: str = ".") -> str:
    """`1234.5|number(2)` → `1,234.50`."""
    rounded = round_(to_float(value), digits)
    text = f"{rounded:,.{max(0, min(count(digits), 30))}f}"
    return text.translate({ord(","): to_text(thousands), ord("."): to_text(point)})


def percent(value: Any, digits: int = 0) -> str:
    """`0.875|percent(1)` → `87.5%`."""
    return number(to_float(value) * 100, digits, "") + "%"


def digest(value: Any, algorithm: str = "sha256") -> str:
    """The hex digest of the text in UTF-8: sha256, sha512, sha1 or md5."""
    if algorithm not in ("sha256", "sha512", "sha1", "md5"):
        raise Refused("“hash” knows sha256, sha512, sha1 and md5.")
    return hashlib.new(algorithm, to_text(value).encode(), usedforsecurity=False).hexdigest()


def to_base64(value: Any) -> str:
    return base64.b64encode(to_text(value).encode()).decode()


def from_base64(value: Any) -> str:
    try:
        return base64.b64decode(as_text(value, "unbase64"), validate=True).decode()
    except ValueError:
        raise Refused("The text is not base64 of a text.") from None


def flatten(value: Any) -> list[Any]:
    """One level of lists inside a list taken out."""
    return list(chain.from_iterable(v if isinstance(v, list | tuple) else [v] for v in as_list(value, "flatten")))


def average(value: Any) -> float | None:
    total, found = 0.0, 0
    for number in filter(is_number, value if isinstance(value, Seen) else as_list(value, "average")):
        total, found = total + number, found + 1
    return total / found if found else None


def words(value: Any) -> int:
    return len(to_text(value).split())


def truncate(value: Any, length: int = 255, _killwords: bool = False, end: str = "…") -> str:
    text, limit = to_text(value), max(0, count(length))
    return text if len(text) <= limit else text[: max(0, limit - len(end))].rstrip() + end


def keys(value: Any) -> list[Any]:
    return list(as_record(value, "keys"))


def values(value: Any) -> list[Any]:
    return list(as_record(value, "values").values())


def items(value: Any) -> list[list[Any]]:
    return [[key, inner] for key, inner in as_record(value, "items").items()]


def get(value: Any, key: Any, other: Any = None) -> Any:
    return as_record(value, "get").get(key, other)


def length(value: Any) -> int:
    if value is None:
        return 0
    if not hasattr(value, "__len__"):
        raise Refused(f"{kind(value)} has no length.")
    return len(value)


def random_at(seed: Any, position: int) -> float:
    """A number in [0, 1) that is the same for the same seed and place in the template, so that replays agree."""
    bits = hashlib.sha256(f"{seed}:{position}".encode()).digest()[:8]
    return (int.from_bytes(bits) >> 11) / (1 << 53)


def range_(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    span = range(start) if stop is None else range(start, stop, step)
    check_items(len(span))
    return list(span)


def all_of(function: Callable[..., Any]) -> Callable[..., Any]:
    def of(*arguments: Any) -> Any:
        if len(arguments) == 1 and isinstance(arguments[0], Seen):
            return of_long(function, arguments[0])
        found = [v for v in (as_list(arguments[0], "this") if len(arguments) == 1 else arguments) if v is not None]
        try:
            return function(found) if found or function is sum else None
        except TypeError:
            raise Refused("Values of different kinds cannot be taken together here.") from None

    return of


def of_long(function: Callable[..., Any], items: Seen) -> Any:
    """The same of a long list, item by item."""
    there = (v for v in items if v is not None)
    try:
        return function(there) if function is sum else function(there, default=None)
    except TypeError:
        raise Refused("Values of different kinds cannot be taken together here.") from None


def of_text(function: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: function(to_text(value))
