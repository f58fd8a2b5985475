"""What a wire from an output may end in, and why not elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from engine.broadcast.edges import ahead_of, behind
from engine.broadcast.leaves import ALL, levels
from engine.catalog import Catalog
from engine.contract import NodeType
from engine.graph import Graph
from engine.validation.compare import mismatch
from engine.validation.mapping import knowledge
from engine.validation.outside import NOTHING, Outside
from engine.validation.shapes import ANY, Shape, of_field

AFTER = "after"


@dataclass(frozen=True, slots=True)
class Fit:
    """`field` takes the wire or says why not. `levels`: over how many list levels the node would run once per item."""

    field: str
    fits: bool
    reason: str = ""
    levels: int = 0

    @property
    def note(self) -> str:
        """What one should know before dropping the wire here."""
        return self.reason or ("runs once per item" if self.levels else "")


@dataclass(frozen=True, slots=True)
class Targets:
    """By node: its fields and `after`. By type that may follow: the field that takes the wire best."""

    nodes: Mapping[str, Mapping[str, Fit]]
    following: Mapping[str, Fit]


def targets(graph: Graph, catalog: Catalog, source: str, port: str, outside: Outside = NOTHING) -> Targets:
    """Where a wire from this output may go. Raises LookupError for a node or output that is not there."""
    known = knowledge(graph, catalog, outside)
    if source not in graph.nodes:
        raise LookupError(f"There is no node “{source}”.")
    if port not in known.ports(source):
        raise LookupError(f"“{graph.nodes[source].title}” has no output “{port}”.")
    shape = known.output(source, port)
    before = ahead_of(behind(graph, known.edges), source)
    nodes: dict[str, Mapping[str, Fit]] = {}
    for node_id in graph.nodes:
        node_type = known.types[node_id]
        if node_type is not None:
            in_own_body = graph.level(source) == node_id
            refusal = "" if in_own_body else _refusal(graph, node_type, node_id, source, before)
            nodes[node_id] = _fields(node_type, shape, refusal, inside=in_own_body)
    return Targets(nodes, {t.id: _best(t, shape) for t in catalog.all() if t.kind != "trigger"})


def _refusal(graph: Graph, node_type: NodeType, node_id: str, source: str, before: frozenset[str]) -> str:
    """Why no wire from `source` may enter the node at all."""
    title, level = graph.nodes[node_id].title, graph.level(source)
    waiting = graph.at_level(node_id, level)
    if node_type.kind == "trigger":
        return f"“{title}” starts runs: no wire can enter it."
    if node_id == source:
        return "A node cannot wait for itself."
    if waiting is None:
        around = graph.nodes[str(level)].title
        told = f"“{graph.nodes[source].title}” stands inside “{around}”"
        return f"{told}: from outside only the outputs of “{around}” can be used."
    if waiting == source:
        return f"“{title}” stands inside “{graph.nodes[source].title}”, which gives nothing before its body has ended."
    if waiting in before:
        return f"“{graph.nodes[source].title}” already waits for “{title}”: the wire would close a circle."
    return ""


def _fields(node_type: NodeType, shape: Shape, refusal: str, *, inside: bool) -> dict[str, Fit]:
    """`inside`: the wire comes from the node's own body, where it may end in what is asked there and nowhere else."""
    found: dict[str, Fit] = {}
    for name, spec in node_type.fields.items():
        asked = "in its body" if spec.inside else "before its body starts"
        wrong = f"“{spec.title}” is asked {asked}." if spec.inside != inside else refusal
        found[name] = Fit(name, False, wrong) if wrong else fit(node_type, name, shape)
    refusal = "It cannot wait for what stands in it." if inside else refusal
    return {**found, AFTER: Fit(AFTER, not refusal, refusal)}


_fits: dict[tuple[int, str, int], tuple[NodeType, Shape, Fit]] = {}


def fit(node_type: NodeType, name: str, shape: Shape) -> Fit:
    """How one field meets a value of this shape."""
    key = (id(node_type), name, id(shape))
    found = _fits.get(key)
    if found is None or found[0] is not node_type or found[1] is not shape:
        if len(_fits) > 20_000:
            _fits.clear()
        found = _fits[key] = (node_type, shape, _fit(node_type, name, shape))
    return found[2]


def _fit(node_type: NodeType, name: str, shape: Shape) -> Fit:
    spec = node_type.fields[name]
    if spec.literal:
        return Fit(name, False, f"“{spec.title}” is used as it is written.")
    if spec.per_item:
        return Fit(name, False, f"“{spec.title}” is asked of each row: write an expression.")
    if spec.rank == "whole" or spec.inside:
        return Fit(name, True)
    reason = mismatch(shape, of_field(node_type, name))
    if reason:
        return Fit(name, False, f"“{spec.title}” {reason}")
    taken = levels(node_type.params.model_fields[name].annotation)
    return Fit(name, True, levels=0 if taken >= ALL else max(0, shape.depth - taken))


def _best(node_type: NodeType, shape: Shape) -> Fit:
    """The port that fits with the least mapping, a required one first; the header when none does."""
    fits = [fit(node_type, name, shape) for name, spec in node_type.fields.items() if spec.port and not spec.inside]
    good = [found for found in fits if found.fits]
    if not good:
        return (
            Fit(AFTER, True) if shape is ANY or not fits else Fit(AFTER, True, "runs afterwards; its fields do not fit")
        )
    return min(good, key=lambda found: (found.levels, not node_type.fields[found.field].required))
