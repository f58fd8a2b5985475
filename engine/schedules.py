"""When a schedule fires next, and what a late scheduler makes of the fires it missed."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from cronsim import CronSim, CronSimError

MOST_CAUGHT_UP = 100
# A fire counts as missed when it is later than this: the scheduler was not running.
LATE = timedelta(seconds=90)
# A schedule that should have fired so long ago, and did not, is overdue: something is broken.
OVERDUE = timedelta(seconds=60)
ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}

Missed = Literal["once", "all", "skip"]
Overlap = Literal["run", "skip", "queue"]


class BadSchedule(ValueError):
    """The cron expression or the time zone means nothing. The message is fit to be shown."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """A cron expression in a time zone, with its policies for missed and overlapping fires."""

    cron: str
    timezone: str = "UTC"
    missed: Missed = "once"
    overlap: Overlap = "run"

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Schedule:
        """The schedule that the settings of a `trigger.schedule` node describe. Raises BadSchedule."""
        names = {"cron": "cron", "time_zone": "timezone", "missed": "missed", "overlap": "overlap"}
        if not params.get("cron"):
            raise BadSchedule("The schedule has no cron expression.")
        return cls(**{name: str(params[field]) for field, name in names.items() if params.get(field)})  # type: ignore[arg-type]

    def explain(self) -> str:
        """When it fires, in plain English and in its own time zone: ``At 09:00 on Monday, Europe/Berlin``."""
        try:
            told = CronSim(ALIASES.get(self.cron.strip(), self.cron), datetime.now(UTC)).explain()
        except CronSimError:
            told = self.cron
        return f"{told}, {self.timezone.replace('_', ' ')}"

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The fires after a moment, in UTC. A time that a change of clocks leaves out or repeats fires once.

        Raises BadSchedule.
        """
        try:
            zone = ZoneInfo(self.timezone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise BadSchedule(f"There is no time zone {self.timezone!r}. Take a name such as Europe/Berlin.") from None
        try:
            fires = CronSim(ALIASES.get(self.cron.strip(), self.cron), moment.astimezone(zone))
        except CronSimError as error:
            raise BadSchedule(f"{self.cron!r} is no cron expression: {error}.") from None
        for fire in fires:
            yield fire.astimezone(UTC)
        raise BadSchedule(f"{self.cron!r} names a day that never comes.")


@dataclass(frozen=True, slots=True)
class Due:
    """What is to be done about a schedule now: the fires to run, the next one, and the alarm to raise, if any."""

    fires: tuple[datetime, ...]
    next_due: datetime
    alarm: str | None


def due(schedule: Schedule, next_due: datetime, moment: datetime) -> Due:
    """Decides about the fires from `next_due` up to `moment`, which has come. Raises BadSchedule."""
    upcoming = next(schedule.after(moment))
    fires = newest(schedule, next_due, moment, MOST_CAUGHT_UP + 1)
    more = len(fires) > MOST_CAUGHT_UP
    missed = [fire for fire in fires if moment - fire > LATE]
    alarm = None
    if schedule.missed == "once":
        fires = fires[-1:] if missed else fires
    elif schedule.missed == "skip":
        fires = fires[len(missed) :]
        number = f"More than {MOST_CAUGHT_UP}" if more else str(len(missed))
        if missed:
            alarm = f"{number} {'fire was' if number == '1' else 'fires were'} missed and skipped."
    elif more:
        fires = fires[-MOST_CAUGHT_UP:]
        alarm = f"More than {MOST_CAUGHT_UP} fires were missed; the newest {MOST_CAUGHT_UP} of them were caught up."
    return Due(tuple(fires), upcoming, alarm)


def newest(schedule: Schedule, first: datetime, moment: datetime, most: int) -> list[datetime]:
    """The last fires, at most so many, from `first` (one itself) up to a moment. Raises BadSchedule.

    It looks back a little, then further, so that a year of missed minutes costs no more than a few hundred steps.
    """
    back = timedelta(hours=1)
    while True:
        start = moment - back
        whole = start <= first
        kept = deque([first] if whole else (), maxlen=most)
        kept.extend(takewhile(lambda fire: fire <= moment, schedule.after(first if whole else start)))
        if whole or len(kept) == most:
            return list(kept)
        back *= 2
