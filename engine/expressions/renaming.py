"""Writing references, and giving other names to the nodes that a template mentions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from engine.expressions.errors import TemplateError
from engine.expressions.reading import Mention, Reading, Reference
from engine.expressions.statements import Statements
from engine.expressions.syntax import Parser
from engine.expressions.tokens import segments


def write(node: str, path: Sequence[str | int] = ()) -> str:
    """The template that is exactly one reference: `write("big", ["yes"])` gives `{{ big.yes }}`."""
    return f"{{{{ {Reference(node, tuple(path))} }}}}"


def rename(source: str, names: Mapping[str, str]) -> str:
    """The template with each node in `names` called by its new name. What cannot be read stays as it is."""
    for mention in _mentions(source):
        new = names.get(mention.node)
        if new is not None and source.startswith(mention.node, mention.start):
            source = source[: mention.start] + new + source[mention.start + len(mention.node) :]
    return source


def redirect(source: str, change: Callable[[Reference], Reference | None]) -> str:
    """The template with each reference that `change` has another one for led there. What cannot be read stays as it
    is."""
    for mention in _mentions(source):
        new = change(mention.reference)
        if new is not None and source.startswith(mention.node, mention.start):
            source = source[: mention.start] + str(new) + source[mention.end :]
    return source


def _mentions(source: str) -> Sequence[Mention]:
    """From the last to the first, so that replacing one leaves the others where they are."""
    if "{{" not in source and "{%" not in source:
        return ()
    try:
        return sorted(_read(source).mentions, key=lambda mention: mention.start, reverse=True)
    except TemplateError:
        return ()


def _read(source: str) -> Reading:
    reading, found = Reading(source), list(segments(source))
    if any(segment.kind == "statement" for segment in found):
        Statements(reading).read(found)
    else:
        for segment in found:
            if segment.kind == "expression":
                Parser(reading, segment.tokens).whole_expression()
    return reading
