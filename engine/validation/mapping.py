"""Where lists map a drawing, worked out before any run from what is declared and, where there are any, from samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from engine.broadcast import Leaf, edges, port_of, ports
from engine.broadcast.edges import ERROR as ERROR_PORT
from engine.broadcast.leaves import SCOPE_NAMES, field_leaves
from engine.catalog import Catalog
from engine.contract import MAIN, NodeType
from engine.expressions import Reference, TemplateError, compile
from engine.graph import Edge, Graph, Node
from engine.validation.shapes import ANY, ERROR, Shape, follow, of_data, of_output

Samples = Mapping[str, Mapping[str, Any]]
SAMPLE = "sample"


@dataclass(eq=False)
class Knowledge:
    """What is known of every node of one drawing.

    `samples`: what leaves a trigger when nobody hands it anything else, by node and output.
    """

    graph: Graph
    catalog: Catalog

    def __post_init__(self) -> None:
        self.types = {node_id: self.catalog.get(n.type, n.version) for node_id, n in self.graph.nodes.items()}
        self.samples: Samples = {
            node_id: {MAIN.name: node.params[SAMPLE]}
            for node_id, node in self.graph.nodes.items()
            if _has_sample(node, self.types[node_id])
        }
        self.ranks: dict[str, int] = {}
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._references: dict[Reference, Shape | str] = {}
        self._ports = {node_id: ports(node, self.types[node_id]) for node_id, node in self.graph.nodes.items()}
        for node_id in self.order:
            self.ranks[node_id] = self._rank(self.graph.nodes[node_id])

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        return edges(self.graph, self.catalog)

    @cached_property
    def needs(self) -> Mapping[str, Mapping[str, None]]:
        """For each node those it waits for, in the order of its fields."""
        found: dict[str, dict[str, None]] = {node_id: {} for node_id in self.graph.nodes}
        for edge in self.edges:
            found[edge.target][edge.source] = None
        return found

    @cached_property
    def circular(self) -> frozenset[str]:
        """The nodes that no order can place: they wait for each other, or for such a circle."""
        return frozenset(self.graph.nodes) - set(self._sorted)

    @cached_property
    def order(self) -> tuple[str, ...]:
        """Each node after those it waits for; what stands in a circle comes last."""
        return (*self._sorted, *(node_id for node_id in self.graph.nodes if node_id in self.circular))

    @cached_property
    def _sorted(self) -> tuple[str, ...]:
        waits = {node_id: len(sources) for node_id, sources in self.needs.items()}
        feeds: dict[str, list[str]] = {}
        for target, sources in self.needs.items():
            for source in sources:
                feeds.setdefault(source, []).append(target)
        ready = [node_id for node_id, count in waits.items() if not count]
        for node_id in ready:  # grows while it is walked
            for target in feeds.get(node_id, ()):
                waits[target] -= 1
                if not waits[target]:
                    ready.append(target)
        return tuple(ready)

    def ports(self, node_id: str) -> frozenset[str]:
        """The names of a node's outputs."""
        return self._ports[node_id]

    def output(self, node_id: str, port: str) -> Shape:
        """What leaves through an output: as declared or sampled, in as many lists as the node is mapped over."""
        key = (node_id, port)
        if key not in self._shapes:
            self._shapes[key] = self._output(node_id, port)
        return self._shapes[key]

    def _output(self, node_id: str, port: str) -> Shape:
        sample = self.samples.get(node_id, {}).get(port)
        if sample is not None:
            return of_data(sample)
        node_type = self.types[node_id]
        shape = ERROR if port == ERROR_PORT else of_output(node_type) if node_type and port == MAIN.name else ANY
        for _ in range(self.ranks.get(node_id, 0)):
            shape = Shape("list", item=shape)
        return shape

    def reference(self, reference: Reference) -> Shape | str:
        """The shape of what a reference means; a text names the part that is not there."""
        shape = self._references.get(reference)
        if shape is None:
            if reference.node not in self.graph.nodes:
                return ANY
            port, path = port_of(reference, self._ports[reference.node])
            shape = self._references[reference] = follow(self.output(reference.node, port), path)
        return shape

    def levels(self, leaf: Leaf, reference: Reference) -> int:
        """How many levels this reference maps the node over."""
        if reference.whole or leaf.mode.follows or leaf.mode.per_item:
            return 0
        shape = self.reference(reference)
        return 0 if isinstance(shape, str) else max(0, shape.depth - leaf.mode.levels)

    def _rank(self, node: Node) -> int:
        node_type = self.types[node.id]
        if node_type is None or node_type.kind == "trigger" or node.each == "combined":
            return 0
        found = [
            self.levels(leaf, reference)
            for leaf in leaves_of(node, node_type)
            for reference in leaf.references
            if is_from_node(node_type, leaf, reference)
        ]
        return max([*found, *self._after(node)], default=0)

    def _after(self, node: Node) -> list[int]:
        """What branches of a mapped node deal out maps the nodes behind them."""
        found = []
        for source in node.after:
            try:
                references = compile(source).references
            except TemplateError:
                continue
            for reference in references:
                if reference.node in self.graph.nodes:
                    port, _ = port_of(reference, self.ports(reference.node))
                    found.append(self.ranks.get(reference.node, 0) if port != MAIN.name else 0)
        return found


def _has_sample(node: Node, node_type: NodeType | None) -> bool:
    """Whether a trigger has an example of what it gives."""
    return node_type is not None and node_type.kind == "trigger" and node.params.get(SAMPLE) is not None


_leaves: dict[int, tuple[Node, NodeType, tuple[Leaf, ...]]] = {}


def leaves_of(node: Node, node_type: NodeType) -> tuple[Leaf, ...]:
    """The templates that can be read."""
    found = _leaves.get(id(node))
    if found is None or found[0] is not node or found[1] is not node_type:
        if len(_leaves) > 20_000:
            _leaves.clear()
        leaves: list[Leaf] = []
        for name in node.params:
            try:
                leaves += field_leaves(node, node_type, name)
            except TemplateError:
                continue
        found = _leaves[id(node)] = (node, node_type, tuple(leaves))
    return found[2]


def is_from_node(node_type: NodeType, leaf: Leaf, reference: Reference) -> bool:
    """Whether a reference means another node, not the scope and not one of the node's own fields."""
    own = reference.node in node_type.fields and reference.node != leaf.path[0]
    return not own and reference.node not in SCOPE_NAMES


def ranks(graph: Graph, catalog: Catalog) -> dict[str, int]:
    """For each node over how many list levels it will be mapped, as far as that is known before a run."""
    return knowledge(graph, catalog).ranks


_recent: deque[Knowledge] = deque(maxlen=8)


def knowledge(graph: Graph, catalog: Catalog) -> Knowledge:
    """What is known of a drawing. Problems, ranks and targets of a draft are asked in turn, so it is kept a while."""
    for known in tuple(_recent):
        if known.graph is graph and known.catalog is catalog:
            return known
    known = Knowledge(graph, catalog)
    _recent.append(known)
    return known
