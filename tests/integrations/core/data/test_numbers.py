"""What must hold for any date, number or random value."""

from __future__ import annotations

import random
import re
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import BadParams, Chance
from integrations.core.data.calculate import Calculate, calculate
from integrations.core.data.date_list import DateList, date_list
from integrations.core.data.numbers import Number, change_number
from integrations.core.data.random_values import MakeId, Random, make_id, random_value
from integrations.core.data.statistics import Statistics, statistics
from integrations.core.data.workdays import add_workdays, calendar_of, workdays_until
from integrations.core.dates import Unit, floor, iso, parse, settled, shift
from tests.integrations.core.test_properties import call
from tests.integrations.services import RUN

ZONES = [ZoneInfo(name) for name in ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Cairo")]
zones = st.sampled_from(ZONES)
moments = st.builds(
    lambda naive, zone: naive.replace(tzinfo=UTC).astimezone(zone),
    st.datetimes(datetime(1971, 1, 1), datetime(2036, 1, 1)),
    zones,
)
units: st.SearchStrategy[Unit] = st.sampled_from(
    ["seconds", "minutes", "hours", "days", "weeks", "months", "quarters", "years"]
)


def chance(place: str = "run::node:") -> Chance:
    return Chance(b"secret", place)


@given(moments)
def test_a_date_written_is_the_date_read(moment: datetime) -> None:
    assert parse(iso(moment), ZoneInfo("UTC")) == moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@given(moments, units)
def test_the_start_of_a_unit_comes_before_and_is_its_own_start(moment: datetime, unit: Unit) -> None:
    start = floor(moment, unit)
    assert start <= moment and floor(start, unit) == start
    assert moment < shift(start, 1, unit)


@given(moments, st.integers(-500, 500), st.sampled_from(["seconds", "minutes", "hours"]))
def test_short_units_count_real_time_and_go_back(moment: datetime, amount: int, unit: Unit) -> None:
    assert shift(shift(moment, amount, unit), -amount, unit) == moment


@given(moments, st.integers(-500, 500), st.sampled_from(["days", "weeks"]))
def test_days_keep_the_time_of_day(moment: datetime, amount: int, unit: Unit) -> None:
    later = shift(moment, amount, unit)
    days = amount * (7 if unit == "weeks" else 1)
    wanted = moment.replace(tzinfo=None, fold=0) + timedelta(days=days)
    exists = settled(wanted.replace(tzinfo=moment.tzinfo)).replace(tzinfo=None) == wanted
    assert later.replace(tzinfo=None) == wanted or not exists


@given(
    st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    st.integers(-60, 60).filter(bool),
    st.sets(st.sampled_from(["monday", "wednesday", "saturday", "sunday"])),
)
def test_working_days_added_are_working_days_counted(day: date, amount: int, weekend: set[str]) -> None:
    is_workday = calendar_of(sorted(weekend), ["2026-12-25", "2024-01-01"], "")
    start = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    end = add_workdays(start, amount, is_workday)
    assert is_workday(end.date()) and end.time() == start.time()
    if amount > 0 or is_workday(day):
        assert workdays_until(day, end.date(), is_workday) == amount


@given(st.dates(date(2000, 1, 1), date(2040, 1, 1)), st.integers(0, 60))
def test_a_list_of_days_has_every_day(first: date, count: int) -> None:
    last = first + timedelta(days=count)
    found = call_with_run(date_list, DateList(start=first.isoformat(), stop=last.isoformat()))
    assert found == [(first + timedelta(days=i)).isoformat() for i in range(count + 1)]


def call_with_run(node: Any, params: Any) -> Any:
    return call(lambda p: node.function(p, RUN), params)


@given(st.decimals(-(10**9), 10**9, places=4), st.integers(0, 4))
def test_rounding_is_exact_and_idempotent(value: Decimal, digits: int) -> None:
    once = call(change_number, Number(value=float(value), digits=digits))
    assert call(change_number, Number(value=once, digits=digits)) == once
    assert abs(Decimal(str(once)) - value) * 2 <= Decimal(1).scaleb(-digits)


@given(st.integers(-(10**12), 10**12), st.integers(0, 3), st.sampled_from([".", ","]))
def test_a_number_formatted_is_the_number_read(value: int, digits: int, mark: Any) -> None:
    number = value / 10**digits
    text = call(
        change_number,
        Number(value=number, operation="format", digits=digits, decimal_mark=mark, before="€ ", after=" !"),
    )
    assert call(change_number, Number(value=text, operation="read", decimal_mark=mark)) == number


@given(st.integers(-99, 99), st.integers(-99, 99), st.integers(1, 99))
def test_a_formula_is_arithmetic(a: int, b: int, c: int) -> None:
    record = {"a": a, "b": str(b), "c": c}
    assert call(calculate, Calculate(record=record, formula="a + b * c - (a - b) / c")) == a + b * c - (a - b) / c


@given(st.text(max_size=30))
def test_any_formula_is_a_value_or_explained(formula: str) -> None:
    try:
        call(calculate, Calculate(record={"a": 1, "b": [2], "c": {"d": "x"}}, formula=formula or "a"))
    except BadParams as error:
        assert error.message


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=30))
def test_statistics_hold_together(values: list[int]) -> None:
    found = call(statistics, Statistics(values=values, percentiles=[0, 50, 100]))
    assert found.lowest <= found.median <= found.highest and found.sum == sum(values)
    assert found.percentiles == {"0": found.lowest, "50": found.median, "100": found.highest}
    assert found.most_common in values


def drawn(params: Random, place: str = "a") -> Any:
    return call(lambda p: random_value.function(p, chance(place)), params)


@given(st.lists(st.integers(), max_size=20), st.integers(0, 25), st.text(max_size=5))
def test_draws_are_of_the_list_and_the_same_when_repeated(items: list[int], count: int, place: str) -> None:
    shuffled = drawn(Random(draw="shuffle", items=items), place)
    assert sorted(shuffled) == sorted(items)
    sample = drawn(Random(draw="sample", items=items, count=count), place)
    assert len(sample) == min(count, len(items)) and not set(sample) - set(items)
    assert drawn(Random(draw="sample", items=items, count=count), place) == sample
    assert drawn(Random(draw="shuffle", items=items), place) == shuffled


@given(st.integers(-1000, 1000), st.integers(0, 1000), st.text(max_size=5))
def test_a_number_drawn_lies_within_its_limits(low: int, span: int, place: str) -> None:
    assert low <= drawn(Random(lowest=low, highest=low + span), place) <= low + span


@pytest.mark.parametrize(
    ("kind", "shape"),
    [
        ("uuid7", r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("uuid4", r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"),
        ("nanoid", r"[A-Za-z0-9_-]{21}"),
        ("short", r"[A-HJKMNP-Z2-9]{21}"),
        ("number", r"\d{21}"),
    ],
)
def test_ids_have_their_shape_and_differ_by_place(kind: Any, shape: str) -> None:
    def made(place: str) -> str:
        return str(call(lambda p: make_id.function(p, chance(place), RUN), MakeId(kind=kind)))

    ids = {made(f"run::node:{i}") for i in range(200)}
    assert len(ids) == 200 and all(re.fullmatch(shape, one) for one in ids)
    assert made("run::node:7") == made("run::node:7") != made("run:loop.1:node:7")
    if kind == "uuid7":
        assert all(uuid.UUID(one).int >> 80 == int(RUN.now.timestamp() * 1000) for one in ids)


def test_chance_is_spread_evenly() -> None:
    source: random.Random = chance()
    counts = [0] * 6
    for _ in range(6_000):
        counts[source.randrange(6)] += 1
    assert all(850 < count < 1150 for count in counts)
    assert 0.45 < sum(source.random() for _ in range(2_000)) / 2_000 < 0.55
    assert Chance(b"other", "run::node:").random() != chance().random()
