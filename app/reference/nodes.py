"""The reference of nodes: docs/reference/nodes/, one page per category, written from the declarations alone."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from engine.catalog import catalog
from engine.contract import Effect, NodeType, Output

CATEGORIES: Mapping[str, str] = {
    "trigger": "Triggers", "flow": "Flow", "data": "Fields and values", "lists": "Lists and tables",
    "text": "Text and formats", "dates": "Dates and numbers", "security": "Security", "values": "Stored values",
    "files": "Files", "images": "Images", "http": "HTTP", "code": "Code", "ai": "AI",
}  # fmt: skip
_MADE = "<!-- Made by ./weft docs from the nodes' declarations. Change those, not this page. -->\n"
_EFFECTS = {
    Effect.none: "changes nothing outside the run",
    Effect.read: "reads from outside the run",
    Effect.write: "writes outside the run: never repeated without being asked",
}
_TYPES = {
    "string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no", "object": "record",
    "array": "list", "null": "nothing",
}  # fmt: skip


def pages() -> dict[str, str]:
    """The pages by file name."""
    kinds: dict[str, list[NodeType]] = {}
    for node in catalog().all():
        kinds.setdefault(node.category, []).append(node)
    order = [*CATEGORIES, *sorted(set(kinds) - set(CATEGORIES))]
    found = {category: kinds[category] for category in order if category in kinds}
    return {"README.md": _index(found)} | {f"{name}.md": _page(name, nodes) for name, nodes in found.items()}


def _index(kinds: Mapping[str, Sequence[NodeType]]) -> str:
    lines = [_MADE, "# Nodes\n"]
    for category, nodes in kinds.items():
        lines.append(f"## [{_title(category)}]({category}.md)\n")
        lines += [f"- [{node.title}]({category}.md#{_anchor(node)}) `{node.id}`: {_first(node)}" for node in nodes]
        lines.append("")
    return "\n".join(lines)


def _page(category: str, nodes: Sequence[NodeType]) -> str:
    return "\n".join([_MADE, f"# {_title(category)}\n", *(_section(node) for node in nodes)])


def _section(node: NodeType) -> str:
    version = f" Version {node.version}." if node.version > 1 else ""
    parts = [f"## {node.title}\n", f"`{node.id}`: {_effect(node)}.{version}\n", f"{node.doc}\n"]
    rows = list(_fields(node.params_schema))
    if rows:
        parts.append(
            "| field | what it is | kind | default | example |\n|---|---|---|---|---|\n" + "\n".join(rows) + "\n"
        )
    parts.append("\n".join(_outputs(node)) + "\n")
    return "\n".join(parts)


def _fields(schema: Mapping[str, Any]) -> Iterator[str]:
    required = schema.get("required", ())
    for name, field in schema.get("properties", {}).items():
        hints = field.get("x-ui", {})
        if hints.get("widget") == "hidden":
            continue
        default = "**needed**" if name in required else _code(field.get("default"), "default" in field)
        example = _code(field["examples"][0], True) if field.get("examples") else ""
        yield f"| `{name}` | {_cell(field.get('description', ''))} | {_kind(field, schema)} | {default} | {example} |"
        yield from _inner(name, field, schema)


def _inner(name: str, field: Mapping[str, Any], schema: Mapping[str, Any]) -> Iterator[str]:
    """The fields of each row of a list of records."""
    row = _resolved(field.get("items", {}), schema)
    for inner_name, inner in row.get("properties", {}).items() if field.get("type") == "array" else ():
        text, kind = _cell(inner.get("description", "")), _kind(inner, schema)
        default = (
            "**needed**" if inner_name in row.get("required", ()) else _code(inner.get("default"), "default" in inner)
        )
        example = _code(inner["examples"][0], True) if inner.get("examples") else ""
        yield f"| `{name}[].{inner_name}` | {text} | {kind} | {default} | {example} |"


def _outputs(node: NodeType) -> Iterator[str]:
    if node.dynamic_outputs:
        yield "Outputs: one for each rule, by its name in small letters with underscores, and `otherwise`."
        return
    outputs: Sequence[Output] = node.outputs_for({})
    if [output.name for output in outputs] != ["main"]:
        yield from (f"- Output `{output.name}`: {output.description or output.label}." for output in outputs)
        return
    schema = node.output_schema
    fields = schema.get("properties", {}) if schema.get("type") == "object" else {}
    if not fields:
        yield f"Output: {_kind(schema, schema)}."
        return
    yield "Output: a record.\n\n| field | what it is | kind |\n|---|---|---|"
    for name, field in fields.items():
        yield f"| `{name}` | {_cell(field.get('description', ''))} | {_kind(field, schema)} |"


def _kind(field: Mapping[str, Any], root: Mapping[str, Any]) -> str:
    field = _resolved(field, root)
    if "$file" in field.get("properties", {}):
        return "file"
    hints = field.get("x-ui", {})
    if hints.get("widget") == "expression":
        return "condition"
    if "enum" in field:
        return " or ".join(f"`{value}`" for value in field["enum"])
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_kind(part, root) for part in field["anyOf"] if part.get("type") != "null"))
    if field.get("type") == "array":
        return f"list of {_plural(_kind(field.get('items', {}), root))}"
    kind = _TYPES.get(str(field.get("type")), "anything")
    return f"{kind}, whole" if hints.get("whole") else kind


def _plural(kind: str) -> str:
    plurals = {"anything": "anything", "text": "texts", "record": "records", "number": "numbers", "file": "files"}
    return plurals.get(kind, kind)


def _resolved(field: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema that a `$ref` points to, with the field's own words kept."""
    name = str(field.get("$ref", "")).rpartition("/")[2]
    return {**root["$defs"][name], **field} if name else field


def _effect(node: NodeType) -> str:
    if callable(node.effect):
        return "reads or writes outside the run, by its settings"
    return "starts a run" if node.kind == "trigger" else _EFFECTS[node.effect]


def _first(node: NodeType) -> str:
    return " ".join(node.doc.split("\n\n")[0].split())


def _title(category: str) -> str:
    return CATEGORIES.get(category, category.replace("_", " ").capitalize())


def _anchor(node: NodeType) -> str:
    return node.title.lower().replace(" ", "-")


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _code(value: Any, present: bool) -> str:
    if not present or value in (None, "", [], {}):
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text if len(text) <= 80 else f"{text[:79]}…"
    return f"`{_cell(text)}`" if "`" not in text else f"`` {_cell(text)} ``"
