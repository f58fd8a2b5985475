"""Operations and their way back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.document import dump
from engine.graph import Graph
from engine.patch import PatchError, apply, difference
from tests.engine.drawings import CATALOG, IDS, JSON, graph, graphs, node, nodes

SMALL = settings(max_examples=80, deadline=None)
ANY_ID = st.sampled_from([*IDS, "zz"])
PORTS = st.sampled_from(["main", "yes", "no", "error", "nothing"])
FIELDS = st.sampled_from(
    ["text", "rows", "value", "lists", "fields.x", "lists.1", "body.first.0", "after", "value.first.0"]
)


def ops() -> st.SearchStrategy[dict[str, Any]]:
    def op(kind: str, /, **parts: Any) -> st.SearchStrategy[dict[str, Any]]:
        return st.fixed_dictionaries({"op": st.just(kind), **parts})

    number = st.one_of(st.integers(-99, 99), st.none(), st.just("x"))
    return st.one_of(
        op(
            "add_node",
            id=st.sampled_from([*IDS, "new"]),
            type=st.sampled_from([*CATALOG, "no.such"]),
            x=number,
            y=number,
        ),
        op("remove_node", node=ANY_ID, heal=st.booleans(), body=st.sampled_from(["keep", "remove"])),
        op("move", node=ANY_ID, x=number, y=number),
        op("set_field", node=ANY_ID, path=st.one_of(FIELDS, st.just(["fields", "a.b"])), value=JSON),
        op("connect", source=ANY_ID, port=PORTS, target=ANY_ID, field=FIELDS),
        op("disconnect", source=ANY_ID, port=PORTS, target=ANY_ID, field=FIELDS),
        op("splice", node=ANY_ID, source=ANY_ID, port=PORTS, target=ANY_ID, field=FIELDS),
        op("rename", node=ANY_ID, label=st.text(max_size=5)),
        op("set_option", node=ANY_ID, key=st.sampled_from(["limit", "off", "note", "id", "retry"]), value=JSON),
        op("set_option", node=ANY_ID, key=st.just("in"), value=st.one_of(st.none(), ANY_ID)),
        op("move_into", nodes=st.lists(ANY_ID, max_size=3), container=st.one_of(st.none(), ANY_ID)),
        op("group", nodes=st.lists(ANY_ID, max_size=3), type=st.sampled_from(["test.loop", "test.rounds", "test.if"])),
        op("ungroup", node=ANY_ID),
        op("set_name", name=st.one_of(st.text(max_size=5), st.none())),
        op(
            "paste",
            nodes=st.dictionaries(ANY_ID, nodes("x").map(lambda n: {**dump(graph(n))["nodes"]["x"]}), max_size=2),
        ),
    )


@SMALL
@given(graphs(), st.lists(ops(), max_size=6))
def test_the_way_back_leads_back(start: Graph, wanted: list[dict[str, Any]]) -> None:
    done = start
    for op in wanted:
        try:
            done, back = apply(done, [op], CATALOG)
        except PatchError as error:
            assert str(error).endswith((".", "?", "…"))
            continue
        before, _ = apply(done, back, CATALOG)
        again, _ = apply(before, difference(before, done), CATALOG)
        assert dump(again) == dump(done)
    home, _ = apply(done, difference(done, start), CATALOG)
    assert home == start
    assert list(home.nodes) == list(start.nodes)


@SMALL
@given(graphs(), graphs())
def test_the_difference_turns_any_drawing_into_any_other(start: Graph, goal: Graph) -> None:
    reached, back = apply(start, difference(start, goal), CATALOG)
    assert reached == goal
    assert apply(reached, back, CATALOG)[0] == start


def do(start: Graph, *wanted: dict[str, Any]) -> Graph:
    done, back = apply(start, wanted, CATALOG)
    assert apply(done, back, CATALOG)[0] == start
    return done


def wire(source: str, target: str, field: str, port: str = "main") -> dict[str, Any]:
    return {"op": "connect", "source": source, "port": port, "target": target, "field": field}


def test_a_wire_is_a_reference_in_the_field() -> None:
    start = graph(node("a", "start"), node("b", "text"))
    done = do(start, wire("a", "b", "text"))
    assert done.nodes["b"].params == {"text": "{{ a }}"}
    gone = do(done, {"op": "disconnect", "source": "a", "port": "main", "target": "b", "field": "text"})
    assert gone.nodes["b"].params == {}


def test_a_second_wire_into_a_port_makes_a_first() -> None:
    start = graph(node("i", "if"), node("s", "show", value="{{ i.yes }}"))
    done = do(start, wire("i", "s", "value", "no"))
    assert done.nodes["s"].params == {"value": {"first": ["{{ i.yes }}", "{{ i.no }}"]}}
    back = do(done, {"op": "disconnect", "source": "i", "port": "yes", "target": "s", "field": "value.first.0"})
    assert back.nodes["s"].params == {"value": "{{ i.no }}"}


def test_wires_into_a_field_of_lists_are_its_elements() -> None:
    start = graph(node("a", "sort"), node("b", "sort"), node("m", "merge"))
    done = do(start, wire("a", "m", "lists"), wire("b", "m", "lists"))
    assert done.nodes["m"].params == {"lists": ["{{ a }}", "{{ b }}"]}
    one = do(done, {"op": "disconnect", "source": "a", "port": "main", "target": "m", "field": "lists.0"})
    assert one.nodes["m"].params == {"lists": ["{{ b }}"]}


def test_a_wire_to_the_header_is_order_only() -> None:
    start = graph(node("a", "sort"), node("b", "text"))
    done = do(start, wire("a", "b", "after"))
    assert done.nodes["b"].after == ("{{ a }}",)
    gone = do(done, {"op": "disconnect", "source": "a", "port": "main", "target": "b", "field": "after"})
    assert gone.nodes["b"].after == ()


@pytest.mark.parametrize(
    ("source", "target", "field", "port", "message"),
    [
        ("b", "a", "sample", "main", "starts runs"),
        ("c", "b", "text", "main", "close a circle"),
        ("b", "b", "text", "main", "close a circle"),
        ("a", "b", "nothing", "main", "no field “nothing”"),
        ("a", "b", "text", "yes", "no output “yes”"),
        ("zz", "b", "text", "main", "no node “zz”"),
        ("a", "k", "code", "main", "takes no wires"),
    ],
)
def test_wires_that_make_no_sense_are_refused(source: str, target: str, field: str, port: str, message: str) -> None:
    start = graph(node("a", "start"), node("b", "text"), node("c", "text", text="{{ b }}"), node("k", "code"))
    with pytest.raises(PatchError, match=message):
        apply(start, [wire(source, target, field, port)], CATALOG)


def test_removing_a_node_clears_its_wires_and_leaves_mentions() -> None:
    start = graph(
        node("a", "start"),
        node("b", "text", text="{{ a }}"),
        node("c", "text", after=("{{ b }}",), text="{{ b }}", other="Dear {{ b }}"),
        node("d", "show", value={"first": ["{{ b }}", "{{ a }}"]}),
        node("m", "merge", lists=["{{ b }}", "{{ a }}"]),
    )
    done = do(start, {"op": "remove_node", "node": "b"})
    assert done.nodes["c"].params == {"other": "Dear {{ b }}"}
    assert done.nodes["c"].after == ()
    assert done.nodes["d"].params == {"value": "{{ a }}"}
    assert done.nodes["m"].params == {"lists": ["{{ a }}"]}


def test_removing_a_node_can_heal_what_it_stood_between() -> None:
    start = graph(
        node("a", "parse"),
        node("s", "sort", rows="{{ a.rows }}"),
        node("c", "keep", rows="{{ s }}", when="{{ item.x }}"),
        node("d", "text", text="{{ s[0].name }}", after=("{{ s }}",)),
    )
    done = do(start, {"op": "remove_node", "node": "s", "heal": True})
    assert done.nodes["c"].params["rows"] == "{{ a.rows }}"
    assert "text" not in done.nodes["d"].params
    assert done.nodes["d"].after == ("{{ a.rows }}",)


def test_healing_leads_all_wires_of_a_first_on() -> None:
    start = graph(
        node("i", "if"),
        node("s", "show", value={"first": ["{{ i.yes }}", "{{ i.no }}"]}),
        node("t", "text", text="{{ s }}"),
        node("m", "merge", lists=["{{ s }}"]),
    )
    done = do(start, {"op": "remove_node", "node": "s", "heal": True})
    assert done.nodes["t"].params == {"text": {"first": ["{{ i.yes }}", "{{ i.no }}"]}}
    assert done.nodes["m"].params == {"lists": ["{{ i.yes }}", "{{ i.no }}"]}


SPLICED = graph(
    node("p", "parse", text="x"),
    node("a", "text", text="{{ p.rows.line }}"),
    node("b", "show", value={"first": ["{{ a }}", "{{ p }}"]}),
    node("c", "text", text="x", after=("{{ a }}", "{{ p }}")),
    node("new", "text"),
    node("full", "text", text="x"),
    node("route", "if", when=1),
    node("start", "start"),
    node("lists", "merge"),
)


def spliced(node: str, source: str, target: str, field: str, **more: Any) -> Graph:
    op = {"op": "splice", "node": node, "source": source, "port": "main", "target": target, "field": field, **more}
    return apply(SPLICED, [op], CATALOG)[0]


def test_a_node_goes_into_a_wire_and_takes_what_it_brought() -> None:
    after = spliced("new", "p", "a", "text")
    assert after.nodes["new"].params == {"text": "{{ p.rows.line }}"}
    assert after.nodes["a"].params == {"text": "{{ new }}"}
    healed = apply(after, [{"op": "remove_node", "node": "new", "heal": True}], CATALOG)[0]
    assert healed.nodes["a"] == SPLICED.nodes["a"]


def test_the_other_wires_of_a_port_stay_as_they_are() -> None:
    after = spliced("route", "a", "b", "value.first.0")
    assert after.nodes["b"].params == {"value": {"first": ["{{ route.yes }}", "{{ p }}"]}}
    assert spliced("lists", "a", "b", "value.first.0").nodes["lists"].params == {"lists": ["{{ a }}"]}


def test_a_node_goes_into_a_wire_of_order() -> None:
    after = spliced("full", "a", "c", "after.0")
    assert (after.nodes["full"].after, after.nodes["c"].after) == (("{{ a }}",), ("{{ full }}", "{{ p }}"))


@pytest.mark.parametrize(
    ("node", "source", "target", "more", "message"),
    [
        ("new", "a", "a", {}, "No wire from"),
        ("full", "p", "a", {}, "no free port"),
        ("new", "p", "a", {"into": "amount"}, "no free port"),
        ("start", "p", "a", {}, "Nothing can be led through"),
        ("c", "p", "a", {}, "no free port"),
        ("b", "p", "a", {}, "no free port"),
    ],
)
def test_what_cannot_go_into_a_wire_is_refused(
    node: str, source: str, target: str, more: dict[str, Any], message: str
) -> None:
    with pytest.raises(PatchError, match=message):
        spliced(node, source, target, "text", **more)


def test_pasting_renames_references_among_what_was_pasted() -> None:
    start = graph(node("a", "start"), node("b", "text", text="{{ a }}"))
    pasted = {
        "b": {"type": "test.text", "with": {"text": "{{ a }}", "other": "Hi {{ b2.x }}"}},
        "b2": {"type": "test.text", "with": {"text": "{{ b }}"}, "after": ["{{ b }}"]},
    }
    done = do(start, {"op": "paste", "nodes": pasted, "layout": {"b": [1, 2]}, "names": {"b2": "new"}})
    assert list(done.nodes) == ["a", "b", "text", "new"]
    assert done.nodes["text"].params == {"text": "{{ a }}", "other": "Hi {{ new.x }}"}
    assert done.nodes["new"].params == {"text": "{{ text }}"} and done.nodes["new"].after == ("{{ text }}",)
    assert done.layout == {"text": (1.0, 2.0)}


def test_pasting_leaves_a_nodes_own_field_names_alone() -> None:
    pasted = {
        "value": {"type": "test.start"},
        "i": {"type": "test.if", "with": {"value": "{{ value }}", "when": "{{ value.x > 1 }}"}},
    }
    done = do(graph(node("value", "start")), {"op": "paste", "nodes": pasted, "names": {"value": "other"}})
    assert done.nodes["i"].params == {"value": "{{ other }}", "when": "{{ value.x > 1 }}"}


def test_adding_a_node_takes_the_newest_version_and_a_free_id() -> None:
    done = do(graph(node("text", "text")), {"op": "add_node", "type": "test.text", "label": "Hello", "x": 1, "y": 2})
    assert done.nodes["text_2"].label == "Hello" and done.layout["text_2"] == (1.0, 2.0)


@pytest.mark.parametrize(
    ("op", "message"),
    [
        ({"op": "add_node", "type": "test.txt"}, "Did you mean “test.text”"),
        ({"op": "add_node", "type": "test.text", "id": "run"}, "meaning of its own"),
        ({"op": "add_node", "type": "test.text", "id": "Bad Id"}, "cannot be a node's id"),
        ({"op": "conect"}, "Did you mean “connect”"),
        ({"op": "set_field", "node": "a", "path": "other.x.y", "value": 1}, "neither a record nor a list"),
        ({"op": "set_field", "node": "a", "path": "othr", "value": 1}, "no field “othr”"),
        ({"op": "set_field", "node": "a", "path": "", "value": 1}, "A path names"),
        ({"op": "set_option", "node": "a", "key": "limit", "value": 0}, "greater than or equal to 1"),
        ({"op": "set_option", "node": "a", "key": "id", "value": "x"}, "no option “id”"),
        ({"op": "move", "node": "a", "x": 1}, "two numbers"),
        ({"op": "set_name", "name": "x" * 201}, "at most 200"),
        ("add", "no operation"),
    ],
)
def test_what_makes_no_sense_is_refused_in_words(op: Any, message: str) -> None:
    with pytest.raises(PatchError, match=message):
        apply(graph(node("a", "text", other="x")), [op], CATALOG)


def test_either_all_operations_hold_or_none() -> None:
    start = graph(node("a", "text"))
    with pytest.raises(PatchError):
        apply(start, [{"op": "rename", "node": "a", "label": "New"}, {"op": "nothing"}], CATALOG)
    assert start.nodes["a"].label == ""
