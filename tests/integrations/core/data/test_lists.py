"""What must hold for any list: cut and joined again, laid out and back, compared and added up."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from integrations.core.data.compare import CompareLists, CompareValues, compare_lists, compare_values
from integrations.core.data.fields import SetFields, set_fields
from integrations.core.data.lists import (
    Aggregate,
    Chunk,
    Flatten,
    Range,
    aggregate,
    chunk,
    flatten,
    number_range,
)
from integrations.core.data.pivot import Pivot, Unpivot, pivot, unpivot
from integrations.core.flow.merge import Merge, merge
from integrations.core.values import identity
from tests.integrations.core.test_properties import call, lists, rows, values

names = st.text(min_size=1, max_size=4)


@given(lists, st.sampled_from(["size", "parts"]), st.integers(1, 9))
def test_flatten_takes_back_what_chunk_did(items: list[Any], by: str, count: int) -> None:
    parts = call(chunk, Chunk(items=items, by=by, count=count))
    assert call(flatten, Flatten(lists=parts)) == items
    if by == "size":
        assert all(len(part) == count for part in parts[:-1])
    else:
        lengths = [len(part) for part in parts]
        assert len(parts) == min(count, len(items)) and (not lengths or max(lengths) - min(lengths) <= 1)


@given(lists)
def test_flattening_all_levels_is_idempotent(items: list[Any]) -> None:
    once = call(flatten, Flatten(lists=items, levels=0))
    assert not any(isinstance(item, list) for item in once)
    assert repr(call(flatten, Flatten(lists=once, levels=0))) == repr(once)


@given(st.lists(st.dictionaries(names, values, min_size=1, max_size=3), max_size=8))
def test_columns_hold_every_value_at_its_place(table: list[dict[str, Any]]) -> None:
    columns = call(aggregate, Aggregate(items=table, into="columns"))
    assert all(len(column) == len(table) for column in columns.values())
    for place, row in enumerate(table):
        assert {name: columns[name][place] for name in row} == row


@given(st.integers(-50, 50), st.integers(-50, 50), st.integers(-7, 7).filter(bool))
def test_a_range_is_pythons(start: int, stop: int, step: int) -> None:
    without = call(number_range, Range(start=start, stop=stop, step=step, include_stop=False))
    assert without == list(range(start, stop, step))
    up_to = call(number_range, Range(start=start, stop=stop, step=step))
    assert up_to == list(range(start, stop + (1 if step > 0 else -1), step))


@given(st.dictionaries(names, values, max_size=5), st.permutations(["a", "b", "c"]))
def test_renaming_back_is_identity(record: dict[str, Any], new: list[str]) -> None:
    rename = {name: f"{name}.{end}." for name, end in zip(record, new, strict=False)}
    changed = call(set_fields, SetFields(record=record, rename=rename))
    back = call(set_fields, SetFields(record=changed, rename={new: old for old, new in rename.items()}))
    assert back == record and list(back) == list(record)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["x", "y", 1, None]), st.sampled_from(["p", "q", "r"])), st.integers(), max_size=8
    )
)
def test_unpivot_takes_back_what_pivot_did(cells: dict[tuple[Any, str], int]) -> None:
    table = [{"line": line, "name": name, "value": value} for (line, name), value in cells.items()]
    wide = call(pivot, Pivot(rows=table, by=["line"], columns="name", value="value", function="first"))
    back = call(unpivot, Unpivot(rows=wide, keep=["line"]))
    assert sorted(map(repr, back)) == sorted(map(repr, table))


keyed = st.lists(st.fixed_dictionaries({"id": st.sampled_from([1, 2, "2", "x", None, ""]), "v": values}), max_size=8)


@given(keyed, keyed, st.booleans())
def test_the_parts_of_a_comparison_are_the_whole(
    first: list[dict[str, Any]], second: list[dict[str, Any]], loose: bool
) -> None:
    fired = call(compare_lists, CompareLists(first=first, second=second, loose=loose))
    parts = {one.output: one.value for one in fired}
    left = parts["only_first"] + [one.before for one in parts["changed"]] + parts["same"]
    assert sorted(map(repr, left)) == sorted(map(repr, first))
    assert len(parts["only_second"]) + len(parts["changed"]) + len(parts["same"]) == len(second)


@given(keyed, keyed)
def test_comparing_the_other_way_round_swaps_added_and_removed(
    first: list[dict[str, Any]], second: list[dict[str, Any]]
) -> None:
    there = {one.output: one.value for one in call(compare_lists, CompareLists(first=first, second=second))}
    back = {one.output: one.value for one in call(compare_lists, CompareLists(first=second, second=first))}
    assert repr(there["only_first"]) == repr(back["only_second"])
    assert repr(there["only_second"]) == repr(back["only_first"])
    assert len(there["changed"]) == len(back["changed"])


@given(values, values)
def test_values_are_equal_exactly_when_nothing_differs(first: Any, second: Any) -> None:
    compared = call(compare_values, CompareValues(first=first, second=second))
    assert compared.equal == (not compared.differences) == (identity(first) == identity(second))


@given(rows, rows, st.booleans())
def test_joins_add_up(left: list[dict[str, Any]], right: list[dict[str, Any]], loose: bool) -> None:
    def joined(join: str) -> list[Any]:
        wires = [left, right]
        result = call(merge, Merge(lists=wires, mode="key", key=["a"], join=join, clash="both", loose=loose))
        assert isinstance(result, list)
        return result

    inner = joined("inner")
    only_first, only_second = joined("only_first"), joined("only_second")
    assert len(joined("left")) == len(inner) + len(only_first)
    assert len(joined("right")) == len(inner) + len(only_second)
    assert len(joined("outer")) == len(inner) + len(only_first) + len(only_second)
