"""JSON that can be stored and sent on: not too deep, numbers of 64 bits, text that is text."""

from typing import Any, Final

import orjson

from app.services.errors import Invalid

# orjson writes at most 254 levels; rows and events wrap a value in some more.
_LEVELS_LEFT: Final = 54


def check(value: Any, what: str) -> None:
    """Raise Invalid unless the value can be written as JSON wherever it will stand."""
    wrapped = value
    for _ in range(_LEVELS_LEFT):
        wrapped = [wrapped]
    try:
        orjson.dumps(wrapped)
    except TypeError as error:
        if "Recursion" in str(error):
            raise Invalid(f"The {what} is nested deeper than {254 - _LEVELS_LEFT} levels.") from None
        raise Invalid(f"The {what} cannot be stored: {error}.") from None
