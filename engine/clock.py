"""The time by the database's clock, as near as this process knows it: the clocks of two hosts may be minutes apart."""

import time
from datetime import UTC, datetime

# A difference below this may as well be the time that an answer took to come.
LEAST_MILLISECONDS = 1_000

_ahead_ms = 0  # of this process's clock


def heard(database_ms: int) -> None:
    """Take note of what the database's clock said just now, in milliseconds since 1970 UTC."""
    global _ahead_ms  # noqa: PLW0603 - a process has one clock
    ahead = time.time_ns() // 1_000_000 - database_ms
    _ahead_ms = ahead if abs(ahead) >= LEAST_MILLISECONDS else 0


def now_ms() -> int:
    """Milliseconds since 1970 UTC."""
    return time.time_ns() // 1_000_000 - _ahead_ms


def now() -> datetime:
    """The same as an aware datetime in UTC, to the millisecond."""
    return datetime.fromtimestamp(now_ms() / 1000, UTC)
