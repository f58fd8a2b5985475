"""The JSON Schema of the document: what an editor with schema support completes and checks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engine.catalog import Catalog
from engine.contract import NodeType
from engine.document.writing import NODE_KEYS, VERSION
from engine.graph import Node

TEMPLATE = {"$ref": "#/$defs/template"}
FIRST = {"$ref": "#/$defs/first"}
ID = "^[a-z][a-z0-9_]{0,59}$"


def schema(catalog: Catalog) -> dict[str, Any]:
    """JSON Schema (2020-12) of a document whose nodes are of the installed types, in their newest versions."""
    definitions: dict[str, Any] = {
        "template": {"type": "string", "pattern": r"\{\{|\{%", "description": "A template: {{ reference }} or text"},
        "first": {
            "type": "object",
            "properties": {"first": {"type": "array", "items": TEMPLATE, "minItems": 1}},
            "required": ["first"],
            "additionalProperties": False,
            "description": "Several wires into one field: the value of the first, in this order, that fired",
        },
        "retry": Node.model_json_schema()["$defs"]["Retry"],
        "fallback": Node.model_json_schema()["$defs"]["Fallback"],
    }
    choices = []
    for node_type in catalog.all():
        name = node_type.id.replace(".", "_")
        definitions[name] = _fields(node_type, name, definitions)
        condition = {"properties": {"type": {"const": node_type.id}}, "required": ["type"]}
        choices.append({"if": condition, "then": {"properties": {"with": {"$ref": f"#/$defs/{name}"}}}})
    definitions["node"] = {**_node(catalog), "allOf": choices}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Weft workflow",
        "type": "object",
        "properties": {
            "weft": {"const": VERSION, "description": "The version of this format"},
            "name": {"type": "string", "maxLength": 200},
            "nodes": {
                "type": "object",
                "propertyNames": {"pattern": ID},
                "additionalProperties": {"$ref": "#/$defs/node"},
            },
            "layout": {
                "type": "object",
                "additionalProperties": {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
            },
        },
        "required": ["weft", "nodes"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _node(catalog: Catalog) -> dict[str, Any]:
    of_model = Node.model_json_schema()["properties"]
    properties = {key: of_model[attribute] for key, attribute in NODE_KEYS.items()}
    properties["type"] = {"enum": [node_type.id for node_type in catalog.all()], "description": "What the node does"}
    properties["with"] = {"type": "object", "description": "The node's fields: literals, templates, references"}
    properties["retry"] = {"$ref": "#/$defs/retry"}
    properties["fallback"] = {"$ref": "#/$defs/fallback"}
    properties["after"] = {
        "description": "Outputs that must have fired before",
        "anyOf": [TEMPLATE, {"type": "array", "items": TEMPLATE}],
    }
    return {"type": "object", "properties": properties, "required": ["type"], "additionalProperties": False}


def _fields(node_type: NodeType, name: str, definitions: dict[str, Any]) -> dict[str, Any]:
    source = node_type.params_schema
    for inner, definition in source.get("$defs", {}).items():
        definitions[f"{name}_{inner}"] = _loose_members(definition, name)
    found = _loose_members({key: value for key, value in source.items() if key != "$defs"}, name)
    per_item = [field for field, spec in node_type.fields.items() if spec.per_item]
    for field in per_item:
        found["properties"][field] = {"description": node_type.fields[field].description}
    return found


def _loose(part: Any, name: str) -> Any:
    """The same schema, where a template or a `first` may stand in the place of every value."""
    if not isinstance(part, Mapping):
        return part
    return {"anyOf": [_loose_members(part, name), TEMPLATE, FIRST]}


def _loose_members(part: Mapping[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in part.items():
        if key == "$ref":
            found[key] = value.replace("#/$defs/", f"#/$defs/{name}_")
        elif key == "properties":
            found[key] = {field: _loose(inner, name) for field, inner in value.items()}
        elif key in ("items", "additionalProperties"):
            found[key] = _loose(value, name)
        elif key in ("prefixItems", "anyOf", "oneOf", "allOf"):
            found[key] = [_loose_members(inner, name) for inner in value]
        elif key == "discriminator":
            continue
        else:
            found[key] = value
    return found
