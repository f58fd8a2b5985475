"""Writing references, and giving other names to the nodes that a template mentions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from engine.expressions.errors import TemplateError
from engine.expressions.reading import Reading, Reference
from engine.expressions.statements import Statements
from engine.expressions.syntax import Parser
from engine.expressions.tokens import segments


def write(node: str, path: Sequence[str | int] = ()) -> str:
    """The template that is exactly one reference: `write("big", ["yes"])` gives `{{ big.yes }}`."""
    return f"{{{{ {Reference(node, tuple(path))} }}}}"


def rename(source: str, names: Mapping[str, str]) -> str:
    """The template with each node in `names` called by its new name. What cannot be read stays as it is."""
    if "{{" not in source and "{%" not in source:
        return source
    try:
        reading = _read(source)
    except TemplateError:
        return source
    for mention in sorted(reading.mentions, key=lambda m: m.start, reverse=True):
        new = names.get(mention.node)
        if new is not None and source.startswith(mention.node, mention.start):
            source = source[: mention.start] + new + source[mention.start + len(mention.node) :]
    return source


def _read(source: str) -> Reading:
    reading, found = Reading(source), list(segments(source))
    if any(segment.kind == "statement" for segment in found):
        Statements(reading).read(found)
    else:
        for segment in found:
            if segment.kind == "expression":
                Parser(reading, segment.tokens).whole_expression()
    return reading
