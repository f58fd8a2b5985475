"""All problems of a drawing, node by node in the order of the document."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from engine.broadcast import SKIPPED, Leaf, Value, bind, port_of
from engine.broadcast.edges import ERROR as ERROR_PORT
from engine.catalog import Catalog
from engine.contract import MAIN, Effect, ListLengthMismatch, NodeType
from engine.expressions import Reference, TemplateError, compile, did_you_mean, write
from engine.graph import RESERVED_IDS, Graph, Node
from engine.problem import Fix, Problem
from engine.validation.compare import mismatch
from engine.validation.fields import field_problems
from engine.validation.mapping import Knowledge, Samples, is_from_node, knowledge, leaves_of
from engine.validation.shapes import of_field

NAMED_TYPES = {"flow.input": "input", "flow.output": "output"}


def problems(graph: Graph, catalog: Catalog, samples: Samples | None = None) -> list[Problem]:
    """What is wrong with the drawing. `samples`: outputs of an earlier run by node and port, which tell more of values
    and lengths than declarations do."""
    return list(_Check(knowledge(graph, catalog, samples)).all())


class _Check:
    def __init__(self, known: Knowledge) -> None:
        self.known = known
        self.graph = known.graph

    def all(self) -> Iterator[Problem]:
        names: dict[tuple[str, str], str] = {}
        for node in self.graph.nodes.values():
            node_type = self.known.types[node.id]
            if node_type is None:
                yield self._unknown_type(node)
                continue
            yield from field_problems(node, node_type)
            yield from self._references(node, node_type)
            yield from self._placed(node, node_type)
            yield from self._duplicate_name(node, names)
        yield from self._circles()

    def _unknown_type(self, node: Node) -> Problem:
        catalog = self.known.catalog
        newest = catalog.get(node.type)
        if newest is None:
            hint = did_you_mean(node.type, catalog)
            told = f"There is no node type “{node.type}”."
            return Problem(code="unknown_type", message=told, node=node.id, field="type", hint=hint or None)
        return Problem(
            code="unknown_version",
            message=f"“{newest.title}” has no version {node.version} here.",
            node=node.id,
            field="version",
            hint=f"The newest is version {newest.version}.",
            fix=Fix(
                label=f"Use version {newest.version}",
                ops=({"op": "set_option", "node": node.id, "key": "version", "value": newest.version},),
            ),
        )

    def _references(self, node: Node, node_type: NodeType) -> Iterator[Problem]:
        for leaf in leaves_of(node, node_type):
            for reference in leaf.references:
                if is_from_node(node_type, leaf, reference):
                    yield from self._reference(node, leaf.field, reference, _clear(node, leaf, reference))
                elif reference.node == "previous":
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
            clear = {"op": "set_option", "node": node.id, "key": "after", "value": rest or None}
            for reference in references:
                yield from self._reference(node, "after", reference, clear)

    def _reference(
        self, node: Node, field: str, reference: Reference, clear: Mapping[str, Any] | None
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
                fix=Fix(label="Clear it", ops=(clear,)) if clear else None,
            )
            return
        names = self.known.ports(source.id)
        port, path = port_of(reference, names)
        if port not in names:
            yield self._no_output(node, field, source, reference, names)
            return
        if self._is_silent(source):
            told = f"“{source.title}” is turned off and passes nothing on."
            yield Problem(code="source_off", message=told, node=node.id, field=field, severity="warning")
        shape = self.known.reference(reference)
        if shape == ERROR_PORT and reference.path[0] == ERROR_PORT:
            yield self._no_output(node, field, source, reference, names)
        elif isinstance(shape, str):
            known_parts = self._parts(source.id, port, path)
            message = shape if " " in shape else f"“{source.title}” gives no “{shape}”."
            hint = did_you_mean(shape, known_parts) if " " not in shape else ""
            yield Problem(code="unknown_part", message=message, node=node.id, field=field, hint=hint or None)

    def _is_silent(self, node: Node) -> bool:
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
            if template.kind != "reference" or not is_from_node(node_type, leaf, template.references[0]):
                continue
            shape = self.known.reference(template.references[0])
            wanted = of_field(node_type, name)
            reason = "" if isinstance(shape, str) else mismatch(shape, wanted)
            if isinstance(shape, str) or not reason:
                continue
            title = node_type.fields[name].title
            filters = {"text": "text" if shape.inside.kind in ("number", "boolean") else "tojson"}
            fix = None
            if leaf.kind == "template" and wanted.kind in filters:
                reference = template.references[0]
                turned = write(reference.node, reference.path).replace(" }}", f"|{filters[wanted.kind]} }}}}")
                op = {"op": "set_field", "node": node.id, "path": [name], "value": turned}
                fix = Fix(label="Turn it into text", ops=(op,))
            yield Problem(code="wrong_type", message=f"“{title}” {reason}", node=node.id, field=leaf.field, fix=fix)

    def _item(self, node: Node, node_type: NodeType, leaf: Leaf) -> Iterator[Problem]:
        """`item` and `index` mean something only where a list can map the node."""
        if leaf.mode.per_item or self.known.ranks.get(node.id) or node.container:
            return
        local = [r.node for r in leaf.references if r.node in ("item", "index")]
        if local and not self._may_map(node, node_type):
            told = f"“{local[0]}” means nothing here: no list makes “{node.title}” run once per item."
            yield Problem(code="no_item", message=told, node=node.id, field=leaf.field)

    def _may_map(self, node: Node, node_type: NodeType) -> bool:
        return bool(node.after) or any(
            is_from_node(node_type, leaf, reference) and not reference.whole and not leaf.mode.per_item
            for leaf in leaves_of(node, node_type)
            for reference in leaf.references
        )

    def _placed(self, node: Node, node_type: NodeType) -> Iterator[Problem]:
        """What the node's place in the drawing makes of it."""
        needs = self.known.needs[node.id]
        if node.container is not None:
            told = f"“{node.title}” stands in a container, and this version of Weft runs none."
            undo = {"op": "set_option", "node": node.id, "key": "in", "value": None}
            fix = Fix(label="Take it out", ops=(undo,))
            yield Problem(code="no_containers", message=told, node=node.id, field="in", fix=fix)
        if node_type.kind == "trigger" and (needs or node.after):
            field = "after" if node.after else next(e.field for e in self.known.edges if e.target == node.id)
            yield Problem(
                code="trigger_waits",
                message=f"“{node.title}” starts runs and can wait for nothing.",
                node=node.id,
                field=field,
                fix=Fix(label="Remove the wires", ops=tuple(self._unwire(node))),
            )
        elif needs and all(self._is_silent(self.graph.nodes[source]) for source in needs):
            told = f"“{node.title}” never runs: all it hangs on is turned off."
            yield Problem(code="never_runs", message=told, node=node.id, severity="warning")
        levels = self.known.ranks.get(node.id, 0)
        if levels and node.each is None and _writes(node, node_type):
            yield Problem(
                code="write_maps",
                severity="warning",
                node=node.id,
                field="each",
                message=f"“{node.title}” acts on the world outside and runs once per item of a list.",
                hint="Say what you want: once per item, or the first 5 only.",
                fix=Fix(
                    label="Run once per item",
                    ops=({"op": "set_option", "node": node.id, "key": "each", "value": "item"},),
                ),
            )
        yield from self._lengths(node, node_type)

    def _unwire(self, node: Node) -> Iterator[dict[str, Any]]:
        if node.after:
            yield {"op": "set_option", "node": node.id, "key": "after", "value": None}
        for name in dict.fromkeys(e.field.split(".")[0] for e in self.known.edges if e.target == node.id):
            if name != "after":
                yield {"op": "set_field", "node": node.id, "path": [name]}

    def _lengths(self, node: Node, node_type: NodeType) -> Iterator[Problem]:
        """Whether the lists of the last run would pair."""
        sources = self.known.needs[node.id]
        if not sources or not all(source in self.known.samples for source in sources):
            return
        outputs = {
            source: {port: value if isinstance(value, Value) else Value(value) for port, value in ports_.items()}
            or SKIPPED
            for source, ports_ in self.known.samples.items()
            if source in sources
        }
        try:
            bind(node, node_type, outputs, {})
        except ListLengthMismatch as error:
            field = next(iter(error.lengths), None)
            yield Problem(code="length_mismatch", message=error.message, node=node.id, field=field, hint=error.hint)
        except TemplateError:
            return

    def _duplicate_name(self, node: Node, names: dict[tuple[str, str], str]) -> Iterator[Problem]:
        what, name = NAMED_TYPES.get(node.type), node.params.get("name")
        if what is None or not isinstance(name, str) or not name:
            return
        other = names.setdefault((what, name), node.id)
        if other != node.id:
            told = f"Another {what} is called “{name}” already: “{self.graph.nodes[other].title}”."
            yield Problem(code="duplicate_name", message=told, node=node.id, field="name", hint="Give it another name.")

    def _circles(self) -> Iterator[Problem]:
        """The nodes that truly stand in a circle, not those that only wait for one."""
        left = self.known.circular
        for node_id in (n for n in self.graph.nodes if n in left):
            circle = self._way_back(node_id, left)
            if circle:
                titles = " → ".join(f"“{self.graph.nodes[step].title}”" for step in (node_id, *circle, node_id))
                edge = next(e for e in self.known.edges if e.target == node_id and e.source in (*circle, node_id))
                yield Problem(
                    code="circle",
                    message=f"These nodes wait for each other: {titles}.",
                    node=node_id,
                    field=edge.field,
                    hint="Remove one of the wires; only containers loop.",
                )

    def _way_back(self, start: str, left: frozenset[str]) -> list[str] | None:
        """The shortest way from a node over what it waits for back to itself; empty when it waits for itself only."""
        came: dict[str, str] = {}
        frontier = [start]
        for node_id in frontier:  # grows while it is walked
            for source in self.known.needs[node_id]:
                if source == start:
                    path = [node_id]
                    while path[-1] != start:
                        path.append(came[path[-1]])
                    return path[:-1] or [start]
                if source in left and source not in came:
                    came[source] = node_id
                    frontier.append(source)
        return None


def _clear(node: Node, leaf: Leaf, reference: Reference) -> Mapping[str, Any] | None:
    """The operation that takes a wire away; a mention inside a text is for a person to edit."""
    if leaf.kind == "template":
        bare = leaf.templates[0].kind == "reference"
        return {"op": "set_field", "node": node.id, "path": list(leaf.path)} if bare else None
    rest = [template.source for template in leaf.templates if template.references[0] != reference]
    value = {"first": rest} if len(rest) > 1 else rest[0] if rest else None
    return {"op": "set_field", "node": node.id, "path": list(leaf.path), "value": value}


def _writes(node: Node, node_type: NodeType) -> bool:
    try:
        return node_type.effect_for(dict(node.params)) is Effect.write
    except (TypeError, ValueError, AttributeError, LookupError):
        return False
