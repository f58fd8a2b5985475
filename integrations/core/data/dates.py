"""Date and time: read, move, compare and write dates, always with a time zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import BadParams, Params, Port, RunInfo, Select, ShowIf, TimeZone, action
from integrations.core.dates import add_months, iso, parse, zone

Operation = Literal["read", "add", "start_of", "difference", "format", "part"]
Unit = Literal["seconds", "minutes", "hours", "days", "weeks", "months", "years"]
Part = Literal["year", "month", "day", "hour", "minute", "second", "weekday", "week", "unix"]

_SECONDS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}


class Dates(Params):
    value: Annotated[Any, Port()] = Field(
        description="The date: 2026-11-23, 2026-11-23T09:00+01:00, Unix seconds, or now", examples=["2026-11-23T09:00"]
    )
    operation: Annotated[Operation, Select(options=get_args(Operation))] = Field(
        default="read", description="What to do with it", examples=["add"]
    )
    pattern: str = Field(
        default="",
        description="How the date is written, if it is not as above: %d/%m/%Y. For format: how to write it",
        examples=["%d/%m/%Y"],
    )
    time_zone: Annotated[str, TimeZone()] = Field(
        default="UTC", description="The zone of a date without an offset, and of the result", examples=["Europe/Berlin"]
    )
    amount: Annotated[int, ShowIf(field="operation", values=("add",))] = Field(
        default=1, ge=-10_000_000, le=10_000_000, description="How many units to add; negative goes back", examples=[3]
    )
    unit: Annotated[Unit, ShowIf(field="operation", values=("add", "start_of", "difference"))] = Field(
        default="days", description="The unit to add, to cut to, or to count in", examples=["days"]
    )
    other: Annotated[Any, Port(), ShowIf(field="operation", values=("difference",))] = Field(
        default="now",
        description="The second date of a difference: the result is this minus the first",
        examples=["2026-12-24"],
    )
    part: Annotated[Part, ShowIf(field="operation", values=("part",))] = Field(
        default="year",
        description="Which part to take; weekday 1 is Monday, week is the ISO week",
        examples=["weekday"],
    )


@action(
    "data.date",
    title="Date and time",
    category="dates",
    icon="calendar-clock",
    subtitle="Read, add, compare, format",
    keywords=("time", "format", "difference", "calendar", "timezone", "now"),
)
async def dates(params: Dates, run: RunInfo) -> str | int | float:
    """Work with a date, and give it back as ISO 8601 with its offset.

    Read it; add to it; cut it to the start of a unit; count the time to another date; take one part; or write it in a
    pattern of your own. Adding days, weeks, months or years keeps the time of day when clocks change; adding hours,
    minutes or seconds counts real time. The 31st plus a month is the month's last day. A date that means two different
    days, such as 03/04/2026, is refused until a pattern says how it is written.

    With a list: each date is worked on by itself.
    """
    reading = "" if params.operation == "format" else params.pattern
    moment = _moment(params.value, "value", params, run, reading)
    try:
        return OPERATIONS[params.operation](moment.astimezone(zone(params.time_zone)), params, run)
    except (OverflowError, ValueError) as error:
        raise BadParams(
            "The result is outside the years 1 to 9999.", field="amount", hint="Use a smaller amount."
        ) from error


def _moment(value: Any, field: str, params: Dates, run: RunInfo, pattern: str) -> datetime:
    if isinstance(value, str) and value.strip().lower() == "now":
        return run.now
    return parse(value, zone(params.time_zone), field, pattern)


def _read(moment: datetime, params: Dates, run: RunInfo) -> str:
    return iso(moment)


def _add(moment: datetime, params: Dates, run: RunInfo) -> str:
    if params.unit in ("months", "years"):
        return iso(add_months(moment, params.amount * (12 if params.unit == "years" else 1)))
    step = timedelta(seconds=params.amount * _SECONDS[params.unit])
    if params.unit in ("days", "weeks"):
        return iso(moment + step)
    return iso((moment.astimezone(UTC) + step).astimezone(moment.tzinfo))


def _start_of(moment: datetime, params: Dates, run: RunInfo) -> str:
    if params.unit == "weeks":
        moment -= timedelta(days=moment.weekday())
    cut = ("years", "months", "days", "hours", "minutes", "seconds").index(
        "days" if params.unit == "weeks" else params.unit
    )
    kept = tuple(moment.timetuple())[: cut + 1]
    year, month, day, hour, minute, second = (*kept, *(1, 1, 1, 0, 0, 0)[cut + 1 :])
    return iso(datetime(year, month, day, hour, minute, second, tzinfo=moment.tzinfo))


def _difference(moment: datetime, params: Dates, run: RunInfo) -> int | float:
    other = _moment(params.other, "other", params, run, params.pattern).astimezone(moment.tzinfo)
    if params.unit in ("months", "years"):
        months = _whole_months(moment, other)
        return months if params.unit == "months" else int(months / 12)
    seconds = (other.astimezone(UTC) - moment.astimezone(UTC)).total_seconds()
    result = seconds / _SECONDS[params.unit]
    return int(result) if result.is_integer() else result


def _whole_months(first: datetime, second: datetime) -> int:
    """Full months from the first to the second date, negative when the second is earlier."""
    months = (second.year - first.year) * 12 + second.month - first.month
    if months > 0 and add_months(first, months) > second:
        return months - 1
    if months < 0 and add_months(first, months) < second:
        return months + 1
    return months


def _format(moment: datetime, params: Dates, run: RunInfo) -> str:
    return moment.strftime(params.pattern or "%Y-%m-%d")


def _part(moment: datetime, params: Dates, run: RunInfo) -> int:
    if params.part == "unix":
        return int(moment.timestamp())
    if params.part in ("weekday", "week"):
        return moment.isoweekday() if params.part == "weekday" else moment.isocalendar().week
    return int(getattr(moment, params.part))


OPERATIONS: Mapping[str, Callable[[datetime, Dates, RunInfo], str | int | float]] = {
    "read": _read,
    "add": _add,
    "start_of": _start_of,
    "difference": _difference,
    "format": _format,
    "part": _part,
}
