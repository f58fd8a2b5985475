"""YAML to values and back: plain data only, no objects, nothing that grows out of a few lines."""

from __future__ import annotations

import base64
import io
import math
import re
from datetime import date
from typing import Annotated, Any

from pydantic import Field

from engine.contract import BadParams, Multiline, OutputTooLarge, Params, Port, Whole, action
from integrations.core.values import kind, show, too_deep

MOST_VALUES = 1_000_000
DEEPEST = 200
_RARE = re.compile(r"^[?:-]|[\x00-\x09\x0b-\x1f\x7f-\xa0\u2028\u2029\ufeff\ud800-\udfff\ufffe\uffff]")


class ParseYaml(Params):
    text: Annotated[str, Port(), Multiline()] = Field(
        description="The YAML text", examples=["name: Ada\nages: [36, 40]"]
    )
    documents: bool = Field(
        title="Several documents",
        default=False,
        description="Whether the text holds several documents, divided by ---",
        examples=[True],
    )


@action(
    "data.parse_yaml",
    title="Parse YAML",
    category="text",
    icon="file-text",
    cpu=True,
    subtitle="YAML to values",
    keywords=("yml", "config", "read", "decode", "front matter"),
)
def parse_yaml(params: ParseYaml) -> Any:
    """Turn a YAML text (version 1.2) into its value. Dates stay texts in ISO 8601. A text that is no YAML is an error
    that names the line.

    With a list: each text is read by itself. Several documents in one text give a list.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415
    from ruamel.yaml.error import MarkedYAMLError, YAMLError  # noqa: PLC0415

    yaml = YAML(typ="safe", pure=True)
    budget = _Budget()
    try:
        if params.documents:
            return [budget.plain(document) for document in yaml.load_all(params.text)]
        return budget.plain(yaml.load(params.text))
    except MarkedYAMLError as error:
        mark = error.problem_mark
        raise BadParams(
            f"Not valid YAML{f', line {mark.line + 1}, column {mark.column + 1}' if mark else ''}: "
            f"{show(str(error.problem or error.context), 200)}.",
            field="text",
            hint="If the text holds several documents, say so." if "document" in str(error) else "",
        ) from error
    except (YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise BadParams(f"Not usable YAML: {show(str(error).splitlines()[0], 200)}.", field="text") from error


class _Budget:
    """Turns what YAML can say into JSON, within limits: an alias can stand for a value many times over."""

    def __init__(self) -> None:
        self.left = MOST_VALUES

    def plain(self, value: Any, depth: int = 0) -> Any:
        self.left -= 1
        if self.left < 0:
            raise OutputTooLarge(f"The YAML holds more than {MOST_VALUES:,} values.", hint="Use fewer aliases.")
        if depth > DEEPEST:
            raise BadParams(f"The YAML is nested deeper than {DEEPEST} levels.", field="text")
        if isinstance(value, dict):
            return {self.key(key): self.plain(inner, depth + 1) for key, inner in value.items()}
        if isinstance(value, list | tuple | set):
            return [self.plain(inner, depth + 1) for inner in value]
        if isinstance(value, date):
            return value.isoformat()
        if isinstance(value, bytes):
            return base64.b64encode(value).decode()
        if isinstance(value, float) and not math.isfinite(value):
            raise BadParams("The YAML holds a number that is not finite.", field="text")
        return _whole(value) if isinstance(value, str) else value

    def key(self, key: Any) -> str:
        if isinstance(key, bool) or key is None:
            return {True: "true", False: "false", None: "null"}[key]
        if isinstance(key, str | int | float):
            return _whole(str(key))
        if isinstance(key, date):
            return key.isoformat()
        raise BadParams(f"A name in the YAML must be plain, but one is {kind(key)}.", field="text")


def _whole(text: str) -> str:
    """YAML writes rare characters as two halves, like JSON; its parser leaves them apart."""
    try:
        text.encode()
    except UnicodeEncodeError:
        try:
            return text.encode("utf-16", "surrogatepass").decode("utf-16")
        except UnicodeDecodeError as error:
            raise BadParams("The YAML holds half a character, which is no text.", field="text") from error
    return text


class BuildYaml(Params):
    value: Annotated[Any, Port(), Whole()] = Field(description="The value to write", examples=[{"name": "Ada"}])


@action(
    "data.build_yaml",
    title="Build YAML",
    category="text",
    icon="file-output",
    cpu=True,
    subtitle="Values to YAML",
    keywords=("yml", "config", "write", "encode", "serialize"),
)
def build_yaml(params: BuildYaml) -> str:
    """Write a value as YAML, fields in their order.

    With a list: the list is written whole, as one text.
    """
    from ruamel.yaml import YAML  # noqa: PLC0415

    yaml: Any = YAML(typ="rt", pure=True)
    yaml.default_flow_style = False
    yaml.allow_unicode = True
    yaml.width = 4096
    yaml.representer.add_representer(type(None), lambda r, _: r.represent_scalar("tag:yaml.org,2002:null", "null"))
    out = io.StringIO()
    try:
        yaml.dump(_quoted(params.value), out)
    except RecursionError:
        raise too_deep("value") from None
    return out.getvalue().removesuffix("...\n")


def _quoted(value: Any) -> Any:
    """Texts with characters that YAML reads as line ends, or not at all, in double quotes."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString  # noqa: PLC0415

    if isinstance(value, dict):
        return {_quoted(key): _quoted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    return DoubleQuotedScalarString(value) if isinstance(value, str) and _RARE.search(value) else value
