"""Sorting, telling apart and adding up more than fits in memory: the same as of a list that does."""

from __future__ import annotations

import math
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import BadParams
from integrations.core.data import rows as module
from integrations.core.data import summing
from integrations.core.data.group import Group, Summary, group
from integrations.core.data.rows import Sort, Unique, sort, unique
from integrations.core.data.sorting import first_of_each, merge_sorted
from integrations.core.data.summing import Average, Extreme, Sum
from integrations.core.values import canonical, identity, order
from tests.integrations.replay import Held

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda v: st.lists(v, max_size=2) | st.dictionaries(st.text(max_size=2), v, max_size=2))
numbers = st.integers(-(10**20), 10**20) | st.floats(-1e300, 1e300)


@given(st.lists(st.integers(0, 9), max_size=60), st.integers(1, 9))
def test_sorted_runs_merge_to_what_sorting_gives(found: list[int], run: int) -> None:
    pairs = list(enumerate(found))
    assert list(merge_sorted(pairs, lambda pair: pair[1], run)) == sorted(pairs, key=lambda pair: pair[1])


ROWS = [{"n": n * 37 % 101, "name": f"N{n % 13}", "day": f"2026-0{n % 9 + 1}-01"} for n in range(400)]
ROWS += [{"n": None, "name": ""}, {"n": 5}]


@pytest.mark.parametrize("by", [["n"], ["-n", "name"], ["name", "-n"], ["-name"]])
@pytest.mark.parametrize("descending", [False, True])
def test_a_long_list_sorts_as_a_short_one(by: list[str], descending: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    wanted = list(sort(Sort(rows=ROWS, by=by, descending=descending)))
    monkeypatch.setattr(module, "RUN_BYTES", 1_000)
    long = Held(ROWS)
    long.size = 400_000
    assert list(sort(Sort(rows=long, by=by, descending=descending))) == wanted


@given(st.lists(values, max_size=20), st.booleans())
def test_a_long_list_loses_the_same_doubles(items: list[Any], last: bool) -> None:
    keep: Any = "last" if last else "first"
    short = list(unique(Unique(rows=items, keep=keep)))
    assert repr(list(unique(Unique(rows=Held(items), keep=keep)))) == repr(short)


@given(values, values)
def test_a_text_is_equal_exactly_where_the_values_are(one: Any, other: Any) -> None:
    assert canonical(one) == canonical(one)
    assert (canonical(one) == canonical(other)) is (identity(one) == identity(other))


def test_the_first_of_each_and_the_last() -> None:
    keys = [str(n % 7).encode() for n in range(50)]
    assert [at for at, chosen in enumerate(first_of_each(keys, 50)) if chosen] == list(range(7))
    assert [at for at, chosen in enumerate(first_of_each(keys, 50, last=True)) if chosen] == list(range(43, 50))


@given(st.lists(numbers, max_size=30))
def test_a_sum_of_one_after_the_other_is_exact(found: list[int | float]) -> None:
    total, mean = Sum(), Average()
    for number in found:
        total.take(number)
        mean.take(number)
    wanted = sum(found) if all(isinstance(n, int) for n in found) else math.fsum(found)
    assert total.result() == wanted
    assert mean.result() == (wanted / len(found) if found else None)


@given(st.lists(st.integers() | st.text(max_size=3) | st.sampled_from(["1", "2.5", "-3"]), min_size=1, max_size=10))
def test_an_extreme_is_that_of_all(found: list[Any]) -> None:
    least, most = Extreme(larger=False), Extreme(larger=True)
    for value in found:
        least.take(value)
        most.take(value)
    spelled = [value if isinstance(value, int) else summing.number(value) for value in found]
    if None in spelled:
        assert (least.result(), most.result()) == (min(found, key=order), max(found, key=order))
    else:
        assert (least.result(), most.result()) == (min(spelled), max(spelled))


def test_what_must_be_held_has_a_limit_that_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summing, "MOST_COLLECTED", 100)
    monkeypatch.setattr(sys.modules[Group.__module__], "MOST_GROUPS", 50)
    rows = Held([{"n": n} for n in range(200)])
    with pytest.raises(BadParams, match="more than 100 values"):
        list(group(Group(rows=rows, summaries=[Summary(function="list", field="n")])))
    with pytest.raises(BadParams, match="more than 50 groups"):
        list(group(Group(rows=rows, by=["n"])))
