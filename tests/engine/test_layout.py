"""Places for drawings that come without."""

from __future__ import annotations

from hypothesis import given, settings

from engine.broadcast import edges
from engine.graph import Graph
from engine.layout import COLUMN, ROW, arrange, complete
from tests.engine.drawings import CATALOG, graph, graphs, node


def overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return abs(one[0] - other[0]) < COLUMN and abs(one[1] - other[1]) < ROW - 1


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_every_node_gets_a_place_of_its_own(drawing: Graph) -> None:
    places = list(arrange(drawing, CATALOG).items())
    assert [node_id for node_id, _ in sorted(places)] == sorted(drawing.nodes)
    assert not any(overlap(one, other) for n, (_, one) in enumerate(places) for _, other in places[:n])
    if places:
        assert min(x for _, (x, _) in places) == 0 and min(y for _, (_, y) in places) == 0


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_places_that_are_there_stay(drawing: Graph) -> None:
    done = complete(drawing, CATALOG)
    assert set(done.layout) == set(drawing.nodes)
    assert {n: p for n, p in done.layout.items() if n in drawing.layout} == drawing.layout
    assert complete(done, CATALOG) is done


def test_wires_run_from_left_to_right_and_do_not_cross() -> None:
    drawing = graph(
        node("s", "start"),
        node("i", "if", value="{{ s }}", when="{{ value }}"),
        node("low", "text", text="{{ i.no }}"),
        node("high", "text", text="{{ i.yes }}"),
        node("low2", "text", text="{{ low }}"),
        node("high2", "text", text="{{ high }}"),
        node("end", "show", value={"first": ["{{ high2 }}", "{{ low2 }}"]}),
    )
    places = arrange(drawing, CATALOG)
    assert all(places[e.source][0] < places[e.target][0] for e in edges(drawing, CATALOG))
    assert (places["low"][1] < places["high"][1]) == (places["low2"][1] < places["high2"][1])
    assert places["i"][1] == places["end"][1] == (places["low"][1] + places["high"][1]) / 2


def test_a_circle_is_drawn_all_the_same() -> None:
    drawing = graph(node("a", "text", text="{{ b }}"), node("b", "text", text="{{ a }}"))
    assert sorted(x for x, _ in arrange(drawing, CATALOG).values()) == [0, COLUMN]


def test_a_new_node_stands_to_the_right_of_its_source() -> None:
    drawing = graph(node("a", "start"), node("b", "text", text="{{ a }}"), node("c", "text", text="{{ a }}"))
    placed = drawing.model_copy(update={"layout": {"a": (10.0, 20.0), "b": (310.0, 20.0)}})
    assert complete(placed, CATALOG).layout["c"] == (310.0, 20.0 + ROW)
