"""What is known of a value before any run: read off the JSON Schema of a declaration, or off a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Literal

from pydantic import AfterValidator
from pydantic.fields import FieldInfo

from engine.contract import NodeType

Kind = Literal["any", "text", "number", "boolean", "record", "list", "file"]
LOOKED_AT = 20
MAX_DEPTH = 12


@dataclass(frozen=True)
class Shape:
    """`fields` of a record, `item` of a list. `closed`: the record has no other fields than these."""

    kind: Kind = "any"
    fields: Mapping[str, Shape] = field(default_factory=dict)
    item: Shape | None = None
    closed: bool = False

    @property
    def depth(self) -> int:
        """How many list levels it surely has."""
        return 1 + (self.item.depth if self.item is not None else 0) if self.kind == "list" else 0

    @property
    def inside(self) -> Shape:
        """What is left when all list levels are mapped away."""
        return (self.item or ANY).inside if self.kind == "list" else self

    @property
    def words(self) -> str:
        """As it is called on screens: a list of records, a number."""
        if self.kind == "list":
            inner = self.item or ANY
            return "a list" if inner.kind == "any" else f"a list of {PLURALS[inner.kind]}"
        return WORDS[self.kind]


WORDS: Mapping[Kind, str] = {
    "any": "anything",
    "text": "a text",
    "number": "a number",
    "boolean": "yes or no",
    "record": "a record",
    "list": "a list",
    "file": "a file",
}
PLURALS: Mapping[Kind, str] = {
    "any": "values",
    "text": "texts",
    "number": "numbers",
    "boolean": "yes and no",
    "record": "records",
    "list": "lists",
    "file": "files",
}
ANY = Shape()
TEXT = Shape("text")
KINDS: Mapping[str, Kind] = {"string": "text", "integer": "number", "number": "number", "boolean": "boolean"}
OF_PYTHON: Mapping[type, Kind] = {str: "text", int: "number", float: "number", bool: "boolean"}
ERROR = Shape(
    "record",
    {"message": TEXT, "hint": TEXT, "kind": TEXT, "status": ANY, "node": TEXT, "item": TEXT, "input": ANY},
)


def of_schema(schema: Any, definitions: Mapping[str, Any] | None = None, depth: int = 0) -> Shape:
    """The shape that a JSON Schema allows; `any` where it allows several."""
    if not isinstance(schema, Mapping) or depth > MAX_DEPTH:
        return ANY
    known = definitions if definitions is not None else schema.get("$defs", {})
    if "$ref" in schema:
        return of_schema(known.get(str(schema["$ref"]).rpartition("/")[2]), known, depth + 1)
    choices = [c for c in (schema.get("anyOf") or schema.get("oneOf") or ()) if c.get("type") != "null"]
    if choices:
        return common([of_schema(choice, known, depth + 1) for choice in choices])
    if "const" in schema or "enum" in schema:
        return common([of_data(value) for value in schema.get("enum", [schema.get("const")])])
    return _typed(schema, known, depth)


def _typed(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Shape:
    kind = str(schema.get("type"))
    if kind == "array":
        return Shape("list", item=of_schema(schema.get("items", {}), known, depth + 1))
    if kind == "object":
        return _record(schema, known, depth)
    return Shape(KINDS.get(kind, "any"))


def _record(schema: Mapping[str, Any], known: Mapping[str, Any], depth: int) -> Shape:
    properties = schema.get("properties", {})
    if "$file" in properties:
        return Shape("file", dict.fromkeys(("name", "media_type"), TEXT) | {"size": Shape("number")})
    fields = {name: of_schema(inner, known, depth + 1) for name, inner in properties.items()}
    return Shape("record", fields, closed=bool(properties) and not schema.get("additionalProperties"))


def of_data(value: Any, depth: int = 0) -> Shape:
    """The shape of a sample; other values may have more."""
    if depth > MAX_DEPTH:
        return ANY
    if isinstance(value, list):
        return Shape("list", item=common([of_data(item, depth + 1) for item in islice(value, LOOKED_AT)]))
    if isinstance(value, Mapping):
        inner = {str(name): of_data(part, depth + 1) for name, part in value.items()}
        return Shape("file") if "$file" in value else Shape("record", inner)
    return Shape(OF_PYTHON.get(type(value), "any"))


def common(shapes: Sequence[Shape]) -> Shape:
    """What all of them are; `any` when they differ in kind."""
    if shapes and all(shape == shapes[0] for shape in shapes):
        return shapes[0]
    if not shapes or len({shape.kind for shape in shapes}) > 1:
        return ANY
    first = shapes[0]
    if first.kind == "list":
        return Shape("list", item=common([shape.item or ANY for shape in shapes]))
    if first.kind == "record":
        names = dict.fromkeys(name for shape in shapes for name in shape.fields)
        fields = {name: common([shape.fields[name] for shape in shapes if name in shape.fields]) for name in names}
        return Shape("record", fields, closed=all(shape.closed for shape in shapes))
    return Shape(first.kind)


def follow(shape: Shape, path: Sequence[str | int]) -> Shape | str:
    """The shape at the end of a path: a name on a list is looked up in its items. A text says what is not there."""
    for at, step in enumerate(path):
        if shape.kind == "any":
            return ANY
        if shape.kind == "list":
            if isinstance(step, int):
                shape = shape.item or ANY
                continue
            inner = follow(shape.item or ANY, path[at:])
            return inner if isinstance(inner, str) else Shape("list", item=inner)
        if shape.kind not in ("record", "file") or isinstance(step, int):
            return f"{shape.words[:1].upper()}{shape.words[1:]} has no parts, and “{step}” is asked of it."
        if step not in shape.fields and shape.closed:
            return str(step)
        shape = shape.fields.get(step, ANY)
    return shape


_outputs: dict[int, tuple[NodeType, Shape]] = {}
_fields: dict[tuple[int, str], tuple[NodeType, Shape]] = {}


def of_output(node_type: NodeType) -> Shape:
    """The main output's shape, as declared."""
    found = _outputs.get(id(node_type))
    if found is None or found[0] is not node_type:
        try:
            shape = of_schema(node_type.output_schema)
        except (TypeError, ValueError):  # a result that has no JSON Schema promises nothing
            shape = ANY
        found = _outputs[id(node_type)] = (node_type, shape)
    return found[1]


def of_field(node_type: NodeType, name: str) -> Shape:
    """What a field takes. A field with a validator that reads other things first takes anything."""
    found = _fields.get((id(node_type), name))
    if found is None or found[0] is not node_type:
        schema = node_type.params_schema
        shape = of_schema(schema.get("properties", {}).get(name), schema.get("$defs", {}))
        if _reads_more(node_type.params.model_fields[name]):
            shape = ANY
        found = _fields[id(node_type), name] = (node_type, shape)
    return found[1]


def _reads_more(info: FieldInfo) -> bool:
    return any(hasattr(mark, "func") and not isinstance(mark, AfterValidator) for mark in info.metadata)
