"""What a node's templates take from outside of a call. Worked out once per node, since every call asks for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from engine.broadcast.leaves import SCOPE_NAMES, SINGLE, Leaf, Mode, field_leaves, is_own
from engine.contract import MAIN, NodeType
from engine.expressions import Reference, Template, compile
from engine.graph import Node

LOCAL = frozenset({"item", "index"})
KEPT = 10_000


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


@dataclass(frozen=True, eq=False)
class Fields:
    """A node's templates, and what is worked out of them once, since every call asks for it.

    `order`: the fields so that each stands after those that it mentions. `wires`: what the templates take from outside
    of the call, each once; `wires_of`: by leaf and reference. `locals_of`: the same of `item` and `index`, which come
    from outside only where a container around gives them. `kept` is for those who read the fields.
    """

    node: Node
    type: NodeType
    leaves: tuple[Leaf, ...]
    after: tuple[Template, ...]
    order: tuple[str, ...]
    by_field: Mapping[str, tuple[Leaf, ...]]
    wires: tuple[Wire, ...]
    wires_of: Mapping[Leaf, Mapping[Reference, Wire]]
    locals_of: Mapping[Leaf, Mapping[Reference, Wire]]
    kept: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def local(self) -> tuple[Wire, ...]:
        """The wires from the `item` and `index` of a container around."""
        return tuple(dict.fromkeys(wire for wires in self.locals_of.values() for wire in wires.values()))

    @cached_property
    def hanging(self) -> tuple[Wire, ...]:
        """The wires from other nodes."""
        return tuple(wire for wire in self.wires if wire.from_node)

    @cached_property
    def by_chance(self) -> bool:
        """Whether a template asks for the time or for a random value."""
        return any(reference.node in ("now", "random") for wire in self.wires for reference in wire.references)

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
        return is_own(self.type, leaf, name)


_cache: dict[tuple[int, bool], Fields] = {}


def fields_of(node: Node, node_type: NodeType) -> Fields:
    """What is asked where the node stands. Raises TemplateError for a template that cannot be read."""
    return _kept(node, node_type, inside=False)


def fields_inside(node: Node, node_type: NodeType) -> Fields:
    """What is asked in a container's body: its result, for example. Raises TemplateError."""
    return _kept(node, node_type, inside=True)


def _kept(node: Node, node_type: NodeType, *, inside: bool) -> Fields:
    found = _cache.get((id(node), inside))
    if found is None or found.node is not node or found.type is not node_type:
        found = _read(node, node_type, inside)
        if len(_cache) >= KEPT:
            _cache.clear()
        _cache[id(node), inside] = found
    return found


def _read(node: Node, node_type: NodeType, inside: bool) -> Fields:
    specs = node_type.fields
    names = [name for name in node.params if (name in specs and specs[name].inside) == inside]
    leaves = tuple(leaf for name in names for leaf in field_leaves(node, node_type, name))
    by_field: dict[str, tuple[Leaf, ...]] = {}
    for leaf in leaves:
        by_field[str(leaf.path[0])] = (*by_field.get(str(leaf.path[0]), ()), leaf)
    after = () if inside else tuple(compile(source) for source in node.after)
    wires: dict[tuple[tuple[Reference, ...], Mode], Wire] = {}
    wires_of = {leaf: _wires(leaf, node_type, wires) for leaf in leaves}
    local: dict[tuple[tuple[Reference, ...], Mode], Wire] = {}
    locals_of = {leaf: _locals(leaf, node_type, local) for leaf in leaves}
    order = _order(names, node_type, by_field)
    return Fields(node, node_type, leaves, after, order, by_field, tuple(wires.values()), wires_of, locals_of)


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
        if not is_own(node_type, leaf, reference.node) and reference.node not in LOCAL:
            found[reference] = _wire(leaf, reference, wires)
    return found


def _locals(
    leaf: Leaf, node_type: NodeType, wires: dict[tuple[tuple[Reference, ...], Mode], Wire]
) -> Mapping[Reference, Wire]:
    """What a leaf asks of `item` and `index`; what is asked of each row means the row's."""
    if leaf.kind == "first" or leaf.mode.per_item:
        return {}
    return {
        reference: _wire(leaf, reference, wires)
        for reference in leaf.references
        if reference.node in LOCAL and not is_own(node_type, leaf, reference.node)
    }


def _wire(leaf: Leaf, reference: Reference, wires: dict[tuple[tuple[Reference, ...], Mode], Wire]) -> Wire:
    mode = SINGLE if reference.whole else leaf.mode
    return wires.setdefault(((reference,), mode), Wire((reference,), mode, leaf.field))


def _order(names: Sequence[str], node_type: NodeType, by_field: Mapping[str, tuple[Leaf, ...]]) -> tuple[str, ...]:
    """Document order, each field after its own fields' mentions; a circle is left in document order."""
    needs: dict[str, set[str]] = {}
    for name in names:
        mentioned = {r.node for leaf in by_field.get(name, ()) for r in leaf.references}
        spec = node_type.fields.get(name)
        mentioned |= {spec.per_item} if spec is not None and spec.per_item else set()
        needs[name] = (mentioned & set(names)) - {name}
    order: list[str] = []
    left = list(names)
    while left:
        ready = [name for name in left if needs[name].issubset(order)]
        order += ready or left
        left = [name for name in left if name not in order]
    return tuple(order)
