"""The names that a node's templates can use: nodes before it with their fields, and what is always there."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.pages.editor.ports import main_word, outputs_of
from app.pages.editor.words import ARROW
from app.services.preview import Samples
from app.services.values import cell
from engine.broadcast.edges import waits
from engine.catalog import Catalog
from engine.graph import Edge, Graph, Node

MOST_FIELDS = 40
LONGEST_DETAIL = 40

Name = dict[str, str]

MAPPED: tuple[Name, ...] = (
    {"insert": "item", "label": "item", "detail": "the row or item at hand"},
    {"insert": "index", "label": "index", "detail": "its position, from 0"},
)
GIVEN = {
    "item": "the item of this round",
    "index": "the number of this round, from 0",
    "previous": "of the round before",
}
ALWAYS: tuple[Name, ...] = (
    {"insert": "now()", "label": "now()", "detail": "this moment"},
    {"insert": "run.id", "label": "run.id", "detail": "this run"},
)


def before(graph: Graph, edges: Sequence[Edge], node_id: str) -> list[Node]:
    """The nodes that this one may refer to: of its level and those around it all but itself and what hangs on it or on
    the containers that it stands in. Those that feed it come first."""
    following: dict[str, list[str]] = {}
    for waiting, edge in waits(graph, edges):
        following.setdefault(edge.source, []).append(waiting)
    feeding = {edge.source for edge in edges if edge.target == node_id and edge.kind != "result"}
    hanging = {node_id, *graph.levels(node_id)}
    frontier = list(hanging)
    while frontier:
        fresh = [one for one in following.get(frontier.pop(), ()) if one not in hanging]
        hanging.update(fresh)
        frontier += fresh
    usable = [
        node
        for node in graph.nodes.values()
        if node.id not in hanging and node.type != "flow.output" and graph.sees(node_id, node.id)
    ]
    return sorted(usable, key=lambda node: node.id not in feeding)


def sources(nodes: Iterable[Node], catalog: Catalog, samples: Samples) -> list[dict[str, Any]]:
    """Each node before this one with what leaves it, as the In tab shows it."""
    return [source for node in nodes for source in _of_node(node, catalog, samples)]


def _of_node(node: Node, catalog: Catalog, samples: Samples) -> Iterable[dict[str, Any]]:
    one = catalog.get(node.type, node.version) or catalog.get(node.type)
    if one is None:
        return
    for port in outputs_of(one, node.params):
        reference = node.id if port.name == "main" else f"{node.id}.{port.name}"
        items = samples.get(node.id, {}).get(port.name)
        fields = _fields(items.items[0] if items and items.items else None, one.output_schema)
        yield {
            "id": node.id,
            "port": port.name,
            "label": node.title if port.name == "main" else f"{node.title}{ARROW}{port.label or port.name}",
            "icon": one.icon,
            "kind": one.category,
            "reference": _braced(reference),
            "insert": reference,
            "detail": _detail(items.total) if items and items.total is not None else main_word(one),
            "fields": [
                {"reference": _braced(inner), "insert": inner, "label": name, "detail": text}
                for name, text in fields.items()
                for inner in (f"{reference}.{name}",)
            ],
        }  # fmt: skip


def _braced(reference: str) -> str:
    return f"{{{{ {reference} }}}}"


def _detail(total: int) -> str:
    return f"{total:,} items"


def _fields(sample: Any, schema: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a value: those of a sample, or those that the node type promises."""
    if isinstance(sample, Mapping) and "$file" not in sample:
        return {
            str(name): cell(value)[:LONGEST_DETAIL]
            for name, value in list(sample.items())[:MOST_FIELDS]
            if str(name).isidentifier()
        }
    return {name: str(inner.get("type", "")) for name, inner in schema.get("properties", {}).items() if name[0] != "$"}


def around(graph: Graph, catalog: Catalog, node_id: str, given: Mapping[str, Any]) -> list[Name]:
    """What the containers around a node give its body, with the fields that are known of it; the innermost counts."""
    found: dict[str, str] = {}
    for container in graph.levels(node_id):
        node = graph.nodes[container]
        one = catalog.get(node.type, node.version)
        found.update(dict.fromkeys(one.gives if one else (), node.title))
    names: list[Name] = []
    for name, title in found.items():
        names.append({"insert": name, "label": name, "detail": f"{GIVEN.get(name, '')} · {title}"})
        fields = _fields(given.get(name), {})
        names += [
            {"insert": f"{name}.{field}", "label": f"{name}{ARROW}{field}", "detail": text}
            for field, text in fields.items()
        ]
    return names


def completions(
    found: Sequence[Mapping[str, Any]], own_fields: Iterable[str], around: Sequence[Name] = ()
) -> list[Name]:
    """What ``{{`` offers, the nearest first."""
    names: list[Name] = [*around]
    for source in found:
        names.append({"insert": source["insert"], "label": source["label"], "detail": source["detail"]})
        names += [
            {"insert": one["insert"], "label": f"{source['label']}{ARROW}{one['label']}", "detail": one["detail"]}
            for one in source["fields"]
        ]
    names += [{"insert": name, "label": name, "detail": "this node's own field"} for name in own_fields]
    inside = {name["insert"] for name in around}
    return [*names, *(name for name in MAPPED if name["insert"] not in inside), *ALWAYS]
