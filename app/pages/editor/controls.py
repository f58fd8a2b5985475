"""The controls of a form: which one edits a field, what it offers, and the columns of a field of rows."""

from collections.abc import Mapping
from typing import Any, TypedDict

Json = Mapping[str, Any]
SHORT_EXAMPLE = 60


class Option(TypedDict):
    """One choice: what the control holds, what a person reads, what the field gets."""

    value: str
    label: str
    raw: Any


class ColumnView(TypedDict):
    """One column of a field of rows."""

    name: str
    title: str
    widget: str
    type: str
    placeholder: str
    options: list[Option]
    default: Any


def resolved(schema: Json, defs: Json) -> dict[str, Any]:
    """The schema without `$ref` and without the null of an optional field; the hints around them are kept."""
    found = dict(schema)
    while "$ref" in found:
        target = defs[str(found.pop("$ref")).rsplit("/", 1)[-1]]
        found = {**target, **found}
    choices = [one for one in found.get("anyOf", ()) if one.get("type") != "null"]
    if len(choices) == 1:
        found.pop("anyOf")
        return {**resolved(choices[0], defs), **found}
    return found


def titled(value: Any) -> str:
    """A value's or a field's name as a person reads it."""
    return str(value).replace("_", " ").capitalize() if isinstance(value, str) else str(value)


def options_of(schema: Json, hints: Json) -> list[Option]:
    """What a field chooses from; nothing where it takes any value of its type."""
    values = schema.get("enum") or hints.get("options") or ([schema["const"]] if "const" in schema else [])
    labels = dict(zip(hints.get("options", ()), hints.get("labels", ()), strict=False))
    return [Option(value=str(value), label=labels.get(value) or titled(value), raw=value) for value in values]


def placeholder(schema: Json) -> str:
    """An example that stands in the empty control."""
    for example in schema.get("examples", ()):
        if isinstance(example, str | int | float) and not isinstance(example, bool) and str(example):
            return str(example)[:SHORT_EXAMPLE]
    return ""


BY_TYPE = {"boolean": "boolean", "integer": "number", "number": "number", "string": "text"}
EDITORS = ("multiline", "code", "expression", "rows", "key_value", "file", "cron", "time_zone")
BY_HINT = frozenset({*EDITORS, "account", "workflow", "hidden"})


def widget_of(schema: Json, hints: Json) -> str:
    """Which control edits the field: by its hint, else by its type."""
    wanted = str(hints.get("widget", ""))
    if wanted in BY_HINT:
        return wanted
    if options_of(schema, hints):
        return "select"
    kind = schema.get("type", "any")
    if kind == "array":
        items = schema.get("items", {})
        return "list" if items.get("type") in ("string", "number", "integer") else "value"
    return BY_TYPE.get(str(kind), "value")


def _column(name: str, schema: Json, defs: Json) -> ColumnView:
    plain = resolved(schema, defs)
    hints = plain.get("x-ui", {})
    widget = widget_of(plain, hints)
    return ColumnView(
        name=name,
        title=str(plain.get("title", titled(name))),
        widget=widget if widget != "value" else "text",
        type=str(plain.get("type", "any")),
        placeholder=placeholder(plain),
        options=options_of(plain, hints),
        default=plain.get("default"),
    )


def columns_of(schema: Json, defs: Json) -> list[ColumnView]:
    """The columns of a field of rows."""
    row = resolved(schema.get("items", {}), defs)
    return [_column(name, inner, defs) for name, inner in row.get("properties", {}).items()]
