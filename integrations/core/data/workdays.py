"""Which days are worked on: weekends and public holidays."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Any, Literal, get_args

from engine.contract import BadParams
from integrations.core.dates import parse, settled, zone
from integrations.core.values import show

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: tuple[str, ...] = get_args(Weekday)
WEEKEND: tuple[Weekday, ...] = ("saturday", "sunday")
MOST = 100_000

IsWorkday = Callable[[date], bool]


def calendar_of(weekend: Sequence[str], holidays: Sequence[Any], country: str) -> IsWorkday:
    """Whether a day is worked on. `country`: ISO 3166 code such as DE, or with a region, DE-BY; public holidays by the
    library python-holidays. Raises `BadParams`.
    """
    free_days = {WEEKDAYS.index(day) for day in weekend}
    if len(free_days) == 7:
        raise BadParams("With every day a weekend there is no working day.", field="weekend")
    free = {parse(value, zone("UTC"), "holidays").date() for value in holidays}
    public = _public_holidays(country) if country.strip() else ()
    return lambda day: day.weekday() not in free_days and day not in free and day not in public


async def loaded(country: str) -> None:
    """Load the library of holidays beside the event loop: the first time it takes a moment."""
    if country.strip() and "holidays" not in sys.modules:
        await asyncio.to_thread(_public_holidays, country)


def _public_holidays(country: str) -> Any:
    try:
        return _holidays_of(*country.strip().upper().partition("-")[::2])
    except NotImplementedError as error:
        raise BadParams(
            f"The public holidays of “{show(country)}” are not known.",
            field="country",
            hint="Use a code such as DE, US or, with a region, DE-BY; or list the holidays yourself.",
        ) from error


@lru_cache(maxsize=64)
def _holidays_of(code: str, region: str) -> Any:
    """The days by date; a year is worked out when it is first asked for."""
    from holidays import country_holidays  # noqa: PLC0415  heavy

    return country_holidays(code, subdiv=region or None)


def add_workdays(moment: datetime, amount: int, is_workday: IsWorkday) -> datetime:
    """`amount` working days later (negative: earlier), at the same time of day. 0: the day itself, or the next one."""
    if abs(amount) > MOST:
        raise BadParams(f"At most {MOST:,} working days can be added.", field="amount")
    step = timedelta(days=-1 if amount < 0 else 1)
    left = abs(amount)
    day = moment.replace(fold=0)
    while left or (not amount and not is_workday(day.date())):
        day += step
        if is_workday(day.date()) and left:
            left -= 1
    return settled(day)


def workdays_until(first: date, second: date, is_workday: IsWorkday) -> int:
    """How many working days lie after the first date, up to and including the second; negative when it is earlier."""
    if second < first:
        return -_count(second, first - timedelta(days=1), is_workday)
    return _count(first + timedelta(days=1), second, is_workday)


def _count(first: date, last: date, is_workday: IsWorkday) -> int:
    days = (last - first).days + 1
    if days > MOST * 4:
        raise BadParams("The dates lie too far apart to count working days.", field="other")
    return sum(is_workday(first + timedelta(days=i)) for i in range(days))
