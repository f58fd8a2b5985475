"""Changing values by path, without changing what is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from engine.broadcast.leaves import is_first
from engine.contract import NodeType
from engine.expressions import Reference, TemplateError, compile
from engine.graph import Graph, Node

Steps = tuple[str | int, ...]


class PatchError(ValueError):
    """An operation that makes no sense on this drawing. The message is for a person."""


class _Cleared:
    """In the place of a value: there is none."""


CLEARED: Final = _Cleared()


def steps(path: Any) -> Steps:
    """A dotted path or a list of steps; digits in a dotted path are list positions where a list stands."""
    found = tuple(path.split(".")) if isinstance(path, str) else tuple(path) if isinstance(path, list | tuple) else ()
    if not found or not all(isinstance(s, str | int) and not isinstance(s, bool) and s != "" for s in found):
        raise PatchError("A path names a field and what lies in it, as in fields.total.")
    return found


def value_at(value: Any, path: Steps) -> Any:
    """What stands there, or CLEARED."""
    for step in path:
        if isinstance(value, Mapping) and str(step) in value:
            value = value[str(step)]
        elif isinstance(value, list) and _position(step) is not None and _position(step) < len(value):  # type: ignore[operator]  # checked
            value = value[int(step)]
        else:
            return CLEARED
    return value


def _position(step: str | int) -> int | None:
    if isinstance(step, int):
        return step if step >= 0 else None
    return int(step) if step.isdecimal() and len(step) < 7 else None


def with_value(value: Any, path: Steps, new: Any) -> Any:
    """The same with `new` at the path; CLEARED takes it out. Records on the way are made where nothing stands.

    Raises:
        PatchError: the path leads through something that has no parts, or beyond the end of a list.
    """
    if not path:
        return new
    step, rest = path[0], path[1:]
    if isinstance(value, list):
        return _with_item(value, step, rest, new)
    if isinstance(value, Mapping) or value is CLEARED or value is None:
        found = dict(value) if isinstance(value, Mapping) else {}
        inner = with_value(found.get(str(step), CLEARED), rest, new)
        if inner is CLEARED:
            found.pop(str(step), None)
        else:
            found[str(step)] = inner
        return found
    raise PatchError(f"“{step}” cannot be set: what stands around it is neither a record nor a list.")


def _with_item(value: list[Any], step: str | int, rest: Steps, new: Any) -> list[Any]:
    position = _position(step)
    if position is None or position > len(value) or (position == len(value) and new is CLEARED):
        raise PatchError(f"The list has no place “{step}”.")
    inner = with_value(value[position] if position < len(value) else CLEARED, rest, new)
    return [*value[:position], *([] if inner is CLEARED else [inner]), *value[position + 1 :]]


def with_field(node: Node, node_type: NodeType | None, path: Steps, new: Any) -> Node:
    """The node with a field, or what lies in it, set or cleared."""
    name = str(path[0])
    if node_type is not None and name not in node_type.fields and name not in node.params:
        raise PatchError(f"“{node.title}” has no field “{name}”.")
    params = with_value(node.params, path, new)
    if node_type is not None:
        order = [field for field in node_type.fields if field in params]
        params = {field: params[field] for field in [*order, *(f for f in params if f not in node_type.fields)]}
    return node.model_copy(update={"params": MappingProxyType(params)})


def with_nodes(graph: Graph, nodes: Mapping[str, Node]) -> Graph:
    return graph.model_copy(update={"nodes": MappingProxyType(dict(nodes))})


def reference_in(raw: Any) -> Reference | None:
    """The reference that a text is exactly, if it is one."""
    if not isinstance(raw, str) or "{{" not in raw:
        return None
    try:
        template = compile(raw)
    except TemplateError:
        return None
    return template.references[0] if template.kind == "reference" else None


def replaced(raw: Any, change: Callable[[Reference], Sequence[str] | None]) -> Any:
    """The raw value with every exact reference led through `change`: None keeps it, otherwise the templates that take
    its place (none: it is cleared; several only inside a list or a `first`)."""
    reference = reference_in(raw)
    if reference is not None:
        new = change(reference)
        return raw if new is None else new[0] if new else CLEARED
    if isinstance(raw, list):
        return _replaced_items(raw, change)
    if isinstance(raw, Mapping):
        if _is_first(raw):
            entries = _replaced_items(raw["first"], change)
            return raw if entries == raw["first"] else collapsed(entries)
        inner = {key: replaced(value, change) for key, value in raw.items()}
        changed = {key: value for key, value in inner.items() if value is not CLEARED}
        return raw if changed == raw else changed
    return raw


def _replaced_items(raw: list[Any], change: Callable[[Reference], Sequence[str] | None]) -> list[Any]:
    found: list[Any] = []
    for item in raw:
        reference = reference_in(item)
        new = change(reference) if reference is not None else None
        if new is not None:
            found += [template for template in new if template not in found]
        else:
            inner = replaced(item, change)
            found += [] if inner is CLEARED else [inner]
    return raw if found == raw else found


def _is_first(raw: Any) -> bool:
    try:
        return is_first(raw)
    except TemplateError:
        return False


def collapsed(entries: Sequence[Any]) -> Any:
    """`first` of these; of one it is the one, of none it is nothing."""
    return {"first": list(entries)} if len(entries) > 1 else entries[0] if entries else CLEARED
