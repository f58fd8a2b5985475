"""Dates and times with zones, as the nodes read and write them."""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from zoneinfo import ZoneInfo

from engine.contract import BadParams
from integrations.core.values import kind, show

Unit = Literal["seconds", "minutes", "hours", "days", "weeks", "months", "quarters", "years"]

SECONDS: Mapping[str, int] = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400, "weeks": 604_800}
MONTHS: Mapping[str, int] = {"months": 1, "quarters": 3, "years": 12}

_MILLISECONDS_FROM = 100_000_000_000  # as seconds this is the year 5138, as milliseconds 1973
# Ways of writing a date that mean one day only: the month has a name, or dots say that the day comes first.
_PLAIN = tuple(
    f"{day}{clock}"
    for day in ("%d.%m.%Y", "%Y/%m/%d", "%d %B %Y", "%d %b %Y", "%B %d, %Y", "%b %d, %Y", "%d. %B %Y")
    for clock in ("", " %H:%M", " %H:%M:%S")
)
# The letters of spreadsheets and of other tools, longest first. Reading takes one digit for two.
_LETTERS: Mapping[str, str] = {
    "YYYY": "%Y", "yyyy": "%Y", "YY": "%y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m",
    "dddd": "%A", "EEEE": "%A", "ddd": "%a", "EEE": "%a", "DD": "%d", "dd": "%d", "D": "%-d", "d": "%-d",
    "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "m": "%-M", "ss": "%S", "s": "%-S",
    "A": "%p", "a": "%p", "ZZ": "%z", "Z": "%z",
}  # fmt: skip
_MAIL = re.compile(r"([A-Z][a-z]{2}, )?\d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d")
_TOKEN = re.compile(r"\[([^\]]*)\]|" + "|".join(sorted(_LETTERS, key=len, reverse=True)))


def zone(name: str, field: str = "time_zone") -> ZoneInfo:
    """The IANA time zone `name`. Raises `BadParams` for an unknown one."""
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        raise BadParams(
            f"“{show(name)}” is not a time zone.", field=field, hint="Use a name such as Europe/Berlin or UTC."
        ) from error


def parse(value: Any, where: ZoneInfo, field: str = "value", pattern: str = "") -> datetime:
    """An aware datetime from ISO 8601, a mail's date (RFC 5322), a date with the month's English name or with dots,
    from `pattern` (see `codes`), or from Unix seconds or milliseconds.

    A value without an offset is taken in the time zone `where`. Raises `BadParams` for anything else: a date such as
    03/04/2026, which means two different days, is never guessed.
    """
    try:
        moment = _read(value, pattern)
        if moment is not None and moment.tzinfo is None:
            moment = settled(moment.replace(tzinfo=where))
    except (ValueError, OverflowError, OSError) as error:
        raise BadParams(
            f"“{show(value)}” is not a date that can be read"
            + (f" with the pattern {pattern}." if pattern else " without being told how it is written."),
            field=field,
            hint="Write 2026-03-04 or 2026-03-04T18:00+01:00, or say how the date is written, such as %d/%m/%Y "
            "(or DD/MM/YYYY).",
        ) from error
    if moment is None:
        raise BadParams(f"A date is needed here, but the value is {kind(value)}.", field=field)
    return moment


def _read(value: Any, pattern: str) -> datetime | None:
    if isinstance(value, int | float) and not isinstance(value, bool):
        seconds = value / 1000 if abs(value) >= _MILLISECONDS_FROM else value
        return datetime.fromtimestamp(seconds, UTC)
    if not isinstance(value, str) or not (text := value.strip()):
        return None
    if pattern:
        return datetime.strptime(text, codes(pattern).replace("%-", "%"))
    try:
        if len(text) == 10:
            return datetime.combine(date.fromisoformat(text), time())
        return datetime.fromisoformat(text)
    except ValueError:
        return _read_plain(text)


def _read_plain(text: str) -> datetime:
    if _MAIL.match(text):
        return parsedate_to_datetime(text)
    for pattern in _PLAIN:
        try:
            return datetime.strptime(text, pattern)
        except ValueError:
            continue
    raise ValueError("not a known way to write a date")


def codes(pattern: str) -> str:
    """A pattern in strftime codes: as it is if it has any, else from letters such as DD/MM/YYYY HH:mm."""
    if "%" in pattern:
        return pattern
    return _TOKEN.sub(lambda match: _LETTERS.get(match[0], match[1]), pattern)


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


def settled(moment: datetime) -> datetime:
    """A time that clocks skip, as they show it then: 02:30 becomes 03:30 in the night in which an hour is left out."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def shift(moment: datetime, amount: int, unit: Unit) -> datetime:
    """`amount` units later. Days and longer keep the time of day when clocks change; shorter ones count real time.

    Raises OverflowError or ValueError beyond the years 1 to 9999.
    """
    if unit in MONTHS:
        return settled(add_months(moment, amount * MONTHS[unit]))
    step = timedelta(seconds=amount * SECONDS[unit])
    if unit in ("days", "weeks"):
        return settled(moment.replace(fold=0) + step)
    return (moment.astimezone(UTC) + step).astimezone(moment.tzinfo)


def floor(moment: datetime, unit: Unit) -> datetime:
    """The first moment of the unit that `moment` is in; weeks begin on Monday."""
    if unit in ("hours", "minutes", "seconds"):
        second = 0 if unit != "seconds" else moment.second
        return moment.replace(minute=0 if unit == "hours" else moment.minute, second=second, microsecond=0)
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    if unit == "weeks":
        day -= timedelta(days=day.weekday())
    elif unit in MONTHS:
        month = {"months": day.month, "quarters": (day.month - 1) // 3 * 3 + 1, "years": 1}[unit]
        day = day.replace(month=month, day=1)
    return settled(day)
