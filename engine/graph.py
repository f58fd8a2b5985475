"""The drawing as plain frozen values. Edges are never stored: `edges` in engine.broadcast reads them off the fields."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

Place = tuple[float, float]
# Where a container's body starts, from the container's own place: its head and its ports stand above.
BODY: Place = (24.0, 124.0)
MAX_LEVELS = 32

NodeId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
EdgeKind = Literal["value", "mention", "after", "result"]

# Names a template gives a meaning of its own; a node with such an id could never be referred to.
RESERVED_IDS = frozenset(
    {"trigger", "run", "vars", "item", "index", "previous", "now", "random", "true", "false", "none", "null"}
)


class Retry(BaseModel):
    """When and how often a failed call is tried again. Times in seconds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    times: int = Field(default=3, ge=0, le=100, description="Tries after the first")
    wait: float = Field(default=1.0, ge=0, le=86_400, description="Seconds before the second try")
    growth: float = Field(default=2.0, ge=1, le=10, description="Factor by which the wait grows with each try")
    jitter: float = Field(default=0.1, ge=0, le=1, description="Share of the wait that is random")
    on: tuple[str, ...] = Field(default=(), description="Kinds of errors; empty: all that may pass by themselves")


class Fallback(BaseModel):
    """What stands for a result where a service stays unavailable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    value: Any = Field(description="What the node gives then, through its main output")


class Node(BaseModel):
    """One step of the drawing. `params` are its fields as drawn: literals, templates and references."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: NodeId
    type: str
    version: int = Field(default=1, ge=1)
    label: str = Field(default="", max_length=120)
    params: Annotated[Mapping[str, Any], AfterValidator(MappingProxyType), PlainSerializer(dict)] = Field(
        default_factory=dict
    )
    container: NodeId | None = None
    after: tuple[str, ...] = ()
    each: Literal["item", "combined", "first"] | None = None
    limit: int | None = Field(default=None, ge=1, le=1000, description="Calls in flight at once for a mapped node")
    retry: Retry | None = None
    on_error: Literal["stop", "output"] = "stop"
    fallback: Fallback | None = Field(default=None, description="Stands in for a service that stays unavailable")
    on_unknown: Literal["again", "fail", "ask"] | None = None
    time_limit: float | None = Field(default=None, gt=0, le=86_400, description="Seconds for one call")
    note: str = Field(default="", max_length=10_000)
    off: bool = False

    @property
    def title(self) -> str:
        """What the canvas shows."""
        return self.label or self.id.replace("_", " ").capitalize()


class Edge(BaseModel):
    """A wire, derived from a reference in `field` of `target` (a dotted path such as `fields.size` or `first.0`).

    A `result` wire comes from the body of `target`, a container, and ends what happens there: nothing waits for it.
    """

    model_config = ConfigDict(frozen=True)

    source: str
    port: str
    target: str
    field: str
    kind: EdgeKind


class Graph(BaseModel):
    """A workflow's drawing: nodes by id in the order of the document, and where they stand on the canvas.

    What stands in a container has its place in `layout` from where the container's body starts.
    """

    model_config = ConfigDict(frozen=True)

    name: str = Field(default="", max_length=200)
    nodes: Annotated[Mapping[str, Node], AfterValidator(MappingProxyType), PlainSerializer(dict)] = Field(
        default_factory=dict
    )
    layout: Annotated[Mapping[str, Place], AfterValidator(MappingProxyType), PlainSerializer(dict)] = Field(
        default_factory=dict
    )

    def with_node(self, node: Node) -> Graph:
        """The same drawing with `node` added, or replaced in its place."""
        return self.model_copy(update={"nodes": MappingProxyType({**self.nodes, node.id: node})})

    def children(self, container: str | None = None) -> tuple[str, ...]:
        """The nodes that stand directly in a container, in the order of the document; None: those of the top level.

        What names a container that is not there stands at the top level.
        """
        return _bodies(self.nodes).get(container, ())

    def levels(self, node_id: str) -> tuple[str, ...]:
        """The containers around a node, outermost first, as in a scope's path; none at the top level.

        A container that stands in itself is counted once. Raises KeyError for a node that is not there.
        """
        found: list[str] = []
        around = self.nodes[node_id].container
        while around is not None and around in self.nodes and around not in found:
            found.append(around)
            around = self.nodes[around].container
        return tuple(reversed(found))

    def inside(self, container: str) -> tuple[str, ...]:
        """All that stands in a container, at whatever depth: each container before its own body."""
        found: dict[str, None] = {}
        ahead = list(reversed(self.children(container)))
        while ahead:
            node_id = ahead.pop()
            if node_id not in found and node_id != container:
                found[node_id] = None
                ahead += reversed(self.children(node_id))
        return tuple(found)

    def level(self, node_id: str) -> str | None:
        """The container that a node stands in; None at the top level."""
        around = self.nodes[node_id].container
        return around if around in self.nodes else None

    def sees(self, node_id: str, other: str, *, inside: bool = False) -> bool:
        """Whether templates of a node may name another: one of its own level or of those around, but no container that
        it stands in. `inside`: whether what a container asks in its body may."""
        around = (*self.levels(node_id), node_id) if inside else self.levels(node_id)
        level = self.level(other)
        return other not in around and (level is None or level in around)

    def at_level(self, node_id: str, container: str | None) -> str | None:
        """Who stands for a node in the body of a container: itself, or the container there that it is inside of.

        None when the node does not stand in that body at any depth: it is outside.
        """
        line = (*self.levels(node_id), node_id)
        if container is None:
            return line[0]
        return line[line.index(container) + 1] if container in line[:-1] else None

    def origin(self, container: str | None) -> Place:
        """Where a container's body starts on the canvas; (0, 0) for the top level."""
        x = y = 0.0
        around = (*self.levels(container), container) if container is not None and container in self.nodes else ()
        for node_id in around:
            place = self.layout.get(node_id, (0.0, 0.0))
            x, y = x + place[0] + BODY[0], y + place[1] + BODY[1]
        return x, y


_recent: deque[tuple[Mapping[str, Node], Mapping[str | None, tuple[str, ...]]]] = deque(maxlen=8)


def _bodies(nodes: Mapping[str, Node]) -> Mapping[str | None, tuple[str, ...]]:
    """By container what stands in it. Asked node by node of one drawing, so the answers for the last few are kept."""
    for known, bodies in tuple(_recent):
        if known is nodes:
            return bodies
    found: dict[str | None, list[str]] = {}
    for node_id, node in nodes.items():
        found.setdefault(node.container if node.container in nodes else None, []).append(node_id)
    answer = {container: tuple(body) for container, body in found.items()}
    _recent.append((nodes, answer))
    return answer
