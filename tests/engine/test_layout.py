"""Places for drawings that come without."""

from __future__ import annotations

from hypothesis import assume, given, settings

from engine.broadcast import edges
from engine.graph import BODY, Graph
from engine.layout import CARD, COLUMN, MARGIN, ROW, arrange, complete, sizes
from tests.engine.drawings import CATALOG, graph, graphs, node


def overlaps(drawing: Graph) -> list[tuple[str, str]]:
    """The cards of one level that cover each other."""
    cards = sizes(drawing, CATALOG)

    def apart(one: str, other: str, side: int) -> bool:
        first, second = sorted((drawing.layout[n][side], cards.get(n, CARD)[side]) for n in (one, other))
        return first[0] + first[1] <= second[0]

    return [
        (one, other)
        for level in {drawing.level(node_id) for node_id in drawing.nodes}
        for number, one in enumerate(drawing.children(level))
        for other in drawing.children(level)[:number]
        if not apart(one, other, 0) and not apart(one, other, 1)
    ]


def is_nested_well(drawing: Graph) -> bool:
    return not any(node_id in drawing.levels(node_id) for node_id in drawing.nodes)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_every_node_gets_a_place_of_its_own(drawing: Graph) -> None:
    places = arrange(drawing, CATALOG)
    assert list(places) == list(drawing.nodes)
    assume(is_nested_well(drawing))
    assert overlaps(drawing.model_copy(update={"layout": places})) == []
    for level in {drawing.level(node_id) for node_id in drawing.nodes}:
        body = [places[node_id] for node_id in drawing.children(level)]
        assert min(x for x, _ in body) == 0 and min(y for _, y in body) == 0


def test_cards_get_the_room_that_they_are_drawn_with() -> None:
    drawing = graph(
        node("s", "start"), node("a", "text", text="{{ s }}"), node("b", "text", text="{{ s }}"), node("loop", "loop")
    )
    drawn = {"s": (236.0, 90.0), "a": (236.0, 400.0), "loop": (236.0, 60.0)}
    places = arrange(drawing, CATALOG, drawn)
    assert places["b"][1] >= places["a"][1] + 400 and places["a"][0] >= 236
    assert places["loop"][1] - places["s"][1] < 400, "a folded container takes the room of its card alone"


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


def test_a_container_takes_the_room_of_its_body_and_its_body_stands_inside() -> None:
    drawing = graph(
        node("s", "start"),
        node("loop", "loop", items="{{ s }}"),
        node("a", "text", within="loop", text="{{ item }}"),
        node("inner", "rounds", within="loop", start="{{ a }}"),
        node("b", "text", within="inner", text="{{ previous }}"),
        node("z", "show", value="{{ loop }}"),
    )
    places = arrange(drawing, CATALOG)
    cards = sizes(drawing.model_copy(update={"layout": places}), CATALOG)
    inner = (BODY[0] + CARD[0] + MARGIN, BODY[1] + CARD[1] + MARGIN)
    loop = (BODY[0] + COLUMN + inner[0] + MARGIN, BODY[1] + inner[1] + MARGIN)
    assert cards == {"inner": inner, "loop": loop}
    assert places["a"] == (0, 0) and places["b"] == (0, 0) and places["inner"] == (COLUMN, 0)
    assert places["z"][0] == places["loop"][0] + loop[0] + COLUMN - CARD[0]


def test_a_new_body_is_arranged_and_the_rest_stays() -> None:
    drawing = graph(
        node("s", "start"), node("loop", "loop", items="{{ s }}"), node("a", "text", within="loop", text="{{ item }}")
    )
    placed = drawing.model_copy(update={"layout": {"s": (10.0, 20.0), "loop": (400.0, 20.0)}})
    assert complete(placed, CATALOG).layout == {"s": (10.0, 20.0), "loop": (400.0, 20.0), "a": (0.0, 0.0)}
