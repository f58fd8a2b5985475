"""Which templates a node's fields hold, and how a list meets each of them. Worked out once per node."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

from pydantic import BaseModel

from engine.contract import MAIN, NodeType, Whole
from engine.expressions import Reference, Template, compile
from engine.graph import Node

Path = tuple[str | int, ...]
SCOPE_NAMES = frozenset({"trigger", "run", "vars", "item", "index", "previous", "now", "random"})
LOCAL = frozenset({"item", "index"})
KEPT = 20_000
ALL = 1_000


@dataclass(frozen=True, slots=True)
class Mode:
    """How a list meets a template.

    `levels`: how many list levels it takes as they are. `follows`: references of an origin over which the node is
    mapped anyway are bound to the item. `per_item`: the field whose rows it walks.
    """

    levels: int = 0
    follows: bool = False
    per_item: str = ""


SINGLE = Mode()
WHOLE = Mode(ALL, follows=True)
AFTER = Mode(-1)


@dataclass(frozen=True, slots=True, eq=False)
class Wire:
    """A reference of the node's templates together with how a list meets it; for `first` all of its references.

    `field` is the first field that it stands in.
    """

    references: tuple[Reference, ...]
    mode: Mode
    field: str

    @property
    def from_node(self) -> bool:
        """Whether it means a node's output, not the scope."""
        return any(reference.node not in SCOPE_NAMES for reference in self.references)


@dataclass(frozen=True, slots=True, eq=False)
class Leaf:
    """A template at `path` in the params (field first), or the several of a `first`."""

    path: Path
    mode: Mode
    templates: tuple[Template, ...]
    kind: Literal["template", "first"] = "template"

    @property
    def field(self) -> str:
        """The path in dots, as edges and problems name it."""
        return ".".join(map(str, self.path))

    @property
    def references(self) -> Iterator[Reference]:
        for template in self.templates:
            yield from template.references


@dataclass(frozen=True, eq=False)
class Fields:
    """A node's templates, and what is worked out of them once, since every call asks for it.

    `order`: the fields so that each stands after those that it mentions. `wires`: what the templates take from outside
    of the call, each once; `wires_of`: by leaf and reference. `kept` is for those who read the fields.
    """

    node: Node
    type: NodeType
    leaves: tuple[Leaf, ...]
    after: tuple[Template, ...]
    order: tuple[str, ...]
    by_field: Mapping[str, tuple[Leaf, ...]]
    wires: tuple[Wire, ...]
    wires_of: Mapping[Leaf, Mapping[Reference, Wire]]
    kept: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def hanging(self) -> tuple[Wire, ...]:
        """The wires from other nodes."""
        return tuple(wire for wire in self.wires if wire.from_node)

    @cached_property
    def required(self) -> tuple[tuple[str, tuple[Wire, ...]], ...]:
        """Title and wires from other nodes of each required field that has any."""
        found = []
        for name, leaves in self.by_field.items():
            spec = self.type.fields[name]
            wires = tuple(wire for leaf in leaves for wire in self.wires_of[leaf].values() if wire.from_node)
            if spec.required and wires:
                found.append((spec.title, wires))
        return tuple(found)

    @cached_property
    def has_main(self) -> bool:
        """Whether the node has a main output under its settings, beside or instead of named ones."""
        try:
            return any(output.name == MAIN.name for output in self.type.outputs_for(self.node.params))
        except (TypeError, ValueError, KeyError, AttributeError):
            return False

    def is_own(self, leaf: Leaf, name: str) -> bool:
        """Whether `name` in this leaf means one of the node's own fields."""
        return name in self.type.fields and name != leaf.path[0]


_cache: dict[int, Fields] = {}


def fields_of(node: Node, node_type: NodeType) -> Fields:
    """Raises TemplateError for a template that cannot be read."""
    found = _cache.get(id(node))
    if found is None or found.node is not node or found.type is not node_type:
        found = _read(node, node_type)
        if len(_cache) >= KEPT:
            _cache.clear()
        _cache[id(node)] = found
    return found


def _read(node: Node, node_type: NodeType) -> Fields:
    leaves = tuple(leaf for name, raw in node.params.items() for leaf in field_leaves(node_type, name, raw))
    by_field: dict[str, tuple[Leaf, ...]] = {}
    for leaf in leaves:
        by_field[str(leaf.path[0])] = (*by_field.get(str(leaf.path[0]), ()), leaf)
    after = tuple(compile(source) for source in node.after)
    wires: dict[tuple[tuple[Reference, ...], Mode], Wire] = {}
    wires_of = {leaf: _wires(leaf, node_type, wires) for leaf in leaves}
    order = _order(node, node_type, by_field)
    return Fields(node, node_type, leaves, after, order, by_field, tuple(wires.values()), wires_of)


def _wires(
    leaf: Leaf, node_type: NodeType, wires: dict[tuple[tuple[Reference, ...], Mode], Wire]
) -> Mapping[Reference, Wire]:
    """Those of one leaf by reference, made where they are new: not the item's, not the node's own fields'."""
    if leaf.kind == "first":
        references = tuple(leaf.references)
        wire = wires.setdefault((references, leaf.mode), Wire(references, leaf.mode, leaf.field))
        return {references[0]: wire}
    found = {}
    for reference in leaf.references:
        own = reference.node in node_type.fields and reference.node != leaf.path[0]
        if not own and reference.node not in LOCAL:
            mode = SINGLE if reference.whole else leaf.mode
            found[reference] = wires.setdefault(((reference,), mode), Wire((reference,), mode, leaf.field))
    return found


def field_leaves(node_type: NodeType, name: str, raw: Any) -> Iterator[Leaf]:
    """The templates in one field. Raises TemplateError."""
    spec = node_type.fields.get(name)
    if spec is None or spec.literal:
        return
    info = node_type.params.model_fields[name]
    if spec.per_item:
        mode = Mode(ALL, per_item=spec.per_item)
        yield from _fixed(raw, (name,), mode)
    elif spec.rank == "whole":
        yield from _fixed(raw, (name,), WHOLE)
    else:
        yield from _typed(raw, (name,), info.annotation, in_list=False)


def is_first(raw: Any) -> bool:
    """Whether `{first: […]}` stands here: a record with that one key and a list of bare references."""
    return (
        isinstance(raw, Mapping)
        and list(raw) == ["first"]
        and isinstance(raw["first"], list)
        and bool(raw["first"])
        and all(isinstance(entry, str) and compile(entry).kind == "reference" for entry in raw["first"])
    )


def _leaf(raw: Any, path: Path, mode: Mode) -> Leaf | None:
    if isinstance(raw, str):
        template = compile(raw)
        return None if template.kind == "literal" else Leaf(path, mode, (template,))
    if is_first(raw):
        return Leaf(path, mode, tuple(compile(entry) for entry in raw["first"]), "first")
    return None


def _inner(raw: Any) -> Iterator[tuple[str | int, Any]]:
    if isinstance(raw, Mapping):
        yield from raw.items()
    elif isinstance(raw, list):
        yield from enumerate(raw)


def _fixed(raw: Any, path: Path, mode: Mode) -> Iterator[Leaf]:
    leaf = _leaf(raw, path, mode)
    if leaf is not None:
        yield leaf
        return
    for key, inner in _inner(raw):
        yield from _fixed(inner, (*path, key), mode)


def _typed(raw: Any, path: Path, annotation: Any, in_list: bool) -> Iterator[Leaf]:
    annotation, whole = _bare(annotation, raw)
    leaf = _leaf(raw, path, WHOLE if whole else _mode(annotation, in_list))
    if leaf is not None:
        yield leaf
        return
    for key, inner in _inner(raw):
        yield from _typed(inner, (*path, key), _element(annotation, key), isinstance(raw, list))


def _bare(annotation: Any, raw: Any) -> tuple[Any, bool]:
    """Without Annotated, and of a union the member shaped like the raw value; and whether it is marked Whole."""
    whole = False
    while typing.get_origin(annotation) is typing.Annotated:
        annotation, *marks = typing.get_args(annotation)
        whole = whole or any(isinstance(mark, Whole) for mark in marks)
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        members = [_bare(a, raw) for a in typing.get_args(annotation) if a is not type(None)]
        fitting = [m for m in members if _fits(m[0], raw)] or members
        annotation, inner_whole = max(fitting, key=lambda m: levels(m[0]))
        whole = whole or inner_whole
    return annotation, whole


def _fits(annotation: Any, raw: Any) -> bool:
    if isinstance(raw, str):
        return True
    origin = typing.get_origin(annotation) or annotation
    if isinstance(raw, list):
        return origin in (list, tuple, Sequence)
    is_model = isinstance(origin, type) and issubclass(origin, BaseModel)
    return isinstance(raw, Mapping) and (origin in (dict, Mapping) or is_model)


def _mode(annotation: Any, in_list: bool) -> Mode:
    if annotation is Any and in_list:
        return Mode(ALL)
    return Mode(levels(annotation))


def levels(annotation: Any) -> int:
    """How many list levels an annotation takes as they are; `list[Any]` takes all."""
    if typing.get_origin(annotation) is typing.Annotated:
        return levels(typing.get_args(annotation)[0])
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return max(levels(a) for a in typing.get_args(annotation))
    if annotation is list:
        return ALL
    if typing.get_origin(annotation) in (list, tuple, Sequence):
        inner = [a for a in typing.get_args(annotation) if a is not Ellipsis]
        return ALL if Any in inner or not inner else min(ALL, 1 + max(map(levels, inner)))
    return 0


def _element(annotation: Any, key: str | int) -> Any:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (list, tuple, Sequence):
        return arguments[0] if arguments else Any
    if origin in (dict, Mapping) and len(arguments) == 2:
        return arguments[1]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        info = annotation.model_fields.get(str(key))
        if info is not None:
            return typing.Annotated[(info.annotation, *info.metadata)] if info.metadata else info.annotation
    return Any


def _order(node: Node, node_type: NodeType, by_field: Mapping[str, tuple[Leaf, ...]]) -> tuple[str, ...]:
    """Document order, each field after its own fields' mentions; a circle is left in document order."""
    needs: dict[str, set[str]] = {}
    for name in node.params:
        mentioned = {r.node for leaf in by_field.get(name, ()) for r in leaf.references}
        spec = node_type.fields.get(name)
        mentioned |= {spec.per_item} if spec is not None and spec.per_item else set()
        needs[name] = (mentioned & set(node.params)) - {name}
    order: list[str] = []
    left = list(node.params)
    while left:
        ready = [name for name in left if needs[name].issubset(order)]
        order += ready or left
        left = [name for name in left if name not in order]
    return tuple(order)
