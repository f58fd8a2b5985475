"""What the whole workspace may do at once and spend a day, as the settings page holds it."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import available_timezones

import reflex as rx

from app.services import day_budgets, run_limits, unit
from app.services.errors import Invalid
from app.services.run_limits import WorkspaceLimits
from app.session import SessionState, guarded
from app.typed import number, whole


class WorkspaceBounds(SessionState):
    """The limits of the workspace. Owners may set them, everybody may look."""

    runs_at_once: str = ""
    per_day_money: str = ""
    time_zone: str = "UTC"
    zones: list[str] = []
    today: str = ""
    errors: dict[str, str] = {}

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read them."""
        self.errors, self.zones = {}, sorted(available_timezones())
        await self._read()

    async def _read(self) -> None:
        actor = await self._actor()
        found = await unit.ask(run_limits.of_workspace, actor)
        spent = await unit.ask(day_budgets.of_workspace, actor)
        self.runs_at_once = "" if found.runs_at_once is None else str(found.runs_at_once)
        self.per_day_money = "" if found.per_day_money is None else f"{found.per_day_money:g}"
        self.time_zone = found.time_zone
        self.today = f"${spent.spent:,.2f} spent today"
        if spent.limit is not None and spent.limit != found.per_day_money:
            self.today += f"; the budget of today was raised to ${spent.limit:,g}"

    @rx.event
    @guarded
    async def save(self, filled: dict[str, Any]) -> object:
        """Set them; they hold at once."""
        given = filled if isinstance(filled, Mapping) else {}
        try:
            limits = WorkspaceLimits(
                whole("runs_at_once", given.get("runs_at_once")),
                number("per_day_money", given.get("per_day_money")),
                str(given.get("time_zone") or "").strip(),
            )
            await unit.ask(run_limits.limit_workspace, await self._actor(), limits)
        except Invalid as refusal:
            self.errors = {str(one.get("field")): str(one["message"]) for one in refusal.problems}
            return None
        self.errors = {}
        await self._read()
        return rx.toast.success("The limits of the workspace are saved")
