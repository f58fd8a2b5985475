"""When schedules fire: time zones, changes of clocks, and what was missed."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from engine.schedules import BadSchedule, Schedule, due


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def fires(schedule: Schedule, after: str, count: int) -> list[str]:
    return [fire.isoformat() for fire in islice(schedule.after(at(after)), count)]


def test_a_time_of_day_is_meant_in_its_zone() -> None:
    nine = Schedule("0 9 * * *", "Europe/Berlin")
    assert fires(nine, "2026-03-28T00:00Z", 3) == [
        "2026-03-28T08:00:00+00:00",
        "2026-03-29T07:00:00+00:00",
        "2026-03-30T07:00:00+00:00",
    ]


def test_a_repeated_hour_fires_once_and_a_left_out_one_too() -> None:
    half_past_two = Schedule("30 2 * * *", "Europe/Berlin")
    autumn = [fire[:10] for fire in fires(half_past_two, "2026-10-24T12:00Z", 3)]
    assert autumn == ["2026-10-25", "2026-10-26", "2026-10-27"]
    spring = [fire[:10] for fire in fires(half_past_two, "2026-03-28T12:00Z", 3)]
    assert spring == ["2026-03-29", "2026-03-30", "2026-03-31"]


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"cron": "x"}, "no cron expression"),
        ({}, "no cron expression"),
        ({"cron": "0 9 * * *", "time_zone": "Mars/Base"}, "no time zone"),
        ({"cron": "0 9 * * *", "time_zone": "../../etc/passwd"}, "no time zone"),
        ({"cron": "0 0 30 2 *"}, "never comes|no cron"),
    ],
)
def test_what_means_nothing_is_refused(params: dict[str, str], said: str) -> None:
    with pytest.raises(BadSchedule, match=said):
        next(Schedule.of(params).after(at("2026-01-01T00:00Z")))


@pytest.mark.parametrize(("missed", "count", "alarm"), [("once", 1, False), ("all", 31, False), ("skip", 2, True)])
def test_half_an_hour_was_missed(missed: str, count: int, alarm: bool) -> None:
    schedule = Schedule("* * * * *", missed=missed)  # type: ignore[arg-type]
    first, now = at("2026-01-01T12:00Z"), at("2026-01-01T12:30:10Z")
    decided = due(schedule, first, now)
    assert len(decided.fires) == count
    assert decided.fires[-1] == at("2026-01-01T12:30Z")
    assert decided.next_due == at("2026-01-01T12:31Z")
    assert bool(decided.alarm) == alarm


def test_one_catch_up_stands_for_all_that_was_missed() -> None:
    decided = due(Schedule("0 * * * *", missed="once"), at("2026-01-01T00:00Z"), at("2026-01-01T12:30Z"))
    assert decided.fires == (at("2026-01-01T12:00Z"),)


def test_no_more_than_a_hundred_are_caught_up() -> None:
    decided = due(Schedule("* * * * *", missed="all"), at("2026-01-01T00:00Z"), at("2026-01-03T00:00Z"))
    assert len(decided.fires) == 100
    assert decided.alarm is not None
    assert decided.next_due == at("2026-01-03T00:01Z")


def test_in_time_is_not_missed() -> None:
    for missed in ("once", "all", "skip"):
        schedule = Schedule("* * * * *", missed=missed)  # type: ignore[arg-type]
        decided = due(schedule, at("2026-01-01T00:00Z"), at("2026-01-01T00:00:01Z"))
        assert (decided.fires, decided.alarm) == ((at("2026-01-01T00:00Z"),), None)
