"""Dates and times with zones, as the nodes read and write them."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from engine.contract import BadParams
from integrations.core.values import kind, show

_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138, as milliseconds 1973


def zone(name: str, field: str = "time_zone") -> ZoneInfo:
    """The IANA time zone `name`. Raises `BadParams` for an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadParams(
            f"“{show(name)}” is not a time zone.", field=field, hint="Use a name such as Europe/Berlin or UTC."
        ) from error


def parse(value: Any, where: ZoneInfo, field: str = "value", pattern: str = "") -> datetime:
    """An aware datetime from ISO 8601, from `pattern` (strptime codes), or from Unix seconds or milliseconds.

    A value without an offset is taken in the time zone `where`. Raises `BadParams` for anything else: a date such as
    03/04/2026, which means two different days, is never guessed.
    """
    try:
        moment = _read(value, pattern)
    except (ValueError, OverflowError, OSError) as error:
        raise BadParams(
            f"“{show(value)}” is not a date that can be read"
            + (f" with the pattern {pattern}." if pattern else " without being told how it is written."),
            field=field,
            hint="Write 2026-03-04 or 2026-03-04T18:00+01:00, or say how the date is written, such as %d/%m/%Y.",
        ) from error
    if moment is None:
        raise BadParams(f"A date is needed here, but the value is {kind(value)}.", field=field)
    return moment if moment.tzinfo else moment.replace(tzinfo=where)


def _read(value: Any, pattern: str) -> datetime | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
        return datetime.fromtimestamp(seconds, UTC)
    if not isinstance(value, str) or not (text := value.strip()):
        return None
    if pattern:
        return datetime.strptime(text, pattern)
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), time())
    return datetime.fromisoformat(text)


def iso(moment: datetime) -> str:
    """ISO 8601 with offset; whole seconds unless there are fractions."""
    return moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")


def add_months(moment: datetime, months: int) -> datetime:
    """The same day and time `months` later, or the month's last day where that day does not exist."""
    years, month = divmod(moment.month - 1 + months, 12)
    year = moment.year + years
    if not 1 <= year <= 9999:
        raise OverflowError("beyond the calendar")
    return moment.replace(year=year, month=month + 1, day=min(moment.day, calendar.monthrange(year, month + 1)[1]))
