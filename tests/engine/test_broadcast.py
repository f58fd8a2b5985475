"""How lists meet single values: pairing by origin, skips, branches that come together again."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.broadcast import (
    SKIPPED,
    Axis,
    Failed,
    Mapped,
    NodeOutputs,
    Once,
    Skip,
    Value,
    bind,
    collect,
    cursors,
    edges,
    joined,
    paths,
    resolve,
)
from engine.contract import BadParams, Fired, ListLengthMismatch, LongList
from engine.expressions import TemplateError
from engine.graph import Edge, Graph, Node
from tests.engine.drawings import CATALOG, IDS, graph, graphs, node

ROWS = [{"n": n, "tags": ["a", "b"][: n % 3]} for n in range(6)]


class Flow:
    """Runs nodes one after the other by binding, resolving, calling and collecting, as the executor does."""

    def __init__(self, **sources: Any) -> None:
        self.outputs: dict[str, NodeOutputs] = {name: {"main": Value(data)} for name, data in sources.items()}
        self.calls: dict[str, int] = {}

    def run(self, made: Node, *, fail: Mapping[int, str] | None = None) -> Any:
        """The main output's data, or all outputs by port for a node that has several; SKIPPED."""
        node_type = CATALOG[made.type]
        call = bind(
            made, node_type, self.outputs, {"trigger": None, "now": "2026-01-01T00:00:00Z"}, {made.id: {"error"}}
        )
        if isinstance(call, Skip):
            self.outputs[made.id] = SKIPPED
            return SKIPPED
        self.calls[made.id] = call.length if isinstance(call, Mapped) else 1
        found = self.collected(made, call, fail or {})
        self.outputs[made.id] = {port: through_json(value) for port, value in found.items()}
        data = {port: value.data for port, value in found.items()}
        return data["main"] if list(data) == ["main"] else data

    def collected(self, made: Node, call: Once | Mapped, fail: Mapping[int, str]) -> dict[str, Value]:
        """What the calls give together."""
        node_type = CATALOG[made.type]
        results: list[Any] = []
        for number in range(call.length if isinstance(call, Mapped) else 1):
            scope = call.scope_at(number) if isinstance(call, Mapped) else call.scope
            if number in fail:
                results.append(Failed(BadParams(fail[number])))
                continue
            params = node_type.params.model_validate(resolve(made, node_type, scope))
            results.append(_ports(_call(node_type.function, params)))
        return collect(call, results)

    def origin(self, node_id: str, port: str = "main") -> tuple[Axis, ...]:
        fired = self.outputs[node_id]
        assert isinstance(fired, Mapping)
        return fired[port].origin


class Held(LongList):
    """A list that may be read a little at a time only."""

    def __init__(self, items: Sequence[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def read(self, start: int, stop: int) -> list[Any]:
        assert 0 <= start <= stop <= len(self._items)
        return list(self._items[start:stop])


class LongFlow(Flow):
    """The same with every list between nodes a long one, and mapped nodes called part by part."""

    def __init__(self, **sources: Any) -> None:
        super().__init__(**{name: _held(data) for name, data in sources.items()})

    def run(self, made: Node, *, fail: Mapping[int, str] | None = None) -> Any:
        found = super().run(made, fail=fail)
        outputs = self.outputs[made.id]
        if isinstance(outputs, Mapping):
            self.outputs[made.id] = {port: Value(_held(v.data), v.origin) for port, v in outputs.items()}
        return _plain(found)

    def collected(self, made: Node, call: Once | Mapped, fail: Mapping[int, str]) -> dict[str, Value]:
        if isinstance(call, Once) or call.shape is not None or not call.length:
            return super().collected(made, call, fail)
        parts = []
        for start in range(0, call.length, 3):
            part = call.part(start, min(start + 3, call.length))
            missed = {number - start: why for number, why in fail.items()}
            parts.append(super().collected(made, part, missed))
        return joined(call, parts)


def _held(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _held(inner) for name, inner in data.items()}
    return Held([_held(inner) for inner in data]) if isinstance(data, list) else data


def _plain(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {name: _plain(inner) for name, inner in data.items()}
    return [_plain(inner) for inner in data] if isinstance(data, list | LongList) else data


@pytest.fixture(scope="module", params=["short", "long"], autouse=True)
def lists(request: pytest.FixtureRequest) -> Iterator[None]:
    """Every rule holds for lists that are in memory and for those that are not."""
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "long":
            patch.setattr(sys.modules[__name__], "Flow", LongFlow)
            patch.setattr(paths, "MANY", 1)
            patch.setattr(cursors, "MANY", 1)
        yield


def through_json(value: Value) -> Value:
    """As it comes back from a step's row."""
    data, origin = _plain(value.data), json.loads(json.dumps(value.origin_json()))
    again = Value.from_json(json.loads(json.dumps(data)), origin)
    assert again.data == data and again.origin_json() == value.origin_json()
    return again


def _call(function: Any, params: Any) -> Any:
    try:
        function(params).send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("the test's nodes wait for nothing")


def _ports(result: Any) -> dict[str, Any]:
    return {result.output: result.value} if isinstance(result, Fired) else {"main": result}


def test_a_single_value_is_one_call() -> None:
    flow = Flow(hook={"value": 7})
    assert flow.run(node("double", "set", record="{{ hook }}", fields={"d": "{{ hook.value * 2 }}"})) == {
        "value": 7,
        "d": 14,
    }
    flow.run(node("big", "if", value="{{ double }}", when="{{ value.d > 10 }}"))
    assert flow.run(node("sized", "set", record="{{ big.yes }}", fields={"size": "big"}))["size"] == "big"
    assert flow.run(node("never", "text", text="{{ big.no }}")) is SKIPPED
    answer = flow.run(node("answer", "show", value={"first": ["{{ sized }}", "{{ big.no }}"]}))
    assert answer == {"value": 7, "d": 14, "size": "big"}


def test_a_list_at_a_single_field_maps_the_node() -> None:
    flow = Flow(csv={"rows": ROWS})
    assert flow.run(node("t", "text", text="{{ csv.rows.n }}!")) == ["0!", "1!", "2!", "3!", "4!", "5!"]
    assert flow.origin("t") == (Axis("csv.main.rows"),)
    assert flow.calls == {"t": 6}


def test_a_single_value_beside_a_list_is_repeated() -> None:
    flow = Flow(csv={"rows": ROWS, "name": "x"})
    assert flow.run(node("t", "text", text="{{ csv.name }}{{ csv.rows.n }}"))[5] == "x5"


def test_a_node_that_combines_its_items_is_called_once_with_all_of_them() -> None:
    flow = Flow(csv={"rows": ROWS})
    flow.run(node("big", "if", value="{{ csv.rows }}", when="{{ value.n > 3 }}"))
    told = node("t", "text", ("{{ big.yes }}",), text="{{ csv.rows.n | join(', ') }} of {{ csv.rows.n }}")
    assert flow.run(told.model_copy(update={"each": "combined"})) == "4, 5 of [4,5]"
    assert flow.calls["t"] == 1
    assert flow.run(node("u", "show", value="{{ t }}")) == "4, 5 of [4,5]"


def test_a_list_of_lists_goes_two_levels_deep_and_keeps_its_shape() -> None:
    flow = Flow(csv={"rows": ROWS})
    shape = [[], ["1a"], ["2a", "2b"], [], ["4a"], ["5a", "5b"]]
    assert flow.run(node("t", "text", text="{{ csv.rows.n }}{{ csv.rows.tags }}")) == shape
    assert flow.run(node("u", "text", text="{{ t }}?")) == [[f"{x}?" for x in inner] for inner in shape]
    assert flow.calls == {"t": 6, "u": 6}
    assert flow.run(node("v", "text", text="{{ u }} {{ csv.rows.n }}"))[5] == ["5a? 5", "5b? 5"]


def test_a_ragged_list_keeps_its_shape() -> None:
    flow = Flow(a=[1, [2, [3]], []])
    assert flow.run(node("t", "text", text="{{ a }}.")) == ["1.", ["2.", ["3."]], []]


def test_an_empty_list_gives_an_empty_list_and_deals_nothing_out() -> None:
    flow = Flow(a=[])
    assert flow.run(node("t", "text", text="{{ a }}!")) == []
    assert flow.run(node("i", "if", value="{{ a }}", when="{{ value }}")) == {}
    assert flow.run(node("j", "text", text="{{ i.yes }}")) is SKIPPED


def test_lists_of_different_origins_pair_by_position() -> None:
    flow = Flow(a=["x", "y"], b=[1, 2])
    assert flow.run(node("t", "text", text="{{ a }}", other="{{ b }}-{{ a }}")) == ["x", "y"]
    assert flow.run(node("u", "text", text="{{ a }}{{ b }}")) == ["x1", "y2"]


def test_unequal_lengths_name_both_fields_and_both_lengths() -> None:
    flow = Flow(a=["x", "y"], b=["1", "2", "3"])
    with pytest.raises(ListLengthMismatch) as caught:
        flow.run(node("t", "text", text="{{ a }}", other="{{ b }}"))
    assert caught.value.lengths == {"text": 2, "other": 3}
    assert "“text” has 2 and “other” has 3" in caught.value.message


def test_one_field_with_two_lists_that_differ_names_both_references() -> None:
    flow = Flow(a=["x", "y"], b=["1", "2", "3"])
    with pytest.raises(ListLengthMismatch) as caught:
        flow.run(node("t", "text", text="{{ a }}{{ b }}"))
    assert sorted(caught.value.lengths.values()) == [2, 3]


def test_a_list_that_was_dealt_out_still_meets_its_siblings() -> None:
    flow = Flow(csv={"rows": ROWS})
    flow.run(node("i", "if", value="{{ csv.rows }}", when="{{ value.n % 2 }}"))
    assert flow.origin("i", "yes") == (Axis("csv.main.rows", (1, 3, 5)),)
    assert flow.run(node("t", "text", text="{{ i.yes.n }}={{ csv.rows.n }}")) == ["1=1", "3=3", "5=5"]
    assert flow.origin("t") == (Axis("csv.main.rows", (1, 3, 5)),)
    assert flow.run(node("u", "text", text="{{ csv.rows.n }}={{ i.no.n }}")) == ["0=0", "2=2", "4=4"]
    assert flow.run(node("v", "text", text="{{ i.yes.n }}={{ i.no.n }}")) == []


def test_a_list_that_lost_failed_items_still_meets_its_siblings() -> None:
    flow = Flow(csv={"rows": ROWS})
    both = flow.run(node("t", "text", text="{{ csv.rows.n }}"), fail={1: "no", 4: "never"})
    assert both["main"] == ["0", "2", "3", "5"]
    assert [(e["item"], e["message"], e["kind"], e["input"]["n"]) for e in both["error"]] == [
        ("1", "no", "BadParams", 1),
        ("4", "never", "BadParams", 4),
    ]
    assert flow.run(node("u", "text", text="{{ t }}:{{ csv.rows.n }}")) == ["0:0", "2:2", "3:3", "5:5"]
    assert flow.run(node("w", "text", text="{{ t.error.message }} {{ csv.rows.n }}")) == ["no 1", "never 4"]


def test_a_single_call_that_failed_leaves_one_record() -> None:
    flow = Flow(a=1)
    failed = flow.run(node("t", "text", text="{{ a }}"), fail={0: "no"})
    assert failed["error"]["message"] == "no" and "main" not in failed
    assert flow.run(node("u", "text", text="{{ t }}")) is SKIPPED
    assert flow.run(node("w", "text", text="{{ t.error.message }}")) == "no"


def test_an_error_output_that_did_not_fire_is_skipped_even_beside_a_field_of_that_name() -> None:
    flow = Flow(a={"error": "a field"})
    shown = node("t", "show", value="{{ a }}")
    flow.run(shown)
    after = node("u", "text", text="{{ t.error }}")
    call = bind(after, CATALOG[after.type], flow.outputs, {}, {"t": {"error"}})
    assert isinstance(call, Skip)
    assert flow.run(after) == "a field"


def test_first_brings_dealt_parts_together_in_the_original_order() -> None:
    flow = Flow(csv={"rows": ROWS})
    flow.run(node("i", "if", value="{{ csv.rows }}", when="{{ value.n % 2 }}"))
    flow.run(node("odd", "set", record="{{ i.yes }}", fields={"odd": True}))
    joined = flow.run(node("s", "show", value={"first": ["{{ odd }}", "{{ i.no }}"]}))
    assert [row["n"] for row in joined] == [0, 1, 2, 3, 4, 5]
    assert [row.get("odd") for row in joined] == [None, True, None, True, None, True]
    single = flow.run(node("t", "text", text="{{ odd.n }}"))
    assert single == ["1", "3", "5"]
    paired = flow.run(
        node("p", "set", record={"first": ["{{ odd }}", "{{ i.no }}"]}, fields={"again": "{{ csv.rows.n }}"})
    )
    assert [(row["n"], row["again"]) for row in paired] == [(n, n) for n in range(6)]


def test_first_takes_the_order_not_the_time() -> None:
    flow = Flow(a="one", b="two")
    assert flow.run(node("s", "show", value={"first": ["{{ b }}", "{{ a }}"]})) == "two"
    assert flow.run(node("t", "show", value={"first": ["{{ no }}", "{{ a }}"]})) == "one"
    assert flow.run(node("u", "show", value={"first": ["{{ no }}", "{{ nor }}"]})) is SKIPPED


def test_after_a_branch_maps_over_the_items_dealt_and_limits_their_siblings() -> None:
    flow = Flow(csv={"rows": ROWS})
    flow.run(node("i", "if", value="{{ csv.rows }}", when="{{ value.n % 2 }}"))
    assert flow.run(node("t", "text", text="hi", after=("{{ i.yes }}",))) == ["hi"] * 3
    assert flow.run(node("u", "text", text="{{ csv.rows.n }}", after=("{{ i.yes }}",))) == ["1", "3", "5"]
    assert flow.run(node("v", "text", text="{{ csv.rows|length }} {{ item.n }}", after=("{{ i.no }}",)))[1] == "3 2"
    both = flow.run(node("w", "text", text="{{ index }}", after=("{{ i.no }}", "{{ i.yes }}")))
    assert both == ["0", "1", "2", "3", "4", "5"]


def test_after_a_main_output_is_order_only() -> None:
    flow = Flow(csv={"rows": ROWS})
    flow.run(node("t", "text", text="{{ csv.rows.n }}"))
    assert flow.run(node("u", "text", text="done", after=("{{ t }}",))) == "done"


def test_after_what_did_not_fire_skips() -> None:
    flow = Flow(a=1)
    flow.run(node("i", "if", value="{{ a }}", when=True))
    assert flow.run(node("t", "text", text="x", after=("{{ i.no }}",))) is SKIPPED
    assert flow.run(node("u", "text", text="x", after=("{{ i.no }}", "{{ i.yes }}"))) == "x"


def test_a_field_that_takes_a_list_takes_it_whole() -> None:
    flow = Flow(csv={"rows": ROWS})
    assert len(flow.run(node("s", "sort", rows="{{ csv.rows }}", by="n"))) == 6
    assert flow.calls == {"s": 1}
    assert flow.origin("s") == ()


def test_a_list_of_tables_maps_a_field_that_takes_one() -> None:
    flow = Flow(tables=[[{"k": 2}, {"k": 1}], [], [{"k": 3}]])
    assert flow.run(node("s", "sort", rows="{{ tables }}", by="k")) == [[{"k": 1}, {"k": 2}], [], [{"k": 3}]]
    assert flow.calls == {"s": 3}


def test_whole_takes_anything_and_follows_an_origin_that_maps() -> None:
    flow = Flow(csv={"rows": ROWS})
    assert flow.run(node("s", "show", value="{{ csv.rows }}")) == ROWS
    assert flow.run(node("t", "show", value="{{ csv.rows }}", label="{{ csv.rows.n }}.")) == ROWS
    assert flow.calls == {"s": 1, "t": 6}


def test_a_filter_that_takes_lists_takes_its_reference_whole() -> None:
    flow = Flow(csv={"rows": ROWS})
    made = flow.run(node("t", "text", text="{{ csv.rows.n }} of {{ csv.rows|length }}, {{ csv.rows.n|sum }}"))
    assert made[0] == "0 of 6, 15"


def test_item_and_index_in_a_mapped_node() -> None:
    flow = Flow(csv={"rows": ROWS})
    assert flow.run(node("t", "text", text="{{ csv.rows.n }}", other="{{ index }}{{ item.tags }}"))[2] == "2"
    assert flow.run(node("u", "text", text="{{ csv.rows.tags }}{{ index }}{{ item }}"))[5] == ["a0a", "b1b"]


def test_an_expression_per_row_sees_its_row_and_its_siblings() -> None:
    flow = Flow(csv={"rows": ROWS})
    flow.run(node("d", "set", record="{{ csv.rows }}", fields={"twice": "{{ csv.rows.n * 2 }}"}))
    kept = flow.run(node("k", "keep", rows="{{ csv.rows }}", when="{{ item.n > 1 and d.twice < 9 and index != 3 }}"))
    assert [row["n"] for row in kept] == [2, 4]
    assert flow.calls["k"] == 1
    flow.run(node("i", "if", value="{{ csv.rows }}", when="{{ value.n % 2 }}"))
    assert [r["n"] for r in flow.run(node("l", "keep", rows="{{ i.yes }}", when="{{ d.twice > 4 }}"))] == [3, 5]


def test_the_nodes_own_fields_are_in_scope_by_name() -> None:
    flow = Flow(text={"a": "x"})
    assert flow.run(node("t", "text", text="{{ text.a }}", other="<{{ text }}>", amount=2)) == "x"
    routed = flow.run(node("r", "route", value=5, rules=[{"name": "big", "when": "{{ value > 3 }}"}]))
    assert routed == {"big": 5}


def test_several_wires_in_a_list_field_are_its_elements() -> None:
    flow = Flow(a=[1, 2], b=[3], c=4)
    assert flow.run(node("m", "merge", lists=["{{ a }}", "{{ b }}"])) == [1, 2, 3]
    assert flow.calls == {"m": 1}


def test_code_is_used_as_it_is_written() -> None:
    flow = Flow(a=[1])
    assert flow.run(node("c", "code", code="{{ a }} = 1", inputs={"x": 1})) == {"x": 1}


def test_what_hangs_on_a_skipped_node() -> None:
    flow = Flow(a=1)
    flow.outputs["gone"] = SKIPPED
    assert flow.run(node("t", "text", text="{{ gone }}", other="{{ a }}")) is SKIPPED
    assert flow.run(node("v", "text", text="{{ a }}-{{ gone.x }}")) == "1-"
    assert flow.run(node("w", "show", value="{{ a }}", label="{{ gone }}")) == 1
    assert flow.run(node("x", "text", text="alone")) == "alone"


def test_an_optional_field_keeps_its_default_when_its_wire_was_skipped() -> None:
    made = node("t", "text", text="{{ a|text }}", amount="{{ gone }}")
    outputs: dict[str, NodeOutputs] = {"a": {"main": Value(1)}, "gone": SKIPPED}
    call = bind(made, CATALOG[made.type], outputs, {})
    assert isinstance(call, Once)
    assert resolve(made, CATALOG[made.type], call.scope) == {"text": "1"}


def test_a_skip_says_why() -> None:
    made = node("t", "text", text="{{ i.yes }}", other="{{ a }}")
    call = bind(made, CATALOG[made.type], {"i": {"no": Value(1)}, "a": {"main": Value(1)}}, {})
    assert call == Skip("“Text” got nothing: “i.yes” did not fire.")


def test_edges_are_read_off_the_fields() -> None:
    drawing = graph(
        node("a", "parse", text="x"),
        node("i", "if", value="{{ a.rows }}", when="{{ value.x > a.count }}"),
        node("s", "show", value={"first": ["{{ i.yes }}", "{{ i.no.x }}"]}, after=("{{ a }}",)),
        node("b", "text", text="{{ no_such }} {{ s.x }} {{ s.y }}", other="{{ broken"),
        node("c", "code", code="{{ a }}"),
    )
    assert list(edges(drawing, CATALOG)) == [
        Edge(source="a", port="main", target="i", field="value", kind="value"),
        Edge(source="a", port="main", target="i", field="when", kind="mention"),
        Edge(source="i", port="yes", target="s", field="value.first.0", kind="value"),
        Edge(source="i", port="no", target="s", field="value.first.1", kind="value"),
        Edge(source="a", port="main", target="s", field="after", kind="after"),
        Edge(source="s", port="main", target="b", field="text", kind="mention"),
    ]


NESTED = st.recursive(st.integers(0, 9), lambda inner: st.lists(inner, max_size=4), max_leaves=12)


def applied(value: Any, function: Any) -> Any:
    return [applied(inner, function) for inner in value] if isinstance(value, list) else function(value)


@settings(max_examples=150, deadline=None)
@given(NESTED)
def test_the_output_has_the_shape_of_the_input(value: Any) -> None:
    flow = Flow(a=value)
    assert flow.run(node("t", "text", text="<{{ a }}>")) == applied(value, lambda x: f"<{x}>")
    assert flow.run(node("u", "text", text="{{ t }}{{ a }}")) == applied(value, lambda x: f"<{x}>{x}")


@settings(max_examples=150, deadline=None)
@given(NESTED)
def test_dealing_out_and_first_give_back_what_came_in(value: Any) -> None:
    """Items dealt out to two branches come together in the order and shape they had, and pair with where they were."""
    flow = Flow(a=value)
    flow.run(node("i", "if", value="{{ a }}", when="{{ value % 2 }}"))
    dealt = flow.outputs["i"]
    assert isinstance(dealt, Mapping)
    kept = {port: leaves_of(_plain(found.data)) for port, found in dealt.items()}
    assert all(n % 2 == (port == "yes") for port, found in kept.items() for n in found)
    assert sorted(n for found in kept.values() for n in found) == sorted(leaves_of(value))
    joined = flow.run(node("s", "show", value={"first": ["{{ i.yes }}", "{{ i.no }}"]}))
    assert joined == (SKIPPED if not leaves_of(value) else without_empty(value))
    for port in dealt:
        paired = flow.run(node("p", "text", text=f"{{{{ i.{port} }}}}={{{{ a }}}}"))
        assert leaves_of(paired) == [f"{n}={n}" for n in kept[port]]


def without_empty(value: Any) -> Any:
    """A list that was dealt nothing leaves no trace in a branch."""
    if not isinstance(value, list):
        return value
    inner = [without_empty(item) for item in value]
    return [item for item in inner if item != []]


def leaves_of(value: Any) -> list[Any]:
    return [leaf for inner in value for leaf in leaves_of(inner)] if isinstance(value, list) else [value]


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(), max_size=8), st.sets(st.integers(0, 7)), st.sets(st.integers(0, 7)))
def test_what_lost_items_pairs_with_what_lost_others(value: list[int], gone: set[int], lost: set[int]) -> None:
    flow = Flow(a=value)
    flow.run(node("x", "text", text="{{ a }}"), fail=dict.fromkeys(gone, "no"))
    flow.run(node("y", "text", text="{{ a }}"), fail=dict.fromkeys(lost, "no"))
    paired = flow.run(node("p", "text", text="{{ x }}={{ y }}={{ a }}"))
    left = [n for number, n in enumerate(value) if number not in gone | lost]
    if value and (not set(range(len(value))) - gone or not set(range(len(value))) - lost):
        return  # one of them lost everything: its output did not fire, and the text goes on without it
    assert paired == [f"{n}={n}={n}" for n in left]


DATA = st.recursive(
    st.one_of(st.none(), st.integers(0, 3), st.sampled_from(["x", ""])),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["x", "rows", "yes"]), inner, max_size=2)
    ),
    max_leaves=8,
)


@settings(max_examples=150, deadline=None)
@given(
    graphs(), st.dictionaries(st.sampled_from(IDS), st.dictionaries(st.sampled_from(["main", "yes"]), DATA, max_size=2))
)
def test_any_node_of_any_drawing_is_called_skipped_or_refused_in_words(
    drawing: Graph, data: dict[str, dict[str, Any]]
) -> None:
    outputs: dict[str, NodeOutputs] = {
        node_id: {port: Value(value) for port, value in ports.items()} or SKIPPED for node_id, ports in data.items()
    }
    for made in drawing.nodes.values():
        node_type = CATALOG[made.type]
        try:
            call = bind(made, node_type, outputs, {"now": "2026-01-01T00:00:00Z", "random": "s"})
            scopes = [call.scope] if isinstance(call, Once) else []
            if isinstance(call, Mapped):
                scopes = [call.scope_at(number) for number in range(call.length)]
                assert len({call.path_at(number) for number in range(call.length)}) == call.length
            for scope in scopes:
                assert set(resolve(made, node_type, scope)) <= set(made.params)
        except (ListLengthMismatch, TemplateError) as error:
            assert error.message
            continue
        if not isinstance(call, Skip):
            found = collect(call, [{"main": number} for number in range(len(scopes))])
            assert isinstance(call, Once) or len(leaves_of(found.get("main", Value([])).data)) == call.length
