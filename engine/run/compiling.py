"""From a drawing to its plan: node types looked up, levels told apart, dependencies counted."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from engine.broadcast import Fields, fields_inside, fields_of, ports
from engine.catalog import Catalog
from engine.contract import MAIN, NodeType
from engine.expressions import Reference
from engine.graph import Graph
from engine.run.interface import called, with_ports
from engine.run.plan import Plan, PlannedNode, early_outputs


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
