"""Reads an expression far enough to know what it refers to, and rewrites it for safe evaluation.

The engine proper is MiniJinja. What it cannot tell is which references an expression holds with their paths, whether
a list is taken whole, and where a short text could grow without bound; so each reference becomes a variable of its own
and the operations that could grow are led through guards.
"""

from __future__ import annotations

from engine.expressions.operands import Operands
from engine.expressions.reading import MAX_DEPTH, Operand, take_whole

SMALL_FACTOR = 16


class Parser(Operands):
    """Recursive descent over MiniJinja's expression grammar: the operators, from the loosest to the tightest."""

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
        opening = None if self.is_node(self.here) else self.accept("not")
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
                take_whole(right.through)
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


def _harmless(factor: Operand, other: Operand) -> bool:
    """A number times something that cannot be a long repetition already: needs no guard."""
    if factor.number is None:
        return False
    return (
        not other.growing
        or other.number is not None
        or (other.mention is not None and abs(factor.number) <= SMALL_FACTOR)
    )
