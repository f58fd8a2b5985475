"""How the core nodes read plain JSON values: truth, numbers, fields by path, and one order for everything."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Hashable, Mapping
from typing import Any

from engine.contract import BadParams, OutputTooLarge

_FALSE = frozenset({"", "false", "no", "off", "0", "none", "null"})
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
LONGEST_TEXT = 50_000_000
_WORD = re.compile(r"[^a-z0-9]+")


def truth(value: Any) -> bool:
    """Whether a condition holds: the words that people and spreadsheets use for no are false, as are 0 and empty."""
    if isinstance(value, str):
        return value.strip().lower() not in _FALSE
    return bool(value)


def number(value: Any) -> int | float | None:
    """The number that a value is or spells (`"12"`, `" 3.5 "`, `"1e3"`), else None. Booleans are no numbers."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not isinstance(value, str) or not _NUMBER.fullmatch(text := value.strip()):
        return None
    try:
        parsed = float(text) if any(sign in text for sign in ".eE") else int(text)
    except ValueError:  # Python refuses to read integers of thousands of digits
        return None
    return parsed if isinstance(parsed, int) or math.isfinite(parsed) else None


def pick(value: Any, path: str) -> Any:
    """The field at `path`; None where it is missing. A column whose very name holds dots wins over a nested field."""
    if isinstance(value, Mapping) and path in value:
        return value[path]
    for part in path.split("."):
        if isinstance(value, Mapping):
            value = value.get(part)
        elif isinstance(value, list) and part.lstrip("-").isdigit() and -len(value) <= int(part) < len(value):
            value = value[int(part)]
        else:
            return None
    return value


def blank(value: Any) -> bool:
    """What a spreadsheet shows as an empty cell."""
    return value is None or value == "" or (isinstance(value, float) and math.isnan(value))


def identity(value: Any) -> Hashable:
    """A key that is equal exactly for equal JSON values: 1 and 1.0 are one number, 1 and true are not."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, Mapping):
        return ("record", frozenset((key, identity(item)) for key, item in value.items()))
    if isinstance(value, list | tuple):
        return ("list", tuple(identity(item) for item in value))
    return value if isinstance(value, Hashable) else repr(value)


def loose(value: Any) -> Hashable:
    """A key like `identity` that takes people's spelling: 7 and "7" are equal, as are "Ada " and "ada"."""
    if isinstance(value, str):
        found = number(value)
        return value.strip().casefold() if found is None else found
    return identity(value)


def canonical(value: Any) -> bytes:
    """A text that is equal exactly where `identity` is: for keys that are kept outside of memory."""
    return json.dumps(_normal(value), sort_keys=True, ensure_ascii=False, separators=(",", ":")).encode()


def _normal(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {str(key): _normal(item) for key, item in value.items()}
    return [_normal(item) for item in value] if isinstance(value, list | tuple) else value


def order(value: Any) -> tuple[int, Any]:
    """A sort key for JSON values of mixed kinds: numbers, then texts without regard to case, booleans, the rest."""
    if isinstance(value, bool):
        return 2, value
    if isinstance(value, int | float):
        return 0, value
    if isinstance(value, str):
        return 1, (value.casefold(), value)
    return 3, repr(value)


def cell_text(value: Any) -> str:
    """A value as a cell of text: nothing is empty, yes and no are true and false, records and lists are JSON."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def check_length(length: int, field: str = "text") -> None:
    """Raises `OutputTooLarge` for a text that would be longer than 50 million characters."""
    if length > LONGEST_TEXT:
        raise OutputTooLarge(
            f"The text would be {length:,} characters long, more than {LONGEST_TEXT:,}.",
            hint=f"Make “{field}” shorter, or split the work into parts.",
        )


def too_deep(field: str) -> BadParams:
    """The error of a value with lists in lists in lists that no writer gets to the end of."""
    return BadParams("The value is nested too deeply to be written.", field=field, hint="Flatten it first.")


def show(value: Any, limit: int = 60) -> str:
    """A value as it may stand in an error message."""
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= limit else text[: limit - 1] + "…"


def slug(text: str) -> str:
    """A name that templates can use: `Big orders` → `big_orders`."""
    word = _WORD.sub("_", text.lower()).strip("_")
    return f"_{word}" if word[:1].isdigit() else word or "rule"


def record(value: Any, field: str) -> dict[str, Any]:
    """`value` as named fields. Raises `BadParams` when it is not a record."""
    if isinstance(value, Mapping):
        return dict(value)
    raise BadParams(
        f"“{field}” must be a record with named fields, but it is {kind(value)}.",
        field=field,
        hint="Pick an output that is a record, or build one with Set fields.",
    )


def kind(value: Any) -> str:
    """What a value is, in the words of the screen."""
    names = {
        bool: "a yes/no value",
        str: "a text",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "a record",
    }
    return "empty" if value is None else names.get(type(value), type(value).__name__)
