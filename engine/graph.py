"""The drawing as plain frozen values. Edges are never stored: `edges` in engine.broadcast reads them off the fields."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

NodeId = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
EdgeKind = Literal["value", "mention", "after"]

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
    on_unknown: Literal["again", "fail", "ask"] | None = None
    time_limit: float | None = Field(default=None, gt=0, le=86_400, description="Seconds for one call")
    note: str = Field(default="", max_length=10_000)
    off: bool = False

    @property
    def title(self) -> str:
        """What the canvas shows."""
        return self.label or self.id.replace("_", " ").capitalize()


class Edge(BaseModel):
    """A wire, derived from a reference in `field` of `target` (a dotted path such as `fields.size` or `first.0`)."""

    model_config = ConfigDict(frozen=True)

    source: str
    port: str
    target: str
    field: str
    kind: EdgeKind


class Graph(BaseModel):
    """A workflow's drawing: nodes by id in the order of the document, and where they stand on the canvas."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(default="", max_length=200)
    nodes: Annotated[Mapping[str, Node], AfterValidator(MappingProxyType), PlainSerializer(dict)] = Field(
        default_factory=dict
    )
    layout: Annotated[Mapping[str, tuple[float, float]], AfterValidator(MappingProxyType), PlainSerializer(dict)] = (
        Field(default_factory=dict)
    )

    def with_node(self, node: Node) -> Graph:
        """The same drawing with `node` added, or replaced in its place."""
        return self.model_copy(update={"nodes": MappingProxyType({**self.nodes, node.id: node})})
