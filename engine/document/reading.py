"""Reads a document, and says everything that is wrong with it at once: node, field and line."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from engine.document.writing import NODE_KEYS, VERSION
from engine.expressions import did_you_mean
from engine.graph import MAX_LEVELS, RESERVED_IDS, Graph, Node
from engine.problem import DocumentError, Problem

MAX_TEXT = 5_000_000
MAX_NODES = 5_000
MAX_DEPTH = 40
TOP_KEYS = ("weft", "name", "nodes", "layout")
NODE_ID = re.compile(r"^[a-z][a-z0-9_]{0,59}$")

Path = tuple[str | int, ...]
LineOf = Callable[[Path], int | None]


def decode(source: str | bytes) -> str:
    """Raises DocumentError for what is too long or no UTF-8."""
    if len(source) > MAX_TEXT:
        raise DocumentError(
            (Problem(code="too_large", message=f"The document is larger than {MAX_TEXT // 1_000_000} MB."),)
        )
    try:
        return source.decode() if isinstance(source, bytes) else source
    except UnicodeDecodeError:
        raise DocumentError((Problem(code="not_text", message="The document is no text in UTF-8."),)) from None


def from_mapping(document: Any, line_of: LineOf | None = None) -> Graph:
    """Raises DocumentError; its problems have lines if `line_of` tells them."""
    return _Reader(line_of or _no_line).read(document)


def load_node(node_id: str, raw: Mapping[str, Any]) -> Node:
    """One node as it stands in a document. Raises DocumentError."""
    graph = from_mapping({"weft": VERSION, "nodes": {node_id: {k: v for k, v in raw.items() if k != "in"}}})
    node = graph.nodes[node_id]
    return node if raw.get("in") is None else node.model_copy(update={"container": raw["in"]})


def _no_line(path: Path) -> None:
    """Where no text was read there are no lines."""


class _Reader:
    def __init__(self, line_of: LineOf) -> None:
        self.line_of = line_of
        self.problems: list[Problem] = []

    def read(self, document: Any) -> Graph:
        if not isinstance(document, Mapping):
            self.add((), "not_a_document", "A document is a record with weft, name and nodes.")
            raise DocumentError(tuple(self.problems))
        self._top(document)
        nodes = self._nodes({} if document.get("nodes") is None else document["nodes"])
        layout = self._layout(document.get("layout") or {}, nodes)
        name = document.get("name", "")
        if not isinstance(name, str) or len(name) > 200:
            self.add(("name",), "bad_name", "The name is a text of at most 200 characters.")
        if self.problems:
            raise DocumentError(tuple(self.problems))
        return Graph(name=name, nodes=nodes, layout=layout)

    def add(self, path: Path, code: str, message: str, hint: str = "") -> None:
        node = str(path[1]) if len(path) > 1 and path[0] in ("nodes", "layout") else ""
        field = ".".join(map(str, path[2:] if node else path))
        field = field.removeprefix("with.") if node else field
        problem = Problem(
            code=code,
            message=message,
            node=node or None,
            field=field or None,
            hint=hint or None,
            line=self.line_of(path),
        )
        self.problems.append(problem)

    def _top(self, document: Mapping[Any, Any]) -> None:
        version = document.get("weft")
        if version != VERSION or isinstance(version, bool):
            told = "The document does not say its version." if version is None else f"Version {version!r} is not known."
            self.add(("weft",) if "weft" in document else (), "unknown_version", told, f"Write weft: {VERSION}.")
        for key in document:
            if key not in TOP_KEYS:
                self.add((key,), "unknown_key", f"“{key}” means nothing here.", did_you_mean(str(key), TOP_KEYS))

    def _nodes(self, raw: Any) -> dict[str, Node]:
        if not isinstance(raw, Mapping):
            self.add(("nodes",), "bad_nodes", "“nodes” is a record of nodes by their ids.")
            return {}
        if len(raw) > MAX_NODES:
            self.add(("nodes",), "too_many_nodes", f"A workflow has at most {MAX_NODES:,} nodes.", "Split it up.")
            return {}
        found = {node_id: self._node(node_id, node) for node_id, node in raw.items()}
        for node_id, node in found.items():
            if node is not None and node.container is not None and node.container not in found:
                self.add(("nodes", node_id, "in"), "unknown_container", f"There is no node “{node.container}”.")
        nodes = {node_id: node for node_id, node in found.items() if node is not None}
        for node_id in _too_deep(nodes):
            self.add(("nodes", node_id, "in"), "too_deep", f"Containers nest at most {MAX_LEVELS} levels.")
        return nodes

    def _node(self, node_id: Any, raw: Any) -> Node | None:
        before = len(self.problems)
        path: Path = ("nodes", node_id)
        if not isinstance(node_id, str) or not NODE_ID.match(node_id):
            hint = "Ids are small letters, digits and underscores, start with a letter and have at most 60 characters."
            self.add(path, "bad_id", f"“{node_id}” cannot be a node's id.", hint)
        elif node_id in RESERVED_IDS:
            self.add(path, "reserved_id", f"“{node_id}” has a meaning of its own in templates.", "Choose another id.")
        if not isinstance(raw, Mapping):
            self.add(path, "bad_node", "A node is a record with at least a type.")
            return None
        for key in raw:
            if key not in NODE_KEYS:
                self.add((*path, key), "unknown_key", f"“{key}” means nothing here.", did_you_mean(str(key), NODE_KEYS))
        if "type" not in raw:
            self.add(
                path, "missing_type", "The node does not say its type.", "Write type: and a name such as data.set."
            )
        if not isinstance(raw.get("with", {}), Mapping):
            self.add((*path, "with"), "bad_fields", "“with” is a record of the node's fields.")
        self._json(raw.get("with", {}), (*path, "with"), 0)
        self._json(raw.get("fallback"), (*path, "fallback"), 0)
        return self._validated(node_id, raw, path) if len(self.problems) == before else None

    def _validated(self, node_id: str, raw: Mapping[str, Any], path: Path) -> Node | None:
        values = {NODE_KEYS[key]: value for key, value in raw.items()}
        if isinstance(values.get("after"), str):
            values["after"] = (values["after"],)
        try:
            return Node.model_validate({"id": node_id, **values})
        except ValidationError as error:
            words = {attribute: key for key, attribute in NODE_KEYS.items()}
            for detail in error.errors(include_url=False):
                place = (
                    (words.get(str(detail["loc"][0]), detail["loc"][0]), *detail["loc"][1:]) if detail["loc"] else ()
                )
                self.add((*path, *place), "bad_value", f"{detail['msg']}.")
            return None

    def _json(self, value: Any, path: Path, depth: int) -> None:
        """What stands in fields must be JSON: no dates, no numbers that are none, not too deep."""
        if depth > MAX_DEPTH:
            self.add(path, "too_deep", f"Values nest at most {MAX_DEPTH} levels.")
        elif isinstance(value, Mapping):
            for key, inner in value.items():
                if not isinstance(key, str):
                    self.add((*path, key), "bad_key", f"The key {key!r} is no text.", "Put it in quotes.")
                self._json(inner, (*path, key), depth + 1)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                self._json(inner, (*path, number), depth + 1)
        elif isinstance(value, float) and value - value != 0:
            self.add(path, "bad_number", "JSON has no such number.")
        elif not isinstance(value, str | int | float | bool | None):
            self.add(path, "bad_value", "This is no JSON value.", "Put it in quotes.")

    def _layout(self, raw: Any, nodes: Mapping[str, Node]) -> dict[str, tuple[float, float]]:
        if not isinstance(raw, Mapping):
            self.add(("layout",), "bad_layout", "“layout” is a record of positions [x, y] by node id.")
            return {}
        found = {}
        for node_id, place in raw.items():
            if not _is_place(place):
                self.add(("layout", node_id), "bad_position", "A position is [x, y], two numbers.")
            elif node_id in nodes:
                found[node_id] = (float(place[0]), float(place[1]))
        return found


def _too_deep(nodes: Mapping[str, Node]) -> Iterator[str]:
    """The nodes with more containers around them than there may be; what stands in itself is told elsewhere."""
    for node_id, node in nodes.items():
        around, seen = node.container, {node_id}
        while around is not None and around in nodes and around not in seen and len(seen) <= MAX_LEVELS + 1:
            seen.add(around)
            around = nodes[around].container
        if len(seen) > MAX_LEVELS + 1:
            yield node_id


def _is_place(place: Any) -> bool:
    return (
        isinstance(place, Sequence)
        and not isinstance(place, str)
        and len(place) == 2
        and all(isinstance(n, int | float) and not isinstance(n, bool) and abs(n) < 1e7 for n in place)
    )
