"""What cards and fields say of a node in words."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from markdown_it import MarkdownIt

from engine import expressions
from engine.contract import Effect, NodeType
from engine.graph import Graph, Node
from engine.problem import Problem

LONGEST_SUMMARY = 60
LONGEST_NOTE = 2_000
ARROW = " \N{SINGLE RIGHT-POINTING ANGLE QUOTATION MARK} "
_CODE = re.compile(r"`+([^`\n]+)`+")
EFFECT_WORDS = {Effect.none: "", Effect.read: "reads from outside", Effect.write: "writes to the outside"}


def effect_word(one: NodeType, node: Node) -> str:
    """What a call does to the world outside, in words."""
    try:
        return EFFECT_WORDS[one.effect_for(dict(node.params))]
    except (TypeError, ValueError, AttributeError, LookupError):
        return ""


def writes(one: NodeType, node: Node) -> bool:
    """Whether a call acts on the world outside."""
    return effect_word(one, node) == EFFECT_WORDS[Effect.write]


def field_of(problem: Problem) -> str:
    """The field of the form that a problem belongs to; empty for the node as a whole."""
    return (problem.field or "").partition(".")[0]


def plain(text: str) -> str:
    """A declaration's text as a person reads it: a name of code stands in quotes."""
    return _CODE.sub(r"“\1”", text)


def told(problem: Problem) -> dict[str, Any]:
    """A problem as cards say it."""
    return {
        "field": problem.field or "",
        "message": problem.message,
        "warning": problem.severity == "warning",
    }


def note(params: Mapping[str, Any]) -> dict[str, Any]:
    """A note's text as it was written, and as HTML; its color."""
    text = str(params.get("text") or "")[:LONGEST_NOTE]
    return {"text": text, "html": _html(text), "color": str(params.get("color") or "")}


# Raw HTML in a note stays text, and so do images: a look at a drawing must call no other server.
_markdown = MarkdownIt("commonmark", {"html": False, "breaks": True}).disable("image")


@lru_cache(maxsize=1_000)
def _html(text: str) -> str:
    return str(_markdown.render(text)).replace("<a href", '<a target="_blank" rel="noreferrer noopener" href')


def summary(one: NodeType, node: Node) -> str:
    """The second line of a card: the setting that says most, else the kind of node."""
    for name, spec in one.fields.items():
        value = node.params.get(name)
        if spec.port or value in (None, "", [], {}) or value == spec.default:
            continue
        words = _said(value)
        if isinstance(value, str) and value in _choices(one, name):
            words = value.replace("_", " ")
        if words and words != node.title:
            return words[:LONGEST_SUMMARY]
    return one.subtitle or one.title if node.title == one.title else one.title


def _choices(one: NodeType, name: str) -> Sequence[str]:
    """The words that a field chooses from."""
    hints = one.params_schema.get("properties", {}).get(name, {}).get("x-ui", {})
    found: Sequence[str] = hints.get("options", ())
    return found


def _said(value: Any) -> str:
    if isinstance(value, str):
        return value.strip().removeprefix("{{").removesuffix("}}").strip()
    if isinstance(value, Mapping):
        return str(value["name"]) if "$file" in value else ", ".join(map(str, value))
    if isinstance(value, list):
        names = [one.get("name") if isinstance(one, Mapping) else one for one in value]
        return ", ".join(str(name) for name in names if name not in (None, "", {}, []))
    return "" if isinstance(value, bool) else str(value)


def badge(graph: Graph, text: Any) -> str:
    """The words of the badge of a text that is exactly one reference; of any other nothing."""
    reference = exact(text)
    if reference is None:
        return ""
    start = graph.nodes[reference.node].title if reference.node in graph.nodes else reference.node
    return ARROW.join([start, *map(str, reference.path)])


def exact(text: Any) -> expressions.Reference | None:
    """The reference that a text is exactly."""
    if not isinstance(text, str) or "{{" not in text:
        return None
    try:
        template = expressions.compile(text)
    except expressions.TemplateError:
        return None
    return template.references[0] if template.kind == "reference" else None
