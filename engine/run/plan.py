"""A version's graph made ready to be walked: node types looked up, dependencies counted. Compiled once, then shared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from engine.broadcast import fields_of
from engine.catalog import Catalog
from engine.contract import Effect, NodeType
from engine.document import load
from engine.graph import Graph, Node

KEPT = 256


@dataclass(frozen=True, eq=False)
class PlannedNode:
    """A node with its type and its neighbours: `needs` it refers to, `feeds` refer to it."""

    node: Node
    type: NodeType
    needs: tuple[str, ...]
    feeds: tuple[str, ...]

    @property
    def id(self) -> str:
        return self.node.id

    @cached_property
    def pure(self) -> bool:
        """Whether no setting makes a call touch the world: it may run ahead of its checkpoint and be made again."""
        return self.type.effect is Effect.none

    @cached_property
    def quick(self) -> bool:
        """Whether it may run in the walker's own task, when nothing else is to be done meanwhile."""
        return self.pure and not self.type.cpu


@dataclass(frozen=True, eq=False)
class Plan:
    """The nodes of one version in an order in which each stands after all it refers to.

    `failing`: the nodes whose failures leave through their error output.
    """

    graph: Graph
    nodes: Mapping[str, PlannedNode]
    failing: frozenset[str]

    def part(self, only: frozenset[str]) -> Plan:
        """The plan of these nodes alone; each must stand there with all that it needs."""
        nodes = {
            node_id: replace(planned, feeds=tuple(fed for fed in planned.feeds if fed in only))
            for node_id, planned in self.nodes.items()
            if node_id in only
        }
        return replace(self, nodes=nodes)


class Plans:
    """The plans in use by this process, by version; the least recently used is dropped."""

    def __init__(self, catalog: Catalog, document: Callable[[str], Awaitable[Mapping[str, Any]]]) -> None:
        """`document` reads a version's document from the database."""
        self._catalog = catalog
        self._document = document
        self._kept: OrderedDict[str, Plan] = OrderedDict()

    async def get(self, version_id: str) -> Plan:
        """The plan of a version. Raises what `document` and `engine.document.load` raise."""
        plan = self._kept.get(version_id)
        if plan is None:
            plan = compiled(load(await self._document(version_id)), self._catalog)
            self._kept[version_id] = plan
            if len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(version_id)
        return plan


def compiled(graph: Graph, catalog: Catalog) -> Plan:
    """Look up types and neighbours.

    Raises:
        UnknownType: a node's type or version is not in the catalogue.
        TemplateError: a field cannot be read.
        CircularReference: nodes refer to each other in a circle, which validation shows while editing.
    """
    needs: dict[str, dict[str, None]] = {node_id: {} for node_id in graph.nodes}
    feeds: dict[str, dict[str, None]] = {node_id: {} for node_id in graph.nodes}
    types = {node_id: catalog.require(node.type, node.version) for node_id, node in graph.nodes.items()}
    for node_id, node in graph.nodes.items():
        for source in _sources(node, types[node_id]):
            if source in needs:
                needs[node_id][source] = None
                feeds[source][node_id] = None
    nodes = {
        node_id: PlannedNode(graph.nodes[node_id], types[node_id], tuple(needs[node_id]), tuple(feeds[node_id]))
        for node_id in _ordered(needs)
    }
    failing = frozenset(node_id for node_id, node in graph.nodes.items() if node.on_error == "output")
    return Plan(graph, nodes, failing)


def _sources(node: Node, node_type: NodeType) -> Iterator[str]:
    fields = fields_of(node, node_type)
    for leaf in fields.leaves:
        yield from (ref.node for ref in leaf.references if not fields.is_own(leaf, ref.node))
    for template in fields.after:
        yield from (ref.node for ref in template.references)


class CircularReference(ValueError):
    """Nodes that wait for each other can never start."""


def _ordered(needs: Mapping[str, Mapping[str, None]]) -> list[str]:
    """Topological order that keeps the document's order where it can (Kahn, 1962)."""
    order: list[str] = []
    placed: set[str] = set()
    left = list(needs)
    while left:
        ready = [node_id for node_id in left if placed.issuperset(needs[node_id])]
        if not ready:
            raise CircularReference(f"These steps refer to each other in a circle: {', '.join(left)}.")
        order += ready
        placed.update(ready)
        left = [node_id for node_id in left if node_id not in placed]
    return order
