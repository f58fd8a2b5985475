"""What the filters and functions of templates do that are ours: values in, plain JSON out.

Those that could turn a short text into a huge one are bounded. Every refusal is a sentence for a person.
"""

from __future__ import annotations

import base64
import hashlib
import math
import re
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import chain
from typing import Any

import orjson

MAX_TEXT = 10_000_000
MAX_ITEMS = 1_000_000


class Refused(ValueError):
    """What a filter or function cannot do, in words for a person."""


class Budget(threading.local):
    """What one evaluation has built so far, so that no short template fills the memory."""

    characters = 0
    items = 0

    def renew(self) -> None:
        self.characters = self.items = 0


budget = Budget()
Tick = Callable[[int], bool]


def sized(tick: Tick, value: Any) -> Any:
    """The value itself. Raises Refused when it has become too large to go on with."""
    tick(0)
    _weigh(value, [2 * MAX_ITEMS])
    return value


def timed(tick: Tick, value: Any) -> Any:
    """The value itself. Raises Refused when the time is up."""
    tick(0)
    return value


def weighed(tick: Tick, value: Any) -> str:
    """The value as text. Raises Refused when all that was written is too long."""
    text = to_text(value)
    tick(len(text))
    return text


def _weigh(value: Any, left: list[int]) -> None:
    if isinstance(value, str):
        left[0] -= len(value) // 10 + 1
    elif isinstance(value, Mapping):
        for inner in value.values():
            _weigh(inner, left)
    elif isinstance(value, list | tuple):
        left[0] -= 1
        for inner in value:
            _weigh(inner, left)
    else:
        left[0] -= 1
    if left[0] < 0:
        raise Refused("The value grows too large inside the template.")


def times(left: Any, right: Any) -> Any:
    """`left * right` for numbers; repetition of a text or list up to the size limit."""
    if isinstance(left, int) and isinstance(right, str | list):
        left, right = right, left
    if isinstance(left, str | list) and isinstance(right, int) and not isinstance(right, bool):
        _check_text(len(left) * right) if isinstance(left, str) else _check_items(len(left) * right)
    elif not (_is_number(left) and _is_number(right)):
        raise Refused(f"{_kind(left)} and {_kind(right)} cannot be multiplied.")
    elif isinstance(left, int) and isinstance(right, int) and (left.bit_length() + right.bit_length()) > 127:
        raise Refused("The product is too large a number.")
    return left * right


def to_json(value: Any, indent: int | bool | None = None) -> str:
    """The value as JSON text, two spaces of indentation if asked."""
    option = orjson.OPT_INDENT_2 if indent else 0
    try:
        return orjson.dumps(value, option=option, default=_more_json).decode()
    except (TypeError, ValueError) as error:
        raise Refused(f"This cannot be written as JSON: {error}.") from None


def to_text(value: Any) -> str:
    """How a value stands inside a text: nothing for null, JSON for records and lists, 2 for 2.0."""
    if isinstance(value, str):
        return str(value)
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value) if isinstance(value, int | float) else to_json(value)


def from_json(value: Any) -> Any:
    try:
        return orjson.loads(_text(value, "fromjson"))
    except ValueError as error:
        raise Refused(f"The text is not JSON: {error}.") from None


def default(value: Any, other: Any = "", boolean: bool = False) -> Any:
    """`other` when there is nothing; with `true` also for an empty text, 0, false and an empty list."""
    if value is not None and (value or not boolean):
        return value
    _check_text(len(other) if isinstance(other, str) else 0)
    return other


def replace(value: Any, old: Any, new: Any) -> str:
    text, old, new = to_text(value), to_text(old), to_text(new)
    _check_text(len(text) + text.count(old) * (len(new) - len(old)))
    return text.replace(old, new)


def join(value: Any, separator: Any = "", attribute: str | None = None) -> str:
    values = _list(value, "join")
    if attribute:
        values = [v.get(attribute) if isinstance(v, Mapping) else None for v in values]
    texts, between = [to_text(v) for v in values], to_text(separator)
    _check_text(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def join_with(separator: Any, value: Any) -> str:
    return join(value, separator)


def indent(value: Any, width: int = 4, first: bool = False, blank: bool = False) -> str:
    text, lines = to_text(value), to_text(value).splitlines(keepends=True)
    _check_text(len(text) + _count(width) * len(lines))
    pad = " " * _count(width)
    return "".join(
        pad + line if (number or first) and (blank or line.strip()) else line for number, line in enumerate(lines)
    )


def batch(value: Any, size: int) -> list[list[Any]]:
    if _count(size) < 1:
        raise Refused("“batch” needs a size of 1 or more.")
    values = _list(value, "batch")
    return [values[at : at + size] for at in range(0, len(values), size)]


def round_(value: Any, digits: int = 0, method: str = "common") -> float | int:
    """Halves go away from zero, as in a spreadsheet."""
    if not _is_number(value):
        raise Refused(f"{_kind(value)} cannot be rounded.")
    scale = 10.0 ** max(-300, min(300, _count(digits, below_zero=True)))
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
    if isinstance(value, bool) or _is_number(value):
        return int(value) if isinstance(value, bool) else value
    try:
        text = to_text(value).strip().replace(" ", "")
        return int(text) if re.fullmatch(r"[+-]?\d{1,18}", text) else float(text)
    except ValueError:
        return other if _is_number(other) else 0


def number(value: Any, digits: int = 0, thousands: str = ",", point: str = ".") -> str:
    """`1234.5|number(2)` → `1,234.50`."""
    rounded = round_(to_float(value), digits)
    text = f"{rounded:,.{max(0, min(_count(digits), 30))}f}"
    return text.translate({ord(","): to_text(thousands), ord("."): to_text(point)})


def percent(value: Any, digits: int = 0) -> str:
    """`0.875|percent(1)` → `87.5%`."""
    return number(to_float(value) * 100, digits, "") + "%"


def moment(value: Any) -> datetime:
    """An ISO 8601 text or a Unix time in seconds as an aware moment; without a zone it is read as UTC."""
    try:
        if _is_number(value):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(_text(value, "date").strip())
    except (ValueError, OverflowError, OSError):
        raise Refused(
            f"{to_text(value)[:40]!r} is not a date; expected is ISO 8601, as in 2026-03-01T09:00:00Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def iso(value: datetime) -> str:
    """ISO 8601 in UTC with a Z, as times stand on wires."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def date(value: Any, pattern: str = "%Y-%m-%d") -> str:
    """strftime's letters: `"2026-03-01"|date("%d %B %Y")` → `01 March 2026`."""
    try:
        return moment(value).strftime(_text(pattern, "date")[:200])
    except ValueError:
        raise Refused(f"{pattern!r} is not a date pattern; expected are letters such as %Y-%m-%d.") from None


def add_time(  # noqa: PLR0917  each has a name in a template
    value: Any, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, weeks: float = 0
) -> str:
    """The moment so much later; negative numbers go back."""
    try:
        return iso(moment(value) + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds))
    except (OverflowError, TypeError):
        raise Refused("That is no moment between the years 1 and 9999.") from None


def timestamp(value: Any) -> float:
    """Seconds since 1970 UTC."""
    return moment(value).timestamp()


def days_until(value: Any, other: Any) -> float:
    """Days from the one moment to the other, with fractions."""
    return (moment(other) - moment(value)).total_seconds() / 86_400


def digest(value: Any, algorithm: str = "sha256") -> str:
    """The hex digest of the text in UTF-8: sha256, sha512, sha1 or md5."""
    if algorithm not in ("sha256", "sha512", "sha1", "md5"):
        raise Refused("“hash” knows sha256, sha512, sha1 and md5.")
    return hashlib.new(algorithm, to_text(value).encode(), usedforsecurity=False).hexdigest()


def to_base64(value: Any) -> str:
    return base64.b64encode(to_text(value).encode()).decode()


def from_base64(value: Any) -> str:
    try:
        return base64.b64decode(_text(value, "unbase64"), validate=True).decode()
    except ValueError:
        raise Refused("The text is not base64 of a text.") from None


def flatten(value: Any) -> list[Any]:
    """One level of lists inside a list taken out."""
    return list(chain.from_iterable(v if isinstance(v, list | tuple) else [v] for v in _list(value, "flatten")))


def average(value: Any) -> float | None:
    numbers = [v for v in _list(value, "average") if _is_number(v)]
    return sum(numbers) / len(numbers) if numbers else None


def words(value: Any) -> int:
    return len(to_text(value).split())


def truncate(value: Any, length: int = 255, _killwords: bool = False, end: str = "…") -> str:
    text, limit = to_text(value), max(0, _count(length))
    return text if len(text) <= limit else text[: max(0, limit - len(end))].rstrip() + end


def keys(value: Any) -> list[Any]:
    return list(_record(value, "keys"))


def values(value: Any) -> list[Any]:
    return list(_record(value, "values").values())


def items(value: Any) -> list[list[Any]]:
    return [[key, inner] for key, inner in _record(value, "items").items()]


def get(value: Any, key: Any, other: Any = None) -> Any:
    return _record(value, "get").get(key, other)


def length(value: Any) -> int:
    if value is None:
        return 0
    if not hasattr(value, "__len__"):
        raise Refused(f"{_kind(value)} has no length.")
    return len(value)


def random_at(seed: Any, position: int) -> float:
    """A number in [0, 1) that is the same for the same seed and place in the template, so that replays agree."""
    bits = hashlib.sha256(f"{seed}:{position}".encode()).digest()[:8]
    return (int.from_bytes(bits) >> 11) / (1 << 53)


def range_(start: int, stop: int | None = None, step: int = 1) -> list[int]:
    span = range(start) if stop is None else range(start, stop, step)
    _check_items(len(span))
    return list(span)


def all_of(function: Callable[..., Any]) -> Callable[..., Any]:
    def of(*arguments: Any) -> Any:
        found = [v for v in (_list(arguments[0], "this") if len(arguments) == 1 else arguments) if v is not None]
        try:
            return function(found) if found or function is sum else None
        except TypeError:
            raise Refused("Values of different kinds cannot be taken together here.") from None

    return of


def _list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Mapping | str | int | float) or not isinstance(value, Iterable):
        raise Refused(f"“{name}” needs a list, and this is {_kind(value).lower()}.")
    return list(value)


def _record(value: Any, name: str) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Refused(f"“{name}” needs a record, and this is {_kind(value).lower()}.")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"“{name}” needs a text, and this is {_kind(value).lower()}.")
    return value


def _count(value: Any, below_zero: bool = False) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or (value < 0 and not below_zero):
        raise Refused("A whole number is expected here.")
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _check_text(size: int) -> None:
    budget.characters += size
    if size > MAX_TEXT or budget.characters > 5 * MAX_TEXT:
        raise Refused(f"The text grows beyond {MAX_TEXT:,} characters.")


def _check_items(size: int) -> None:
    budget.items += size
    if size > MAX_ITEMS or budget.items > 5 * MAX_ITEMS:
        raise Refused(f"The list grows beyond {MAX_ITEMS:,} items.")


def _kind(value: Any) -> str:
    names = {type(None): "Nothing (null)", bool: "A boolean", str: "A text", int: "A number", float: "A number"}
    return names.get(type(value)) or ("A record" if isinstance(value, Mapping) else "A list")


def _more_json(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    return dict(value) if isinstance(value, Mapping) else list(value)


def of_text(function: Callable[[str], str]) -> Callable[[Any], str]:
    return lambda value: function(to_text(value))
