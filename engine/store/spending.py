"""What was spent when, over all runs: the ground of budgets per day.

Dollars are added up per run and quarter of an hour, by the checkpoint that records the cost. Every zone on Earth
differs from UTC by a whole number of quarters, so the same rows say what a day cost in any of them. No two runs ever
wait for one row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson

from engine.models.base import from_ms, to_ms
from engine.store.driver import Driver, Operation, Reader
from engine.store.statement import Statement

QUARTER = 15 * 60 * 1000  # milliseconds
KEPT_DAYS = 62

SPEND = Statement(
    f"""INSERT INTO spending (run_id, at, workspace_id, workflow_id, dollars)
    VALUES (:run, {{clock}} / {QUARTER} * {QUARTER}, :workspace, :workflow, :dollars)
    ON CONFLICT (run_id, at) DO UPDATE SET dollars = spending.dollars + excluded.dollars"""  # noqa: S608 - constants
)
LIMITS = Statement(
    """SELECT w.limits ->> 'per_day_money', w.limits ->> 'raised', s.limits ->> 'per_day_money', s.limits ->> 'raised',
        s.time_zone, {clock}
    FROM workflow w JOIN workspace s ON s.id = w.workspace_id WHERE w.id = :workflow"""
)
SPENT = {
    of: Statement(f"SELECT COALESCE(SUM(dollars), 0) FROM spending WHERE {of}_id = :id AND at >= :since")  # noqa: S608
    for of in ("workflow", "workspace")
}
FORGET = Statement("DELETE FROM spending WHERE at < {clock} - :kept")


@dataclass(frozen=True, slots=True)
class Day:
    """A day in some zone: its date, and when it begins and ends, in milliseconds since 1970 UTC."""

    date: str
    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class DayBudget:
    """What may be spent on one day in all, and what was. `of`: by the one workflow, or by the whole workspace."""

    of: str
    limit: float
    spent: float
    day: Day

    @property
    def left(self) -> float:
        """Dollars that are left; 0 or less once it is used up."""
        return self.limit - self.spent


def day_of(moment: datetime, zone: str) -> Day:
    """The day on which a moment falls. Days on which clocks change have 23 or 25 hours."""
    local = moment.astimezone(ZoneInfo(zone))
    midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
    # Arithmetic on the wall's clock: the next midnight, however many hours it is away.
    return Day(local.date().isoformat(), to_ms(midnight), to_ms(midnight + timedelta(days=1)))


def raised_on(raised: Mapping[str, Any] | None, day: Day) -> float:
    """By how much a person raised the budget of that one day."""
    return float(raised["money"]) if raised and raised.get("day") == day.date else 0.0


def of_day(reader: Reader, workspace_id: str, workflow_id: str) -> tuple[DayBudget, ...]:
    """The budgets that hold for a workflow today: its own, that of its workspace, or neither."""
    rows = reader.send(LIMITS, {"workflow": workflow_id}).rows()
    if not rows or (rows[0][0] is None and rows[0][2] is None):
        return ()
    own, own_raised, shared, shared_raised, zone, clock = rows[0]
    day = day_of(from_ms(clock), zone)
    found = []
    for of, limit, raised, key in (
        ("workflow", own, own_raised, workflow_id),
        ("workspace", shared, shared_raised, workspace_id),
    ):
        if limit is not None:
            more = raised_on(orjson.loads(raised) if raised else None, day)
            found.append(DayBudget(of, float(limit) + more, spent_since(reader, of, key, day.begins), day))
    return tuple(found)


def spent_since(reader: Reader, of: str, key: str, begins: int) -> float:
    """The dollars that a workflow or a workspace spent since then (ms since 1970 UTC); `of` says which `key` is."""
    return float(reader.send(SPENT[of], {"id": key, "since": begins}).rows()[0][0])


def forget(driver: Driver) -> Operation:
    """Deletes what is too old to matter for any day's budget."""
    driver.send(FORGET, {"kept": KEPT_DAYS * 24 * 3600 * 1000})
    yield
