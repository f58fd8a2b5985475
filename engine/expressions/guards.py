"""What keeps a short template from filling the memory or the clock.

`Budget` counts what one evaluation builds; the rest is called from the rewritten source (see the parser).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

from engine.expressions.errors import Refused
from engine.expressions.values import is_number, kind, to_text

MAX_TEXT = 10_000_000
MAX_ITEMS = 1_000_000


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
        check_text(len(left) * right) if isinstance(left, str) else check_items(len(left) * right)
    elif not (is_number(left) and is_number(right)):
        raise Refused(f"{kind(left)} and {kind(right)} cannot be multiplied.")
    elif isinstance(left, int) and isinstance(right, int) and (left.bit_length() + right.bit_length()) > 127:
        raise Refused("The product is too large a number.")
    return left * right


def check_text(size: int) -> None:
    budget.characters += size
    if size > MAX_TEXT or budget.characters > 5 * MAX_TEXT:
        raise Refused(f"The text grows beyond {MAX_TEXT:,} characters.")


def check_items(size: int) -> None:
    budget.items += size
    if size > MAX_ITEMS or budget.items > 5 * MAX_ITEMS:
        raise Refused(f"The list grows beyond {MAX_ITEMS:,} items.")
