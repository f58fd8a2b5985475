"""A small catalogue and drawings for the tests of the language; every type is real and does a little."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from engine.catalog import Catalog
from engine.contract import (
    Code,
    Effect,
    Expression,
    Fired,
    Inside,
    Integration,
    Iterate,
    Output,
    Params,
    PerItem,
    Port,
    Rounds,
    Table,
    Whole,
    action,
    container,
    trigger,
)
from engine.graph import Graph, Node


def about(name: str = "A field", **more: Any) -> Any:
    return Field(description=name, examples=["x"], **more)


class Start(Params):
    sample: Annotated[Any, Whole()] = about(default=None)


class Text(Params):
    text: Annotated[str, Port()] = about()
    other: str = about(default="")
    amount: float = about(default=1)


class Rows(Params):
    rows: Annotated[Table, Port()] = about()
    by: str = about(default="")


class Anything(Params):
    value: Annotated[Any, Port(), Whole()] = about()
    label: str = about(default="")


class Branch(Params):
    value: Annotated[Any, Port()] = about()
    when: Annotated[Any, Expression()] = about()


class Keep(Params):
    rows: Annotated[list[Any], Port()] = about()
    when: Annotated[list[Any], Expression(), PerItem("rows")] = about()


class Lists(Params):
    lists: Annotated[list[list[Any]], Port()] = about()


class Rule(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = about()
    when: Any = about()


class Rules(Params):
    value: Annotated[Any, Port()] = about()
    rules: list[Rule] = about()


class Fields(Params):
    record: Annotated[Any, Port()] = about()
    fields: dict[str, Any] = about()


class Loop(Params):
    items: Annotated[list[Any], Port()] = about()
    result: Annotated[Any, Expression(), Inside()] = about(default=None)


class Repeated(Params):
    start: Annotated[Any, Port(), Whole()] = about(default=None)
    until: Annotated[Any, Expression(), Inside()] = about(default=None)
    result: Annotated[Any, Expression(), Inside()] = about(default=None)


class Program(Params):
    code: Annotated[str, Code()] = about()
    inputs: dict[str, Any] = about(default_factory=dict)


class Failure(BaseModel):
    index: int
    message: str


class Parsed(BaseModel):
    rows: Table
    columns: list[str]
    count: int


@trigger("test.start", kind="manual", title="Start", icon="play")
async def start(params: Start, event: Any) -> Any:
    """Start."""
    return event


@action("test.text", title="Text", category="data", icon="x")
async def text(params: Text) -> str:
    """Say the text."""
    return params.text


@action("test.send", title="Send", category="data", icon="x", effect=Effect.write)
async def send(params: Text) -> str:
    """Send the text away."""
    return params.text


@action("test.parse", title="Parse", category="data", icon="x")
async def parse(params: Text) -> Parsed:
    """Read rows out of a text."""
    return Parsed(rows=[{"line": line} for line in params.text.splitlines()], columns=["line"], count=1)


@action("test.sort", title="Sort", category="data", icon="x")
async def sort(params: Rows) -> Table:
    """Sort rows."""
    return sorted(params.rows, key=lambda row: str(row.get(params.by)))


@action("test.show", title="Show", category="data", icon="x")
async def show(params: Anything) -> Any:
    """Show whatever comes."""
    return params.value


@action(
    "test.if",
    title="If",
    category="flow",
    icon="x",
    outputs=(Output("yes", passes="value"), Output("no", passes="value")),
)
async def branch(params: Branch) -> Fired:
    """Yes or no."""
    return Fired("yes" if params.when else "no", params.value)


@action("test.keep", title="Keep", category="data", icon="x")
async def keep(params: Keep) -> list[Any]:
    """Keep some rows."""
    return [row for row, keep_ in zip(params.rows, params.when, strict=True) if keep_]


@action("test.merge", title="Merge", category="data", icon="x")
async def merge(params: Lists) -> list[Any]:
    """Append lists."""
    return [item for items in params.lists for item in items]


def _outputs(params: Any) -> list[Output]:
    rules = params.get("rules", []) if isinstance(params, Mapping) else params.rules
    names = [rule.get("name") if isinstance(rule, Mapping) else rule.name for rule in rules]
    return [*(Output(str(name), passes="value") for name in names), Output("otherwise", passes="value")]


@action("test.route", title="Route", category="flow", icon="x", outputs=_outputs)
async def route(params: Rules) -> Fired:
    """First rule that holds."""
    return Fired(next((rule.name for rule in params.rules if rule.when), "otherwise"), params.value)


@action("test.set", title="Set", category="data", icon="x")
async def set_fields(params: Fields) -> dict[str, Any]:
    """Add fields to a record."""
    return {**params.record, **params.fields}


@action("test.code", title="Code", category="code", icon="x")
async def code(params: Program) -> Any:
    """Run code."""
    return params.inputs


@container(
    "test.loop",
    title="Loop",
    icon="x",
    gives={"item": "items", "index": ""},
    outputs=(Output("main", passes="result", listed=True), Output("failures", type=list[Failure])),
)
async def loop(params: Loop) -> Iterate:
    """Once for each item."""
    return Iterate(params.items)


@container(
    "test.rounds",
    title="Rounds",
    icon="x",
    gives={"previous": "start", "index": ""},
    outputs=(Output("main", passes="result"), Output("rounds", type=int)),
)
async def rounds(params: Repeated) -> Rounds:
    """Again and again."""
    return Rounds(params.start, 10)


TYPES = (start, text, send, parse, sort, show, branch, keep, merge, route, set_fields, code, loop, rounds)
CATALOG = Catalog([Integration(id="test", name="Test", description="For tests", nodes=TYPES)])


def node(node_id: str, type_id: str, /, after: tuple[str, ...] = (), within: str | None = None, **params: Any) -> Node:
    return Node(id=node_id, type=f"test.{type_id}", params=params, after=after, container=within)


def graph(*nodes: Node, name: str = "Test") -> Graph:
    return Graph(name=name, nodes={n.id: n for n in nodes})


IDS = ("a", "b", "c", "d", "e")
REFERENCES = st.builds(
    lambda node_id, path: f"{{{{ {node_id}{path} }}}}",
    st.sampled_from(IDS),
    st.sampled_from(["", ".yes", ".rows", ".x[0]"]),
)
TEXTS = st.one_of(
    REFERENCES,
    st.builds(lambda one, two: f"{one} and {two}", REFERENCES, REFERENCES),
    st.sampled_from(["plain", "", "{{ 1 + 1 }}", "{{ broken"]),
)
FIRSTS = st.lists(REFERENCES, min_size=1, max_size=3).map(lambda entries: {"first": entries})
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), st.floats(-9, 9), TEXTS, FIRSTS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "y", "first", "a.b"]), inner, max_size=3)
    ),
    max_leaves=6,
)


@st.composite
def nodes(draw: st.DrawFn, node_id: str) -> Node:
    node_type = draw(st.sampled_from(TYPES))
    names = draw(st.lists(st.sampled_from(list(node_type.fields)), unique=True)) if node_type.fields else []
    params = {name: draw(JSON) for name in node_type.fields if name in names}
    return Node(
        id=node_id,
        type=node_type.id,
        label=draw(st.sampled_from(["", "A label"])),
        params=params,
        after=tuple(draw(st.lists(REFERENCES, max_size=2, unique=True))) if node_type.kind != "trigger" else (),
        note=draw(st.sampled_from(["", "A note"])),
        off=draw(st.booleans()),
        on_error=draw(st.sampled_from(["stop", "output"])),
        limit=draw(st.one_of(st.none(), st.integers(1, 10))),
    )


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    ids = draw(st.lists(st.sampled_from(IDS), unique=True, max_size=5))
    placed = draw(st.lists(st.sampled_from(ids), unique=True)) if ids else []
    coordinate = st.integers(-500, 500).map(float)
    drawn = {node_id: draw(nodes(node_id)) for node_id in ids}
    around = {node_id: draw(st.one_of(st.none(), st.none(), st.sampled_from(ids))) for node_id in ids}
    return Graph(
        name=draw(st.sampled_from(["", "A name"])),
        nodes={n: made.model_copy(update={"container": around[n]}) for n, made in drawn.items()},
        layout={node_id: (draw(coordinate), draw(coordinate)) for node_id in placed},
    )
