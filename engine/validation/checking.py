"""All problems of a drawing, node by node in the order of the document."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from engine.broadcast import Value, bind
from engine.catalog import Catalog
from engine.contract import Effect, ListLengthMismatch, NodeType
from engine.expressions import TemplateError, did_you_mean
from engine.graph import Graph, Node
from engine.problem import Fix, Problem
from engine.validation.across import container_problems
from engine.validation.circles import circles
from engine.validation.fields import field_problems
from engine.validation.mapping import knowledge
from engine.validation.options import option_problems
from engine.validation.outside import NOTHING, Outside
from engine.validation.references import ReferenceChecks
from engine.validation.workflows import workflow_problems

NAMED_TYPES = {"flow.input": "input", "flow.output": "output"}

# What only the call of a node would trip over: a node that is turned off is not called.
OF_CALLS = frozenset(
    {
        "missing_field",
        "bad_value",
        "unknown_field",
        "field_circle",
        "wrong_type",
        "unknown_node",
        "unknown_output",
        "unknown_part",
        "no_item",
        "no_repeat",
        "missing_input",
        "unknown_input",
    }
)


def problems(graph: Graph, catalog: Catalog, outside: Outside = NOTHING) -> list[Problem]:
    """What is wrong with the drawing, by what is declared, by the triggers' samples, and by `outside`."""
    return list(_Check(knowledge(graph, catalog, outside)).all())


class _Check(ReferenceChecks):
    """All that is asked of one drawing."""

    def all(self) -> Iterator[Problem]:
        names: dict[tuple[str, str], str] = {}
        for node in self.graph.nodes.values():
            node_type = self.known.types[node.id]
            if node_type is None:
                yield self._unknown_type(node)
                continue
            found = chain(
                field_problems(node, node_type),
                self.references(node, node_type),
                self._placed(node, node_type),
                self._duplicate_name(node, names),
            )
            yield from (_eased(problem) for problem in found) if node.off else found
        yield from circles(self.known)

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

    def _placed(self, node: Node, node_type: NodeType) -> Iterator[Problem]:
        """What the node's place in the drawing makes of it."""
        needs = self.known.needs[node.id]
        yield from container_problems(self.known, node, node_type)
        yield from workflow_problems(self.known, node, node_type)
        yield from option_problems(node, node_type)
        if node_type.kind == "trigger" and (needs or node.after):
            field = "after" if node.after else next(e.field for e in self.known.edges if e.target == node.id)
            yield Problem(
                code="trigger_waits",
                message=f"“{node.title}” starts runs and can wait for nothing.",
                node=node.id,
                field=field,
                fix=Fix(label="Remove the wires", ops=tuple(self._unwire(node))),
            )
        elif needs and all(self.is_silent(self.graph.nodes[source]) for source in needs):
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
                hint="Say what you want: once per item, once with all items together, or the first 5 only.",
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
        """Whether lists whose lengths are known would pair: those of a trigger's sample."""
        sources = self.known.needs[node.id]
        samples = self.known.samples
        if not sources or not samples.keys() >= set(sources) or self.known.graph.levels(node.id):
            return
        outputs = {source: {port: Value(data) for port, data in samples[source].items()} for source in sources}
        try:
            bind(node, node_type, outputs, {})
        except ListLengthMismatch as error:
            field = next(iter(error.lengths), None)
            yield Problem(
                code="length_mismatch",
                severity="warning",
                message=f"With the sample: {error.message}",
                node=node.id,
                field=field,
                hint=error.hint,
            )
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


def _eased(problem: Problem) -> Problem:
    """A problem of a node that is turned off: no error where only its call would meet it."""
    return problem.model_copy(update={"severity": "warning"}) if problem.code in OF_CALLS else problem


def _writes(node: Node, node_type: NodeType) -> bool:
    try:
        return node_type.effect_for(dict(node.params)) is Effect.write
    except (TypeError, ValueError, AttributeError, LookupError):
        return False
