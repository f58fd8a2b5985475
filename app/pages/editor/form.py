"""A node's form as plain records: its JSON Schema and its settings in, one view per field out."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict
from zoneinfo import available_timezones

from engine.contract import NodeType
from engine.graph import Node
from engine.validation import Interface

Json = Mapping[str, Any]
SHORT_EXAMPLE = 60
# What a person comes for stands at the top; the rest keeps the order of the declaration.
FIRST_OF = {"flow.input": ("label", "default")}


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


def _words(value: Any) -> str:
    return str(value).replace("_", " ").capitalize() if isinstance(value, str) else str(value)


def _options(schema: Json, hints: Json) -> list[Option]:
    values = schema.get("enum") or hints.get("options") or ([schema["const"]] if "const" in schema else [])
    labels = dict(zip(hints.get("options", ()), hints.get("labels", ()), strict=False))
    return [Option(value=str(value), label=labels.get(value) or _words(value), raw=value) for value in values]


def _placeholder(schema: Json) -> str:
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
    if _options(schema, hints):
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
        title=str(plain.get("title", _words(name))),
        widget=widget if widget != "value" else "text",
        type=str(plain.get("type", "any")),
        placeholder=_placeholder(plain),
        options=_options(plain, hints),
        default=plain.get("default"),
    )


def _columns(schema: Json, defs: Json) -> list[ColumnView]:
    row = resolved(schema.get("items", {}), defs)
    return [_column(name, inner, defs) for name, inner in row.get("properties", {}).items()]


COLUMN_WIDGETS = {"long_text": "multiline", "number": "number", "boolean": "boolean", "list": "list"}


def _input_default(node: Node) -> tuple[str, list[ColumnView], list[Option]]:
    """How the default of an Input is edited: the control of the kind of value that it asks for."""
    kind = str(node.params.get("kind", "text"))
    columns = [
        ColumnView(
            name=str(column.get("name", "")),
            title=str(column.get("label") or _words(column.get("name", ""))),
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
        columns, options = (_columns(plain, defs) if widget == "rows" else []), _options(plain, hints)
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
            help=spec.description,
            required=spec.required,
            widget=widget,
            type="any" if widget in ("value", "expression") else str(plain.get("type", "any")),
            value=value,
            options=options,
            columns=columns,
            suggestions=_suggestions(widget),
            placeholder=_placeholder(plain),
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


def of_workflow(view: dict[str, Any], other: Interface | None, node: Node) -> list[dict[str, Any]]:
    """The inputs of a workflow that is run as a step, each a field of its own; as pairs where they are not known."""
    given = node.params.get(view["name"]) or {}
    if other is None or not other.takes or not isinstance(given, Mapping):
        return [view]
    names = {one.name: one.label or _words(one.name) for one in other.takes}
    needed = {one.name for one in other.takes if one.required}
    names.update({name: name for name in given if name not in names})
    return [
        {
            **view,
            "key": f"{view['key']}-{name}",
            "name": f"{view['name']}.{name}",
            "path": [*view["path"], name],
            "title": title,
            "help": "",
            "required": name in needed,
            "widget": "value",
            "type": "any",
            "value": given.get(name),
            "problem": "",
            "fix": "",
        }
        for name, title in names.items()
    ]


def workflow_options(workflows: Sequence[Mapping[str, Any]]) -> list[Option]:
    """The workspace's workflows; of one that cannot run yet it says so."""
    return [
        Option(
            value=one["id"],
            label=one["name"] if one["published"] else f"{one['name']} (not published)",
            raw=one["id"],
        )
        for one in workflows
    ]


def account_options(accounts: Sequence[Mapping[str, Any]], node_type: NodeType, name: str) -> list[Option]:
    """The workspace's accounts that fit this field."""
    schema = node_type.params_schema
    plain = resolved(schema["properties"][name], schema.get("$defs", {}))
    types = plain.get("x-ui", {}).get("types", ())
    fitting = [one for one in accounts if not types or one.get("type") in types]
    return [Option(value=str(one["id"]), label=str(one["name"]), raw=one["id"]) for one in fitting]
