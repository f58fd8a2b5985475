"""What is said of drawings with containers: who sees whom, what stands where, and what is known of values inside."""

from __future__ import annotations

from typing import Any

import pytest

from engine.broadcast import edges
from engine.catalog import Catalog, catalog
from engine.contract import CallWorkflow, Integration, Params, container
from engine.document import load
from engine.graph import Node, Retry
from engine.patch import apply
from engine.validation import Interface, Outside, Problem, Taken, problems, ranks, targets
from engine.validation.mapping import knowledge
from engine.validation.outside import NOTHING
from tests.engine.drawings import CATALOG, TYPES, about, graph, node

PARSE = node("p", "parse", text="a\nb")
LOOP = node("loop", "loop", items="{{ p.rows }}")


def found(*nodes: Node) -> list[tuple[str | None, str | None, str]]:
    return [(p.node, p.field, p.code) for p in problems(graph(*nodes), CATALOG)]


def only(*nodes: Node) -> Problem:
    (problem,) = problems(graph(*nodes), CATALOG)
    return problem


def body(*more: Node) -> tuple[Node, ...]:
    return (PARSE, LOOP, node("in", "text", within="loop", text="{{ item.line }}"), *more)


def test_a_body_sees_its_own_level_and_those_around_and_from_outside_its_container_s_outputs_are_there() -> None:
    around = node("title", "text", text="x")
    inner = node("tries", "rounds", within="loop", start="{{ in }}")
    deep = node("deep", "text", within="tries", text="{{ title }} {{ in }} {{ item.line }} {{ previous }} {{ index }}")
    after = node("z", "show", value="{{ loop }}", label="{{ loop.failures[0].message }}")
    assert found(*body(around, inner, deep, after)) == []
    assert [(e.source, e.target, e.port) for e in edges(graph(*body(around, inner, deep, after)), CATALOG)] == [
        ("p", "loop", "main"),
        ("in", "tries", "main"),
        ("title", "deep", "main"),
        ("in", "deep", "main"),
        ("loop", "z", "main"),
        ("loop", "z", "failures"),
    ]


def test_what_stands_in_a_container_cannot_be_used_from_outside() -> None:
    drawing = body(node("z", "show", value="{{ in }}"))
    problem = only(*drawing)
    assert (problem.node, problem.field, problem.code) == ("z", "value", "inside_container")
    assert problem.message == "“In” stands inside “Loop”: from outside only the outputs of “Loop” can be used."
    assert problem.fix is not None
    mended, _ = apply(graph(*drawing), problem.fix.ops, CATALOG)
    assert mended.nodes["z"].params == {"value": "{{ loop }}"}
    assert problems(mended, CATALOG) == []
    assert not [edge for edge in edges(graph(*drawing), CATALOG) if edge.source == "in"]


@pytest.mark.parametrize(
    ("nodes", "where"),
    [
        ([node("a", "text", text="x", within="gone")], ("a", "in", "unknown_container")),
        ([PARSE, node("a", "text", text="x", within="p")], ("a", "in", "no_container")),
        ([*body(node("s", "start", within="loop"))], ("s", "in", "trigger_inside")),
        ([PARSE, LOOP], ("loop", None, "empty_container")),
        ([*body(node("b", "text", within="loop", text="{{ loop }}"))], ("b", "text", "own_container")),
        ([*body(node("b", "text", within="loop", text="x", after=("{{ loop }}",)))], ("b", "after", "own_container")),
        ([*body(node("q", "rounds", within="loop", result="{{ p }}")), node("x", "text", within="q", text="x")],
         ("q", "result", "result_outside")),
        ([*body(node("z", "text", text="{{ item }}"))], ("z", "text", "no_item")),
        ([*body(node("z", "text", within="loop", text="{{ previous }}"))], ("z", "text", "no_repeat")),
        ([*body(node("z", "rounds", start="{{ in }}", result="x")), node("y", "text", within="z", text="x")],
         ("z", "start", "inside_container")),
    ],
)  # fmt: skip
def test_each_problem_says_where(nodes: list[Node], where: tuple[str, str | None, str]) -> None:
    problem = only(*nodes)
    assert (problem.node, problem.field, problem.code) == where
    assert problem.message.endswith(".")


def test_a_container_in_itself_can_be_taken_out() -> None:
    drawing = graph(node("a", "rounds", within="b", start=1), node("b", "rounds", within="a", start=1))
    told = problems(drawing, CATALOG)
    assert {(p.node, p.code) for p in told} == {("a", "container_in_itself"), ("b", "container_in_itself")}
    assert told[0].fix is not None
    mended, _ = apply(drawing, told[0].fix.ops, CATALOG)
    assert {p.code for p in problems(mended, CATALOG)} == {"empty_container"}


def test_circles_are_seen_across_levels() -> None:
    around = node("a", "text", text="{{ loop.failures[0].message }}")
    inside = node("in", "text", within="loop", text="{{ item.line }} {{ a }}")
    told = problems(graph(PARSE, LOOP, inside, around), CATALOG)
    assert [(p.node, p.field, p.code) for p in told] == [("in", "text", "circle"), ("a", "text", "circle")]
    assert told[0].message == "These nodes wait for each other: “Loop” → “A” → “Loop”."


def test_levels_of_mapping_in_a_body_are_those_of_the_item() -> None:
    rows = node("rows", "start", sample=[{"name": "x", "tags": ["a"]}])
    each = node("loop", "loop", items="{{ rows }}")
    drawing = graph(
        rows,
        each,
        node("one", "text", within="loop", text="{{ item.name }}"),
        node("many", "text", within="loop", text="{{ item.tags }}"),
        node("again", "loop", within="loop", items="{{ item.tags }}"),
        node("tag", "text", within="again", text="{{ item }}", other="#{{ index }}"),
        node("results", "text", text="{{ loop.many }}"),
        node("tagged", "text", text="{{ loop.again }}"),
        node("caught", "text", text="{{ loop.failures.message }}"),
    )
    assert problems(drawing, CATALOG) == []
    assert ranks(drawing, CATALOG) == {
        "rows": 0, "loop": 0, "one": 0, "many": 1, "again": 0, "tag": 0, "results": 2, "tagged": 2, "caught": 1,
    }  # fmt: skip


def test_a_result_says_what_a_container_gives() -> None:
    made = node("loop", "loop", items="{{ p.rows }}", result="{{ again.rows }}")
    inside = node("again", "parse", within="loop", text="{{ item.line }}")
    drawing = graph(
        PARSE, made, inside, node("z", "text", text="{{ loop.line }}"), node("y", "text", text="{{ loop.x }}")
    )
    assert ranks(drawing, CATALOG)["z"] == 2
    assert ("again", "loop", "result", "result") in {
        (e.source, e.target, e.field, e.kind) for e in edges(drawing, CATALOG)
    }


def test_a_batch_is_a_list_of_items() -> None:
    def level(size: object) -> int:
        document = {
            "weft": 1,
            "nodes": {
                "go": {"type": "trigger.manual", "with": {"sample": [{"name": "a"}]}},
                "loop": {"type": "flow.for_each", "with": {"items": "{{ go }}", "batch": size}},
                "text": {"type": "data.template", "in": "loop", "with": {"text": "{{ item.name }}"}},
            },
        }
        return ranks(load(document), catalog())["text"]

    assert (level(1), level(20), level("{{ go[0].size }}")) == (0, 1, 0)


def test_values_pass_through_an_if_a_router_and_the_trigger() -> None:
    start = node("s", "start", sample={"rows": [{"n": 1}], "one": {"n": 2}})
    drawing = graph(
        start,
        node("i", "if", value="{{ trigger.rows }}", when="{{ value.n }}"),
        node("yes", "text", text="{{ i.yes.n|string }}"),
        node("r", "route", value="{{ s.one }}", rules=[{"name": "big", "when": 1}]),
        node("big", "text", text="{{ r.big }}"),
        node("literal", "if", value={"a": "{{ s.rows }}", "b": [1]}, when=1),
        node("part", "text", text="{{ literal.no.b|string }}", other="{{ literal.no.a.n|string }}"),
    )
    assert ranks(drawing, CATALOG) == {"s": 0, "i": 1, "yes": 1, "r": 0, "big": 0, "literal": 1, "part": 2}
    assert [(p.node, p.code) for p in problems(drawing, CATALOG)] == [("big", "wrong_type")]


def test_a_long_chain_of_what_is_passed_on_is_worked_out() -> None:
    start = node("s", "start", sample=[1])
    chain = [
        node(f"i{n}", "if", value=f"{{{{ i{n - 1}.yes }}}}" if n else "{{ s }}", when="{{ value }}")
        for n in range(2000)
    ]
    assert ranks(graph(start, *reversed(chain)), CATALOG)["i1999"] == 1


def test_a_wire_may_go_into_a_body_but_not_out_of_it() -> None:
    drawing = graph(*body(node("z", "show")), node("free", "show", within="loop"))
    from_outside = targets(drawing, CATALOG, "p", "main")
    assert from_outside.nodes["free"]["value"].fits
    from_inside = targets(drawing, CATALOG, "in", "main").nodes
    assert from_inside["free"]["value"].fits and from_inside["loop"]["result"].fits
    assert from_inside["loop"]["items"].reason == "“Items” is asked before its body starts."
    assert "cannot wait" in from_inside["loop"]["after"].reason
    assert "stands inside “Loop”" in from_inside["z"]["value"].reason
    of_container = targets(drawing, CATALOG, "loop", "main").nodes
    assert of_container["z"]["value"].fits
    assert "before its body has ended" in of_container["free"]["value"].reason
    assert from_outside.nodes["loop"]["result"].reason == "“Result” is asked in its body."


@pytest.mark.parametrize("option", [{"retry": Retry()}, {"time_limit": 5.0}], ids=["retry", "time limit"])
def test_a_container_is_tried_again_or_limited_where_it_has_rounds(option: dict[str, Any]) -> None:
    nodes = [one.model_copy(update=option) if one.id in ("loop", "p") else one for one in body()]
    assert problems(graph(*nodes), CATALOG) == []


def test_a_container_has_no_fallback_of_its_own() -> None:
    nodes = {
        "loop": {"type": "flow.for_each", "with": {"items": [1]}, "fallback": {"value": 0}},
        "inner": {"type": "data.template", "with": {"text": "{{ item }}"}, "in": "loop", "fallback": {"value": 0}},
    }
    found = problems(load({"weft": 1, "name": "x", "nodes": nodes}), catalog())
    assert [(one.node, one.field, one.code, one.severity) for one in found] == [
        ("loop", "fallback", "option_without_effect", "error")
    ]
    assert "Try" in found[0].hint


@pytest.mark.parametrize("option", [{"retry": {"times": 1}}, {"time_limit": 5}], ids=["retry", "time limit"])
def test_what_has_no_rounds_is_not_tried_again_or_limited(option: dict[str, Any]) -> None:
    call = {"type": "flow.run_workflow", "with": {"workflow": "w1"}}
    nodes = {
        "child": {**call, "with": {"workflow": "w1", "mode": "child"}, **option},
        "call": {**call, **option},
        "race": {"type": "flow.race", "with": {"values": ["{{ child }}", "{{ call }}"]}, **option},
    }
    drawing = load({"weft": 1, "name": "x", "nodes": nodes})
    found = problems(drawing, catalog())
    assert [(one.node, one.field, one.code, one.severity) for one in found] == [
        (name, *option, "option_without_effect", "error") for name in ("child", "race")
    ]
    for problem in found:
        assert problem.fix is not None
        drawing, _ = apply(drawing, problem.fix.ops, catalog())
    assert problems(drawing, catalog()) == []


class RunWorkflow(Params):
    workflow: str = about()
    inputs: dict[str, Any] = about(default_factory=dict)


@container("flow.run_workflow", title="Run workflow", icon="x", body=False)
async def run_workflow(params: RunWorkflow) -> CallWorkflow:
    """Run another workflow."""
    return CallWorkflow(params.workflow, params.inputs)


WITH_WORKFLOWS = Catalog([Integration(id="test", name="Test", description="For tests", nodes=(*TYPES, run_workflow))])
OTHER = Interface(
    id="w1", title="Send it", takes=(Taken("to", label="Recipient", required=True), Taken("cc")), gives=("sent", "why")
)


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"workflow": "gone"}, [("workflow", "unknown_workflow")]),
        ({"workflow": "draft"}, [("workflow", "not_published")]),
        ({"workflow": "w1"}, [("inputs.to", "missing_input")]),
        ({"workflow": "w1", "inputs": {"to": "x", "bc": "y"}}, [("inputs.bc", "unknown_input")]),
        ({"workflow": "w1", "inputs": {"to": "x"}}, []),
    ],
)
def test_a_workflow_that_is_run_as_a_node_must_be_there_and_get_its_inputs(
    fields: dict[str, object], where: list[tuple[str, str]]
) -> None:
    known = {"w1": OTHER, "draft": Interface(id="draft", title="Not yet", published=False)}
    drawing = graph(Node(id="sub", type="flow.run_workflow", params=fields))
    told = problems(drawing, WITH_WORKFLOWS, Outside(workflows=known))
    assert [(p.field, p.code) for p in told] == where
    assert problems(drawing, WITH_WORKFLOWS) == []


def test_the_outputs_of_another_workflow_are_known() -> None:
    drawing = graph(
        Node(id="sub", type="flow.run_workflow", params={"workflow": "w1", "inputs": {"to": "x"}}),
        node("a", "show", value="{{ sub.sent }}"),
        node("b", "show", value="{{ sub.snet }}"),
    )
    (problem,) = problems(drawing, WITH_WORKFLOWS, Outside(workflows={"w1": OTHER}))
    assert (problem.node, problem.code) == ("b", "unknown_part") and problem.hint == "Did you mean “sent”?"


def test_each_output_of_another_workflow_is_a_port() -> None:
    sub = {"workflow": "w1", "inputs": {"to": "x"}}
    drawing = graph(
        Node(id="sub", type="flow.run_workflow", params=sub),
        Node(id="alone", type="flow.run_workflow", params={**sub, "mode": "detached"}),
        node("a", "show", value="{{ sub.sent }}"),
        node("b", "show", value="{{ sub }}"),
    )
    outside = Outside(workflows={"w1": OTHER})
    known = knowledge(drawing, WITH_WORKFLOWS, outside)
    assert (known.ports("sub"), known.ports("alone")) == ({"main", "sent", "why"}, {"main"})
    assert {(edge.source, edge.port, edge.target) for edge in known.edges} == {
        ("sub", "sent", "a"),
        ("sub", "main", "b"),
    }
    assert outside.catalog(WITH_WORKFLOWS) is Outside(workflows={"w1": OTHER}).catalog(WITH_WORKFLOWS)
    wire = {"op": "connect", "source": "sub", "port": "why", "target": "b", "field": "value"}
    drawn, _ = apply(drawing, [wire], outside.catalog(WITH_WORKFLOWS))
    assert "{{ sub.why }}" in str(drawn.nodes["b"].params["value"])
    assert NOTHING.catalog(WITH_WORKFLOWS) is WITH_WORKFLOWS


def test_what_the_workflow_gives_back_cannot_stand_in_a_container() -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {"sample": [1]}},
        "loop": {"type": "flow.for_each", "with": {"items": "{{ start }}"}},
        "out": {"type": "flow.output", "in": "loop", "with": {"name": "out", "value": "{{ item }}"}},
    }
    found = problems(load({"weft": 1, "name": "x", "nodes": nodes}), catalog())
    assert [(one.node, one.field, one.code) for one in found] == [("out", "in", "output_inside")]
