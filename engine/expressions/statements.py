"""The statements that a text may hold: if, for, set. Everything else of MiniJinja's is refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from engine.expressions.errors import TemplateError, did_you_mean
from engine.expressions.operands import KEYWORDS
from engine.expressions.reading import Mention, Operand, Order, Reading
from engine.expressions.sandbox import TICK
from engine.expressions.syntax import Parser
from engine.expressions.tokens import Segment

STATEMENTS = ("if", "elif", "else", "endif", "for", "endfor", "set")
MAX_NESTING = 20


@dataclass(slots=True)
class Block:
    """An `if` or `for` that is still open; `written`: characters of text per round; `filter`: where a tick may go."""

    name: str
    segment: Segment
    written: int = 0
    filter_start: int = 0
    filter_end: int = 0


class Statements:
    """Reads the segments of one source in order, keeping track of the names that loops and `set` introduce.

    Loops are bounded by a tick: once per round for the text that the round writes, and at every expression inside.
    """

    def __init__(self, reading: Reading) -> None:
        self.reading = reading
        self.open: list[Block] = []
        self.conditions: list[Mention] = []

    def read(self, found: Sequence[Segment]) -> None:
        for segment in found:
            if segment.kind == "text":
                self._text(segment)
            elif segment.kind == "expression":
                parser = Parser(self.reading, segment.tokens)
                self._in_loop(parser.whole_expression(), "_weighed")
            else:
                self._statement(Parser(self.reading, segment.tokens), segment)
        if self.open:
            name, start = self.open[-1].name, self.open[-1].segment.start
            raise TemplateError(
                self.reading.source, start, f"“{{% {name} %}}” is never closed.", f"Add “{{% end{name} %}}”."
            )
        whole = {(m.node, m.path) for m in self.reading.mentions if m.whole}
        for mention in self.conditions:
            mention.whole = mention.whole or (mention.node, mention.path) in whole

    @property
    def loops(self) -> list[Block]:
        return [block for block in self.open if block.name == "for"]

    def _text(self, segment: Segment) -> None:
        if self.loops:
            self.loops[-1].written += segment.end - segment.start

    def _in_loop(self, operand: Operand, guard: str) -> None:
        if self.loops:
            self.reading.wrap(operand.start, operand.end, f"{guard}({TICK}, ")

    def _statement(self, parser: Parser, segment: Segment) -> None:
        name = parser.name()
        inside = self.open[-1].name if self.open else ""
        if name.text in ("if", "elif") and (name.text == "if" or inside == "if"):
            self._condition(parser)
            if name.text == "if":
                self.open.append(Block("if", segment))
        elif name.text == "else" and inside:
            parser.end()
        elif name.text == f"end{inside}" and inside:
            parser.end()
            self._close(self.open.pop())
        elif name.text == "for":
            self._for(parser, segment)
        elif name.text == "set":
            self._set(parser)
        else:
            hint = "It closes nothing." if name.text in STATEMENTS else did_you_mean(name.text, STATEMENTS)
            parser.fail(f"“{name.text}” cannot stand here.", hint, name)
        if len(self.open) > MAX_NESTING:
            parser.fail("The statements are nested too deeply.", "Split the work over several nodes.", name)

    def _condition(self, parser: Parser) -> None:
        operand = parser.whole_expression()
        if operand.mention is not None:
            self.conditions.append(operand.mention)
        self._in_loop(operand, "_timed")

    def _for(self, parser: Parser, segment: Segment) -> None:
        targets = _targets(parser)
        parser.expect("in")
        operand = parser.disjunction()
        for mention in operand.through:
            mention.whole = True
        if operand.mention is None:
            self.reading.wrap(operand.start, operand.end, f"_sized({TICK}, ")
        self.reading.locals.append({*targets, "loop"})
        block = Block("for", segment, filter_start=operand.end)
        if parser.accept("if"):
            condition = parser.expression()
            block.filter_start, block.filter_end = condition.start, condition.end
        parser.end()
        self.open.append(block)

    def _close(self, block: Block) -> None:
        if block.name == "if":
            return
        self.reading.locals.pop()
        tick = f"{TICK}({block.written})"
        if block.filter_end:
            self.reading.wrap(block.filter_start, block.filter_end, f"{tick} and (")
        else:
            self.reading.append(block.filter_start, f" if {tick}", Order.after)

    def _set(self, parser: Parser) -> None:
        targets = _targets(parser)
        if parser.here.kind == "end":
            parser.fail("“set” needs a value.", "Write {% set name = value %}.")
        parser.expect("=")
        operand = parser.whole_expression()
        if operand.mention is None:
            self.reading.wrap(operand.start, operand.end, f"_sized({TICK}, ")
        self.reading.locals[-1].update(targets)


def _targets(parser: Parser) -> list[str]:
    bracket = parser.accept("(")
    names = [_new_name(parser)]
    while parser.accept(","):
        names.append(_new_name(parser))
    if bracket:
        parser.expect(")")
    return names


def _new_name(parser: Parser) -> str:
    token = parser.name()
    if token.text.startswith("_") or token.text in KEYWORDS:
        parser.fail(f"“{token.text}” cannot name a value.", "Choose a name that starts with a letter.", token)
    if parser.is_next("."):
        parser.fail("Only whole names can be set.", "Set a new name instead.")
    return token.text
