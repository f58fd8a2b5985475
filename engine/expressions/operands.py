"""Values, calls, filters, tests and the parts asked of them: what stands between the operators."""

from __future__ import annotations

import ast

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
from engine.expressions.reading import Mention, Operand, Tokens, known, take_whole
from engine.expressions.tokens import Token

CONSTANTS = frozenset({"true", "false", "none", "True", "False", "None"})
KEYWORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})


class Operands(Tokens):
    """Reads operands; what stands in their parentheses and brackets is a whole expression again."""

    def expression(self) -> Operand:
        raise NotImplementedError

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
            take_whole(operand.through)
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
            take_whole(operand.through)
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
            take_whole(argument.through)
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
        if token.kind == "name" and (token.text not in KEYWORDS or self.is_node(token)):
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

    def is_node(self, token: Token) -> bool:
        """Whether a keyword stands where only a value can: then it is a node of that name, as an If is called `if`."""
        following = self.tokens[self.at + 1]
        if token.text == "not" and following.text == "[":
            return False
        return following.kind == "end" or following.text in (".", "[", ")", ",", "|")

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
        if token.text == "random":
            self.fail("“random” is a function.", "Write random().", token)
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
            take_whole(argument.through)
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
        take_whole(operand.through)
        for _ in range(3):
            if not self.is_next(":", "]"):
                self.expression()
            if not self.accept(":"):
                break
        self.expect("]")
        return Operand(operand.start, self.tokens[self.at - 1].end)
