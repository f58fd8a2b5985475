"""An example of what a node would give, from its declaration: for dry runs, where it is not called. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter

from engine.contract import MAIN, NodeType, Output

_DEEPEST = 8
_PLAIN: Mapping[str, Any] = {"integer": 0, "number": 0, "boolean": False, "null": None, "array": [], "object": {}}
_FORMATS = {
    "date-time": "2026-01-01T09:00:00Z",
    "date": "2026-01-01",
    "time": "09:00:00",
    "uri": "https://example.com",
    "email": "someone@example.com",
    "uuid": "00000000-0000-0000-0000-000000000000",
}


def example_of(node_type: NodeType, params: Any) -> dict[str, Any]:
    """By output the example of a value: of the main output, else of the first that a result leaves through.

    Args:
        node_type: whose declaration is read.
        params: the validated settings.
    """
    outputs = node_type.outputs_for(params)
    usual = [output for output in outputs if not output.early]
    chosen = next((output for output in usual if output.name == MAIN.name), usual[0] if usual else MAIN)
    schema = _schema_of(chosen) or node_type.output_schema
    return {chosen.name: from_schema(schema)}


def _schema_of(output: Output) -> dict[str, Any]:
    return TypeAdapter(output.type).json_schema(mode="serialization") if output.type is not None else {}


def from_schema(schema: Mapping[str, Any]) -> Any:
    """A value of this JSON Schema: its own example or default where it has one. An empty schema gives null."""
    return _value(schema, schema.get("$defs", {}), 0)


def _value(schema: Mapping[str, Any], named: Mapping[str, Any], depth: int) -> Any:
    if depth > _DEEPEST:
        return None
    told = [schema[name] for name in ("const", "default") if schema.get(name) is not None]
    told += [schema[name][0] for name in ("examples", "enum") if schema.get(name)]
    if told:
        return told[0]
    elsewhere = [schema[name][0] for name in ("anyOf", "oneOf", "allOf") if schema.get(name)]
    if "$ref" in schema:
        elsewhere = [named.get(str(schema["$ref"]).rpartition("/")[2], {})]
    return _value(elsewhere[0], named, depth + 1) if elsewhere else _plain(schema, named, depth)


def _plain(schema: Mapping[str, Any], named: Mapping[str, Any], depth: int) -> Any:
    if "properties" in schema:
        return {name: _value(inner, named, depth + 1) for name, inner in schema["properties"].items()}
    if schema.get("type") == "array" and schema.get("items"):
        return [_value(schema["items"], named, depth + 1)]
    if schema.get("type") == "string":
        return _FORMATS.get(str(schema.get("format")), "text")
    return _PLAIN.get(str(schema.get("type")))
