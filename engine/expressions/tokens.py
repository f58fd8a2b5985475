"""Cuts a template into text, expressions and statements, and an expression into tokens.

The grammar is MiniJinja's (https://docs.rs/minijinja/latest/minijinja/syntax/), so that what is found here is what the
engine will evaluate.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from engine.expressions.errors import TemplateError

OPEN = re.compile(r"\{\{|\{%|\{#")
TOKEN = re.compile(
    r"""(?P<space>\s+)
      | (?P<float>\d[\d_]*\.\d[\d_]*(?:[eE][+-]?\d+)?|\d[\d_]*[eE][+-]?\d+)
      | (?P<int>0[xX][0-9a-fA-F_]+|0[bB][01_]+|0[oO][0-7_]+|\d[\d_]*)
      | (?P<name>[^\W\d]\w*)
      | (?P<string>"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')
      | (?P<op>\*\*|//|==|!=|<=|>=|[-+*/%~|.,:()\[\]{}<>=])""",
    re.VERBOSE | re.DOTALL,
)
RAW = re.compile(r"\{%[-+]?\s*raw\s*[-+]?%\}")
END_RAW = re.compile(r"\{%[-+]?\s*endraw\s*[-+]?%\}")


@dataclass(frozen=True, slots=True)
class Token:
    """`kind` is a group name of TOKEN, or `end`."""

    kind: str
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the source. `start` and `end` span its inside, without the braces; `tokens` is empty for text."""

    kind: Literal["text", "expression", "statement"]
    start: int
    end: int
    outer_end: int
    tokens: tuple[Token, ...] = ()
    trims: bool = False


def segments(source: str) -> Iterator[Segment]:
    """Raises TemplateError for braces that do not close and for characters that belong to no token."""
    at = 0
    while at < len(source):
        found = OPEN.search(source, at)
        if found is None:
            yield Segment("text", at, len(source), len(source))
            return
        if found.start() > at:
            yield Segment("text", at, found.start(), found.start())
        raw = RAW.match(source, found.start())
        if raw:
            closing = END_RAW.search(source, raw.end())
            if closing is None:
                raise TemplateError(source, raw.start(), "“{% raw %}” is never closed.", "Add “{% endraw %}”.")
            yield Segment("text", raw.end(), closing.start(), closing.end(), trims=True)
            at = closing.end()
        elif found.group() == "{#":
            closing_at = source.find("#}", found.end())
            if closing_at < 0:
                raise TemplateError(source, found.start(), "The comment is never closed.", "Add “#}” at its end.")
            yield Segment("text", closing_at + 2, closing_at + 2, closing_at + 2, trims=True)
            at = closing_at + 2
        else:
            segment = _code(source, found.start(), found.group())
            yield segment
            at = segment.outer_end


def _code(source: str, opening: int, braces: str) -> Segment:
    closing = "}}" if braces == "{{" else "%}"
    at = opening + 2
    trims = source[at : at + 1] in ("-", "+") and source[at : at + 1] != ""
    at += 1 if trims else 0
    inside, tokens, depth = at, list[Token](), 0
    while at < len(source):
        if depth == 0:
            mark = source[at : at + 1] in ("-", "+") and source.startswith(closing, at + 1)
            if mark or source.startswith(closing, at):
                tokens.append(Token("end", "", at, at))
                kind: Literal["expression", "statement"] = "expression" if braces == "{{" else "statement"
                return Segment(kind, inside, at, at + 2 + mark, tuple(tokens), trims or mark)
        match = TOKEN.match(source, at)
        if match is None:
            raise _stray(source, at)
        kind_, text = match.lastgroup or "", match.group()
        if kind_ != "space":
            tokens.append(Token(kind_, text, at, match.end()))
        if kind_ == "op":
            depth += (text in "([{") - (text in ")]}" and depth > 0)
        at = match.end()
    raise TemplateError(
        source, opening, f"“{braces}” is never closed.", f"Add “{closing}” at the end of the expression."
    )


def _stray(source: str, at: int) -> TemplateError:
    character = source[at]
    if character in "\"'":
        return TemplateError(source, at, "The quoted text is never closed.", f"Add {character} at its end.")
    if character in "\u201c\u201d\u201e\u2018\u2019":
        return TemplateError(source, at, f"“{character}” is a typographic quote.", "Use straight quotes: ' or \".")
    if character == "&":
        return TemplateError(source, at, "“&” means nothing here.", "Use “and” to join two conditions.")
    if character == "!":
        return TemplateError(source, at, "“!” means nothing here.", "Use “not” to turn a condition round.")
    return TemplateError(source, at, f"“{character}” cannot stand in an expression.", "Put text in quotes.")
