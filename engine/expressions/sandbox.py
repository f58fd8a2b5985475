"""The one MiniJinja environment: limits, guards, and errors put into words.

Templates see plain JSON and nothing else. No method that changes a value can be written (see functions.METHODS), so
values are handed in without a copy and a list of any size costs nothing to refer to.
"""

from __future__ import annotations

import itertools
import re
import time
import weakref
from collections.abc import Mapping, Sequence
from typing import Any

import minijinja

from engine.expressions.errors import Refused, TemplateError
from engine.expressions.functions import HIDDEN_FILTERS, HIDDEN_FUNCTIONS, OWN_FILTERS, OWN_FUNCTIONS
from engine.expressions.guards import MAX_TEXT, Tick, budget
from engine.expressions.long import Seen
from engine.expressions.values import to_text

FUEL = 5_000_000
SECONDS = 2.0
TARGET = "_out"
TICK = "_tick"


REFUSED_FILTERS = ("attr", "chain", "e", "filesizeformat", "format", "pluralize", "pprint", "safe", "slice", "wordwrap")


def _environment() -> minijinja.Environment:
    environment = minijinja.Environment(
        fuel=FUEL, undefined_behavior="chainable", debug=True, keep_trailing_newline=True
    )
    for name, function in {**OWN_FILTERS, **HIDDEN_FILTERS}.items():
        environment.add_filter(name, function)
    for name in REFUSED_FILTERS:
        environment.remove_filter(name)
    for name in ("debug", "namespace", "cycler", "joiner"):
        environment.remove_global(name)
    for name, function in {**OWN_FUNCTIONS, **HIDDEN_FUNCTIONS}.items():
        environment.add_global(name, function)
    environment.add_test("defined", lambda value: value is not None)
    environment.add_test("undefined", lambda value: value is None)
    return environment


_EXPRESSIONS = _environment()
_TEXTS = _environment()
_TEXTS.finalizer = to_text
_NUMBERS = itertools.count()


class Program:
    """A rewritten expression or text, compiled once. `offsets` maps its positions back to the user's source."""

    __slots__ = ("__weakref__", "code", "environment", "name", "offsets", "source")

    def __init__(self, source: str, code: str, offsets: Sequence[tuple[int, int]], statements: bool) -> None:
        self.source, self.code, self.offsets = source, code, offsets
        self.environment = _TEXTS if statements else _EXPRESSIONS
        self.name = f"t{next(_NUMBERS)}"
        try:
            self.environment.add_template(self.name, code)
        except minijinja.TemplateError as error:
            raise self.translated(error) from None
        weakref.finalize(self, self.environment.remove_template, self.name).atexit = False

    def value(self, names: Mapping[str, Any]) -> Any:
        """The typed value of an expression. Raises TemplateError."""
        results: list[Any] = []
        self._render({**names, TARGET: results.append})
        return results[0]

    def text(self, names: Mapping[str, Any]) -> str:
        """The text of a template with statements. Raises TemplateError."""
        return self._render({**names, TICK: _ticking()})

    def _render(self, names: Mapping[str, Any]) -> str:
        budget.renew()
        try:
            return self.environment.render_template(self.name, **names)
        except minijinja.TemplateError as error:
            raise self.translated(error) from None
        except Refused as error:
            raise TemplateError(self.source, self.begin, str(error)) from None
        except (AttributeError, TypeError, ValueError, OverflowError, RecursionError, MemoryError) as error:
            raise TemplateError(self.source, self.begin, _from_python(error)) from None

    @property
    def begin(self) -> int:
        return self.offsets[0][1] if self.offsets else 0

    def translated(self, error: minijinja.TemplateError) -> TemplateError:
        cause = error.__cause__
        if isinstance(cause, Refused):
            return TemplateError(self.source, self._position(error), str(cause))
        if isinstance(cause, TemplateError):
            return cause
        message, hint = _in_words(error.kind, error.detail or error.message)
        return TemplateError(self.source, self._position(error), message, hint)

    def _position(self, error: minijinja.TemplateError) -> int:
        at = error.range[0] if error.range else 0
        known = [(code, source) for code, source in self.offsets if code <= at]
        code, source = known[-1] if known else (0, self.begin)
        return min(source + at - code, len(self.source))


def _ticking() -> Tick:
    """Called in every round of a loop with the length of the text that is written: bounds time and size."""
    until, written = time.monotonic() + SECONDS, 0

    def tick(characters: int) -> bool:
        nonlocal written
        written += characters
        if written > MAX_TEXT:
            raise Refused(f"The text grows beyond {MAX_TEXT:,} characters.")
        if time.monotonic() > until:
            raise Refused(f"The template took longer than {SECONDS:g} seconds.")
        return True

    return tick


def plain(value: Any, source: str, position: int = 0, depth: int = 0) -> Any:
    """The engine's value as plain JSON. Raises TemplateError for what JSON cannot hold."""
    if value is None or value is True or value is False or type(value) is str:
        return value
    if isinstance(value, int):
        if -(2**63) <= value < 2**64:
            return int(value)
        raise TemplateError(source, position, "The number is too large.", "Numbers may have up to 19 digits.")
    if isinstance(value, float):
        if value - value == 0:
            return value
        raise TemplateError(
            source, position, "The result is not a number.", "Check for a division by a very small number."
        )
    if isinstance(value, str | Seen):
        return str(value) if isinstance(value, str) else value.items
    if depth > 100:
        raise TemplateError(source, position, "The value is nested too deeply.")
    if isinstance(value, Mapping):
        return {to_text(key): plain(inner, source, position, depth + 1) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner, source, position, depth + 1) for inner in value]
    raise TemplateError(source, position, "The expression gives no value that can be passed on.")


_WORDS: tuple[tuple[str, str, str], ...] = (
    (r"tried to use (\S+) operator on unsupported types (\w+) and (\w+)", "“{0}” cannot join {1} and {2}.", ""),
    (r"unable to calculate (.+ / 0|.+ // 0|.+ % 0)$", "{0} divides by zero.", "Check the divisor first."),
    (r"unable to calculate (.+)", "{0} cannot be calculated.", ""),
    (r"range has too many elements", "The range is too long.", "A range may have up to 100,000 numbers."),
    (r"cannot calculate length of value of type (\w+).*", "A {0} has no length.", ""),
    (r"invalid float literal|invalid digit found in string", "The text holds no number.", ""),
    (r"(\w+) has no method named (\w+)", "A {0} has no method “{1}”.", ""),
    (
        r"can only sum numbers, got (\w+)",
        "Only numbers can be summed, and there is a {0}.",
        "Use |select to leave others out.",
    ),
)


def _in_words(kind: str, detail: str) -> tuple[str, str]:
    if kind == "OutOfFuel":
        return "The template does too much work.", "Let a node map over the list instead of a loop in a text."
    for pattern, message, hint in _WORDS:
        found = re.search(pattern, detail)
        if found:
            return message.format(*found.groups()), hint or _hint_for(found.groups())
    text = detail[:300].rstrip(".")
    return (text[:1].upper() + text[1:] + ".", "")


def _hint_for(groups: Sequence[str]) -> str:
    if {"none", "undefined"} & set(groups):
        return "A value is missing: use |default(…), or check the name of the field."
    if "string" in groups:
        return "Use ~ to join texts, or |int and |float to turn a text into a number."
    return ""


def _from_python(error: Exception) -> str:
    found = re.search(r"'(\w+)' object has no attribute '(\w+)'", str(error))
    if found:
        kind = {"dict": "A record", "list": "A list", "NoneType": "Nothing (null)"}.get(found[1], "This value")
        return f"{kind} has no method “{found[2]}”."
    return "The arguments do not fit here."
