"""What is said of a drawing while it is edited."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from engine.catalog import catalog
from engine.document import load
from engine.graph import Graph, Node
from engine.patch import apply
from engine.validation import Problem, problems, ranks, targets
from tests.engine.drawings import CATALOG, IDS, graph, graphs, node


def found(*nodes: Node) -> list[tuple[str | None, str | None, str]]:
    return [(p.node, p.field, p.code) for p in problems(graph(*nodes), CATALOG)]


def only(*nodes: Node) -> Problem:
    (problem,) = problems(graph(*nodes), CATALOG)
    return problem


PARSE = node("p", "parse", text="a\nb")


@pytest.mark.parametrize(
    ("nodes", "where", "code", "message"),
    [
        ([Node(id="a", type="test.txt")], ("a", "type"), "unknown_type", "Did you mean “test.text”"),
        (
            [Node(id="a", type="test.text", version=3, params={"text": "x"})],
            ("a", "version"),
            "unknown_version",
            "no version 3",
        ),
        ([node("a", "text")], ("a", "text"), "missing_field", "“Text” is required."),
        ([node("a", "text", text="x", txt="y")], ("a", "txt"), "unknown_field", "has no field “txt”"),
        ([node("a", "text", text="x", amount="much")], ("a", "amount"), "bad_value", "“Amount” must be a valid number"),
        ([node("a", "text", text="{{ 1 + }}")], ("a", "text"), "bad_template", "ends too early"),
        ([node("a", "text", text="{{ nobody }}")], ("a", "text"), "unknown_node", "no node “nobody”"),
        ([PARSE, node("a", "text", text="{{ p.cuont }}")], ("a", "text"), "unknown_part", "Did you mean “count”"),
        ([PARSE, node("a", "text", text="{{ p.count.x }}")], ("a", "text"), "unknown_part", "has no parts"),
        (
            [PARSE, node("a", "sort", rows="{{ p.count }}")],
            ("a", "rows"),
            "wrong_type",
            "needs a list, and this is a number",
        ),
        (
            [PARSE, node("a", "text", text="{{ s.record }}"), node("s", "start", sample={"record": {"x": 1}})],
            ("a", "text"),
            "wrong_type",
            "needs a text, and this is a record",
        ),
        ([PARSE, node("a", "text", text="{{ p.error }}")], ("a", "text"), "unknown_output", "has no error output"),
        ([PARSE, node("a", "text", text="x", after=("{{ q }}",))], ("a", "after"), "unknown_node", "no node “q”"),
        ([PARSE, node("a", "text", text="x", after=("soon",))], ("a", "after"), "bad_after", "is no reference"),
        ([PARSE, node("a", "text", text="{{ item.x }}")], ("a", "text"), "no_item", "no list makes"),
        ([PARSE, node("a", "text", text="{{ previous }}")], ("a", "text"), "no_repeat", "inside a Repeat"),
        (
            [PARSE, node("a", "text", text="x").model_copy(update={"container": "p"})],
            ("a", "in"),
            "no_container",
            "nothing can stand in it",
        ),
        ([PARSE, node("a", "start", after=("{{ p }}",))], ("a", "after"), "trigger_waits", "can wait for nothing"),
        ([PARSE, node("a", "send", text="{{ p.rows.line }}")], ("a", "each"), "write_maps", "once per item"),
        (
            [node("a", "route", value=1, rules=[{"when": "{{ value }}"}])],
            ("a", "rules.0.name"),
            "missing_field",
            "required here",
        ),
        (
            [node("a", "route", value=1, rules=[{"name": "x", "when": 1, "y": 2}])],
            ("a", "rules.0.y"),
            "unknown_field",
            "nothing here",
        ),
    ],
)
def test_each_problem_says_where_what_and_what_to_do(
    nodes: list[Node], where: tuple[str, str], code: str, message: str
) -> None:
    problem = only(*nodes)
    assert (problem.node, problem.field, problem.code) == (*where, code)
    assert message in f"{problem.message} {problem.hint}"


def test_a_number_fits_a_text_as_a_run_turns_it_into_one() -> None:
    assert problems(graph(PARSE, node("a", "text", text="{{ p.count }}")), CATALOG) == []
    text = CATALOG["test.text"].params.model_validate({"text": 7})
    assert text.model_dump()["text"] == "7"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "missing_field"),
        ({"text": "x", "amount": "much"}, "bad_value"),
        ({"text": "x", "txt": "y"}, "unknown_field"),
        ({"text": "{{ nobody }}"}, "unknown_node"),
        ({"text": "{{ p.cuont }}"}, "unknown_part"),
        ({"text": "{{ item.x }}"}, "no_item"),
    ],
)
def test_a_node_that_is_off_is_warned_of_what_only_its_call_would_meet(params: dict[str, Any], code: str) -> None:
    off = Node(id="a", type="test.text", params=params, off=True)
    assert [(p.code, p.severity) for p in problems(graph(PARSE, off), CATALOG)] == [(code, "warning")]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"type": "test.txt"}, "unknown_type"),
        ({"params": {"text": "{{ 1 + }}"}}, "bad_template"),
        ({"container": "p", "params": {"text": "x"}}, "no_container"),
    ],
)
def test_a_node_that_is_off_still_has_its_place_in_the_drawing(more: dict[str, Any], code: str) -> None:
    off = Node.model_validate({"id": "a", "type": "test.text", "off": True} | more)
    assert [(p.code, p.severity) for p in problems(graph(PARSE, off), CATALOG)] == [(code, "error")]


def test_a_good_drawing_has_no_problem() -> None:
    good = load(
        {
            "weft": 1,
            "nodes": {
                "hook": {"type": "trigger.webhook", "with": {"path": "size", "method": "POST", "respond": "answer"}},
                "double": {
                    "type": "data.set",
                    "with": {"record": "{{ hook.body }}", "fields": {"d": "{{ hook.body.value * 2 }}"}},
                },
                "big": {"type": "flow.if", "with": {"value": "{{ double }}", "when": "{{ value.d > 10 }}"}},
                "sized": {"type": "data.set", "with": {"record": "{{ big.yes }}", "fields": {"size": "big"}}},
                "answer": {"type": "flow.respond", "with": {"body": {"first": ["{{ sized }}", "{{ big.no }}"]}}},
            },
        }
    )
    assert problems(good, catalog()) == []


def test_a_schedule_is_checked_by_its_own_type() -> None:
    drawing = load(
        {"weft": 1, "nodes": {"t": {"type": "trigger.schedule", "with": {"cron": "99 * * * *", "time_zone": "Mars/X"}}}}
    )
    assert sorted(str(p.field) for p in problems(drawing, catalog())) == ["cron", "time_zone"]


def test_outputs_must_be_named_where_there_are_several() -> None:
    branch = node("i", "if", value="{{ p }}", when="{{ value.count }}")
    assert only(PARSE, branch, node("a", "show", value="{{ i }}")).message == "“I” has several outputs: choose one."
    wrong = only(PARSE, branch, node("a", "show", value="{{ i.maybe }}"))
    assert wrong.hint == "Its outputs: no, yes."
    assert found(PARSE, branch, node("a", "show", value="{{ i.yes }}")) == []


def test_where_a_template_stands_the_run_will_tell() -> None:
    start = node("s", "start")
    assert found(start, node("a", "text", text="{{ s }}", amount="{{ s.x }}")) == []
    assert found(start, node("a", "route", value="{{ s }}", rules=[{"name": "x", "when": "{{ value > 1 }}"}])) == []
    assert found(start, node("a", "keep", rows="{{ s }}", when="{{ item.x }}")) == []
    assert found(node("a", "code", code="{{ not a template")) == []


def test_circles_are_told_once_per_node_that_stands_in_one() -> None:
    nodes = [
        node("a", "text", text="{{ c }}"),
        node("b", "text", text="{{ a }}"),
        node("c", "text", text="{{ b }}"),
        node("d", "text", text="{{ c }}"),
        node("e", "text", text="{{ e }}"),
    ]
    assert found(*nodes) == [(x, "text", "circle") for x in "abce"]
    messages = [p.message for p in problems(graph(*nodes), CATALOG)]
    assert messages[3] == "“E” waits for itself."
    assert messages[0] == "These nodes wait for each other: “A” → “B” → “C” → “A”."


def test_fields_of_one_node_may_not_go_in_circles() -> None:
    assert found(node("a", "text", text="{{ other }}", other="{{ text }}")) == [
        ("a", "text", "field_circle"),
        ("a", "other", "field_circle"),
    ]


def test_a_node_that_is_off_passes_on_its_first_port_and_nothing_else() -> None:
    off = node("b", "text", text="{{ p.rows[0].line }}").model_copy(update={"off": True})
    assert found(PARSE, off, node("a", "text", text="{{ b }}")) == []
    gone = node("b", "if", value="{{ p }}", when=1).model_copy(update={"off": True})
    assert found(PARSE, gone, node("a", "show", value="{{ b.yes }}")) == [
        ("a", "value", "source_off"),
        ("a", None, "never_runs"),
    ]


def test_two_inputs_or_outputs_of_one_name() -> None:
    fields = {"name": "x", "label": "X"}
    drawing = load(
        {
            "weft": 1,
            "nodes": {
                "a": {"type": "flow.input", "with": fields},
                "b": {"type": "flow.input", "with": fields},
                "c": {"type": "flow.output", "with": {"name": "x", "value": "{{ a }}"}},
            },
        }
    )
    assert [(p.node, p.code) for p in problems(drawing, catalog()) if p.code == "duplicate_name"] == [
        ("b", "duplicate_name")
    ]


def test_levels_of_mapping_are_known_before_a_run() -> None:
    drawing = graph(
        PARSE,
        node("each", "text", text="{{ p.rows.line }}"),
        node("again", "parse", text="{{ each }}"),
        node("deep", "text", text="{{ again.rows.line }}"),
        node("sorted", "sort", rows="{{ again.rows }}"),
        node("whole", "show", value="{{ deep }}"),
        node("count", "text", text="{{ p.rows|length }}"),
        node("branch", "if", value="{{ p.rows }}", when="{{ value.line }}"),
        node("behind", "text", text="x", after=("{{ branch.yes }}",)),
        node("one", "text", text="{{ p.rows[0].line }}"),
    )
    assert ranks(drawing, CATALOG) == {
        "p": 0, "each": 1, "again": 1, "deep": 2, "sorted": 1, "whole": 0, "count": 0, "branch": 1,
        "behind": 1, "one": 0,
    }  # fmt: skip


def test_a_triggers_sample_tells_more_than_its_declaration() -> None:
    wired = node("a", "text", text="{{ s.names }}", other="{{ s.ages }}")
    assert ranks(graph(node("s", "start"), wired), CATALOG)["a"] == 0
    sampled = node("s", "start", sample={"names": ["x", "y"], "ages": ["1", "2", "3"]})
    assert ranks(graph(sampled, wired), CATALOG)["a"] == 1
    problem = only(sampled, wired)
    assert (problem.code, problem.severity) == (
        "length_mismatch",
        "warning",
    ) and "“text” has 2 and “other” has 3" in problem.message


def test_a_node_that_combines_its_items_is_not_mapped() -> None:
    lists, sent = PARSE, node("s", "send", text="{{ p.rows.line }}")
    codes = {problem.code for problem in problems(graph(lists, sent), CATALOG)}
    assert ranks(graph(lists, sent), CATALOG)["s"] == 1 and "write_maps" in codes
    combined = graph(lists, sent.model_copy(update={"each": "combined"}))
    assert ranks(combined, CATALOG)["s"] == 0
    assert "write_maps" not in {problem.code for problem in problems(combined, CATALOG)}


@pytest.mark.parametrize(
    "nodes",
    [
        [Node(id="a", type="test.text", version=3, params={"text": "x"})],
        [node("a", "text", text="x", txt="y")],
        [PARSE, node("a", "show", value={"first": ["{{ nobody }}", "{{ p }}"]})],
        [PARSE, node("a", "show", value="{{ p }}", label="{{ nobody }}")],
        [PARSE, node("a", "text", text="x", after=("{{ q }}", "{{ p }}"))],
        [node("p", "start", sample={"b": {"x": 1}}), node("a", "text", text="{{ p.b }}")],
        [PARSE, node("a", "show", value="{{ p.error }}")],
        [PARSE, node("a", "start", sample="{{ p }}", after=("{{ p }}",))],
        [PARSE, node("a", "send", text="{{ p.rows.line }}")],
    ],
)
def test_one_click_fixes_fix(nodes: list[Node]) -> None:
    drawing = graph(*nodes)
    fixable = [p for p in problems(drawing, CATALOG) if p.fix is not None]
    assert fixable
    for problem in fixable:
        assert problem.fix is not None
        mended, _ = apply(drawing, problem.fix.ops, CATALOG)
        left = [(p.node, p.field, p.code) for p in problems(mended, CATALOG)]
        assert (problem.node, problem.field, problem.code) not in left


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_any_drawing_can_be_asked(drawing: Graph) -> None:
    told = problems(drawing, CATALOG)
    levels = ranks(drawing, CATALOG)
    assert set(levels) == set(drawing.nodes)
    for problem in told:
        assert problem.node in drawing.nodes and problem.message.endswith((".", "?"))
        if problem.fix is not None:
            apply(drawing, problem.fix.ops, CATALOG)


@settings(max_examples=100, deadline=None)
@given(graphs(), st.sampled_from(IDS), st.sampled_from(["main", "yes", "error"]))
def test_a_wire_that_fits_can_be_drawn_and_closes_no_circle(drawing: Graph, source: str, port: str) -> None:
    try:
        answer = targets(drawing, CATALOG, source, port)
    except LookupError:
        return
    before = {(p.node, p.code) for p in problems(drawing, CATALOG)}
    # Nothing is known of a value that waits for itself, nor of what hangs on it; the circle is a problem already.
    assume("circle" not in {code for _, code in before})
    for target, fields in answer.nodes.items():
        for name, fit in fields.items():
            assert fit.fits or fit.reason
            if not fit.fits or name in drawing.nodes[target].params:
                continue
            wire = {"op": "connect", "source": source, "port": port, "target": target, "field": name}
            drawn, _ = apply(drawing, [wire], CATALOG)
            new = {(p.node, p.code) for p in problems(drawn, CATALOG)} - before
            assert not {code for node_id, code in new if node_id == target} & {"circle", "wrong_type", "unknown_output"}


def test_targets_say_why_not_and_how_often() -> None:
    drawing = graph(
        node("s", "start"),
        PARSE,
        node("t", "text"),
        node("r", "sort", rows="{{ p.rows }}"),
        node("k", "code", code="x"),
    )
    answer = targets(drawing, CATALOG, "r", "main")
    assert answer.nodes["t"]["text"].reason == "“Text” needs a text, and this is a record."
    assert answer.nodes["t"]["after"].fits
    assert answer.nodes["s"]["sample"].reason == "“S” starts runs: no wire can enter it."
    assert "close a circle" in answer.nodes["p"]["text"].reason
    assert answer.nodes["r"]["rows"].reason == "A node cannot wait for itself."
    assert "as it is written" in answer.nodes["k"]["code"].reason
    assert (answer.following["test.sort"].field, answer.following["test.sort"].levels) == ("rows", 0)
    assert (answer.following["test.set"].field, answer.following["test.set"].note) == ("record", "runs once per item")
    assert answer.following["test.text"].field == "after"
    assert "test.start" not in answer.following
    with pytest.raises(LookupError, match="no output “yes”"):
        targets(drawing, CATALOG, "p", "yes")
