"""Evaluates the params of one call."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from engine.broadcast.calls import CallScope
from engine.broadcast.cursors import Cursor, paths_of
from engine.broadcast.fields import LOCAL, Fields, Wire, fields_inside, fields_of
from engine.broadcast.leaves import Leaf, Path
from engine.broadcast.paths import Where
from engine.broadcast.values import Axis, Value
from engine.contract import NodeType
from engine.contract.lists import LongList, is_list, part_of
from engine.expressions import Reference, TemplateError, walk
from engine.graph import Node

_LEAVE_OUT: Final = object()
Found = dict[str, Any]
Step = Callable[[CallScope, Found], Any]
Bound = tuple[Cursor, Where]


def resolve(node: Node, node_type: NodeType, scope: CallScope) -> dict[str, Any]:
    """The raw params of one call: every template evaluated, for the type's Params model to validate.

    An optional field that is only references to what was skipped is left out, so that its default holds.

    Raises:
        TemplateError: an expression fails.
    """
    fields = fields_of(node, node_type)
    found: Found = {}
    for name, step in _steps_of(fields):
        value = step(scope, found)
        if value is not _LEAVE_OUT:
            found[name] = value
    return found


def resolve_inside(
    node: Node, node_type: NodeType, scope: CallScope, known: Mapping[str, Any] | None = None
) -> dict[str, Value]:
    """The fields of a container that are asked in its body: `scope` is that of `bind_inside`.

    A bare reference keeps where its lists come from. `known`: values that stand in for fields that are not there.
    Raises TemplateError.
    """
    fields = fields_inside(node, node_type)
    found = dict(known or {})
    settled = {name: Value(value) for name, value in found.items()}
    for name, step in _steps_of(fields):
        found[name] = step(scope, found)
        wire = _bare(fields, name)
        cursor = scope.cursor(wire) if wire is not None else None
        settled[name] = Value(found[name], cursor.axes if cursor is not None and cursor.is_list else ())
    return settled


def axis_of(node: Node, node_type: NodeType, scope: CallScope, name: str, length: int) -> Axis:
    """Where the items of a field come from that takes a list: from the wire that it is, else from the field itself."""
    cursor = _rows_cursor(fields_of(node, node_type), name, scope)
    return cursor.axis if cursor is not None and len(cursor.data) == length else Axis(f"{node.id}.{name}")


def _bare(fields: Fields, name: str) -> Wire | None:
    """The wire that a field is, if it is one."""
    leaves = fields.by_field.get(name, ())
    if (
        len(leaves) != 1
        or len(leaves[0].path) != 1
        or (leaves[0].kind != "first" and leaves[0].templates[0].kind != "reference")
    ):
        return None
    found = {**fields.wires_of[leaves[0]], **fields.locals_of[leaves[0]]}
    return next(iter(found.values()), None)


def _steps_of(fields: Fields) -> Sequence[tuple[str, Step]]:
    """How each field gets its value, in the order in which they must be asked. Worked out once per node."""
    steps: Sequence[tuple[str, Step]] | None = fields.kept.get("steps")
    if steps is None:
        steps = fields.kept["steps"] = [(name, _step(fields, name)) for name in fields.order]
    return steps


def _step(fields: Fields, name: str) -> Step:
    raw, leaves = fields.node.params[name], fields.by_field.get(name)
    if leaves is None:
        return lambda scope, found: raw
    if leaves[0].mode.per_item:
        return lambda scope, found: _per_item(fields, raw, leaves, scope, found)
    parts = {leaf.path: _leaf(fields, leaf) for leaf in leaves}
    top = parts.get((name,))
    if top is None:
        return lambda scope, found: _filled(raw, (name,), parts, scope, found)
    wires = frozenset(fields.wires_of[leaves[0]].values())
    bare = leaves[0].kind == "first" or leaves[0].templates[0].kind == "reference"
    spec = fields.type.fields[name]
    if not bare or not wires or spec.required or spec.inside:
        return top

    def optional(scope: CallScope, found: Found) -> Any:
        return _LEAVE_OUT if scope.skipped and scope.skipped.issuperset(wires) else top(scope, found)

    return optional


def _leaf(fields: Fields, leaf: Leaf) -> Step:
    """How one template gets its value; a bare wire needs no evaluation."""
    wires = fields.wires_of[leaf]
    if wires and (leaf.kind == "first" or leaf.templates[0].kind == "reference"):
        (wire,) = wires.values()
        return lambda scope, found: scope.get(wire)
    template = leaf.templates[0]
    return lambda scope, found: template.evaluate(LeafScope(fields, leaf, wires, scope, found))


def _filled(raw: Any, path: Path, parts: Mapping[Path, Step], scope: CallScope, found: Found) -> Any:
    if path in parts:
        return parts[path](scope, found)
    if isinstance(raw, Mapping):
        return {key: _filled(inner, (*path, key), parts, scope, found) for key, inner in raw.items()}
    if isinstance(raw, list):
        return [_filled(inner, (*path, number), parts, scope, found) for number, inner in enumerate(raw)]
    return raw


@dataclass(slots=True)
class LeafScope:
    """What one template sees: its wires, the node's own fields, the item."""

    fields: Fields
    leaf: Leaf
    wires: Mapping[Reference, Wire]
    scope: CallScope
    found: Mapping[str, Any]

    def value_of(self, reference: Reference) -> Any:
        wire = self.wires.get(reference)
        if wire is not None:
            return self.scope.get(wire)
        name = reference.node
        if self.fields.is_own(self.leaf, name):
            value = self.found[name] if name in self.found else self.fields.type.fields[name].default
        elif name in LOCAL and name in self.scope.names:
            around = self.fields.locals_of[self.leaf].get(reference)
            if around is not None and around in self.scope.tracks:
                return self.scope.get(around)
            value = self.scope.names[name]
        else:
            raise LookupError(name, ())
        return walk(value, reference.path) if reference.path else value


@dataclass(slots=True)
class RowScope:
    """What a per-item template sees: LeafScope's, the row as `item`, and lists of the rows' origin bound to it."""

    outer: LeafScope
    places: Mapping[Reference, Bound]
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
        return None if position is None else walk(cursor.data[position], cursor.path)


def _per_item(
    fields: Fields, raw: Any, leaves: tuple[Leaf, ...], scope: CallScope, found: Mapping[str, Any]
) -> Sequence[Any]:
    """The list of what the templates give for each row; of a long list they are asked as it is read."""
    name = leaves[0].mode.per_item
    rows = found.get(name)
    if not is_list(rows):
        text = leaves[0].templates[0].source
        raise TemplateError(text, 0, f"“{name}” must be a list.", "Each of its rows is asked this.")
    asked = Asked(fields, raw, leaves, scope, found, rows, _row_paths(fields, name, scope, len(rows)))
    return asked if isinstance(rows, LongList) else asked.of(rows, 0)


class Asked(LongList):
    """What templates give for each row of a list, asked when it is read."""

    portable = False

    def __init__(  # noqa: PLR0917  what a template is asked with
        self,
        fields: Fields,
        raw: Any,
        leaves: tuple[Leaf, ...],
        scope: CallScope,
        found: Mapping[str, Any],
        rows: Sequence[Any],
        paths: Sequence[int],
    ) -> None:
        self._raw, self._scope, self._rows, self._paths = raw, scope, rows, paths
        self._top = leaves[0].path[:1]
        self._asked = [(leaf, _row_scope(fields, leaf, scope, found)) for leaf in leaves]

    def __len__(self) -> int:
        return len(self._rows)

    def read(self, start: int, stop: int) -> list[Any]:
        return self.of(part_of(self._rows, start, stop), start)

    def of(self, rows: Sequence[Any], first: int) -> list[Any]:
        """The answers of these rows, the `first` of them by its number."""
        results = []
        for index, row in enumerate(rows, first):
            values: dict[Path, Step] = {}
            for leaf, seen in self._asked:
                seen.item, seen.index, seen.path = row, index, self._paths[index]
                values[leaf.path] = _given(_answer(leaf, seen))
            results.append(_filled(self._raw, self._top, values, self._scope, {}))
        return results


def _given(value: Any) -> Step:
    return lambda scope, found: value


def _answer(leaf: Leaf, scope: RowScope) -> Any:
    if leaf.kind == "first":
        return scope.outer.value_of(next(leaf.references))
    return leaf.templates[0].evaluate(scope)


def _row_scope(fields: Fields, leaf: Leaf, scope: CallScope, found: Mapping[str, Any]) -> RowScope:
    wires = fields.wires_of[leaf]
    return RowScope(LeafScope(fields, leaf, wires, scope, found), _places(fields, leaf, scope))


def _rows_cursor(fields: Fields, name: str, scope: CallScope) -> Cursor | None:
    """Where the rows come from, when their field is a bare wire."""
    wire = _bare(fields, name)
    cursor = scope.cursor(wire) if wire is not None else None
    return cursor if cursor is not None and cursor.is_list else None


def _row_paths(fields: Fields, name: str, scope: CallScope, length: int) -> Sequence[int]:
    cursor = _rows_cursor(fields, name, scope)
    paths = paths_of(cursor) if cursor is not None else range(length)
    return paths if len(paths) == length else range(length)


def _places(fields: Fields, leaf: Leaf, scope: CallScope) -> dict[Reference, Bound]:
    """The lists of the rows' own origin, and where each row's path stands in them."""
    rows = _rows_cursor(fields, leaf.mode.per_item, scope)
    bound: dict[Reference, Bound] = {}
    for reference, wire in fields.wires_of[leaf].items() if rows is not None and leaf.kind != "first" else ():
        cursor = scope.cursor(wire)
        if cursor is None or rows is None or reference.whole or not cursor.is_list:
            continue
        if cursor.axis.origin == rows.axis.origin:
            bound[reference] = (cursor, Where(paths_of(cursor)))
    return bound
