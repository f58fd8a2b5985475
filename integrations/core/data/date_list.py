"""List of dates: from a day to another, in equal steps."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import BadParams, OutputTooLarge, Params, Port, RunInfo, Select, TimeZone, action
from integrations.core.data.dates import moment_of
from integrations.core.data.rows import FieldNames
from integrations.core.data.workdays import WEEKEND, calendar_of, loaded
from integrations.core.dates import Unit, iso, shift, zone

MOST = 100_000


class DateList(Params):
    start: Annotated[Any, Port()] = Field(description="The first date", examples=["2026-11-23"])
    stop: Annotated[Any, Port()] = Field(
        title="End", default="", description="The last date; empty: as many as are asked for", examples=["2026-12-24"]
    )
    count: int = Field(
        default=0, ge=0, le=MOST, description="How many dates at most; 0: all up to the last date", examples=[12]
    )
    every: int = Field(default=1, ge=1, le=100_000, description="How many units from one to the next", examples=[2])
    unit: Annotated[Unit, Select(options=get_args(Unit))] = Field(
        default="days", description="The unit of a step", examples=["weeks"]
    )
    time_zone: Annotated[str, TimeZone()] = Field(
        default="UTC", description="The zone of the dates", examples=["Europe/Berlin"]
    )
    write: Annotated[
        Literal["date", "time"], Select(options=("date", "time"), labels=("Days alone", "With time and offset"))
    ] = Field(
        title="Format",
        default="date",
        description="Whether to give the days alone, or with their time and offset",
        examples=["time"],
    )
    workdays: bool = Field(
        title="Working days only",
        default=False,
        description="Whether to leave out Saturdays and Sundays",
        examples=[True],
    )
    country: str = Field(
        title="Public holidays of",
        default="",
        description="Leave out the public holidays of this country: DE, US, or with a region, DE-BY",
        examples=["DE-BY"],
    )
    holidays: FieldNames = Field(
        title="More days off", default_factory=list, description="More days to leave out", examples=[["2026-12-31"]]
    )


@action(
    "data.date_list",
    title="List of dates",
    category="dates",
    icon="calendar-days",
    subtitle="Every day, week, month",
    keywords=("range", "series", "calendar", "schedule", "recurring", "days", "business days"),
)
async def date_list(params: DateList, run: RunInfo) -> list[str]:
    """Make the list of dates from a start to an end, in equal steps. Both ends belong to it.

    Steps of days and longer keep the time of day when clocks change. Steps of a month from the 31st give the last day
    of shorter months.

    With a list: each start or end gives its own list, so the output is a list of lists.
    """
    await loaded(params.country)
    where = zone(params.time_zone)
    start = moment_of(params.start, "start", params.time_zone, run.now).astimezone(where)
    stop = None
    if params.stop not in ("", None):
        stop = moment_of(params.stop, "stop", params.time_zone, run.now).astimezone(where)
    elif not params.count:
        raise BadParams(
            "The list would never end.", field="stop", hint="Give the last date, or say how many dates there shall be."
        )
    weekend = WEEKEND if params.workdays else ()
    is_wanted = calendar_of(weekend, params.holidays, params.country)
    found: list[str] = []
    for moment in _steps(start, stop, params):
        if is_wanted(moment.date()):
            found.append(moment.date().isoformat() if params.write == "date" else iso(moment))
        if params.count and len(found) == params.count:
            break
    return found


def _steps(start: datetime, stop: datetime | None, params: DateList) -> Iterator[datetime]:
    """From the start each time, so that a month with 30 days does not change the months after it."""
    for i in range(MOST):
        try:
            moment = shift(start, i * params.every, params.unit)
        except (OverflowError, ValueError):
            return
        if stop is not None and moment > stop:
            return
        yield moment
    raise OutputTooLarge(
        f"There would be more than {MOST:,} dates.", hint="Use larger steps, or bring start and end closer together."
    )
