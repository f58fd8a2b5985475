"""The templates in a node's raw fields, and how a list meets each of them by the field's annotation."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from engine.contract import NodeType, Whole
from engine.expressions import Reference, Template, compile
from engine.graph import Node

Path = tuple[str | int, ...]
SCOPE_NAMES = frozenset({"trigger", "run", "vars", "item", "index", "previous", "now", "random"})
ALL = 1_000


@dataclass(frozen=True, slots=True)
class Mode:
    """How a list meets a template.

    `levels`: how many list levels it takes as they are. `follows`: references of an origin over which the node is
    mapped anyway are bound to the item. `per_item`: the field whose rows it walks. `inside`: it is
    asked in a container's body.
    """

    levels: int = 0
    follows: bool = False
    per_item: str = ""
    inside: bool = False


SINGLE = Mode()
WHOLE = Mode(ALL, follows=True)
AFTER = Mode(-1)
INSIDE = Mode(ALL, follows=True, inside=True)


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


def field_leaves(node: Node, node_type: NodeType, name: str) -> Iterator[Leaf]:
    """The templates in one field. A node that combines its items takes every list whole. Raises TemplateError."""
    spec, raw = node_type.fields.get(name), node.params[name]
    if spec is None or spec.literal:
        return
    info = node_type.params.model_fields[name]
    if spec.inside:
        yield from _fixed(raw, (name,), INSIDE)
    elif spec.per_item:
        mode = Mode(ALL, per_item=spec.per_item)
        yield from _fixed(raw, (name,), mode)
    elif spec.rank == "whole" or node.each == "combined":
        yield from _fixed(raw, (name,), WHOLE)
    else:
        yield from _typed(raw, (name,), info.annotation, in_list=False)


def is_own(node_type: NodeType, leaf: Leaf, name: str) -> bool:
    """Whether `name` in this leaf means one of the node's own fields; what is asked inside of a body knows only those
    that are asked there too."""
    spec = node_type.fields.get(name)
    return spec is not None and name != leaf.path[0] and spec.inside == leaf.mode.inside


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
