"""What is found while an expression is read: references and where they stand, and the edits that its source needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from engine.expressions.errors import TemplateError, did_you_mean
from engine.expressions.functions import FILTERS
from engine.expressions.tokens import Token

MAX_DEPTH = 60


class Reference(NamedTuple):
    """`node` and then a path of field names and list indices. `whole`: a list here is taken as it is, never mapped."""

    node: str
    path: tuple[str | int, ...]
    whole: bool = False

    def __str__(self) -> str:
        steps = (f"[{s}]" if isinstance(s, int) else f".{s}" if s.isidentifier() else f"[{s!r}]" for s in self.path)
        return self.node + "".join(steps)


@dataclass(slots=True)
class Mention:
    """One place where a reference stands in the source."""

    node: str
    path: tuple[str | int, ...]
    start: int
    end: int
    whole: bool = False

    @property
    def reference(self) -> Reference:
        return Reference(self.node, self.path, self.whole)


class Order(IntEnum):
    """Which of several edits at one position comes first."""

    suffix = 0
    closing = 1
    after = 2
    opening = 3
    replacement = 4


class Edit(NamedTuple):
    """Sorts into the order in which the edits are made."""

    start: int
    order: Order
    number: int
    end: int
    text: str


@dataclass(slots=True)
class Operand:
    """What a part of an expression is: its span, the mentions a list could come through, and if it is bare."""

    start: int
    end: int
    through: tuple[Mention, ...] = ()
    mention: Mention | None = None
    number: float | None = None
    growing: bool = True


@dataclass(slots=True)
class Reading:
    """What was found in a template so far: its mentions, and the edits that its source needs."""

    source: str
    mentions: list[Mention] = field(default_factory=list)
    edits: list[Edit] = field(default_factory=list)
    locals: list[set[str]] = field(default_factory=lambda: [set()])

    def replace(self, start: int, end: int, text: str) -> None:
        self.edits.append(Edit(start, Order.replacement, 0, end, text))

    def append(self, at: int, text: str, order: Order | None = None) -> None:
        self.edits.append(Edit(at, order or Order.suffix, 0, at, text))

    def wrap(self, start: int, end: int, opening: str) -> None:
        """Leads a span through a call. An inner span is wrapped before the one around it."""
        number = len(self.edits)
        self.edits.append(Edit(start, Order.opening, -number, start, opening))
        self.edits.append(Edit(end, Order.closing, number, end, ")"))

    def is_local(self, name: str) -> bool:
        return any(name in names for names in self.locals)


class Tokens:
    """The tokens of one expression, taken from left to right."""

    def __init__(self, reading: Reading, tokens: Sequence[Token]) -> None:
        self.reading = reading
        self.tokens = tokens
        self.at = 0
        self.depth = 0

    @property
    def here(self) -> Token:
        return self.tokens[self.at]

    def is_next(self, *texts: str) -> bool:
        token = self.tokens[self.at]
        return token.kind in ("op", "name") and token.text in texts

    def take(self) -> Token:
        token = self.tokens[self.at]
        if token.kind != "end":
            self.at += 1
        return token

    def accept(self, *texts: str) -> Token | None:
        return self.take() if self.is_next(*texts) else None

    def expect(self, text: str) -> Token:
        return self.accept(text) or self.fail(f"“{text}” is missing here.")

    def name(self) -> Token:
        if self.here.kind != "name":
            self.fail("A name is missing here.")
        return self.take()

    def fail(self, message: str, hint: str = "", token: Token | None = None) -> Token:
        raise TemplateError(self.reading.source, (token or self.here).start, message, hint)


def known(token: Token, table: Mapping[str, object] | frozenset[str], what: str, source: str) -> None:
    """Raises TemplateError with the nearest known name."""
    if token.text not in table:
        hint = did_you_mean(token.text, table)
        if what == "function" and token.text in FILTERS:
            hint = f"“{token.text}” is a filter: write value|{token.text}."
        raise TemplateError(source, token.start, f"There is no {what} “{token.text}”.", hint)


def take_whole(mentions: Sequence[Mention]) -> None:
    for mention in mentions:
        mention.whole = True
