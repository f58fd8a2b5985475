"""Evaluates the params of one call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from engine.broadcast.binding import LOCAL, CallScope, Key, keys_of
from engine.broadcast.cursors import Cursor, paths_of
from engine.broadcast.fields import SINGLE, Fields, Leaf, fields_of
from engine.contract import NodeType
from engine.expressions import Reference, TemplateError, walk
from engine.graph import Node

_LEAVE_OUT = object()


def resolve(node: Node, node_type: NodeType, scope: CallScope) -> dict[str, Any]:
    """The raw params of one call: every template evaluated, for the type's Params model to validate.

    An optional field that is only references to what was skipped is left out, so that its default holds.

    Raises:
        TemplateError: an expression fails.
    """
    fields = fields_of(node, node_type)
    found: dict[str, Any] = {}
    for name in fields.order:
        leaves = fields.by_field.get(name)
        raw = node.params[name]
        if leaves is None:
            found[name] = raw
            continue
        value = _field(fields, raw, leaves, scope, found)
        if value is not _LEAVE_OUT:
            found[name] = value
    return {name: found[name] for name in node.params if name in found}


def _field(fields: Fields, raw: Any, leaves: tuple[Leaf, ...], scope: CallScope, found: Mapping[str, Any]) -> Any:
    name = str(leaves[0].path[0])
    if leaves[0].mode.per_item:
        return _per_item(fields, raw, leaves, scope, found)
    if len(leaves) == 1 and len(leaves[0].path) == 1:
        leaf = leaves[0]
        if _only_skipped(fields, leaf, scope) and not fields.type.fields[name].required:
            return _LEAVE_OUT
        return _value(fields, leaf, scope, found)
    values = {leaf.path: _value(fields, leaf, scope, found) for leaf in leaves}
    return _filled(raw, (name,), values)


def _only_skipped(fields: Fields, leaf: Leaf, scope: CallScope) -> bool:
    keys = keys_of(fields, leaf)
    bare = leaf.kind == "first" or leaf.templates[0].kind == "reference"
    return bare and bool(keys) and all(key in scope.skipped for key in keys)


def _value(fields: Fields, leaf: Leaf, scope: CallScope, found: Mapping[str, Any]) -> Any:
    if leaf.kind == "first":
        return scope.get(Key(tuple(leaf.references), leaf.mode))
    return leaf.templates[0].evaluate(LeafScope(fields, leaf, scope, found))


def _filled(raw: Any, path: tuple[str | int, ...], values: Mapping[tuple[str | int, ...], Any]) -> Any:
    if path in values:
        return values[path]
    if isinstance(raw, Mapping):
        return {key: _filled(inner, (*path, key), values) for key, inner in raw.items()}
    if isinstance(raw, list):
        return [_filled(inner, (*path, number), values) for number, inner in enumerate(raw)]
    return raw


@dataclass(slots=True)
class LeafScope:
    """What one template sees: references in its own mode, the node's own fields, the item."""

    fields: Fields
    leaf: Leaf
    scope: CallScope
    found: Mapping[str, Any]

    def value_of(self, reference: Reference) -> Any:
        name = reference.node
        if self.fields.is_own(self.leaf, name):
            default = self.fields.type.fields[name].default
            return walk(self.found.get(name, default), reference.path)
        if name in LOCAL:
            if name not in self.scope.names:
                raise LookupError(name, ())
            return walk(self.scope.names[name], reference.path)
        return self.scope.get(Key((reference,), SINGLE if reference.whole else self.leaf.mode))


@dataclass(slots=True)
class RowScope:
    """What a per-item template sees: LeafScope's, the row as `item`, and lists of the rows' origin bound to it."""

    outer: LeafScope
    places: Mapping[Reference, tuple[Cursor, Mapping[int, int]]]
    path: int = 0
    item: Any = None
    index: int = 0

    def value_of(self, reference: Reference) -> Any:
        if reference.node == "item":
            return walk(self.item, reference.path)
        if reference.node == "index":
            return self.index
        bound = self.places.get(reference)
        if bound is None:
            return self.outer.value_of(reference)
        cursor, where = bound
        position = where.get(self.path)
        return None if position is None else cursor.item(position).value


def _per_item(
    fields: Fields, raw: Any, leaves: tuple[Leaf, ...], scope: CallScope, found: Mapping[str, Any]
) -> list[Any]:
    """The list of what the templates give for each row."""
    mode = leaves[0].mode
    rows = found.get(mode.per_item)
    if not isinstance(rows, list):
        text = leaves[0].templates[0].source
        raise TemplateError(text, 0, f"“{mode.per_item}” must be a list.", "Each of its rows is asked this.")
    paths = _row_paths(fields, mode.per_item, scope, len(rows))
    scopes = [
        (leaf, RowScope(LeafScope(fields, leaf, scope, found), _places(fields, leaf, mode.per_item, scope)))
        for leaf in leaves
    ]
    results = []
    for index, (row, path) in enumerate(zip(rows, paths, strict=True)):
        values = {}
        for leaf, row_scope in scopes:
            row_scope.item, row_scope.index, row_scope.path = row, index, path
            values[leaf.path] = (
                scope.get(Key(tuple(leaf.references), leaf.mode))
                if leaf.kind == "first"
                else leaf.templates[0].evaluate(row_scope)
            )
        results.append(_filled(raw, leaves[0].path[:1], values))
    return results


def _rows_cursor(fields: Fields, name: str, scope: CallScope) -> Cursor | None:
    leaves = fields.by_field.get(name, ())
    if len(leaves) != 1 or len(leaves[0].path) != 1:
        return None
    bare = leaves[0].kind == "first" or leaves[0].templates[0].kind == "reference"
    keys = keys_of(fields, leaves[0]) if bare else []
    track = scope.tracks.get(keys[0]) if keys else None
    return track.cursor if track is not None and track.cursor.is_list else None


def _row_paths(fields: Fields, name: str, scope: CallScope, length: int) -> Any:
    cursor = _rows_cursor(fields, name, scope)
    paths = paths_of(cursor) if cursor is not None else range(length)
    return paths if len(paths) == length else range(length)


def _places(
    fields: Fields, leaf: Leaf, name: str, scope: CallScope
) -> dict[Reference, tuple[Cursor, Mapping[int, int]]]:
    rows = _rows_cursor(fields, name, scope)
    bound: dict[Reference, tuple[Cursor, Mapping[int, int]]] = {}
    for key in keys_of(fields, leaf) if rows is not None else []:
        track = scope.tracks.get(key)
        if track is None or key.references[0].whole or not track.cursor.is_list or rows is None:
            continue
        if track.cursor.axis.origin == rows.axis.origin:
            where = {path: position for position, path in enumerate(paths_of(track.cursor))}
            bound[key.references[0]] = (track.cursor, where)
    return bound
