"""What templates see in the body of a container, and what the container asks there once the body has ended."""

from __future__ import annotations

from typing import Any

from engine.broadcast import SKIPPED, Axis, Mapped, Once, Value, bind, bind_inside, resolve, resolve_inside
from engine.graph import Node
from tests.engine.drawings import CATALOG, node


def params(made: Node, outputs: dict[str, Any] | None = None, **extra: Any) -> list[dict[str, Any]]:
    """The raw params of each call."""
    node_type = CATALOG[made.type]
    call = bind(made, node_type, outputs or {}, extra)
    if isinstance(call, Mapped):
        return [resolve(made, node_type, call.scope_at(number)) for number in range(call.length)]
    assert isinstance(call, Once)
    return [resolve(made, node_type, call.scope)]


ORDER = {"id": 7, "lines": [{"sku": "a"}, {"sku": "b"}]}


def test_item_and_index_of_a_container_are_there_for_each_node_of_its_body() -> None:
    made = node("a", "text", text="{{ item.id }}: {{ index }}")
    assert params(made, item=ORDER, index=3) == [{"text": "7: 3"}]
    assert params(node("a", "show", value="{{ item }}"), item=ORDER, index=0) == [{"value": ORDER}]


def test_a_list_in_the_item_maps_the_node_and_item_still_means_the_container_s() -> None:
    made = node("a", "text", text="{{ item.lines.sku }}", other="{{ item.id }} at {{ index }}")
    assert params(made, item=ORDER, index=3) == [
        {"text": "a", "other": "7 at 3"},
        {"text": "b", "other": "7 at 3"},
    ]


def test_lists_of_one_item_meet_what_was_mapped_over_them() -> None:
    first = node("a", "text", text="{{ item.lines.sku }}")
    call = bind(first, CATALOG[first.type], {}, {"item": Value(ORDER), "index": 0})
    assert isinstance(call, Mapped)
    outputs = {"a": {"main": Value(["b!"], (Axis(call.axes[0], (1,)),))}}
    second = node("b", "text", text="{{ a }}", other="{{ item.lines.sku }}")
    assert params(second, outputs, item=ORDER, index=0) == [{"text": "b!", "other": "b"}]


def test_what_is_asked_of_each_row_means_the_row() -> None:
    made = node("a", "keep", rows="{{ item.lines }}", when="{{ item.sku == 'a' }}")
    assert params(made, item=ORDER, index=0) == [{"rows": ORDER["lines"], "when": [True, False]}]


def test_previous_is_what_the_round_before_gave() -> None:
    assert params(node("a", "text", text="{{ previous.n }}"), previous={"n": 2}) == [{"text": 2}]
    assert params(node("a", "text", text="{{ previous }}"), previous=Value(["x", "y"])) == [
        {"text": "x"},
        {"text": "y"},
    ]


def test_a_container_is_not_bound_to_what_it_asks_in_its_body() -> None:
    made = node("loop", "loop", items="{{ rows }}", result="{{ a }}")
    assert params(made, {"rows": {"main": Value([1, 2])}}) == [{"items": [1, 2]}]


def test_the_result_is_asked_in_the_body_and_takes_lists_whole() -> None:
    made = node("loop", "loop", items="{{ rows }}", result={"all": "{{ a }}", "of": "{{ item }}", "no": "{{ b.no }}"})
    outputs = {"a": {"main": Value([1, 2])}, "b": SKIPPED}
    scope = bind_inside(made, CATALOG[made.type], outputs, {"item": "x", "index": 0})
    assert resolve_inside(made, CATALOG[made.type], scope)["result"].data == {"all": [1, 2], "of": "x", "no": None}


def test_a_result_that_is_one_reference_keeps_where_its_items_come_from() -> None:
    made = node("r", "rounds", result="{{ a }}")
    value = Value([1, 2], (Axis("rows.main", (0, 4)),))
    scope = bind_inside(made, CATALOG[made.type], {"a": {"main": value}}, {"previous": None, "index": 0})
    assert resolve_inside(made, CATALOG[made.type], scope) == {"result": value}


def test_until_knows_the_result_written_or_not_and_no_other_field_of_its_container() -> None:
    made = node("r", "rounds", start=0, until="{{ result >= 3 and start == 'of the body' }}")
    outputs = {"start": {"main": Value("of the body")}}
    scope = bind_inside(made, CATALOG[made.type], outputs, {"previous": 2, "index": 2})
    assert resolve_inside(made, CATALOG[made.type], scope, {"result": 3})["until"].data is True
    written = node("r", "rounds", until="{{ result >= 3 }}", result="{{ previous + 1 }}")
    scope = bind_inside(written, CATALOG[written.type], {}, {"previous": 2, "index": 2})
    settled = resolve_inside(written, CATALOG[written.type], scope)
    assert {name: value.data for name, value in settled.items()} == {"result": 3, "until": True}
