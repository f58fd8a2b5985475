"""XML to values and back. Entities and document types are refused, so no text can blow up or reach out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any
from xml.parsers.expat import ExpatError

from pydantic import Field

from engine.contract import BadParams, Multiline, Params, Port, Whole, action
from integrations.core.data.rows import FieldNames
from integrations.core.values import cell_text, kind, show

DEEPEST = 200
_NAME = re.compile(r"[^\W\d][\w.\-]*(:[^\W\d][\w.\-]*)?")
# What XML 1.0 cannot hold, not even escaped (section 2.2).
_UNWRITABLE = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class ParseXml(Params):
    text: Annotated[str, Port(), Multiline()] = Field(
        description="The XML text", examples=['<order id="7"><line>Pen</line><line>Ink</line></order>']
    )
    lists: FieldNames = Field(
        title="Always lists",
        default_factory=list,
        description="Elements that are always a list, also where there is only one",
        examples=[["line"]],
    )
    prefixes: bool = Field(
        title="Keep prefixes",
        default=False,
        description="Whether names keep the prefix of their namespace, such as soap:Body",
        examples=[True],
    )


@action(
    "data.parse_xml",
    title="Parse XML",
    category="text",
    icon="code-xml",
    cpu=True,
    subtitle="XML to a record",
    keywords=("soap", "rss", "feed", "decode", "convert", "read"),
)
def parse_xml(params: ParseXml) -> dict[str, Any]:
    """Turn an XML text into a record: elements become fields, several of one name a list, attributes fields that begin
    with @, and the text beside attributes a field called #text. All values are texts.

    With a list: each text is read by itself.
    """
    import xmltodict  # noqa: PLC0415

    def named(path: list[Any], key: str, value: Any) -> tuple[str, Any]:
        if len(path) > DEEPEST:
            raise BadParams(f"The XML is nested deeper than {DEEPEST} levels.", field="text")
        if params.prefixes or key == "#text":
            return key, value
        return ("@" if key.startswith("@") else "") + key.removeprefix("@").rpartition(":")[2], value

    def is_list(path: Any, key: str, value: Any) -> bool:
        return key in params.lists or key.rpartition(":")[2] in params.lists

    try:
        parsed = xmltodict.parse(params.text.strip(), postprocessor=named, force_list=is_list)
    except ExpatError as error:
        raise BadParams(f"Not valid XML: {error}.", field="text", hint="Check the text around that place.") from error
    except ValueError as error:
        raise BadParams(
            f"This XML cannot be read: {show(str(error), 200)}.",
            field="text",
            hint="Entities of its own are not read, since they can be used for attacks.",
        ) from error
    return dict(parsed)


class BuildXml(Params):
    value: Annotated[Any, Port(), Whole()] = Field(
        description="The record or list to write", examples=[{"@id": 7, "line": ["Pen", "Ink"]}]
    )
    root: str = Field(
        title="Outermost element", default="root", description="The name of the outermost element", examples=["order"]
    )
    item: str = Field(
        title="Element of a list", default="item", description="The name of each element of a list", examples=["row"]
    )
    pretty: bool = Field(default=True, description="Whether each element stands on a line of its own", examples=[False])
    declaration: bool = Field(
        default=True, description="Whether the text begins with the line that says it is XML", examples=[True]
    )


@action(
    "data.build_xml",
    title="Build XML",
    category="text",
    icon="file-code",
    cpu=True,
    subtitle="A record to XML",
    keywords=("soap", "encode", "convert", "serialize", "write"),
)
def build_xml(params: BuildXml) -> str:
    """Write a record as XML. Fields become elements, lists several elements of one name, fields that begin with @
    attributes, a field called #text the text beside them. Everything is escaped.

    With a list: takes it whole; each item is an element inside the outermost one.
    """
    import xmltodict  # noqa: PLC0415

    value = {params.item: params.value} if isinstance(params.value, list) else params.value
    document = {_name(params.root, "root"): _writable(value, params.root, 0)}
    text: str = xmltodict.unparse(document, pretty=params.pretty, full_document=params.declaration, indent="  ")
    return text


def _name(name: str, field: str = "value") -> str:
    if not _NAME.fullmatch(name.removeprefix("@")):
        raise BadParams(
            f"“{show(name)}” cannot be a name in XML.",
            field=field,
            hint="Use letters, digits, dots, - and _, beginning with a letter.",
        )
    return name


def _writable(value: Any, name: str, depth: int) -> Any:
    """The value with texts in the places of all scalars."""
    if depth > DEEPEST:
        raise BadParams(f"The value is nested deeper than {DEEPEST} levels.", field="value")
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if key.startswith(("@", "#text")) and isinstance(inner, Mapping | list):
                raise BadParams(f"“{show(key)}” must be a plain value, but it is {kind(inner)}.", field="value")
        return {key if key == "#text" else _name(key): _writable(inner, key, depth + 1) for key, inner in value.items()}
    if isinstance(value, list):
        if any(isinstance(inner, list) for inner in value):
            raise BadParams(
                f"“{show(name)}” is a list of lists, which XML cannot say.", field="value", hint="Flatten it first."
            )
        return [_writable(inner, name, depth + 1) for inner in value]
    text = cell_text(value)
    if found := _UNWRITABLE.search(text):
        raise BadParams(
            f"“{show(name)}” holds the character {ord(found[0]):#x}, which XML cannot hold.",
            field="value",
            hint="Take it out first, with Regular expression.",
        )
    return text or None
