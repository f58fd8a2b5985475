"""A version's graph made ready to be walked. A plan is a tree: the body of a container is a plan of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

from engine.contract import Effect, FirstOf, NodeType
from engine.graph import Graph, Node


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


def early_outputs(node_type: NodeType) -> frozenset[str]:
    """The outputs that may fire while a node of this type still waits."""
    if callable(node_type.outputs):
        return frozenset()
    return frozenset(output.name for output in node_type.outputs if output.early)
