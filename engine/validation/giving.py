"""What leaves each node, before any run: as declared, as sampled, or passed on from what came in."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from engine.broadcast import Leaf
from engine.broadcast.edges import ERROR as ERROR_PORT
from engine.broadcast.edges import outputs_of
from engine.broadcast.leaves import Path
from engine.contract import MAIN, NodeType
from engine.graph import Node
from engine.validation.shapes import ANY, ERROR, TEXT, Shape, common, of_data, of_output, of_schema

if TYPE_CHECKING:
    from engine.validation.mapping import Knowledge

NUMBER = Shape("number")
RUN_WORKFLOW = "flow.run_workflow"
MAX_DEPTH = 12


class Giving:
    """The shapes of one drawing's outputs, worked out in the order of its nodes."""

    def __init__(self, known: Knowledge) -> None:
        self._known = known
        self._shapes: dict[tuple[str, str], Shape] = {}
        self._open: set[tuple[str, str]] = set()

    def settle(self, node_id: str) -> None:
        """Work out now what a node passes on, while all before it is known: long chains then need no recursion."""
        node_type = self._known.types[node_id]
        if node_type is not None and not node_type.body:
            for output in outputs_of(self._known.graph.nodes[node_id], node_type):
                if output.passes:
                    self.output(node_id, output.name)

    def output(self, node_id: str, port: str) -> Shape:
        """See `Knowledge.output`. What is passed round in a circle is anything."""
        key = (node_id, port)
        if key in self._open:
            return ANY
        if key not in self._shapes:
            self._open.add(key)
            self._shapes[key] = self._output(node_id, port)
            self._open.discard(key)
        return self._shapes[key]

    def _output(self, node_id: str, port: str) -> Shape:
        known = self._known
        sample = known.samples.get(node_id, {}).get(port)
        if sample is not None:
            return of_data(sample)
        node, node_type = known.graph.nodes[node_id], known.types[node_id]
        shape = ERROR if port == ERROR_PORT else self._once(node, node_type, port) if node_type else ANY
        for _ in range(known.ranks.get(node_id, 0)):
            shape = Shape("list", item=shape)
        return shape

    def _once(self, node: Node, node_type: NodeType, port: str) -> Shape:
        """What one call gives."""
        if node_type.id == RUN_WORKFLOW and port == MAIN.name:
            return self._of_workflow(node)
        declared = next((output for output in outputs_of(node, node_type) if output.name == port), None)
        if declared is None or not (declared.passes or declared.type is not None):
            return of_output(node_type) if port == MAIN.name else ANY
        if declared.type is not None:
            return of_schema(TypeAdapter(declared.type).json_schema(mode="serialization"))
        shape = self.field(node, node_type, declared.passes)
        return Shape("list", item=shape) if declared.listed else shape

    def field(self, node: Node, node_type: NodeType, name: str) -> Shape:
        """What one call finds in a field. A container's empty result is what the last nodes of its body give."""
        spec = node_type.fields.get(name)
        if spec is None:
            return ANY
        raw = node.params.get(name)
        if raw is None:
            return self._last(node.id) if spec.inside else ANY
        leaves = {leaf.path: leaf for leaf in self._known.leaves(node, node_type) if leaf.path[0] == name}
        return ANY if spec.per_item else self._raw(node.id, raw, (name,), leaves, 0)

    def _raw(self, node_id: str, raw: Any, path: Path, leaves: Mapping[Path, Leaf], depth: int) -> Shape:
        if path in leaves:
            return self._leaf(node_id, leaves[path])
        if depth > MAX_DEPTH:
            return ANY
        if isinstance(raw, Mapping):
            fields = {key: self._raw(node_id, inner, (*path, key), leaves, depth + 1) for key, inner in raw.items()}
            return Shape("record", fields)
        if isinstance(raw, list):
            items = [self._raw(node_id, inner, (*path, n), leaves, depth + 1) for n, inner in enumerate(raw)]
            return Shape("list", item=common(items))
        return of_data(raw)

    def _leaf(self, node_id: str, leaf: Leaf) -> Shape:
        if leaf.kind != "first" and leaf.templates[0].kind != "reference":
            return TEXT if leaf.templates[0].kind == "text" else ANY
        return common([self._bound(node_id, leaf, number) for number in range(len(leaf.templates))])

    def _bound(self, node_id: str, leaf: Leaf, number: int) -> Shape:
        """What a bare wire brings to one call: without the levels that map the node."""
        reference = leaf.templates[number].references[0]
        shape = self._known.reference(node_id, leaf, reference)
        if isinstance(shape, str):
            return ANY
        levels = self._known.levels(node_id, leaf, reference)
        return reduce(lambda inner, _: inner.item or ANY, range(levels), shape)

    def _last(self, container: str) -> Shape:
        """The main output of the body's last node; of several a record by node."""
        last = self._known.last(container)
        shapes = {node_id: self.output(node_id, MAIN.name) for node_id in last}
        return next(iter(shapes.values())) if len(shapes) == 1 else Shape("record", shapes) if shapes else ANY

    def to_body(self, container: str, name: str) -> Shape:
        """What a container gives its body under a name."""
        node, node_type = self._known.graph.nodes[container], self._known.types[container]
        if node_type is None or not node_type.gives.get(name):
            return NUMBER if name == "index" else ANY
        spec = node_type.fields.get(node_type.gives[name])
        if spec is None or not spec.levels:
            return ANY  # what the first round finds may differ from what the later ones do
        items = self.field(node, node_type, spec.name)
        item = items.item or ANY if items.kind == "list" else ANY
        batch = node.params.get("batch", 1)
        return item if batch == 1 else Shape("list", item=item) if isinstance(batch, int) else ANY

    def _of_workflow(self, node: Node) -> Shape:
        """A record of what the other workflow's Output nodes give."""
        workflows = self._known.outside.workflows
        other = workflows.get(str(node.params.get("workflow"))) if workflows is not None else None
        if other is None or node.params.get("mode", "in_line") == "detached":
            return ANY
        return Shape("record", dict.fromkeys(other.gives, ANY), closed=bool(other.gives))
