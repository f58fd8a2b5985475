"""Reads an expression far enough to know what it refers to, and rewrites it for safe evaluation.

The engine proper is MiniJinja. What it cannot tell is which references an expression holds with their paths, whether
a list is taken whole, and where a short text could grow without bound; so each reference becomes a variable of its own
and the operations that could grow are led through guards.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import NamedTuple

from engine.expressions.errors import TemplateError, did_you_mean
from engine.expressions.functions import (
    FILTERS,
    FUNCTIONS,
    METHODS,
    TESTS,
    THROUGH_FILTERS,
    WHOLE_FILTERS,
    WHOLE_FUNCTIONS,
    WHOLE_TESTS,
)
from engine.expressions.tokens import Token

CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})
MAX_DEPTH = 60
SMALL_FACTOR = 16


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


class Parser:
    """Recursive descent over MiniJinja's expression grammar."""

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

    def whole_expression(self) -> Operand:
        """An expression up to the end of its braces."""
        operand = self.expression()
        self.end()
        return operand

    def end(self) -> None:
        token = self.here
        if token.kind == "end":
            return
        if token.text == "=":
            self.fail("A single “=” compares nothing.", "Use “==” to compare.")
        self.fail(f"“{token.text}” was not expected here.", "An operator or the end of the expression is missing.")

    def expression(self) -> Operand:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("The expression is nested too deeply.", "Split it over two nodes.")
        left = self.disjunction()
        while self.accept("if"):
            self.disjunction()
            if self.accept("else"):
                right = self.expression()
                left = Operand(left.start, right.end, left.through + right.through)
            else:
                left = Operand(left.start, self.tokens[self.at - 1].end, left.through)
        self.depth -= 1
        return left

    def disjunction(self) -> Operand:
        left = self.conjunction()
        while self.accept("or"):
            right = self.conjunction()
            left = Operand(left.start, right.end, left.through + right.through)
        return left

    def conjunction(self) -> Operand:
        left = self.negation()
        while self.accept("and"):
            right = self.negation()
            left = Operand(left.start, right.end, left.through + right.through)
        return left

    def negation(self) -> Operand:
        opening = self.accept("not")
        if opening is None:
            return self.comparison()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("The expression is nested too deeply.", "Split it over two nodes.")
        operand = self.negation()
        self.depth -= 1
        return Operand(opening.start, operand.end, growing=False)

    def comparison(self) -> Operand:
        left = self.sum()
        while True:
            if self.accept("==", "!=", "<", "<=", ">", ">="):
                right = self.sum()
            elif self.is_next("in") or (self.is_next("not") and self.tokens[self.at + 1].text == "in"):
                self.accept("not")
                self.take()
                right = self.sum()
                _take_whole(right.through)
            else:
                return left
            left = Operand(left.start, right.end, growing=False)

    def sum(self) -> Operand:
        left = self.concatenation()
        while operator := self.accept("+", "-"):
            right = self.concatenation()
            through = left.through + right.through if operator.text == "+" else ()
            left = Operand(left.start, right.end, through)
        return left

    def concatenation(self) -> Operand:
        left = self.product()
        while self.accept("~"):
            right = self.product()
            left = Operand(left.start, right.end)
        return left

    def product(self) -> Operand:
        left = self.power()
        while operator := self.accept("*", "/", "//", "%"):
            right = self.power()
            if operator.text == "*" and not (_harmless(left, right) or _harmless(right, left)):
                self.reading.wrap(left.start, right.end, "_times(")
                self.reading.replace(operator.start, operator.end, ",")
            left = Operand(left.start, right.end, growing=operator.text in "*%")
        return left

    def power(self) -> Operand:
        left = self.unary()
        while self.accept("**"):
            right = self.unary()
            left = Operand(left.start, right.end, growing=False)
        return left

    def unary(self) -> Operand:
        opening = self.accept("-")
        if opening is None:
            return self.filtered()
        self.depth += 1
        if self.depth > MAX_DEPTH:
            self.fail("The expression is nested too deeply.", "Split it over two nodes.")
        operand = self.unary()
        self.depth -= 1
        number = None if operand.number is None else -operand.number
        return Operand(opening.start, operand.end, number=number, growing=False)

    def filtered(self) -> Operand:
        operand = self.postfix(self.primary())
        while True:
            if self.accept("|"):
                operand = self.filter(operand)
            elif self.is_next("is"):
                operand = self.test(operand)
            else:
                return operand

    def filter(self, operand: Operand) -> Operand:
        token = self.name()
        known(token, FILTERS, "filter", self.reading.source)
        arguments = self.arguments() if self.is_next("(") else []
        if token.text in WHOLE_FILTERS:
            _take_whole(operand.through)
        through = operand.through if token.text in THROUGH_FILTERS else ()
        for argument in arguments if token.text in THROUGH_FILTERS else []:
            through += argument.through
        return Operand(operand.start, self.tokens[self.at - 1].end, through)

    def test(self, operand: Operand) -> Operand:
        self.take()
        self.accept("not")
        token = self.name()
        known(token, TESTS, "test", self.reading.source)
        if token.text in WHOLE_TESTS:
            _take_whole(operand.through)
        if self.is_next("("):
            arguments = self.arguments()
        elif self.here.kind in ("int", "float", "string") or (
            self.here.kind == "name" and self.here.text not in KEYWORDS
        ):
            arguments = [self.postfix(self.primary())]
        elif self.is_next("["):
            arguments = [self.primary()]
        else:
            arguments = []
        for argument in arguments if token.text == "in" else []:
            _take_whole(argument.through)
        return Operand(operand.start, self.tokens[self.at - 1].end, growing=False)

    def arguments(self) -> list[Operand]:
        self.expect("(")
        found = []
        while not self.is_next(")"):
            if self.here.kind == "name" and self.tokens[self.at + 1].text == "=":
                self.at += 2
            if self.is_next("*", "**"):
                self.fail("Arguments cannot be unpacked here.", "Name each argument.")
            found.append(self.expression())
            if not self.accept(","):
                break
        self.expect(")")
        return found

    def primary(self) -> Operand:
        token = self.here
        if token.kind == "name" and token.text not in KEYWORDS:
            return self.named()
        if token.kind in ("int", "float"):
            self.take()
            number = float(ast.literal_eval(token.text.lower()))
            return Operand(token.start, token.end, number=number, growing=False)
        if token.kind == "string":
            while self.here.kind == "string":
                self.take()
            return Operand(token.start, self.tokens[self.at - 1].end)
        if self.accept("("):
            return self.parenthesis(token)
        if self.accept("["):
            self.items("]")
            return Operand(token.start, self.tokens[self.at - 1].end)
        if self.accept("{"):
            self.pairs()
            return Operand(token.start, self.tokens[self.at - 1].end)
        what = "The expression ends too early." if token.kind == "end" else f"“{token.text}” was not expected here."
        self.fail(what, "A value or a name is missing.")
        raise AssertionError

    def parenthesis(self, opening: Token) -> Operand:
        if self.accept(")"):
            return Operand(opening.start, self.tokens[self.at - 1].end)
        operand = self.expression()
        if self.accept(","):
            self.items(")")
            return Operand(opening.start, self.tokens[self.at - 1].end)
        closing = self.expect(")")
        return Operand(opening.start, closing.end, operand.through, operand.mention, operand.number, operand.growing)

    def items(self, closing: str) -> None:
        while not self.is_next(closing):
            self.expression()
            if not self.accept(","):
                break
        self.expect(closing)

    def pairs(self) -> None:
        while not self.is_next("}"):
            self.expression()
            self.expect(":")
            self.expression()
            if not self.accept(","):
                break
        self.expect("}")

    def named(self) -> Operand:
        token = self.take()
        if token.text in CONSTANTS:
            return Operand(token.start, token.end, growing=False)
        if self.is_next("("):
            return self.call(token)
        if self.reading.is_local(token.text):
            return Operand(token.start, token.end)
        if token.text in FUNCTIONS and token.text != "now":
            self.fail(f"“{token.text}” is a function.", f"Write {token.text}(…).", token)
        mention = Mention(token.text, (), token.start, token.end)
        self.reading.mentions.append(mention)
        return Operand(token.start, token.end, (mention,), mention)

    def call(self, token: Token) -> Operand:
        if not self.reading.is_local(token.text):
            known(token, FUNCTIONS, "function", self.reading.source)
        elif token.text != "loop":
            self.fail(f"“{token.text}” is a value and cannot be called.", token=token)
        arguments = self.arguments()
        end = self.tokens[self.at - 1].end
        if token.text in ("now", "random") and arguments:
            self.fail(f"{token.text}() takes nothing between its parentheses.", token=token)
        if token.text == "now":
            mention = Mention("now", (), token.start, end)
            self.reading.mentions.append(mention)
            return Operand(token.start, end, (), mention, growing=False)
        if token.text == "random":
            self.reading.mentions.append(Mention("random", (), token.start, end))
            self.reading.append(end, f"|_random({token.start})")
            return Operand(token.start, end, growing=False)
        for argument in arguments if token.text in WHOLE_FUNCTIONS and len(arguments) == 1 else []:
            _take_whole(argument.through)
        return Operand(token.start, end)

    def postfix(self, operand: Operand) -> Operand:
        while True:
            if self.is_next("."):
                operand = self.attribute(operand)
            elif self.is_next("["):
                operand = self.subscript(operand)
            elif self.is_next("("):
                self.fail("Only functions can be called.", "Put an operator between the two values.")
            else:
                return operand

    def attribute(self, operand: Operand) -> Operand:
        dot = self.take()
        if self.here.kind == "int":
            token = self.take()
            return self.step(operand, int(token.text), token.end)
        if self.here.kind == "float":
            self.fail("Two numbers in a row cannot be read here.", "Write the second index in brackets, as in a[0][1].")
        token = self.name()
        if not self.is_next("("):
            return self.step(operand, token.text, token.end)
        known(token, METHODS, "method", self.reading.source)
        if METHODS[token.text]:
            self.reading.replace(dot.start, token.end, f"|{METHODS[token.text]}")
        self.arguments()
        return Operand(operand.start, self.tokens[self.at - 1].end)

    def step(self, operand: Operand, key: str | int, end: int) -> Operand:
        if operand.mention is not None and operand.mention.node != "now" and operand.start == operand.mention.start:
            operand.mention.path += (key,)
            operand.mention.end = end
            return Operand(operand.start, end, operand.through, operand.mention)
        return Operand(operand.start, end)

    def subscript(self, operand: Operand) -> Operand:
        self.take()
        minus = self.is_next("-")
        token = self.tokens[self.at + minus]
        static = token.kind == "int" or (token.kind == "string" and not minus)
        if static and self.tokens[self.at + minus + 1].text == "]":
            self.at += 2 + minus
            value = ast.literal_eval(token.text)
            return self.step(operand, -value if minus else value, self.tokens[self.at - 1].end)
        _take_whole(operand.through)
        for _ in range(3):
            if not self.is_next(":", "]"):
                self.expression()
            if not self.accept(":"):
                break
        self.expect("]")
        return Operand(operand.start, self.tokens[self.at - 1].end)


def known(token: Token, table: Mapping[str, object] | frozenset[str], what: str, source: str) -> None:
    """Raises TemplateError with the nearest known name."""
    if token.text not in table:
        hint = did_you_mean(token.text, table)
        if what == "function" and token.text in FILTERS:
            hint = f"“{token.text}” is a filter: write value|{token.text}."
        raise TemplateError(source, token.start, f"There is no {what} “{token.text}”.", hint)


def _take_whole(mentions: Sequence[Mention]) -> None:
    for mention in mentions:
        mention.whole = True


def _harmless(factor: Operand, other: Operand) -> bool:
    """A number times something that cannot be a long repetition already: needs no guard."""
    if factor.number is None:
        return False
    return (
        not other.growing
        or other.number is not None
        or (other.mention is not None and abs(factor.number) <= SMALL_FACTOR)
    )
