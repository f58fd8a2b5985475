"""Whether what a node refers to is there, can fire, and fits."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from engine.broadcast import Leaf, port_of
from engine.broadcast.edges import ERROR as ERROR_PORT
from engine.broadcast.fields import LOCAL
from engine.broadcast.leaves import SCOPE_NAMES
from engine.contract import MAIN, NodeType
from engine.expressions import Reference, TemplateError, compile, did_you_mean, write
from engine.graph import RESERVED_IDS, Node
from engine.problem import Fix, Problem
from engine.validation.across import unseen
from engine.validation.compare import mismatch
from engine.validation.mapping import Knowledge, leaves_of
from engine.validation.shapes import of_field

Clearing = Callable[[], Mapping[str, Any] | None]


class ReferenceChecks:
    """Asked node by node of one drawing."""

    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.graph = known.graph

    def references(self, node: Node, node_type: NodeType) -> Iterator[Problem]:
        for leaf in leaves_of(node, node_type):
            for reference in leaf.references:
                wired = self.known.is_wire(node.id, node_type, leaf, reference)
                if wired and reference.node not in SCOPE_NAMES:
                    clearing: Clearing = partial(_clear, node, leaf, reference)
                    yield from self._reference(node, leaf, leaf.field, reference, clearing)
                elif reference.node == "previous" and not wired:
                    yield Problem(
                        code="no_repeat",
                        message="“previous” only means something inside a Repeat.",
                        node=node.id,
                        field=leaf.field,
                    )
            yield from self._wire(node, node_type, leaf)
            yield from self._item(node, node_type, leaf)
        for number, source in enumerate(node.after):
            try:
                references = compile(source).references
            except TemplateError:
                continue
            rest = [entry for at, entry in enumerate(node.after) if at != number]
            for reference in references:
                clearing = partial(_after_without, node, rest)
                yield from self._reference(node, None, "after", reference, clearing)

    def _reference(
        self, node: Node, leaf: Leaf | None, field: str, reference: Reference, clearing: Clearing
    ) -> Iterator[Problem]:
        """Whether what is referred to can be there."""
        source = self.graph.nodes.get(reference.node)
        if source is None:
            if reference.node in RESERVED_IDS and field == "after":
                told = f"“{reference.node}” is no node."
            else:
                told = f"There is no node “{reference.node}”."
            known = [node_id for node_id in self.graph.nodes if node_id != node.id]
            yield Problem(
                code="unknown_node",
                message=told,
                node=node.id,
                field=field,
                hint=did_you_mean(reference.node, known) or None,
                fix=Fix(label="Clear it", ops=(clear,)) if (clear := clearing()) else None,
            )
            return
        if (problem := unseen(self.known, node, leaf, field, reference)) is not None:
            yield problem
            return
        names = self.known.ports(source.id)
        port, path = port_of(reference, names)
        if port not in names:
            yield self._no_output(node, field, source, reference, names)
            return
        if self.is_silent(source):
            told = f"“{source.title}” is turned off and passes nothing on."
            yield Problem(code="source_off", message=told, node=node.id, field=field, severity="warning")
        shape = self.known.reference(node.id, leaf, reference)
        if shape == ERROR_PORT and reference.path[0] == ERROR_PORT:
            yield self._no_output(node, field, source, reference, names)
        elif isinstance(shape, str):
            known_parts = self._parts(source.id, port, path)
            message = shape if " " in shape else f"“{source.title}” gives no “{shape}”."
            hint = did_you_mean(shape, known_parts) if " " not in shape else ""
            yield Problem(code="unknown_part", message=message, node=node.id, field=field, hint=hint or None)

    def is_silent(self, node: Node) -> bool:
        """Whether a node that is off passes nothing on: with a single output it passes on what its first port holds."""
        node_type = self.known.types[node.id]
        if not node.off or node_type is None:
            return False
        wired = any(spec.port and name in node.params for name, spec in node_type.fields.items())
        return node_type.outputs != (MAIN,) or not wired

    def _no_output(self, node: Node, field: str, source: Node, reference: Reference, names: frozenset[str]) -> Problem:
        asked = reference.path[0] if reference.path else None
        listed = ", ".join(sorted(names - {"error"})) or "none"
        told = (
            f"“{source.title}” has no output “{asked}”."
            if asked
            else f"“{source.title}” has several outputs: choose one."
            if names - {ERROR_PORT}
            else f"“{source.title}” gives nothing."
        )
        if asked == ERROR_PORT:
            enable = {"op": "set_option", "node": source.id, "key": "on_error", "value": "output"}
            fix = Fix(label=f"Let “{source.title}” send failures there", ops=(enable,))
            return Problem(
                code="unknown_output",
                message=f"“{source.title}” stops the run when it fails, so it has no error output.",
                node=node.id,
                field=field,
                fix=fix,
            )
        return Problem(code="unknown_output", message=told, node=node.id, field=field, hint=f"Its outputs: {listed}.")

    def _parts(self, node_id: str, port: str, path: tuple[str | int, ...]) -> list[str]:
        shape = self.known.output(node_id, port)
        for step in path:
            shape = shape.inside
            if step not in shape.fields:
                return list(shape.fields)
            shape = shape.fields[str(step)]
        return []

    def _wire(self, node: Node, node_type: NodeType, leaf: Leaf) -> Iterator[Problem]:
        """Whether what the wire brings fits the field."""
        if len(leaf.path) > 1 or leaf.mode.follows or leaf.mode.per_item:
            return
        name = str(leaf.path[0])
        for template in leaf.templates:
            reference = template.references[0] if template.kind == "reference" else None
            if reference is None or not self.known.is_wire(node.id, node_type, leaf, reference):
                continue
            shape = self.known.reference(node.id, leaf, reference)
            wanted = of_field(node_type, name)
            reason = "" if isinstance(shape, str) else mismatch(shape, wanted)
            if isinstance(shape, str) or not reason:
                continue
            title = node_type.fields[name].title
            filters = {"text": "text" if shape.inside.kind in ("number", "boolean") else "tojson"}
            fix = None
            if leaf.kind == "template" and wanted.kind in filters:
                turned = write(reference.node, reference.path).replace(" }}", f"|{filters[wanted.kind]} }}}}")
                op = {"op": "set_field", "node": node.id, "path": [name], "value": turned}
                fix = Fix(label="Turn it into text", ops=(op,))
            yield Problem(code="wrong_type", message=f"“{title}” {reason}", node=node.id, field=leaf.field, fix=fix)

    def _item(self, node: Node, node_type: NodeType, leaf: Leaf) -> Iterator[Problem]:
        """`item` and `index` mean something only where a list can map the node."""
        if leaf.mode.per_item or self.known.ranks.get(node.id):
            return
        local = [
            r.node
            for r in leaf.references
            if r.node in LOCAL and not self.known.giver(node.id, r.node, inside=leaf.mode.inside)
        ]
        if local and not self._may_map(node, node_type):
            told = f"“{local[0]}” means nothing here: no list makes “{node.title}” run once per item."
            yield Problem(code="no_item", message=told, node=node.id, field=leaf.field)

    def _may_map(self, node: Node, node_type: NodeType) -> bool:
        return bool(node.after) or any(
            self.known.is_wire(node.id, node_type, leaf, reference)
            and not (reference.whole or leaf.mode.per_item or leaf.mode.follows)
            for leaf in leaves_of(node, node_type)
            for reference in leaf.references
        )


def _after_without(node: Node, rest: list[str]) -> Mapping[str, Any]:
    return {"op": "set_option", "node": node.id, "key": "after", "value": rest or None}


def _clear(node: Node, leaf: Leaf, reference: Reference) -> Mapping[str, Any] | None:
    """The operation that takes a wire away; a mention inside a text is for a person to edit."""
    if leaf.kind == "template":
        bare = leaf.templates[0].kind == "reference"
        return {"op": "set_field", "node": node.id, "path": list(leaf.path)} if bare else None
    rest = [template.source for template in leaf.templates if template.references[0] != reference]
    value = {"first": rest} if len(rest) > 1 else rest[0] if rest else None
    return {"op": "set_field", "node": node.id, "path": list(leaf.path), "value": value}
