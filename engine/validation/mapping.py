"""Where lists map a drawing, worked out before any run from what is declared and, where there are any, from samples."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any

from engine.broadcast import Leaf, edges, port_of, ports
from engine.broadcast.fields import LOCAL
from engine.broadcast.leaves import SCOPE_NAMES, field_leaves, is_own
from engine.catalog import Catalog
from engine.contract import MAIN, NodeType
from engine.expressions import Reference, TemplateError, compile
from engine.graph import Edge, Graph, Node
from engine.validation.giving import Giving
from engine.validation.order import Order, ordered
from engine.validation.outside import NOTHING, Outside
from engine.validation.shapes import ANY, Shape, common, follow

Samples = Mapping[str, Mapping[str, Any]]
SAMPLE = "sample"


class Knowledge:
    """What is known of every node of one drawing.

    `catalog`: that of the drawing, `given` the one that it was made of. `samples`: what leaves a trigger when nobody
    hands it anything else, by node and output. `ranks`: over how many list levels each node is mapped.
    """

    def __init__(self, graph: Graph, catalog: Catalog, outside: Outside = NOTHING) -> None:
        self.graph, self.outside, self.given = graph, outside, catalog
        self.catalog = catalog = outside.catalog(catalog)
        self.types = {node_id: catalog.get(n.type, n.version) for node_id, n in graph.nodes.items()}
        self.samples: Samples = {
            node_id: {MAIN.name: node.params[SAMPLE]}
            for node_id, node in graph.nodes.items()
            if _has_sample(node, self.types[node_id])
        }
        self.ranks: dict[str, int] = {}
        self._references: dict[Reference, Shape | str] = {}
        self._ports = {node_id: ports(node, self.types[node_id]) for node_id, node in graph.nodes.items()}
        self._giving = Giving(self)
        for node_id in self.order.nodes:
            self.ranks[node_id] = self._rank(graph.nodes[node_id])
            self._giving.settle(node_id)

    @cached_property
    def edges(self) -> tuple[Edge, ...]:
        return edges(self.graph, self.catalog)

    @cached_property
    def needs(self) -> Mapping[str, Mapping[str, None]]:
        """For each node those that its wires come from, in the order of its fields."""
        found: dict[str, dict[str, None]] = {node_id: {} for node_id in self.graph.nodes}
        for edge in self.edges:
            if edge.kind != "result":
                found[edge.target][edge.source] = None
        return found

    @cached_property
    def order(self) -> Order:
        return ordered(self.graph, self.edges)

    def ports(self, node_id: str) -> frozenset[str]:
        """The names of a node's outputs."""
        return self._ports[node_id]

    def output(self, node_id: str, port: str) -> Shape:
        """What leaves through an output: as declared, passed on or sampled, in as many lists as the node is mapped
        over."""
        return self._giving.output(node_id, port)

    def giver(self, node_id: str, name: str, *, inside: bool = False) -> str | None:
        """The innermost container around that gives its body this name; `inside`: as asked in the node's own body."""
        for around in reversed((*self.graph.levels(node_id), node_id) if inside else self.graph.levels(node_id)):
            node_type = self.types[around]
            if node_type is not None and name in node_type.gives:
                return around
        return None

    def is_wire(self, node_id: str, node_type: NodeType, leaf: Leaf, reference: Reference) -> bool:
        """Whether a reference brings something from outside of the call: from a node, from the trigger, or from what a
        container around gives."""
        if is_own(node_type, leaf, reference.node):
            return False
        if reference.node in LOCAL and leaf.mode.per_item:
            return False
        if reference.node in SCOPE_NAMES and reference.node != "trigger":
            return self.giver(node_id, reference.node, inside=leaf.mode.inside) is not None
        return True

    def reference(self, node_id: str, leaf: Leaf | None, reference: Reference) -> Shape | str:
        """The shape of what a reference of a node means; a text names the part that is not there."""
        inside = leaf is not None and leaf.mode.inside
        if reference.node in SCOPE_NAMES:
            found = follow(self._in_scope(node_id, reference.node, inside), reference.path)
            return found if isinstance(found, Shape) or reference.node != "trigger" else ANY
        if reference.node not in self.graph.nodes or not self.graph.sees(node_id, reference.node, inside=inside):
            return ANY
        shape = self._references.get(reference)
        if shape is None:
            port, path = port_of(reference, self._ports[reference.node])
            shape = self._references[reference] = follow(self.output(reference.node, port), path)
        return shape

    def _in_scope(self, node_id: str, name: str, inside: bool) -> Shape:
        """The shape of `trigger`, or of what a container around gives; of anything else nothing is known."""
        if name == "trigger":
            triggers = [n for n, node_type in self.types.items() if node_type and node_type.kind == "trigger"]
            return common([self.output(node, MAIN.name) for node in triggers])
        giver = self.giver(node_id, name, inside=inside)
        return ANY if giver is None else self._giving.to_body(giver, name)

    def leaves(self, node: Node, node_type: NodeType) -> tuple[Leaf, ...]:
        """The templates that can be read."""
        return leaves_of(node, node_type)

    def body(self, container: str) -> tuple[str, ...]:
        """What stands directly in a container, notes apart."""
        types = ((node_id, self.types[node_id]) for node_id in self.graph.children(container))
        return tuple(node_id for node_id, node_type in types if node_type is None or node_type.kind != "note")

    def last(self, container: str) -> tuple[str, ...]:
        """The nodes that a body ends with: none of it waits for them."""
        body = self.body(container)
        waited = {source for node_id in body for source in self.order.sources[node_id]}
        return tuple(node_id for node_id in body if node_id not in waited)

    def levels(self, node_id: str, leaf: Leaf, reference: Reference) -> int:
        """How many levels this reference maps the node over."""
        if reference.whole or leaf.mode.follows or leaf.mode.per_item:
            return 0
        shape = self.reference(node_id, leaf, reference)
        return 0 if isinstance(shape, str) else max(0, shape.depth - leaf.mode.levels)

    def _rank(self, node: Node) -> int:
        node_type = self.types[node.id]
        if node_type is None or node_type.kind == "trigger" or node.each == "combined":
            return 0
        found = [
            self.levels(node.id, leaf, reference)
            for leaf in leaves_of(node, node_type)
            for reference in leaf.references
            if self.is_wire(node.id, node_type, leaf, reference)
        ]
        return max([*found, *self._after(node)], default=0)

    def _after(self, node: Node) -> Iterator[int]:
        """What branches of a mapped node deal out maps the nodes behind them."""
        for source in node.after:
            try:
                references = compile(source).references
            except TemplateError:
                continue
            for reference in references:
                if reference.node in self.graph.nodes and self.graph.sees(node.id, reference.node):
                    port, _ = port_of(reference, self.ports(reference.node))
                    yield self.ranks.get(reference.node, 0) if port != MAIN.name else 0


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


def ranks(graph: Graph, catalog: Catalog, outside: Outside = NOTHING) -> dict[str, int]:
    """For each node over how many list levels it will be mapped, as far as that is known before a run."""
    return knowledge(graph, catalog, outside).ranks


_recent: deque[Knowledge] = deque(maxlen=8)


def knowledge(graph: Graph, catalog: Catalog, outside: Outside = NOTHING) -> Knowledge:
    """What is known of a drawing. Problems, ranks and targets of a draft are asked in turn, so it is kept a while."""
    for known in tuple(_recent):
        if known.graph is graph and known.given is catalog and known.outside is outside:
            return known
    known = Knowledge(graph, catalog, outside)
    _recent.append(known)
    return known
