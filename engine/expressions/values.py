"""Values in words, as text and as JSON; and the checks that filters share. Every refusal is a sentence for a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from engine.contract.lists import LongList
from engine.expressions.errors import Refused
from engine.expressions.long import Seen, check_read


def to_json(value: Any, indent: int | bool | None = None) -> str:
    """The value as JSON text, two spaces of indentation if asked."""
    option = orjson.OPT_INDENT_2 if indent else 0
    try:
        return orjson.dumps(value, option=option, default=_more_json).decode()
    except (TypeError, ValueError) as error:
        if isinstance(error.__cause__, Refused):
            raise error.__cause__ from None
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
        return orjson.loads(as_text(value, "fromjson"))
    except ValueError as error:
        raise Refused(f"The text is not JSON: {error}.") from None


def kind(value: Any) -> str:
    names = {type(None): "Nothing (null)", bool: "A boolean", str: "A text", int: "A number", float: "A number"}
    return names.get(type(value)) or ("A record" if isinstance(value, Mapping) else "A list")


def as_list(value: Any, name: str) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, Mapping | str | int | float) or not isinstance(value, Iterable):
        raise Refused(f"“{name}” needs a list, and this is {kind(value).lower()}.")
    if isinstance(value, LongList):
        check_read(len(value), value.name if isinstance(value, Seen) else "")
    return list(value)


def as_record(value: Any, name: str) -> Mapping[Any, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise Refused(f"“{name}” needs a record, and this is {kind(value).lower()}.")
    return value


def as_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Refused(f"“{name}” needs a text, and this is {kind(value).lower()}.")
    return value


def count(value: Any, below_zero: bool = False) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or (value < 0 and not below_zero):
        raise Refused("A whole number is expected here.")
    return value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _more_json(value: Any) -> Any:
    if isinstance(value, str):
        return str(value)
    if isinstance(value, LongList):
        return as_list(value, "text")
    return dict(value) if isinstance(value, Mapping) else list(value)
