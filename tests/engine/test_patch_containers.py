"""Putting nodes into containers and taking them out again."""

from __future__ import annotations

from typing import Any

import pytest

from engine.document import DocumentError, dump, from_yaml, load, to_yaml
from engine.graph import BODY, MAX_LEVELS, Graph
from engine.patch import PatchError, apply
from engine.validation import problems
from tests.engine.drawings import CATALOG, graph, node


def do(start: Graph, *wanted: dict[str, Any]) -> Graph:
    """The drawing after the operations, whose way back leads back."""
    done, back = apply(start, wanted, CATALOG)
    again, forth = apply(done, back, CATALOG)
    assert again == start and list(again.nodes) == list(start.nodes)
    assert apply(again, forth, CATALOG)[0] == done
    return done


START = node("s", "start", sample=[{"line": "x"}])
LINE = graph(
    START,
    node("a", "text", text="{{ s.line }}"),
    node("b", "text", text="{{ a }}!"),
    node("z", "show", value="{{ b }}", after=("{{ a }}",)),
).model_copy(update={"layout": {"s": (0.0, 0.0), "a": (300.0, 40.0), "b": (600.0, 10.0), "z": (900.0, 0.0)}})


def grouped(kind: str = "test.loop", *nodes: str) -> Graph:
    return do(LINE, {"op": "group", "nodes": list(nodes or ("a", "b")), "type": kind, "id": "box"})


def test_a_group_takes_what_its_nodes_took_and_gives_what_they_gave() -> None:
    done = grouped()
    assert dict(done.nodes["box"].params) == {"items": "{{ s.line }}"}
    assert done.nodes["a"].params == {"text": "{{ item }}"} and done.nodes["b"].params == {"text": "{{ a }}!"}
    assert (done.nodes["z"].params, done.nodes["z"].after) == ({"value": "{{ box }}"}, ("{{ box }}",))
    assert list(done.nodes) == ["s", "box", "a", "b", "z"]
    assert problems(done, CATALOG) == []


def test_a_group_stands_where_its_nodes_stood() -> None:
    done = grouped()
    assert done.layout["box"] == (300.0 - BODY[0], 10.0 - BODY[1])
    assert (done.layout["a"], done.layout["b"]) == ((0.0, 30.0), (300.0, 0.0))
    assert done.origin("box") == (300.0, 10.0)


def test_a_group_whose_nodes_give_several_things_gives_a_record() -> None:
    start = do(LINE, {"op": "set_field", "node": "z", "path": "label", "value": "{{ a[0] }} of {{ b }}"})
    done = do(start, {"op": "group", "nodes": ["a", "b"], "type": "test.rounds", "id": "box"})
    assert done.nodes["box"].params["result"] == {"b": "{{ b }}", "a": "{{ a }}"}
    assert done.nodes["z"].params == {"value": "{{ box.b }}", "label": "{{ box.a[0] }} of {{ box.b }}"}


def test_a_group_of_a_node_in_the_middle_says_which_output_it_gives() -> None:
    branch = graph(START, node("i", "if", value="{{ s }}", when=1), node("z", "show", value="{{ i.yes.line }}"))
    done = do(branch, {"op": "group", "nodes": ["i"], "type": "test.rounds", "id": "box"})
    assert done.nodes["box"].params == {"start": "{{ s }}", "result": "{{ i.yes }}"}
    assert done.nodes["i"].params["value"] == "{{ previous }}"
    assert done.nodes["z"].params == {"value": "{{ box.line }}"}


def test_a_list_that_is_taken_whole_stays_the_list() -> None:
    counting = graph(START, node("a", "text", text="{{ s|length }}"))
    done = do(counting, {"op": "group", "nodes": ["a"], "type": "test.loop", "id": "box"})
    assert done.nodes["a"].params == {"text": "{{ s|length }}"} and not done.nodes["box"].params


def test_ungrouping_is_the_way_back() -> None:
    done = do(grouped(), {"op": "ungroup", "node": "box"})
    assert {n: dict(made.params) for n, made in done.nodes.items()} == {
        n: dict(made.params) for n, made in LINE.nodes.items()
    }
    assert done.layout == LINE.layout


def test_ungrouping_leads_parts_of_the_result_to_what_they_were() -> None:
    start = graph(
        node("box", "rounds", start=1, result={"one": "{{ a }}", "two": "{{ a.rows }}"}),
        node("a", "parse", within="box", text="{{ previous }}"),
        node("z", "text", text="{{ box.one.count }} {{ box.two[0].line }} {{ box.rounds }}", other="{{ box.none }}"),
    )
    done = do(start, {"op": "ungroup", "node": "box"})
    assert done.nodes["z"].params == {"text": "{{ a.count }} {{ a.rows[0].line }} {{ box.rounds }}"}
    assert done.nodes["a"].params == {"text": "{{ previous }}"}


def test_nodes_go_into_a_container_and_come_out_where_they_are() -> None:
    more = do(grouped(), {"op": "add_node", "id": "c", "type": "test.text", "x": 100, "y": 500})
    inside = do(more, {"op": "move_into", "nodes": ["c"], "container": "box"})
    assert inside.nodes["c"].container == "box" and inside.layout["c"] == (-200.0, 490.0)
    placed = do(more, {"op": "move_into", "nodes": ["c"], "container": "box", "places": {"c": [5, 6]}})
    assert placed.layout["c"] == (5.0, 6.0)
    assert do(inside, {"op": "move_into", "nodes": ["c"], "container": None}).layout["c"] == (100.0, 500.0)


def test_a_moved_container_moves_its_body() -> None:
    done = do(grouped(), {"op": "move", "node": "box", "x": 0, "y": 0})
    assert done.layout["a"] == (0.0, 30.0) and done.origin("box") == BODY


@pytest.mark.parametrize("body", ["remove", "keep"])
def test_a_container_is_removed_with_its_body_or_without(body: str) -> None:
    done = do(grouped(), {"op": "remove_node", "node": "box", "body": body})
    if body == "keep":
        assert list(done.nodes) == ["s", "a", "b", "z"] and done.nodes["z"].params == {"value": "{{ b }}"}
    else:
        assert list(done.nodes) == ["s", "z"] and not done.nodes["z"].params


@pytest.mark.parametrize(
    ("op", "message"),
    [
        ({"op": "move_into", "nodes": ["box"], "container": "inner"}, "“Box” cannot stand in itself."),
        ({"op": "move_into", "nodes": ["box"], "container": "box"}, "“Box” cannot stand in itself."),
        ({"op": "move_into", "nodes": ["z"], "container": "a"}, "“A” is no container."),
        ({"op": "move_into", "nodes": ["s"], "container": "box"}, "“S” starts runs and cannot stand in a container."),
        ({"op": "move_into", "nodes": ["gone"], "container": "box"}, "There is no node “gone” any more."),
        ({"op": "move_into", "nodes": [], "container": "box"}, "“move_into” needs a list of nodes."),
        ({"op": "move_into", "nodes": ["z"], "container": "box", "places": {"z": [1]}}, "two numbers"),
        ({"op": "group", "nodes": ["a", "z"], "type": "test.loop"}, "Only nodes of one level can be grouped"),
        ({"op": "group", "nodes": ["z"], "type": "test.text"}, "is no container."),
        ({"op": "group", "nodes": ["s"], "type": "test.loop"}, "starts runs"),
        ({"op": "ungroup", "node": "z"}, "“Z” is no container."),
        ({"op": "set_option", "node": "box", "key": "in", "value": "inner"}, "“Box” cannot stand in itself."),
    ],
)
def test_what_makes_no_sense_is_refused(op: dict[str, Any], message: str) -> None:
    start = do(grouped(), {"op": "group", "nodes": ["b"], "type": "test.rounds", "id": "inner"})
    with pytest.raises(PatchError, match=message.replace(".", r"\.").replace("[", r"\[")):
        apply(start, [op], CATALOG)


def test_containers_nest_so_deep_and_no_deeper() -> None:
    start = graph(*(node(f"c{n}", "rounds", within=f"c{n - 1}" if n else None) for n in range(MAX_LEVELS + 1)))
    assert load(dump(start)) == start
    with pytest.raises(PatchError, match="at most 32 levels"):
        apply(start, [{"op": "add_node", "type": "test.rounds", "in": f"c{MAX_LEVELS}"}], CATALOG)
    with pytest.raises(PatchError, match="at most 32 levels"):
        wanted = [
            {"op": "add_node", "id": "x", "type": "test.rounds"},
            {"op": "add_node", "id": "y", "type": "test.text", "in": "x"},
            {"op": "move_into", "nodes": ["x"], "container": f"c{MAX_LEVELS - 1}"},
        ]
        apply(start, wanted, CATALOG)
    deeper = {**dump(start)["nodes"], "deep": {"type": "test.text", "in": f"c{MAX_LEVELS}"}}
    with pytest.raises(DocumentError, match="Containers nest at most 32 levels"):
        load({"weft": 1, "nodes": deeper})


def test_pasted_nodes_stand_in_their_pasted_container_or_in_the_one_named() -> None:
    copied = {n: raw for n, raw in dump(grouped())["nodes"].items() if n in ("box", "a", "b")}
    done = do(grouped(), {"op": "paste", "nodes": copied, "in": "box"})
    assert {n: made.container for n, made in done.nodes.items() if n not in ("s", "z")} == {
        "box": None, "a": "box", "b": "box", "loop": "box", "text": "loop", "text_2": "loop",
    }  # fmt: skip
    assert done.nodes["text_2"].params == {"text": "{{ text }}!"}


def test_comments_stay_when_nodes_go_into_a_container() -> None:
    text = to_yaml(LINE).replace("  a:", "  # says it\n  a:")
    start, comments = from_yaml(text)
    done, _ = apply(start, [{"op": "group", "nodes": ["a", "b"], "type": "test.loop", "id": "box"}], CATALOG)
    written = to_yaml(done, comments)
    assert "# says it\n  a:" in written
    assert from_yaml(written)[0] == done
