"""The operations, one function each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from engine.catalog import Catalog
from engine.contract import NodeType
from engine.document import MAX_NODES, DocumentError, dump_node, load_node
from engine.document.writing import NODE_KEYS
from engine.expressions import did_you_mean, rename
from engine.graph import MAX_LEVELS, RESERVED_IDS, Graph, Node
from engine.patch.changes import CLEARED, PatchError, steps, with_field, with_nodes
from engine.patch.difference import OPTIONS, difference
from engine.patch.grouping import group, move_into, need_body, topmost, ungroup
from engine.patch.leading import with_templates
from engine.patch.splicing import splice
from engine.patch.wiring import connect, disconnect, without_references

Op = Mapping[str, Any]


def apply(graph: Graph, ops: Sequence[Op], catalog: Catalog) -> tuple[Graph, list[dict[str, Any]]]:
    """The drawing after all operations, and the operations that lead back.

    Raises:
        PatchError: one of them makes no sense; then none of them holds.
    """
    before = graph
    for op in ops:
        name = op.get("op") if isinstance(op, Mapping) else None
        handler = HANDLERS.get(str(name))
        if handler is None:
            raise PatchError(f"There is no operation “{name}”. {did_you_mean(str(name), HANDLERS)}")
        graph = handler(graph, op, catalog)
    return graph, difference(graph, before)


def node_of(graph: Graph, op: Op, key: str = "node") -> Node:
    """Raises PatchError."""
    node = graph.nodes.get(str(op.get(key)))
    if node is None:
        raise PatchError(f"There is no node “{op.get(key)}” any more.")
    return node


def type_of(node: Node, catalog: Catalog) -> NodeType | None:
    return catalog.get(node.type, node.version)


def _add_node(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    type_id = str(op.get("type"))
    rest = op.get("node") or {}
    if not isinstance(rest, Mapping):
        raise PatchError("“node” is a record, as in a document.")
    if type_id not in catalog and "version" not in rest:
        raise PatchError(f"There is no node type “{type_id}”. {did_you_mean(type_id, catalog)}")
    node_id = str(op.get("id") or fresh_id(type_id, graph.nodes))
    if node_id in graph.nodes:
        raise PatchError(f"There is already a node “{node_id}”.")
    if len(graph.nodes) >= MAX_NODES:
        raise PatchError(f"A workflow has at most {MAX_NODES:,} nodes.")
    raw = {**rest, "type": type_id}
    if type_id in catalog:
        raw.setdefault("version", catalog[type_id].version)
    if op.get("label"):
        raw["label"] = op["label"]
    if op.get("in") is not None:
        raw["in"] = _container(graph, op["in"], catalog)
    node = _loaded(node_id, raw)
    nodes = list(graph.nodes.items())
    index = op.get("index")
    nodes.insert(index if isinstance(index, int) and index >= 0 else len(nodes), (node_id, node))
    graph = with_nodes(graph, dict(nodes))
    return _move(graph, {"node": node_id, "x": op.get("x"), "y": op.get("y")}, catalog)


def _loaded(node_id: str, raw: Mapping[str, Any]) -> Node:
    try:
        return load_node(node_id, raw)
    except DocumentError as error:
        raise PatchError(" ".join(problem.message for problem in error.problems)) from None


def fresh_id(type_id: str, taken: Mapping[str, Any]) -> str:
    """A short id after the type that is not taken yet."""
    base = re.sub(r"[^a-z0-9_]", "_", type_id.rpartition(".")[2].lower())[:50].lstrip("_0123456789") or "node"
    if base not in taken and base not in RESERVED_IDS:
        return base
    return next(name for number in range(2, len(taken) + 3) if (name := f"{base}_{number}") not in taken)


def _container(graph: Graph, asked: Any, catalog: Catalog) -> str:
    node = node_of(graph, {"node": asked})
    need_body(node, catalog)
    if len(graph.levels(node.id)) >= MAX_LEVELS:
        raise PatchError(f"Containers nest at most {MAX_LEVELS} levels.")
    return node.id


def _remove_node(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    node = node_of(graph, op)
    if op.get("clear", True) and graph.children(node.id):
        if op.get("body") == "keep":
            return _ungroup(graph, op, catalog)
        for inner in reversed(graph.inside(node.id)):
            graph = _without(graph, graph.nodes[inner], op, catalog)
    return _without(graph, node, op, catalog)


def _without(graph: Graph, node: Node, op: Op, catalog: Catalog) -> Graph:
    nodes = {node_id: other for node_id, other in graph.nodes.items() if node_id != node.id}
    if op.get("clear", True):
        nodes = without_references(nodes, node, type_of(node, catalog), catalog, heal=bool(op.get("heal")))
    layout = {node_id: place for node_id, place in graph.layout.items() if node_id != node.id}
    return with_nodes(graph, nodes).model_copy(update={"layout": MappingProxyType(layout)})


def _move(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    node = node_of(graph, op)
    x, y = op.get("x"), op.get("y")
    layout = dict(graph.layout)
    if x is None and y is None:
        layout.pop(node.id, None)
    elif all(isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e7 for n in (x, y)):
        layout[node.id] = (float(x), float(y))  # type: ignore[arg-type]  # checked above
    else:
        raise PatchError("A position is two numbers, x and y.")
    return graph.model_copy(update={"layout": MappingProxyType(layout)})


def _set_field(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    node = node_of(graph, op)
    value = op.get("value", CLEARED)
    value = CLEARED if value is None and not op.get("exact") else value
    node_type = None if op.get("exact") else type_of(node, catalog)
    changed = with_field(node, node_type, steps(op.get("path")), value)
    _loaded(node.id, {"type": node.type, "with": changed.params})
    return graph.with_node(_ordered(changed, type_of(node, catalog)))


def _ordered(node: Node, node_type: NodeType | None) -> Node:
    """The fields in the order of the declaration, so that clearing one and setting it again changes nothing."""
    if node_type is None:
        return node
    known = [name for name in node_type.fields if name in node.params]
    order = [*known, *(name for name in node.params if name not in node_type.fields)]
    return node.model_copy(update={"params": MappingProxyType({name: node.params[name] for name in order})})


def _connect(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    source, target = node_of(graph, op, "source"), node_of(graph, op, "target")
    return connect(graph, source, str(op.get("port") or "main"), target, field=op.get("field"), catalog=catalog)


def _disconnect(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    source, target = node_of(graph, op, "source"), node_of(graph, op, "target")
    return disconnect(graph, source, str(op.get("port") or "main"), target, field=op.get("field"), catalog=catalog)


def _splice(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    return splice(
        graph,
        node_of(graph, op),
        node_of(graph, op, "source"),
        str(op.get("port") or "main"),
        node_of(graph, op, "target"),
        field=str(op.get("field") or ""),
        into=str(op.get("into") or ""),
        catalog=catalog,
    )


def _rename(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    return _set_option(
        graph, {"node": op.get("node"), "key": "label", "value": str(op.get("label") or "").strip()}, catalog
    )


def _set_option(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    node, key, value = node_of(graph, op), str(op.get("key")), op.get("value")
    if key not in (*OPTIONS, "label"):
        raise PatchError(f"A node has no option “{key}”. {did_you_mean(key, OPTIONS)}")
    raw = dump_node(node)
    raw.pop(key, None)
    if value is not None:
        raw[key] = value
    if key == "in" and value is not None and not op.get("exact"):
        return move_into(graph, [node.id], _container(graph, value, catalog), {})
    changed = _loaded(node.id, {**raw, "with": {}})
    attribute = NODE_KEYS[key]
    return graph.with_node(node.model_copy(update={attribute: getattr(changed, attribute)}))


def _paste(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    raw_nodes, layout, asked = op.get("nodes"), op.get("layout") or {}, op.get("names") or {}
    within = _container(graph, op["in"], catalog) if op.get("in") is not None else None
    if not all(isinstance(part, Mapping) for part in (raw_nodes, layout, asked)) or not raw_nodes:
        raise PatchError("“paste” needs nodes as in a document.")
    names: dict[str, str] = {}
    for old, raw in raw_nodes.items():
        taken = {**graph.nodes, **dict.fromkeys(names.values())}
        type_id = str(raw.get("type") if isinstance(raw, Mapping) else "")
        wanted = str(asked.get(old, old))
        names[old] = wanted if old in asked or wanted not in taken else fresh_id(type_id, taken)
        if names[old] in taken:
            raise PatchError(f"There is already a node “{names[old]}”.")
    if len(graph.nodes) + len(names) > MAX_NODES:
        raise PatchError(f"A workflow has at most {MAX_NODES:,} nodes.")
    for old, raw in raw_nodes.items():
        node = _loaded(names[old], raw)
        node = _renamed(node, names, type_of(node, catalog))
        if node.container is None or node.container not in {*graph.nodes, *names.values()}:
            node = node.model_copy(update={"container": within})
        graph = graph.with_node(node)
        place = layout.get(old)
        if isinstance(place, list | tuple) and len(place) == 2:
            graph = _move(graph, {"node": names[old], "x": place[0], "y": place[1]}, catalog)
    return graph


def _renamed(node: Node, names: Mapping[str, str], node_type: NodeType | None) -> Node:
    """The pasted node's references to others that were pasted with it, by their new names."""

    def renamed(text: str, field: str) -> str:
        own = node_type.fields if node_type is not None and field != "after" else {}
        return rename(text, {old: new for old, new in names.items() if old == field or old not in own})

    container = names.get(node.container, node.container) if node.container else None
    return with_templates(node, node_type, renamed).model_copy(update={"container": container})


def _move_into(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    asked, container, places = op.get("nodes"), op.get("container"), op.get("places") or {}
    if not isinstance(asked, list) or not asked or not isinstance(places, Mapping):
        raise PatchError("“move_into” needs a list of nodes.")
    node_ids = topmost(graph, [node_of(graph, {"node": node_id}).id for node_id in asked])
    if container is not None:
        container = _container(graph, container, catalog)
        _no_triggers(graph, node_ids, catalog)
    return move_into(graph, node_ids, container, places)


def _no_triggers(graph: Graph, node_ids: Sequence[str], catalog: Catalog) -> None:
    for node_id in node_ids:
        node_type = type_of(graph.nodes[node_id], catalog)
        if node_type is not None and node_type.kind == "trigger":
            raise PatchError(f"“{graph.nodes[node_id].title}” starts runs and cannot stand in a container.")


def _group(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    asked = op.get("nodes")
    if not isinstance(asked, list) or not asked:
        raise PatchError("“group” needs a list of nodes.")
    node_ids = topmost(graph, [node_of(graph, {"node": node_id}).id for node_id in asked])
    _no_triggers(graph, node_ids, catalog)
    made_id = str(op.get("id") or fresh_id(str(op.get("type")), graph.nodes))
    index = min(list(graph.nodes).index(node_id) for node_id in node_ids)
    around = graph.level(node_ids[0])
    graph = _add_node(graph, {**op, "id": made_id, "index": index, "in": around}, catalog)
    return group(graph, node_ids, graph.nodes[made_id], catalog)


def _ungroup(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    node = node_of(graph, op)
    return _without(ungroup(graph, node, catalog), node, {}, catalog)


def _set_name(graph: Graph, op: Op, catalog: Catalog) -> Graph:
    name = op.get("name")
    if not isinstance(name, str):
        raise PatchError("The name is a text.")
    try:
        Graph(name=name)
    except ValidationError:
        raise PatchError("The name has at most 200 characters.") from None
    return graph.model_copy(update={"name": name})


HANDLERS: Mapping[str, Callable[[Graph, Op, Catalog], Graph]] = MappingProxyType(
    {
        "add_node": _add_node,
        "remove_node": _remove_node,
        "move": _move,
        "set_field": _set_field,
        "connect": _connect,
        "disconnect": _disconnect,
        "splice": _splice,
        "rename": _rename,
        "set_option": _set_option,
        "paste": _paste,
        "set_name": _set_name,
        "move_into": _move_into,
        "group": _group,
        "ungroup": _ungroup,
    }
)
