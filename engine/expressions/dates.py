"""Filters for dates: texts in ISO 8601 in, such texts out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from engine.expressions.errors import Refused
from engine.expressions.values import as_text, is_number, to_text


def moment(value: Any) -> datetime:
    """An ISO 8601 text or a Unix time in seconds as an aware moment; without a zone it is read as UTC."""
    try:
        if is_number(value):
            return datetime.fromtimestamp(value, UTC)
        found = datetime.fromisoformat(as_text(value, "date").strip())
    except (ValueError, OverflowError, OSError):
        raise Refused(
            f"{to_text(value)[:40]!r} is not a date; expected is ISO 8601, as in 2026-03-01T09:00:00Z."
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def iso(value: datetime) -> str:
    """ISO 8601 in UTC with a Z, as times stand on wires."""
    text = value.astimezone(UTC).isoformat(timespec="milliseconds" if value.microsecond else "seconds")
    return text.replace("+00:00", "Z")


def date(value: Any, pattern: str = "%Y-%m-%d") -> str:
    """strftime's letters: `"2026-03-01"|date("%d %B %Y")` → `01 March 2026`."""
    try:
        return moment(value).strftime(as_text(pattern, "date")[:200])
    except ValueError:
        raise Refused(f"{pattern!r} is not a date pattern; expected are letters such as %Y-%m-%d.") from None


def add_time(  # noqa: PLR0917  each has a name in a template
    value: Any, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0, weeks: float = 0
) -> str:
    """The moment so much later; negative numbers go back."""
    try:
        return iso(moment(value) + timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds))
    except (OverflowError, TypeError):
        raise Refused("That is no moment between the years 1 and 9999.") from None


def timestamp(value: Any) -> float:
    """Seconds since 1970 UTC."""
    return moment(value).timestamp()


def days_until(value: Any, other: Any) -> float:
    """Days from the one moment to the other, with fractions."""
    return (moment(other) - moment(value)).total_seconds() / 86_400
