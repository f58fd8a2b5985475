"""The text twin: equal both ways, comments kept, problems with their lines."""

from __future__ import annotations

import json
from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.catalog import catalog
from engine.document import DocumentError, dump, dump_node, from_yaml, load, load_node, schema, to_yaml
from engine.graph import Graph, Node
from tests.engine.drawings import CATALOG, graph, graphs, node, nodes

SIZE_IT = """\
weft: 1
name: Size it   # what it is called
# where it starts
nodes:
  hook: {type: trigger.webhook, with: {path: size, method: POST, respond: answer}}
  double:
    type: data.set
    with:
      record: "{{ hook.body }}"   # all of it
      fields: {doubled: "{{ hook.body.value * 2 }}"}
  # the branch
  big: {type: flow.if, with: {value: "{{ double }}", when: "{{ value.doubled > 10 }}"}}
  sized: {type: data.set, with: {record: "{{ big.yes }}", fields: {size: big}}}
  answer: {type: flow.respond, with: {body: {first: ["{{ sized }}", "{{ big.no }}"]}}}
layout: {hook: [0, 0], double: [280, 0]}     # the drawing's positions
"""

TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=("Cs",)), max_size=12)
ANY_JSON = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(2**53), 2**53),
        st.floats(allow_nan=False, allow_infinity=False),
        TEXTS,
        st.sampled_from(
            [
                "2026-01-01",
                "yes",
                "no",
                "on",
                "null",
                "~",
                "1e3",
                "0x1f",
                "012",
                "1_000",
                ".inf",
                "=",
                "<<",
                "a: b",
                "# c",
                "x\ny\n",
                " x",
                "12:30:45",
            ]
        ),
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(graphs())
def test_json_and_yaml_are_equal_both_ways(drawing: Graph) -> None:
    document = dump(drawing)
    assert load(document) == drawing
    assert load(json.dumps(document)) == drawing
    text = to_yaml(drawing)
    assert load(text) == drawing
    assert json.dumps(dump(load(text))) == json.dumps(document)
    assert to_yaml(load(text)) == text


@settings(max_examples=40, deadline=None)
@given(ANY_JSON)
def test_any_json_in_a_field_survives_yaml(value: Any) -> None:
    drawing = graph(node("a", "show", value=value))
    text = to_yaml(drawing)
    found = load(text).nodes["a"].params["value"]
    assert found == value and kinds(found) == kinds(value)


def kinds(value: Any) -> Any:
    """Which parts are yes or no: to Python True equals 1."""
    if isinstance(value, dict):
        return [(key, kinds(inner)) for key, inner in value.items()]
    return [kinds(inner) for inner in value] if isinstance(value, list) else isinstance(value, bool)


@settings(max_examples=30, deadline=None)
@given(graphs(), graphs())
def test_an_old_texts_comments_never_change_the_drawing(old: Graph, new: Graph) -> None:
    before = to_yaml(old).replace("nodes:", "# a comment\nnodes:   # another")
    assert load(before) == old
    assert load(to_yaml(new, before)) == new


def test_comments_stay_through_edits() -> None:
    drawing, comments = from_yaml(SIZE_IT)
    assert to_yaml(drawing, comments).count("#") == SIZE_IT.count("#")
    nodes = {k: n for k, n in drawing.nodes.items() if k != "sized"}
    nodes["big"] = nodes["big"].model_copy(update={"label": "Big?"})
    nodes["new"] = Node(id="new", type="data.template", params={"text": "x"})
    text = to_yaml(drawing.model_copy(update={"nodes": nodes, "name": "Other"}), comments)
    for comment in (
        "# what it is called",
        "# where it starts",
        "# all of it",
        "# the branch",
        "# the drawing's positions",
    ):
        assert comment in text
    assert load(text).name == "Other" and list(load(text).nodes) == ["hook", "double", "big", "answer", "new"]


def test_the_documents_example_means_what_it_says() -> None:
    drawing = load(SIZE_IT)
    assert list(drawing.nodes) == ["hook", "double", "big", "sized", "answer"]
    assert drawing.layout == {"hook": (0, 0), "double": (280, 0)}
    assert list(dump(drawing)["nodes"]["double"]) == ["type", "with"]


@pytest.mark.parametrize(
    ("text", "line", "where", "code"),
    [
        ("weft: 2\nnodes: {}", 1, (None, "weft"), "unknown_version"),
        ("name: x\nnodes: {}", 1, (None, None), "unknown_version"),
        ("weft: 1\nnods: {}", 2, (None, "nods"), "unknown_key"),
        ("weft: 1\nnodes:\n  A b: {type: x}", 3, ("A b", None), "bad_id"),
        ("weft: 1\nnodes:\n  run: {type: x}", 3, ("run", None), "reserved_id"),
        ("weft: 1\nnodes:\n  a:\n    type: x\n    tpe: x", 5, ("a", "tpe"), "unknown_key"),
        ("weft: 1\nnodes:\n  a:\n    with: {}", 3, ("a", None), "missing_type"),
        ("weft: 1\nnodes:\n  a:\n    type: x\n    with: 3", 5, ("a", "with"), "bad_fields"),
        ("weft: 1\nnodes:\n  a:\n    type: x\n    limit: 0", 5, ("a", "limit"), "bad_value"),
        ("weft: 1\nnodes:\n  a:\n    type: x\n    retry:\n      times: -1", 6, ("a", "retry.times"), "bad_value"),
        (
            "weft: 1\nnodes:\n  a:\n    type: x\n    with:\n      b:\n        - 1\n        - .nan",
            8,
            ("a", "b.1"),
            "bad_number",
        ),
        ("weft: 1\nnodes:\n  a: {type: x, in: b}", 3, ("a", "in"), "unknown_container"),
        ("weft: 1\nnodes:\n  a: {type: x}\nlayout:\n  a: [1]", 5, ("a", None), "bad_position"),
        ("weft: 1\nnodes: [", 2, (None, None), "bad_yaml"),
        ("weft: 1\nnodes: {}\nnodes: {}", 3, (None, None), "bad_yaml"),
        ("a: &x [1]\nb: *x", 2, (None, None), "alias"),
        ("weft: 1\nnodes:\n  a: {type: x, with: {b: !!python/name:os.system }}", 3, ("a", "b"), "bad_value"),
        ("- 1", 1, (None, None), "not_a_document"),
        ("", 1, (None, None), "not_a_document"),
        ('{"weft": 1,\n"nodes": {"a": {}}}', 2, ("a", None), "missing_type"),
    ],
)
def test_problems_name_node_field_and_line(text: str, line: int, where: tuple[Any, Any], code: str) -> None:
    with pytest.raises(DocumentError) as caught:
        load(text)
    (problem,) = caught.value.problems
    assert (problem.code, problem.line, problem.node, problem.field) == (code, line, *where)
    assert f"Line {line}: " in str(caught.value)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(DocumentError) as caught:
        load({"weft": 1, "nodes": {"A": {"type": "x"}, "b": {}, "c": {"type": "x", "lable": "y"}}})
    assert [p.code for p in caught.value.problems] == ["bad_id", "missing_type", "unknown_key"]
    assert caught.value.problems[2].hint == "Did you mean “label”?"


@pytest.mark.parametrize(
    "source",
    [
        "weft: 1\nname: " + "x" * 5_000_001,
        b"\xff\xfe",
        {"weft": 1, "nodes": {f"n{n}": {"type": "x"} for n in range(5_001)}},
        {"weft": 1, "name": "x" * 201, "nodes": {}},
        {"weft": 1, "nodes": {"a": {"type": "x", "with": {1: 2}}}},
        {"weft": True, "nodes": {}},
        "[" * 3_000,
    ],
)
def test_limits(source: Any) -> None:
    with pytest.raises(DocumentError):
        load(source)


def test_what_nests_too_deeply_is_refused() -> None:
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    with pytest.raises(DocumentError, match="nest at most"):
        load({"weft": 1, "nodes": {"a": {"type": "x", "with": {"b": deep}}}})


def test_one_reference_is_enough_for_after() -> None:
    found = load({"weft": 1, "nodes": {"a": {"type": "x"}, "b": {"type": "x", "after": "{{ a }}"}}})
    assert found.nodes["b"].after == ("{{ a }}",)


def test_one_node_at_a_time() -> None:
    made = node("a", "text", text="x")
    assert load_node("a", dump_node(made)) == made
    with pytest.raises(DocumentError):
        load_node("a", {"type": "x", "nope": 1})


def test_the_schema_accepts_what_can_be_drawn_and_names_what_cannot() -> None:
    validator = jsonschema_rs.validator_for(schema(catalog()))
    assert validator.is_valid(dump(load(SIZE_IT)))
    wrong = dump(load(SIZE_IT))
    wrong["nodes"]["hook"]["with"]["method"] = "SHOUT"
    assert not validator.is_valid(wrong)
    wrong["nodes"]["hook"]["with"]["method"] = "{{ double }}"
    assert validator.is_valid(wrong)
    assert not validator.is_valid({"weft": 1, "nodes": {"Bad Id": {"type": "data.set"}}})
    assert not validator.is_valid({"weft": 1, "nodes": {"a": {"type": "no.such"}}})


def test_the_schema_accepts_templates_anywhere_in_fields() -> None:
    validator = jsonschema_rs.validator_for(schema(CATALOG))
    drawing = graph(
        node("r", "route", value="{{ a }}", rules=[{"name": "x", "when": "{{ value > 1 }}"}]),
        node("t", "text", text={"first": ["{{ a }}", "{{ b }}"]}, amount="{{ c }}"),
        node("k", "keep", rows="{{ a }}", when="{{ item }}"),
        node("m", "merge", lists=["{{ a }}", "{{ b }}"]),
    )
    assert list(validator.iter_errors(dump(drawing))) == []


@st.composite
def nested(draw: st.DrawFn) -> Graph:
    """Drawings of containers four deep, each with a few nodes beside the next."""
    made: list[Node] = []
    for level in range(4):
        around = f"c{level - 1}" if level else None
        made.append(
            draw(nodes(f"c{level}")).model_copy(update={"type": "test.loop", "params": {}, "container": around})
        )
        for number in range(draw(st.integers(0, 2))):
            made.append(draw(nodes(f"n{level}_{number}")).model_copy(update={"container": f"c{level}"}))
    return Graph(nodes={node.id: node for node in draw(st.permutations(made))})


@settings(max_examples=60, deadline=None)
@given(nested())
def test_nested_containers_come_back_as_they_were_written(drawing: Graph) -> None:
    assert load(dump(drawing)) == drawing
    text = to_yaml(drawing)
    again, _ = from_yaml(text)
    assert again == drawing and list(again.nodes) == list(drawing.nodes)
    assert from_yaml(to_yaml(again, text))[0] == drawing
    assert all(again.levels(f"c{n}") == tuple(f"c{outer}" for outer in range(n)) for n in range(4))
