"""Regular expression: find, extract, replace and split by a pattern, in time that grows only with the text."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from string import Template
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import BadParams, Multiline, OutputTooLarge, Params, Port, Select, ShowIf, action
from integrations.core.values import check_length, show

Operation = Literal["extract", "extract_all", "test", "replace", "split"]
MOST_MATCHES = 1_000_000


class Regex(Params):
    text: Annotated[str, Port(), Multiline()] = Field(
        description="The text to look in", examples=["Order 4711 of 2026"]
    )
    pattern: str = Field(
        min_length=1,
        max_length=10_000,
        description="The pattern; (?P<name>…) names a part of it",
        examples=[r"Order (?P<number>\d+)"],
    )
    operation: Annotated[
        Operation,
        Select(options=get_args(Operation), labels=("Extract the first", "Extract all", "Test", "Replace", "Split")),
    ] = Field(
        default="extract",
        description="What to do with the places that fit",
        examples=["extract_all"],
    )
    replacement: Annotated[str, ShowIf(field="operation", values=("replace",))] = Field(
        title="Replace with",
        default="",
        description="What to put there: $1 is the first part in parentheses, ${name} a named one, $0 the whole place",
        examples=["No. ${number}"],
    )
    ignore_case: bool = Field(default=False, description="Whether A also fits a", examples=[True])
    lines: bool = Field(
        title="Line by line",
        default=False,
        description="Whether ^ and $ also stand for the start and end of each line",
        examples=[True],
    )
    dot_all: bool = Field(
        title="Dot fits line breaks", default=False, description="Whether a dot also fits a line break", examples=[True]
    )


@action(
    "data.regex",
    title="Regular expression",
    category="text",
    icon="regex",
    subtitle="Find, extract, replace, split",
    keywords=("regexp", "pattern", "match", "extract", "replace", "search", "re2", "parse"),
)
def regex(params: Regex) -> Any:
    """Find what fits a pattern in a text, take it out, replace it, or split the text there.

    What is extracted is a record of the named parts; without names the parts in parentheses (one as a text, several as
    a list); without parentheses the place itself. Where nothing fits, extract gives nothing, and extract all an empty
    list. Patterns are those of RE2, which cannot hang on any text; it has no look-ahead and no back-references.

    With a list: each text is searched by itself.
    """
    return OPERATIONS[params.operation](compiled(params), params)


def compiled(params: Regex) -> Any:
    """The pattern, ready to use. Raises `BadParams` that says what is wrong with it."""
    import re2  # noqa: PLC0415  a native library

    options = re2.Options()
    options.log_errors = False
    options.case_sensitive = not params.ignore_case
    options.dot_nl = params.dot_all
    try:
        return re2.compile(f"(?m){params.pattern}" if params.lines else params.pattern, options)
    except re2.error as error:
        reason = error.args[0].decode(errors="replace") if isinstance(error.args[0], bytes) else str(error)
        raise BadParams(
            f"The pattern cannot be used: {show(reason, 200)}.",
            field="pattern",
            hint="Look-ahead and back-references do not exist here; write \\. for a real dot, \\( for a parenthesis.",
        ) from error


def _taken(match: Any) -> Any:
    """What a match gives: named parts, else parts in parentheses, else the whole."""
    if named := match.groupdict():
        return {name: named[name] for name in sorted(named, key=match.re.groupindex.__getitem__)}
    parts = list(match.groups())
    return parts if len(parts) > 1 else parts[0] if parts else match.group()


def _extract(pattern: Any, params: Regex) -> Any:
    match = pattern.search(params.text)
    return _taken(match) if match else None


def _matches(pattern: Any, text: str) -> list[Any]:
    found = []
    for match in pattern.finditer(text):
        found.append(match)
        if len(found) > MOST_MATCHES:
            raise OutputTooLarge(
                f"The pattern fits in more than {MOST_MATCHES:,} places.", hint="Split the text into parts first."
            )
    return found


class Replacement(Template):
    """`$1`, `${name}`, `$0`, and `$$` for a dollar sign."""

    idpattern = r"(?a:[_a-zA-Z][_a-zA-Z0-9]*|[0-9]+)"


def _replace(pattern: Any, params: Regex) -> str:
    template = Replacement(params.replacement)
    pieces: list[str] = []
    at = length = 0
    for match in _matches(pattern, params.text):
        pieces += (params.text[at : match.start()], _filled(template, match))
        length += len(pieces[-1])
        check_length(len(params.text) + length, "replacement")
        at = match.end()
    return "".join([*pieces, params.text[at:]])


def _filled(template: Replacement, match: Any) -> str:
    values = {"0": match.group()} | {str(i): part or "" for i, part in enumerate(match.groups(), 1)}
    values |= {name: part or "" for name, part in match.groupdict().items()}
    try:
        return template.substitute(values)
    except KeyError as error:
        raise BadParams(
            f"The pattern has no part {error.args[0]}.", field="replacement", hint="Write $$ for a dollar sign."
        ) from error
    except ValueError as error:
        raise BadParams(
            "The replacement has a dollar sign that stands for nothing.",
            field="replacement",
            hint="Write $$ for a dollar sign, $1 for the first part in parentheses.",
        ) from error


def _split(pattern: Any, params: Regex) -> list[str]:
    parts, at = [], 0
    for match in _matches(pattern, params.text):
        if match.end() > match.start():
            parts.append(params.text[at : match.start()])
            at = match.end()
    return [*parts, params.text[at:]]


OPERATIONS: Mapping[str, Callable[[Any, Regex], Any]] = {
    "extract": _extract,
    "extract_all": lambda pattern, params: [_taken(match) for match in _matches(pattern, params.text)],
    "test": lambda pattern, params: pattern.search(params.text) is not None,
    "replace": _replace,
    "split": _split,
}
