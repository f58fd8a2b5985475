"""What may still be spent today: by a workflow, and by its workspace, over all their runs and all workers.

Asked before a call that spends. Rows are read once a second at most while there is money left; what this process spends
meanwhile is taken off at once. That a budget is used up is always read anew, so a raised one is heeded without delay.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from engine.store.db import Database
from engine.store.spending import DayBudget, of_day

FRESH_SECONDS = 1.0
FORGET_AT = 1_000


@dataclass(slots=True)
class _Known:
    left: float
    until: float


class Days:
    """The budgets per day, as one process knows them."""

    def __init__(self, data: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._data, self._clock = data, clock
        self._known: dict[str, _Known] = {}

    def spent(self, workflow_id: str, dollars: float) -> None:
        """A call of this process cost so much."""
        known = self._known.get(workflow_id)
        if known is not None:
            known.left -= dollars

    def plenty(self, workflow_id: str) -> bool:
        """Whether there was money left a moment ago; if not, `used_up` has to look."""
        known = self._known.get(workflow_id)
        return known is not None and known.left > 0 and known.until > self._clock()

    async def used_up(self, workspace_id: str, workflow_id: str) -> DayBudget | None:
        """The budget that is used up, as the rows say; None while there is money left."""
        budgets = await asyncio.to_thread(self._read, workspace_id, workflow_id)
        if len(self._known) >= FORGET_AT:
            self._known.clear()
        left = min((one.left for one in budgets), default=float("inf"))
        self._known[workflow_id] = _Known(left, self._clock() + FRESH_SECONDS)
        return next((one for one in budgets if one.left <= 0), None)

    def _read(self, workspace_id: str, workflow_id: str) -> tuple[DayBudget, ...]:
        with self._data.reader() as driver:
            return of_day(driver, workspace_id, workflow_id)


def question(budget: DayBudget) -> dict[str, Any]:
    """What a person is asked when a day's budget is used up: {what, of, limit, spent, day, title}."""
    title = (
        f"Today's budget of ${budget.limit:,g} for the {'whole ' * (budget.of == 'workspace')}{budget.of} is used up."
    )
    return {
        "what": "per_day_money",
        "of": budget.of,
        "limit": budget.limit,
        "spent": round(budget.spent, 4),
        "day": budget.day.date,
        "title": title,
    }
