"""Date and time: read, move, round, compare and write dates, always with a time zone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import BadParams, Params, Port, RunInfo, Select, ShowIf, TimeZone, action
from integrations.core.data.rows import FieldNames
from integrations.core.data.workdays import (
    WEEKEND,
    IsWorkday,
    Weekday,
    add_workdays,
    calendar_of,
    loaded,
    workdays_until,
)
from integrations.core.dates import MONTHS, SECONDS, Unit, add_months, codes, floor, iso, parse, settled, shift, zone

Operation = Literal[
    "read", "add", "start_of", "end_of", "round", "difference", "format", "part", "add_workdays", "workdays_until",
    "is_workday",
]  # fmt: skip
Part = Literal["year", "quarter", "month", "day", "hour", "minute", "second", "weekday", "week", "day_of_year", "unix"]

_WORKDAYS = ("add_workdays", "workdays_until", "is_workday")
_NEARBY: Mapping[str, int] = {"yesterday": -1, "today": 0, "tomorrow": 1}


class Dates(Params):
    value: Annotated[Any, Port()] = Field(
        description="The date: 2026-11-23, 2026-11-23T09:00+01:00, 23 November 2026, Unix seconds, now or today",
        examples=["2026-11-23T09:00"],
    )
    operation: Annotated[
        Operation,
        Select(
            options=get_args(Operation),
            labels=(
                "Read",
                "Add or subtract",
                "Start of",
                "End of",
                "Round",
                "Time until another date",
                "Format",
                "Take a part",
                "Add working days",
                "Working days until",
                "Is it a working day?",
            ),
        ),
    ] = Field(default="read", description="What to do with it", examples=["add"])
    pattern: str = Field(
        default="",
        description="How the date is written, if it is not as above: DD/MM/YYYY or %d/%m/%Y. "
        "For format: how to write it",
        examples=["DD/MM/YYYY"],
    )
    time_zone: Annotated[str, TimeZone()] = Field(
        default="UTC", description="The zone of a date without an offset, and of the result", examples=["Europe/Berlin"]
    )
    amount: Annotated[int, ShowIf(field="operation", values=("add", "round", "add_workdays"))] = Field(
        default=1,
        ge=-10_000_000,
        le=10_000_000,
        description="How many units to add, negative to go back; or to how many of them to round",
        examples=[3],
    )
    unit: Annotated[
        Unit,
        Select(options=get_args(Unit)),
        ShowIf(field="operation", values=("add", "start_of", "end_of", "round", "difference")),
    ] = Field(default="days", description="The unit to add, to cut or round to, or to count in", examples=["days"])
    other: Annotated[Any, Port(), ShowIf(field="operation", values=("difference", "workdays_until"))] = Field(
        title="Other date",
        default="now",
        description="The second date of a difference: the result is this minus the first",
        examples=["2026-12-24"],
    )
    part: Annotated[Part, Select(options=get_args(Part)), ShowIf(field="operation", values=("part",))] = Field(
        default="year",
        description="Which part to take; weekday 1 is Monday, week is the ISO week",
        examples=["weekday"],
    )
    weekend: Annotated[list[Weekday], ShowIf(field="operation", values=_WORKDAYS)] = Field(
        default_factory=lambda: list(WEEKEND),
        description="The days of the week on which nobody works",
        examples=[["saturday", "sunday"]],
    )
    country: Annotated[str, ShowIf(field="operation", values=_WORKDAYS)] = Field(
        title="Public holidays of",
        default="",
        description="Leave out the public holidays of this country: DE, US, or with a region, DE-BY",
        examples=["DE-BY"],
    )
    holidays: Annotated[FieldNames, ShowIf(field="operation", values=_WORKDAYS)] = Field(
        title="More days off",
        default_factory=list,
        description="More days on which nobody works",
        examples=[["2026-12-31"]],
    )


@action(
    "data.date",
    title="Date and time",
    category="dates",
    icon="calendar-clock",
    subtitle="Read, add, compare, format",
    keywords=(
        "time",
        "format",
        "difference",
        "calendar",
        "timezone",
        "now",
        "workday",
        "business day",
        "holiday",
        "round",
    ),
)
async def dates(params: Dates, run: RunInfo) -> str | int | float | bool:
    """Work with a date, and give it back as ISO 8601 with its offset.

    Read it; add to it; cut it to the start or end of a unit, or round it; count the time to another date; take one
    part; write it in a pattern of your own; or count working days. Adding days, weeks, months or years keeps the time
    of day when clocks change; adding hours, minutes or seconds counts real time. The 31st plus a month is the month's
    last day. A date that means two different days, such as 03/04/2026, is refused until a pattern says how it is
    written.

    With a list: each date is worked on by itself.
    """
    if params.operation in _WORKDAYS:
        await loaded(params.country)
    reading = "" if params.operation == "format" else params.pattern
    moment = _moment(params.value, "value", params, run, reading)
    try:
        return OPERATIONS[params.operation](moment.astimezone(zone(params.time_zone)), params, run)
    except (OverflowError, ValueError) as error:
        raise BadParams(
            "The result is outside the years 1 to 9999.", field="amount", hint="Use a smaller amount."
        ) from error


def _moment(value: Any, field: str, params: Dates, run: RunInfo, pattern: str) -> datetime:
    return moment_of(value, field, params.time_zone, run.now, pattern)


def moment_of(value: Any, field: str, time_zone: str, now: datetime, pattern: str = "") -> datetime:
    """A moment as people write it, also now, today, yesterday and tomorrow. Raises `BadParams`."""
    word = value.strip().lower() if isinstance(value, str) else ""
    if word == "now":
        return now
    if word in _NEARBY:
        return shift(floor(now.astimezone(zone(time_zone)), "days"), _NEARBY[word], "days")
    return parse(value, zone(time_zone), field, pattern)


def _read(moment: datetime, params: Dates, run: RunInfo) -> str:
    return iso(moment)


def _add(moment: datetime, params: Dates, run: RunInfo) -> str:
    return iso(shift(moment, params.amount, params.unit))


def _start_of(moment: datetime, params: Dates, run: RunInfo) -> str:
    return iso(floor(moment, params.unit))


def _end_of(moment: datetime, params: Dates, run: RunInfo) -> str:
    """The unit's last millisecond."""
    following = shift(floor(moment, params.unit), 1, params.unit)
    return iso((following.astimezone(UTC) - timedelta(milliseconds=1)).astimezone(moment.tzinfo))


def _round(moment: datetime, params: Dates, run: RunInfo) -> str:
    """The nearest multiple; halves go up. Steps shorter than a day count from midnight."""
    if params.amount < 1:
        raise BadParams(
            "A date can be rounded to 1 unit or more.", field="amount", hint="Use 15 for quarters of an hour."
        )
    if params.unit in MONTHS or params.unit in ("days", "weeks"):
        if params.amount != 1:
            raise BadParams(
                "Only hours, minutes and seconds can be rounded to several.", field="amount", hint="Use 1 here."
            )
        before = floor(moment, params.unit)
        after = shift(before, 1, params.unit)
        is_nearer = moment.timestamp() - before.timestamp() < after.timestamp() - moment.timestamp()
        return iso(before if is_nearer else after)
    step = params.amount * SECONDS[params.unit]
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    passed = (moment.replace(tzinfo=None) - midnight).total_seconds()
    rounded = midnight + timedelta(seconds=(passed + step / 2) // step * step)
    return iso(settled(rounded.replace(tzinfo=moment.tzinfo, fold=moment.fold)))


def _difference(moment: datetime, params: Dates, run: RunInfo) -> int | float:
    other = _moment(params.other, "other", params, run, params.pattern).astimezone(moment.tzinfo)
    if params.unit in MONTHS:
        return int(_whole_months(moment, other) / MONTHS[params.unit])
    if params.unit in ("days", "weeks"):
        # By the clock on the wall: a day in which clocks change is a day.
        passed = other.replace(tzinfo=None) - moment.replace(tzinfo=None)
    else:
        passed = other.astimezone(UTC) - moment.astimezone(UTC)
    result = passed.total_seconds() / SECONDS[params.unit]
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
    return moment.strftime(codes(params.pattern or "%Y-%m-%d"))


def _part(moment: datetime, params: Dates, run: RunInfo) -> int:
    return PARTS[params.part](moment) if params.part in PARTS else int(getattr(moment, params.part))


PARTS: Mapping[str, Callable[[datetime], int]] = {
    "unix": lambda moment: int(moment.timestamp()),
    "weekday": datetime.isoweekday,
    "week": lambda moment: moment.isocalendar().week,
    "quarter": lambda moment: (moment.month - 1) // 3 + 1,
    "day_of_year": lambda moment: moment.timetuple().tm_yday,
}


def _calendar(params: Dates) -> IsWorkday:
    return calendar_of(params.weekend, params.holidays, params.country)


def _add_workdays(moment: datetime, params: Dates, run: RunInfo) -> str:
    return iso(add_workdays(moment, params.amount, _calendar(params)))


def _workdays_until(moment: datetime, params: Dates, run: RunInfo) -> int:
    other = _moment(params.other, "other", params, run, params.pattern).astimezone(moment.tzinfo)
    return workdays_until(moment.date(), other.date(), _calendar(params))


def _is_workday(moment: datetime, params: Dates, run: RunInfo) -> bool:
    return _calendar(params)(moment.date())


OPERATIONS: Mapping[str, Callable[[datetime, Dates, RunInfo], str | int | float | bool]] = {
    "read": _read,
    "add": _add,
    "start_of": _start_of,
    "end_of": _end_of,
    "round": _round,
    "difference": _difference,
    "format": _format,
    "part": _part,
    "add_workdays": _add_workdays,
    "workdays_until": _workdays_until,
    "is_workday": _is_workday,
}
