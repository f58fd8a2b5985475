"""Text template, Parse JSON, Build JSON."""

from __future__ import annotations

import json
import math
import re
from typing import Annotated, Any, NoReturn

from pydantic import Field

from engine.contract import BadParams, Multiline, Params, Port, Whole, action
from integrations.core.values import show, too_deep

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class Template(Params):
    text: Annotated[str, Port(), Multiline(rows=6)] = Field(
        description="The text, with values in double braces", examples=["Dear Ada, your order 7 is on its way."]
    )


@action(
    "data.template",
    title="Text template",
    category="text",
    icon="text-quote",
    subtitle="Text with values in it",
    keywords=("compose", "format", "message", "string", "jinja"),
)
def template(params: Template) -> str:
    """Write a text with values from other nodes in it.

    With a list: a list inside the text makes one text per item, unless the template turns it into one value, such as
    `{{ names | join(", ") }}`.
    """
    return params.text


class ParseJson(Params):
    text: Annotated[str, Port(), Multiline()] = Field(description="The JSON text", examples=['{"a": 1}'])


@action(
    "data.parse_json",
    title="Parse JSON",
    category="text",
    icon="braces",
    subtitle="Text to values",
    keywords=("read", "decode", "object"),
)
def parse_json(params: ParseJson) -> Any:
    """Turn a JSON text into its value. A text that is no JSON is an error that names line and column.

    With a list: each text is read by itself.
    """
    return load_json(params.text, "text")


def load_json(text: str, field: str) -> Any:
    """The value of a JSON text, in which every number is finite. Raises `BadParams` naming line and column."""
    try:
        value = json.loads(text.removeprefix("\ufeff"), parse_constant=_no_number, parse_float=_finite)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        lines = text.splitlines()
        line = lines[error.lineno - 1].strip() if error.lineno <= len(lines) else ""
        raise BadParams(
            f"Not valid JSON, line {error.lineno}, column {error.colno}: {error.msg}.",
            field=field,
            hint=f"The line reads: {show(line)}" if line else "The text ends too early." if lines else "It is empty.",
        ) from error
    except UnicodeEncodeError as error:
        raise BadParams(
            "Not usable JSON: it holds half a character, which is no text.",
            field=field,
            hint="Look for \\ud8… to \\udf… without its other half.",
        ) from error
    except RecursionError as error:
        raise BadParams("Not usable JSON: it is nested too deeply.", field=field) from error
    except ValueError as error:
        raise BadParams(f"Not valid JSON: {show(str(error), 200)}.", field=field) from error


def _no_number(word: str) -> NoReturn:
    raise ValueError(f"{word} is not a JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {show(text)} is too large")
    return value


class BuildJson(Params):
    value: Annotated[Any, Port(), Whole()] = Field(description="The value to write", examples=[{"a": 1}])
    indent: int = Field(default=0, ge=0, le=8, description="Spaces per level; 0 writes it on one line", examples=[2])


@action(
    "data.build_json",
    title="Build JSON",
    category="text",
    icon="file-braces",
    subtitle="Values to text",
    keywords=("stringify", "encode", "serialize", "dump"),
)
def build_json(params: BuildJson) -> str:
    """Write a value as JSON text, fields in their order.

    With a list: the list is written whole, as one text.
    """
    return dump_json(params.value, params.indent)


def dump_json(value: Any, indent: int = 0) -> str:
    """`value` as JSON text; `indent` 0 writes it on one line without spaces."""
    separators = (",", ": ") if indent else (",", ":")
    try:
        return json.dumps(value, ensure_ascii=False, indent=indent or None, separators=separators)
    except RecursionError:
        raise too_deep("value") from None
