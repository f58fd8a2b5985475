"""The document as YAML 1.2: lines for problems, comments kept through edits."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq, TaggedScalar
from ruamel.yaml.constructor import RoundTripConstructor, SafeConstructor
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import AliasEvent
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from engine.document.reading import Path, decode, from_mapping
from engine.document.writing import dump
from engine.graph import Graph
from engine.problem import DocumentError, Problem

FLOW_WIDTH = 100
RARE = re.compile(r"^[?:-]|[\x00-\x09\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


def from_yaml(text: str | bytes) -> tuple[Graph, str]:
    """The drawing, and what `to_yaml` needs to keep the text's comments: the text itself, or nothing if it has none.

    Raises:
        DocumentError: with all problems found, each with its line.
    """
    text = decode(text)
    root = _parsed(text)
    graph = from_mapping(_plain(root), lambda path: _line(root, path))
    return graph, text if "#" in text else ""


def to_yaml(graph: Graph, comments: str = "") -> str:
    """The document as YAML in a stable order.

    `comments`: an earlier text of this workflow, whose comments stay where the things stand that they were written to.
    """
    document = dump(graph)
    root: Any = CommentedMap()
    if comments:
        try:
            root = _parsed(comments)
        except DocumentError:
            root = CommentedMap()
    if not isinstance(root, CommentedMap):
        root = CommentedMap()
    _update(root, document, 0)
    out = io.StringIO()
    _yaml().dump(root, out)
    return out.getvalue()


class _Constructor(RoundTripConstructor):
    """A date stays a text: JSON has no dates, and both texts must mean the same. A number with an exponent is no more
    than a number: kept as it was written it would lose its last digit."""


_Constructor.add_constructor("tag:yaml.org,2002:timestamp", lambda _, node: node.value)
_Constructor.add_constructor("tag:yaml.org,2002:float", SafeConstructor.construct_yaml_float)


def _yaml() -> YAML:
    yaml = YAML(typ="rt")
    yaml.width = 110
    yaml.allow_unicode = True
    yaml.indent(mapping=2, sequence=4, offset=2)
    yaml.Constructor = _Constructor
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    return yaml


def _parsed(text: str) -> Any:
    """Raises DocumentError for text that is no YAML, holds a key twice, or uses aliases."""
    try:
        for event in YAML(typ="rt").parse(text) if re.search(r"[*&]\w", text) else ():
            if isinstance(event, AliasEvent):
                line = event.start_mark.line + 1
                raise DocumentError(
                    (Problem(code="alias", message="Aliases (*name) cannot be used.", hint="Repeat it.", line=line),)
                )
        return _yaml().load(text)
    except DocumentError:
        raise
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        told = str(error.problem or error.context or "The text cannot be read").strip()
        message = f"{told[:1].upper()}{told[1:]}.".replace("\n", " ")
        raise DocumentError(
            (Problem(code="bad_yaml", message=message, line=mark.line + 1 if mark else None),)
        ) from None
    except (YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(
            (Problem(code="bad_yaml", message=f"The text cannot be read: {str(error)[:200]}."),)
        ) from None


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_plain(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, CommentedSeq | list):
        return [_plain(inner) for inner in value]
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, TaggedScalar):
        return value  # refused by the reader, which knows the place
    for kind in (str, int, float):
        if isinstance(value, kind):
            return kind(value)
    return value


def _line(root: Any, path: Path) -> int | None:
    """The line of what stands at `path`, or of the nearest thing around it that there is; counts from 1."""
    line, here = 1, root
    for step in path:
        try:
            if isinstance(here, CommentedMap):
                line = here.lc.key(step)[0] + 1
            elif isinstance(here, CommentedSeq) and isinstance(step, int):
                line = here.lc.item(step)[0] + 1
            here = here[step]
        except (KeyError, IndexError, TypeError, AttributeError):
            break
    return line


def _update(target: CommentedMap, wanted: Mapping[str, Any], depth: int) -> None:
    """Make `target` equal to `wanted`, in its order, touching only what differs."""
    for key in [key for key in target if key not in wanted]:
        del target[key]
    for key, value in wanted.items():
        if isinstance(value, Mapping) and isinstance(target.get(key), CommentedMap) and value:
            _update(target[key], value, depth + 1)
        elif key not in target or not _same(_plain(target[key]), value):
            target[_quoted(key)] = _styled(value, depth + 1)
    if list(target) != list(wanted):
        for key in wanted:
            target.move_to_end(key)


def _same(left: Any, right: Any) -> bool:
    """Equal, and of one kind: True is not 1, and the order of keys counts."""
    if isinstance(left, Mapping) and isinstance(right, Mapping):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return isinstance(left, bool) == isinstance(right, bool) and bool(left == right)


def _styled(value: Any, depth: int) -> Any:
    """Small records and lists on one line, texts of several lines as blocks."""
    if isinstance(value, Mapping):
        made = CommentedMap((_quoted(key), _styled(inner, depth + 1)) for key, inner in value.items())
        if depth > 2 and _is_short(value):
            made.fa.set_flow_style()
        return made
    if isinstance(value, list):
        seq = CommentedSeq(_styled(inner, depth + 1) for inner in value)
        if _is_short(value):
            seq.fa.set_flow_style()
        return seq
    return _quoted(value)


def _quoted(value: Any) -> Any:
    """In quotes what would not come back as plain text: rarer line breaks, control characters, a leading ? : or -."""
    if isinstance(value, str) and RARE.search(value):
        return DoubleQuotedScalarString(value)
    return value


def _is_short(value: Any) -> bool:
    text = str(value)
    return len(text) <= FLOW_WIDTH - 40 and "\\n" not in text
