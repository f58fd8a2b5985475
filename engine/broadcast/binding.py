"""Decides how a node is called: not at all, once, or once per item, and in which scope."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.broadcast.align import Item, Track, expand, is_flat, level
from engine.broadcast.calls import Call, CallScope, Mapped, Once, Skip
from engine.broadcast.cursors import Cursor, limited, merged, paths_of, start
from engine.broadcast.fields import Fields, Wire, fields_inside, fields_of
from engine.broadcast.leaves import AFTER, SCOPE_NAMES
from engine.broadcast.paths import Where
from engine.broadcast.values import SKIPPED, NodeOutputs, Skipped, Value
from engine.contract import MAIN, NodeType
from engine.expressions import Reference
from engine.graph import Node


def bind(
    node: Node,
    node_type: NodeType,
    outputs: Mapping[str, NodeOutputs],
    extra: Mapping[str, Any],
    named: Mapping[str, Collection[str]] | None = None,
) -> Call:
    """How to call `node` now that everything it refers to has fired or was skipped.

    `outputs`: for each finished node the values of the outputs that fired, or SKIPPED. `extra`: `trigger`, `run`,
    `vars`, `now` (ISO 8601) and `random` (the seed), as recorded for this step; in the body of a container also what
    it gives: `item` and `index`, or `previous`. These, and `trigger`, may be a Value. `named`: by node the
    names of its outputs beside the main one, its error output among them: what they name is never the main output's.

    Raises:
        ListLengthMismatch: lists of different origins that should pair differ in length.
        TemplateError: a template cannot be read.
    """
    return _Binder(fields_of(node, node_type), outputs, extra, named or {}).call()


def bind_inside(
    node: Node,
    node_type: NodeType,
    outputs: Mapping[str, NodeOutputs],
    extra: Mapping[str, Any],
    named: Mapping[str, Collection[str]] | None = None,
) -> CallScope:
    """What the fields of a container see that are asked in its body, once the body has ended.

    `outputs` and `named` are those of the body and of the levels around. Raises TemplateError.
    """
    return _Binder(fields_inside(node, node_type), outputs, extra, named or {}).inside()


def reached(
    reference: Reference, outputs: Mapping[str, NodeOutputs], named: Mapping[str, Collection[str]] | None = None
) -> Value | None:
    """The value that a reference to a node means, with where its items come from; None where nothing fired."""
    fired = outputs.get(reference.node, SKIPPED)
    if isinstance(fired, Skipped):
        return None
    cursor = _into(reference, fired, named or {})
    return None if cursor is None else Value(cursor.value, cursor.axes)


def _into(reference: Reference, fired: Mapping[str, Value], named: Mapping[str, Collection[str]]) -> Cursor | None:
    """Where a reference points in what left its node; None when the output that it means did not fire."""
    port, path = _port(reference, fired, named)
    return start(fired[port], path, f"{reference.node}.{port}") if port in fired else None


def _port(
    reference: Reference, fired: Mapping[str, Value], named: Mapping[str, Collection[str]]
) -> tuple[str, tuple[str | int, ...]]:
    name = reference.path[0] if reference.path else None
    if isinstance(name, str) and (name in fired or name in named.get(reference.node, ())):
        return name, reference.path[1:]
    return MAIN.name, reference.path


@dataclass(eq=False)
class _Binder:
    fields: Fields
    outputs: Mapping[str, NodeOutputs]
    extra: Mapping[str, Any]
    named: Mapping[str, Collection[str]]
    skipped: set[Wire] = field(default_factory=set)
    tracks: dict[Wire, Track[Wire]] = field(default_factory=dict)

    def call(self) -> Call:
        self._bind()
        after = self._after() if self.fields.after else []
        if (reason := self._why_skipped()) is not None:
            return Skip(reason)
        if after:
            self._limit(after)
        tracks = [*self.tracks.values(), *after]
        first = level(tracks)
        scope = CallScope(self.tracks, self.extra, frozenset(self.skipped))
        if first is None:
            return Once(scope, self.fields.node.id)
        mapped = Mapped(self.fields.node.id, first.length, first, self.fields.has_main, None, tracks, scope)
        if not is_flat(tracks, first):
            items: list[Item[Wire]] = []
            mapped.shape = expand(tracks, first, items)
            mapped._items, mapped.length = items, len(items)
        return mapped

    def inside(self) -> CallScope:
        """What the fields see that are asked in a container's body: nothing there maps."""
        self._bind()
        return CallScope(self.tracks, self.extra, frozenset(self.skipped))

    def _bind(self) -> None:
        for wire in self.fields.wires:
            self._add(wire)
        for wire in self.fields.local:
            if wire.references[0].node in self.extra:
                self._add(wire)

    def _add(self, wire: Wire) -> None:
        fired = [cursor for cursor in map(self._cursor, wire.references) if cursor is not None]
        if not fired:
            self.skipped.add(wire)
            return
        cursor, mode = fired[0] if len(fired) == 1 else merged(fired), wire.mode
        levels: int | None = None
        if wire.references[0].whole:
            levels = 0
        elif mode.levels:
            levels = 0 if mode.follows or mode.per_item else max(0, cursor.depth() - mode.levels)
        self.tracks[wire] = Track(wire, cursor, levels, mode.follows, wire.field)

    def _cursor(self, reference: Reference) -> Cursor | None:
        """Where a reference points, or None when its node was skipped or the output did not fire."""
        if reference.node in SCOPE_NAMES:
            value = self.extra.get(reference.node)
            return start(value if isinstance(value, Value) else Value(value), reference.path, reference.node)
        fired = self.outputs.get(reference.node, SKIPPED)
        return None if isinstance(fired, Skipped) else _into(reference, fired, self.named)

    def _after(self) -> list[Track[Wire]]:
        """What `after` refers to and fired: the branches that were dealt items, by origin, map the node."""
        by_origin: dict[str, list[tuple[Reference, Cursor]]] = {}
        for reference, cursor in self._fired_after:
            if cursor.is_list and cursor.axes and self._is_branch(reference):
                by_origin.setdefault(cursor.axis.origin, []).append((reference, cursor))
        tracks = []
        for parts in by_origin.values():
            cursor = merged([cursor for _, cursor in parts])
            wire = Wire(tuple(reference for reference, _ in parts), AFTER, "after")
            whole = self.fields.node.each == "combined" or self.fields.type.body
            levels = 0 if whole else len(cursor.axes)
            tracks.append(Track(wire, cursor, levels, False, "after"))
        return tracks

    @cached_property
    def _fired_after(self) -> list[tuple[Reference, Cursor]]:
        references = [reference for template in self.fields.after for reference in template.references]
        found = [(reference, self._cursor(reference)) for reference in references]
        return [(reference, cursor) for reference, cursor in found if cursor is not None]

    def _limit(self, after: Sequence[Track[Wire]]) -> None:
        """References of an origin that `after` was dealt items of see those items only."""
        limits = {track.cursor.axis.origin: Where(paths_of(track.cursor)) for track in after}
        for track in self.tracks.values():
            track.cursor = limited(track.cursor, limits)

    def _is_branch(self, reference: Reference) -> bool:
        """Whether the reference names one of several outputs: those deal a list out, a main output passes it on."""
        fired = self.outputs[reference.node]
        return not isinstance(fired, Skipped) and _port(reference, fired, self.named)[0] != MAIN.name

    def _why_skipped(self) -> str | None:
        fields, skipped = self.fields, self.skipped
        if fields.after and not self._fired_after:
            return f"Nothing came through {_names(ref for template in fields.after for ref in template.references)}."
        if not skipped:
            return None
        if fields.hanging and not fields.after and skipped.issuperset(fields.hanging):
            return f"Nothing came through {_names(ref for wire in fields.hanging for ref in wire.references)}."
        for title, wires in fields.required:
            if skipped.issuperset(wires):
                return (
                    f"“{title}” got nothing: {_names(ref for wire in wires for ref in wire.references)} did not fire."
                )
        return None


def _names(references: Iterable[Reference]) -> str:
    names = list(dict.fromkeys(f"“{reference}”" for reference in references))
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
