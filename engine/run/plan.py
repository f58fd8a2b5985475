"""A version's graph made ready to be walked: node types looked up, dependencies counted. Compiled once, then shared.

A plan is a tree: the body of a container is a plan of its own.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

from engine.broadcast import Fields, fields_inside, fields_of, ports
from engine.catalog import Catalog
from engine.contract import MAIN, Effect, FirstOf, NodeType
from engine.document import load
from engine.expressions import Reference
from engine.graph import Graph, Node
from engine.run.interface import called, calls_of, with_ports

KEPT = 256


@dataclass(frozen=True, eq=False)
class PlannedNode:
    """A node with its type and its neighbors on its level: `needs` it waits for, `feeds` wait for it.

    A container waits for all that its fields and its whole body refer to outside of it. `early`: those it feeds that
    refer to nothing but what leaves it while it still waits for an answer.
    """

    node: Node
    type: NodeType
    needs: tuple[str, ...]
    feeds: tuple[str, ...]
    body: Plan | None = None
    early: tuple[str, ...] = ()

    @cached_property
    def id(self) -> str:
        return self.node.id

    @cached_property
    def pure(self) -> bool:
        """Whether no setting makes a call touch the world: it may run ahead of its checkpoint and be made again."""
        return self.type.effect is Effect.none and self.type.kind != "container"

    @cached_property
    def quick(self) -> bool:
        """Whether it may run in the walker's own task, when nothing else is to be done meanwhile."""
        return self.pure and not self.type.cpu

    @cached_property
    def stands(self) -> bool:
        """Whether it may give something without being called, whatever is kept for it."""
        return self.type.kind == "trigger" or self.node.off

    @cached_property
    def closing(self) -> Node:
        """A container with only those of its own fields that say something, of those that are asked in its body."""
        blank = {
            name for name, value in self.node.params.items() if value in (None, "") and self.type.fields[name].inside
        }
        kept = {name: value for name, value in self.node.params.items() if name not in blank}
        return self.node.model_copy(update={"params": MappingProxyType(kept)}) if blank else self.node

    @cached_property
    def races(self) -> bool:
        """Whether it starts with the first of what it refers to, not with the last."""
        return self.type.result is FirstOf


@dataclass(frozen=True, eq=False)
class Plan:
    """The nodes of one level, in an order in which each stands after all it refers to.

    `named`: by node, at any level, the names of its outputs beside the main one. `outside`: what the level refers to
    that stands around it; `outside_early` of these by early outputs alone. `asked`: the nodes that fields of the
    container itself refer to, asked in its body.
    """

    graph: Graph
    nodes: Mapping[str, PlannedNode]
    named: Mapping[str, frozenset[str]]
    outside: tuple[str, ...] = ()
    outside_early: frozenset[str] = frozenset()
    asked: frozenset[str] = field(default_factory=frozenset)

    @cached_property
    def left(self) -> Mapping[str, int]:
        """How many nodes each one waits for."""
        return {node_id: len(planned.needs) for node_id, planned in self.nodes.items()}

    @cached_property
    def uses(self) -> Mapping[str, int]:
        """How often each node's outputs are asked for on this level."""
        return {node_id: len(planned.feeds) + (node_id in self.asked) for node_id, planned in self.nodes.items()}

    @cached_property
    def places(self) -> Mapping[str, int]:
        """The number of each node in the plan's order."""
        return {node_id: place for place, node_id in enumerate(self.nodes)}

    @cached_property
    def first(self) -> tuple[str, ...]:
        """The nodes that wait for nothing."""
        return tuple(node_id for node_id, planned in self.nodes.items() if not planned.needs)

    @cached_property
    def races(self) -> frozenset[str]:
        """The nodes that start with the first of what they refer to."""
        return frozenset(node_id for node_id, planned in self.nodes.items() if planned.races)

    @cached_property
    def last(self) -> tuple[str, ...]:
        """The nodes that nobody on this level waits for, in the order of the document."""
        places = {node_id: place for place, node_id in enumerate(self.graph.nodes)}
        ends = [planned.id for planned in self.nodes.values() if not planned.feeds and planned.type.kind != "trigger"]
        return tuple(sorted(ends, key=places.__getitem__))

    def part(self, only: frozenset[str]) -> Plan:
        """The plan of these nodes alone; each must stand there with all that it needs."""
        nodes = {
            node_id: replace(
                planned,
                feeds=tuple(fed for fed in planned.feeds if fed in only),
                early=tuple(fed for fed in planned.early if fed in only),
            )
            for node_id, planned in self.nodes.items()
            if node_id in only
        }
        return replace(self, nodes=nodes)


@dataclass(frozen=True)
class Drawn:
    """A version's drawing, and the workflows that it calls."""

    graph: Graph
    calls: tuple[str, ...]


class Plans:
    """The plans in use by this process, by version; the least recently used is dropped."""

    def __init__(self, catalog: Catalog, document: Callable[[str], Awaitable[Mapping[str, Any]]]) -> None:
        """`document` reads a version's document from the database."""
        self._catalog = catalog
        self._document = document
        self._drawn: OrderedDict[str, Drawn] = OrderedDict()
        self._kept: OrderedDict[tuple[Any, ...], Plan] = OrderedDict()

    async def get(self, version_id: str, versions: Mapping[str, str] | None = None) -> Plan:
        """The plan of a version; `versions` says which one of each workflow that it calls has its ports.

        Raises what `document`, `engine.document.load` and `compiled` raise.
        """
        calls = await self.calls(version_id)
        named = [(workflow, versions[workflow]) for workflow in calls if workflow in versions] if versions else []
        key = (version_id, *named)
        plan = self._kept.get(key)
        if plan is None:
            called = {workflow: (await self._draw(version)).graph for workflow, version in named}
            plan = self._kept[key] = compiled((await self._draw(version_id)).graph, self._catalog, called)
            _forget_oldest(self._kept)
        self._kept.move_to_end(key)
        return plan

    async def calls(self, version_id: str) -> tuple[str, ...]:
        """The ids of the workflows that a version calls."""
        return (await self._draw(version_id)).calls

    async def _draw(self, version_id: str) -> Drawn:
        drawn = self._drawn.get(version_id)
        if drawn is None:
            graph = load(await self._document(version_id))
            drawn = self._drawn[version_id] = Drawn(graph, calls_of(graph, self._catalog))
            _forget_oldest(self._drawn)
        self._drawn.move_to_end(version_id)
        return drawn


def _forget_oldest(kept: OrderedDict[Any, Any]) -> None:
    if len(kept) > KEPT:
        kept.popitem(last=False)


def compiled(graph: Graph, catalog: Catalog, workflows: Mapping[str, Graph] | None = None) -> Plan:
    """Look up types and neighbors, level by level. `workflows`: the drawings of those that are called, by id.

    Raises:
        UnknownType: a node's type or version is not in the catalogue.
        TemplateError: a field cannot be read.
        CircularReference: nodes refer to each other in a circle, which validation shows while editing.
        NoBody: a node stands in one that takes none, which validation shows while editing.
    """
    types = {node_id: catalog.require(node.type, node.version) for node_id, node in graph.nodes.items()}
    for node_id, node in graph.nodes.items() if workflows else ():
        if workflows and (other := workflows.get(called(node, types[node_id]))) is not None:
            types[node_id] = with_ports(node, types[node_id], other)
    named = {node_id: ports(node, types[node_id]) - {MAIN.name} for node_id, node in graph.nodes.items()}
    return _Compiler(graph, types, {node_id: names for node_id, names in named.items() if names}).level(None)


@dataclass(frozen=True)
class _Compiler:
    graph: Graph
    types: Mapping[str, NodeType]
    named: Mapping[str, frozenset[str]]

    def level(self, container: str | None) -> Plan:
        """The plan of a container's body, or of the top level."""
        members = [one for one in self.graph.children(container) if self.types[one].kind != "note"]
        if container is not None and members and not self.types[container].body:
            raise NoBody(f"“{self.graph.nodes[container].title}” is no group: no step can stand in it.")
        bodies = {node_id: self.level(node_id) for node_id in members if self.types[node_id].body}
        # Of each source, whether nothing but its early outputs is referred to.
        outside: dict[str, bool] = {}
        needs: dict[str, dict[str, bool]] = {node_id: {} for node_id in members}
        feeds: dict[str, dict[str, bool]] = {node_id: {} for node_id in members}
        for node_id in members:
            for source, early in self._sources(node_id, bodies.get(node_id)):
                stands = self.graph.at_level(source, container)
                if stands is None:
                    outside[source] = outside.get(source, True) and early
                elif stands == source and source != node_id:
                    # What stands inside of another container shows only through that container's outputs.
                    needs[node_id][source] = needs[node_id].get(source, True) and early
                    feeds[source][node_id] = needs[node_id][source]
        nodes = {
            node_id: PlannedNode(
                self.graph.nodes[node_id],
                self.types[node_id],
                tuple(needs[node_id]),
                tuple(feeds[node_id]),
                bodies.get(node_id),
                tuple(fed for fed, early in feeds[node_id].items() if early),
            )
            for node_id in _ordered(needs)
        }
        alone = frozenset(source for source, early in outside.items() if early)
        return Plan(self.graph, nodes, self.named, tuple(outside), alone, self._asked(container))

    def _sources(self, node_id: str, body: Plan | None) -> Iterator[tuple[str, bool]]:
        """The nodes outside that a node refers to, or its body does, and whether it is to an early output."""
        node, node_type = self.graph.nodes[node_id], self.types[node_id]
        yield from self._known(_referred(fields_of(node, node_type)))
        if body is not None:
            yield from ((source, source in body.outside_early) for source in body.outside)
            asked = (ref for ref in _referred(fields_inside(node, node_type)) if ref.node not in body.asked)
            yield from self._known(asked)

    def _known(self, references: Iterable[Reference]) -> Iterator[tuple[str, bool]]:
        for ref in references:
            if ref.node in self.graph.nodes:
                yield ref.node, bool(ref.path) and ref.path[0] in early_outputs(self.types[ref.node])

    def _asked(self, container: str | None) -> frozenset[str]:
        """The nodes of a body that its container's own fields refer to."""
        if container is None:
            return frozenset()
        fields = fields_inside(self.graph.nodes[container], self.types[container])
        members = self.graph.children(container)
        return frozenset(ref.node for ref in _referred(fields) if ref.node in members)


def early_outputs(node_type: NodeType) -> frozenset[str]:
    """The outputs that may fire while a node of this type still waits."""
    if callable(node_type.outputs):
        return frozenset()
    return frozenset(output.name for output in node_type.outputs if output.early)


def _referred(fields: Fields) -> list[Reference]:
    found = [ref for leaf in fields.leaves for ref in leaf.references if not fields.is_own(leaf, ref.node)]
    return found + [ref for template in fields.after for ref in template.references]


class CircularReference(ValueError):
    """Nodes that wait for each other can never start."""


class NoBody(ValueError):
    """A node stands in one that is no container."""


def _ordered(needs: Mapping[str, Mapping[str, bool]]) -> list[str]:
    """Topological order by the longest way to each node, in the document's order where that leaves a choice.

    In time linear in nodes and wires (Kahn, 1962).
    """
    left = {node_id: len(sources) for node_id, sources in needs.items()}
    feeds: dict[str, list[str]] = {node_id: [] for node_id in needs}
    for node_id, sources in needs.items():
        for source in sources:
            feeds[source].append(node_id)
    place = {node_id: number for number, node_id in enumerate(needs)}
    order: list[str] = []
    ready = [node_id for node_id, count in left.items() if not count]
    while ready:
        order += ready
        following: list[str] = []
        for node_id in ready:
            for fed in feeds[node_id]:
                left[fed] -= 1
                if not left[fed]:
                    following.append(fed)
        ready = sorted(following, key=place.__getitem__)
    if len(order) < len(needs):
        stuck = ", ".join(node_id for node_id in needs if left[node_id])
        raise CircularReference(f"These steps refer to each other in a circle: {stuck}.")
    return order
