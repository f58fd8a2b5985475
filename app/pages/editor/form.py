"""A node's form as plain records: its JSON Schema and its settings in, one view per field out."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypedDict
from zoneinfo import available_timezones

from app.pages.editor import words
from app.pages.editor.controls import (
    ColumnView,
    Json,
    Option,
    columns_of,
    options_of,
    placeholder,
    resolved,
    titled,
    widget_of,
)
from engine.contract import NodeType
from engine.graph import Node

# What a person comes for stands at the top; the rest keeps the order of the declaration.
FIRST_OF = {"flow.input": ("label", "default")}


class FieldView(TypedDict):
    """One field of the form: which control, what it holds, and what there is to say about it."""

    key: str
    node: str
    name: str
    path: list[str]
    title: str
    help: str
    required: bool
    widget: str
    type: str
    value: Any
    options: list[Option]
    columns: list[ColumnView]
    suggestions: list[list[str]]
    placeholder: str
    rows: int
    add: str
    accept: str
    problem: str
    fix: str
    reference: str
    lists: str
    preview: str
    preview_bad: bool
    advanced: bool


COLUMN_WIDGETS = {"long_text": "multiline", "number": "number", "boolean": "boolean", "list": "list"}


def _input_default(node: Node) -> tuple[str, list[ColumnView], list[Option]]:
    """How the default of an Input is edited: the control of the kind of value that it asks for."""
    kind = str(node.params.get("kind", "text"))
    columns = [
        ColumnView(
            name=str(column.get("name", "")),
            title=str(column.get("label") or titled(column.get("name", ""))),
            widget=COLUMN_WIDGETS.get(str(column.get("kind")), "text"),
            type="string",
            placeholder=str(column.get("help", "")),
            options=[],
            default=None,
        )
        for column in node.params.get("columns") or ()
        if isinstance(column, Mapping)
    ]
    options = [Option(value=str(one), label=str(one), raw=one) for one in node.params.get("options") or ()]
    widgets = {"long_text": "multiline", "choice": "select", "date": "text", "text": "text"}
    return widgets.get(kind, kind), columns, options


def _shown(hints: Json, schema: Json, params: Json) -> bool:
    """Whether the field shows under the present settings (`ShowIf`)."""
    condition = hints.get("show_if")
    if not condition:
        return True
    name = condition["field"]
    default = schema.get("properties", {}).get(name, {}).get("default")
    return params.get(name, default) in condition["values"]


def _lists(levels: int, rank: str, wired: bool) -> str:
    if wired and levels:
        return "each item" if levels == 1 else f"{levels} levels deep"
    return "takes a list" if rank == "list" else ""


def fields(
    node_type: NodeType,
    node: Node,
    *,
    problems: Mapping[str, tuple[str, str]],
    references: Mapping[str, str],
    levels: Mapping[str, int],
) -> Iterator[FieldView]:
    """The form's fields in the order of the declaration.

    `problems`: message and label of its fix, by field. `references`: the words of the badge of a field that is exactly
    one reference. `levels`: how many list levels the node maps over in each field.
    """
    schema = node_type.params_schema
    defs = schema.get("$defs", {})
    first = FIRST_OF.get(node.type, ())
    for name, raw in sorted(schema.get("properties", {}).items(), key=lambda pair: pair[0] not in first):
        plain = resolved(raw, defs)
        hints = plain.get("x-ui", {})
        widget = widget_of(plain, hints)
        if widget == "multiline" and hints.get("literal"):
            widget = "prose"
        if widget == "hidden" or not _shown(hints, schema, node.params):
            continue
        columns, options = (columns_of(plain, defs) if widget == "rows" else []), options_of(plain, hints)
        if node.type == "flow.input" and name == "default":
            widget, columns, options = _input_default(node)
        if node.type == "flow.input" and name == "accept":
            widget = "text"
        spec = node_type.fields[name]
        value = node.params.get(name, None if spec.required else spec.default)
        message, fix = problems.get(name, ("", ""))
        yield FieldView(
            key=f"{node.id}.{name}.{widget}",
            node=node.id,
            name=name,
            path=[name],
            title=spec.title,
            help=words.plain(spec.description),
            required=spec.required,
            widget=widget,
            type="any" if widget in ("value", "expression") else str(plain.get("type", "any")),
            value=value,
            options=options,
            columns=columns,
            suggestions=_suggestions(widget),
            placeholder=placeholder(plain),
            rows=int(hints.get("rows", 6 if widget == "code" else 3))
            if widget in ("multiline", "prose", "code")
            else 1,
            add=str(hints.get("add", "")),
            accept=str(node.params.get("accept", "") if node.type == "flow.input" else hints.get("accept", "")),
            problem=message,
            fix=fix,
            reference=references.get(name, ""),
            lists=_lists(levels.get(name, 0), spec.rank if spec.port else "", bool(references.get(name))),
            preview="",
            preview_bad=False,
            advanced=False,
        )


def _suggestions(widget: str) -> list[list[str]]:
    return [[zone, ""] for zone in sorted(available_timezones())] if widget == "time_zone" else []


def option_values(node: Node) -> dict[str, Any]:
    """The options that every node has beside its form: how often, failure, time limit, note."""
    return {
        "off": node.off,
        "note": node.note,
        "on_error": node.on_error,
        "time_limit": "" if node.time_limit is None else f"{node.time_limit:g}",
        "limit": "" if node.limit is None else str(node.limit),
        "retry": {"times": str(node.retry.times), "wait": f"{node.retry.wait:g}"} if node.retry else {},
        "each": node.each or "",
        "fallback": "" if node.fallback is None else _written(node.fallback.value),
    }


def _written(value: Any) -> str:
    """A value as the fallback's field takes it: text as it stands unless it would be read as JSON, the rest as JSON."""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            return value
    return json.dumps(value, ensure_ascii=False)
