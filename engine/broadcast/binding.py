"""Decides how a node is called: not at all, once, or once per item, and in which scope."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from engine.broadcast.align import Branch, Item, Level, Track, expand, is_flat, level
from engine.broadcast.cursors import Cursor, limited, merged, paths_of, start
from engine.broadcast.fields import AFTER, SCOPE_NAMES, SINGLE, Fields, Leaf, Mode, fields_of
from engine.broadcast.values import SKIPPED, NodeOutputs, Skipped, Value
from engine.contract import MAIN, NodeType
from engine.expressions import Reference
from engine.graph import Node

LOCAL = frozenset({"item", "index"})


class Key(NamedTuple):
    """A reference together with how a list meets it; for `first` all of its references."""

    references: tuple[Reference, ...]
    mode: Mode


@dataclass(frozen=True, slots=True)
class Skip:
    """The node is not called; `reason` is a sentence for the step."""

    reason: str


@dataclass(slots=True)
class CallScope:
    """What the templates of one call see. `tracks` hold the references, `names` everything else."""

    tracks: Mapping[Key, Track[Key]]
    names: Mapping[str, Any]
    skipped: frozenset[Key] = frozenset()

    def get(self, key: Key) -> Any:
        """The value of a reference, bound to the item at hand; null when its node was skipped."""
        track = self.tracks.get(key)
        return None if track is None else track.cursor.value


@dataclass(slots=True)
class Once:
    """One call."""

    scope: CallScope
    node: str = ""


@dataclass(slots=True)
class Mapped:
    """One call per item. `path_at` gives an item's path: its place in the origin's list, one number per level."""

    node: str
    length: int
    _tracks: Sequence[Track[Key]]
    _level: Level[Key]
    _names: Mapping[str, Any]
    _skipped: frozenset[Key]
    has_main: bool = True
    shape: Branch | None = None
    _items: Sequence[Item[Key]] = field(default_factory=list)

    @property
    def axes(self) -> tuple[str, ...]:
        """The origins of the levels, outermost first."""
        return (self._level.axis.origin,) if self.shape is None else self.shape.origins

    @property
    def outer(self) -> Level[Key]:
        return self._level

    def path_at(self, number: int) -> tuple[int, ...]:
        return self._items[number].path if self.shape else (self._level.paths[number],)

    def item_at(self, number: int) -> Any:
        """What the call is about: the item of the list that leads, on the innermost level."""
        if self.shape:
            return self._items[number].item
        position = self._level.places[self._level.lead][number]
        return None if position is None else self._tracks[self._level.lead].cursor.data[position]

    def scope_at(self, number: int) -> CallScope:
        tracks: Iterable[Track[Key]]
        if self.shape:
            tracks, index = self._items[number].tracks, self._items[number].index
        else:
            places = self._level.places
            tracks = [t.into(places[n][number]) if n in places else t for n, t in enumerate(self._tracks)]
            index = number
        names = {**self._names, "item": self.item_at(number), "index": index}
        return CallScope({track.key: track for track in tracks}, names, self._skipped)


Call = Skip | Once | Mapped


def bind(
    node: Node,
    node_type: NodeType,
    outputs: Mapping[str, NodeOutputs],
    extra: Mapping[str, Any],
    error_outputs: Collection[str] = (),
) -> Call:
    """How to call `node` now that everything it refers to has fired or was skipped.

    `outputs`: for each finished node the values of the outputs that fired, or SKIPPED. `extra`: `trigger`, `run`,
    `vars`, `now` (ISO 8601) and `random` (the seed), as recorded for this step. `error_outputs`: the nodes whose
    failures leave through their error output.

    Raises:
        ListLengthMismatch: lists of different origins that should pair differ in length.
        TemplateError: a template cannot be read.
    """
    return _Binder(fields_of(node, node_type), outputs, extra, error_outputs).call()


@dataclass(eq=False)
class _Binder:
    fields: Fields
    outputs: Mapping[str, NodeOutputs]
    extra: Mapping[str, Any]
    error_outputs: Collection[str]
    skipped: set[Key] = field(default_factory=set)
    tracks: dict[Key, Track[Key]] = field(default_factory=dict)

    def call(self) -> Call:
        for leaf in self.fields.leaves:
            for key in keys_of(self.fields, leaf):
                self._add(key, leaf.field)
        after = self._after()
        if (reason := self._why_skipped(after)) is not None:
            return Skip(reason)
        if self.limits:
            for track in self.tracks.values():
                track.cursor = limited(track.cursor, self.limits)
        tracks = [*self.tracks.values(), *after]
        first = level(tracks)
        skipped = frozenset(self.skipped)
        if first is None:
            return Once(CallScope(self.tracks, self.extra, skipped), self.fields.node.id)
        mapped = Mapped(self.fields.node.id, first.length, tracks, first, self.extra, skipped)
        mapped.has_main = has_main(self.fields.node, self.fields.type)
        if not is_flat(tracks, first):
            items: list[Item[Key]] = []
            mapped.shape = expand(tracks, first, items)
            mapped._items, mapped.length = items, len(items)
        return mapped

    def _add(self, key: Key, name: str) -> None:
        if key in self.tracks or key in self.skipped:
            return
        fired = [cursor for cursor in map(self._cursor, key.references) if cursor is not None]
        if not fired:
            self.skipped.add(key)
            return
        cursor, mode = merged(fired), key.mode
        if key.references[0].whole:
            self.tracks[key] = Track(key, cursor, 0, False, name)
        elif mode.levels == 0:
            self.tracks[key] = Track(key, cursor, None, False, name)
        else:
            excess = 0 if mode.follows or mode.per_item else max(0, cursor.depth() - mode.levels)
            self.tracks[key] = Track(key, cursor, excess, mode.follows, name)

    def _cursor(self, reference: Reference) -> Cursor | None:
        """Where a reference points, or None when its node was skipped or the output did not fire."""
        if reference.node in SCOPE_NAMES:
            value = self.extra.get(reference.node)
            return start(value if isinstance(value, Value) else Value(value), reference.path, reference.node)
        fired = self.outputs.get(reference.node, SKIPPED)
        if isinstance(fired, Skipped):
            return None
        port, path = self._port(reference, fired)
        return start(fired[port], path, f"{reference.node}.{port}") if port in fired else None

    def _port(self, reference: Reference, fired: Mapping[str, Value]) -> tuple[str, tuple[str | int, ...]]:
        name = reference.path[0] if reference.path else None
        if isinstance(name, str) and (name in fired or (name == "error" and reference.node in self.error_outputs)):
            return name, reference.path[1:]
        return MAIN.name, reference.path

    @cached_property
    def limits(self) -> Mapping[str, frozenset[int]]:
        """For each origin that `after` was dealt items of: their paths."""
        return {
            track.cursor.axis.origin: frozenset(paths_of(track.cursor)) for track in self._dealt if track.cursor.is_list
        }

    def _after(self) -> list[Track[Key]]:
        """What `after` refers to: those dealt out map the node."""
        for template in self.fields.after:
            self._add_after(template.references)
        return self._dealt

    def _add_after(self, references: Sequence[Reference]) -> None:
        for reference in references:
            key = Key((reference,), AFTER)
            cursor = self._cursor(reference)
            if cursor is None:
                self.skipped.add(key)
            else:
                self._fired_after.append((reference, cursor))

    @cached_property
    def _fired_after(self) -> list[tuple[Reference, Cursor]]:
        return []

    @cached_property
    def _dealt(self) -> list[Track[Key]]:
        by_origin: dict[str, list[tuple[Reference, Cursor]]] = {}
        for reference, cursor in self._fired_after:
            if cursor.is_list and cursor.axes and self._is_branch(reference):
                by_origin.setdefault(cursor.axis.origin, []).append((reference, cursor))
        tracks = []
        for parts in by_origin.values():
            cursor = merged([cursor for _, cursor in parts])
            key = Key(tuple(reference for reference, _ in parts), AFTER)
            tracks.append(Track(key, cursor, len(cursor.axes), False, "after"))
        return tracks

    def _is_branch(self, reference: Reference) -> bool:
        """Whether the reference names one of several outputs: those deal a list out, a main output passes it on."""
        fired = self.outputs[reference.node]
        return not isinstance(fired, Skipped) and self._port(reference, fired)[0] != MAIN.name

    def _why_skipped(self, after: Sequence[Track[Key]]) -> str | None:
        hanging = [key for leaf in self.fields.leaves for key in keys_of(self.fields, leaf) if _from_node(key)]
        after_names = [ref for template in self.fields.after for ref in template.references]
        if self.fields.after and not self._fired_after:
            return f"Nothing came through {_names(after_names)}."
        if hanging and not self._fired_after and all(key in self.skipped for key in hanging):
            return f"Nothing came through {_names(ref for key in hanging for ref in key.references)}."
        for name, leaves in self.fields.by_field.items():
            keys = [key for leaf in leaves for key in keys_of(self.fields, leaf) if _from_node(key)]
            if keys and self.fields.type.fields[name].required and all(key in self.skipped for key in keys):
                title = self.fields.type.fields[name].title
                return f"“{title}” got nothing: {_names(ref for key in keys for ref in key.references)} did not fire."
        return None


def has_main(node: Node, node_type: NodeType) -> bool:
    """Whether the node has a main output under its settings, beside or instead of named ones."""
    try:
        return any(output.name == MAIN.name for output in node_type.outputs_for(node.params))
    except (TypeError, ValueError, KeyError, AttributeError):
        return False


def keys_of(fields: Fields, leaf: Leaf) -> Sequence[Key]:
    """The references of a leaf that come from outside of the call: not its item, not the node's own fields."""
    keys: Sequence[Key] | None = fields.kept.get(id(leaf))
    if keys is None:
        keys = fields.kept[id(leaf)] = tuple(_keys_of(fields, leaf))
    return keys


def _keys_of(fields: Fields, leaf: Leaf) -> Iterator[Key]:
    if leaf.kind == "first":
        yield Key(tuple(leaf.references), leaf.mode)
        return
    for reference in leaf.references:
        if reference.node not in LOCAL and not fields.is_own(leaf, reference.node):
            yield Key((reference,), SINGLE if reference.whole else leaf.mode)


def _from_node(key: Key) -> bool:
    return any(reference.node not in SCOPE_NAMES for reference in key.references)


def _names(references: Iterable[Reference]) -> str:
    names = list(dict.fromkeys(f"“{reference}”" for reference in references))
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
