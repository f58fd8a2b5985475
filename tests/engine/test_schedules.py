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


@pytest.mark.parametrize(
    ("cron", "zone", "after", "expected"),
    [
        # Clocks go from 02:00 to 03:00: what is left out fires once, at the end of the gap.
        ("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:30"]),
        ("15 2 * * *", "America/New_York", "2026-03-07T12:00Z", ["03-08T07:00", "03-09T06:15"]),
        ("30 1 * * *", "Europe/London", "2026-03-28T12:00Z", ["03-29T01:00", "03-30T00:30"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15Z", ["03-29T00:30", "03-29T01:00", "03-29T01:30"]),
        # Clocks go from 03:00 to 02:00: a time of day fires once, what goes by the hour or minute goes on.
        ("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00Z", ["10-25T00:30", "10-26T01:30"]),
        ("15 1 * * *", "America/New_York", "2026-10-31T12:00Z", ["11-01T05:15", "11-02T06:15"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-24T23:30Z", ["10-25T00:00", "10-25T01:00", "10-25T02:00"]),
        ("*/30 * * * *", "Europe/Berlin", "2026-10-25T00:15Z", ["10-25T00:30", "10-25T01:00", "10-25T01:30"]),
        ("0 * * * *", "Europe/Berlin", "2026-10-25T01:15Z", ["10-25T02:00", "10-25T03:00"]),
        # An hour that is asked for on a day of the week keeps its time of day across the change.
        ("0 9 * * 1-5", "America/New_York", "2026-03-06T15:00Z", ["03-09T13:00", "03-10T13:00"]),
        ("0 9 * * 1-5", "America/New_York", "2026-10-30T15:00Z", ["11-02T14:00", "11-03T14:00"]),
        # Half an hour of summer time, and zones that are no whole hours from UTC.
        ("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00Z", ["10-03T15:30", "10-04T15:15"]),
        ("45 1 * * *", "Australia/Lord_Howe", "2026-04-03T20:00Z", ["04-04T14:45", "04-05T15:15"]),
        ("0 12 * * *", "Asia/Kathmandu", "2026-01-01T00:00Z", ["01-01T06:15", "01-02T06:15"]),
        ("30 5 * * *", "Asia/Kolkata", "2026-01-01T01:00Z", ["01-02T00:00", "01-03T00:00"]),
        # The change is at midnight: the day begins at 01:00.
        ("0 0 * * *", "Africa/Cairo", "2026-04-22T12:00Z", ["04-22T22:00", "04-23T22:00", "04-24T21:00"]),
        ("0 0 * * *", "America/Sao_Paulo", "2018-11-02T12:00Z", ["11-03T03:00", "11-04T03:00", "11-05T02:00"]),
        # A zone that changed: Samoa had no 30 December 2011, Pyongyang moved by half an hour in 2018.
        ("0 12 * * *", "Pacific/Apia", "2011-12-29T12:00Z", ["12-29T22:00", "12-30T10:00", "12-30T22:00"]),
        ("0 3 * * *", "Asia/Pyongyang", "2018-05-02T12:00Z", ["05-02T18:30", "05-03T18:30", "05-04T18:00"]),
        # Days that not every month and year has.
        ("0 0 29 2 *", "UTC", "2026-01-01T00:00Z", ["02-29T00:00", "02-29T00:00"]),
        ("0 0 L * *", "Europe/Berlin", "2026-01-01T00:00Z", ["01-30T23:00", "02-27T23:00", "03-30T22:00"]),
        ("@daily", "America/St_Johns", "2026-01-01T00:00Z", ["01-01T03:30", "01-02T03:30"]),
        (" @hourly", "UTC", "2026-01-01T00:00Z", ["01-01T01:00", "01-01T02:00"]),
    ],
)
def test_the_table_of_time_zones_and_changes_of_clocks(cron: str, zone: str, after: str, expected: list[str]) -> None:
    assert [fire[5:16] for fire in fires(Schedule(cron, zone), after, len(expected))] == expected


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


def test_what_is_caught_up_is_the_newest_and_a_year_of_minutes_is_no_work() -> None:
    far, now = at("2025-01-01T00:00Z"), at("2026-01-03T00:00:30Z")
    decided = due(Schedule("* * * * *", missed="all"), far, now)
    assert decided.fires[-1] == at("2026-01-03T00:00Z")
    assert decided.fires[0] == at("2026-01-02T22:21Z")
    assert due(Schedule("* * * * *", missed="once"), far, now).fires == (at("2026-01-03T00:00Z"),)
    skipped = due(Schedule("* * * * *", missed="skip"), far, now)
    assert skipped.alarm is not None
    assert skipped.alarm.startswith("More than 100 fires were missed")


def test_in_time_is_not_missed() -> None:
    for missed in ("once", "all", "skip"):
        schedule = Schedule("* * * * *", missed=missed)  # type: ignore[arg-type]
        decided = due(schedule, at("2026-01-01T00:00Z"), at("2026-01-01T00:00:01Z"))
        assert (decided.fires, decided.alarm) == ((at("2026-01-01T00:00Z"),), None)


@pytest.mark.parametrize(
    ("cron", "zone", "said"),
    [
        ("0 8 * * 1", "America/New_York", "At 08:00 on Monday, America/New York"),
        ("@hourly", "UTC", "At the start of every hour, UTC"),
        ("every now and then", "UTC", "every now and then, UTC"),
    ],
)
def test_a_schedule_is_said_in_words(cron: str, zone: str, said: str) -> None:
    assert Schedule(cron, zone).explain() == said
