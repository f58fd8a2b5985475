"""What each run of a workflow may spend, and how many may run at once, as their dialog holds it."""

from collections.abc import Mapping
from typing import Any, Final

import reflex as rx

from app.services import budgets, day_budgets, run_limits, unit
from app.services.budgets import Budget
from app.services.errors import Invalid
from app.session import SessionState, guarded
from app.typed import number

FIELDS: Final = ("seconds", "steps", "money", "per_day_money")
AT_ONCE: Final = "runs_at_once"


class RunBudget(SessionState):
    """The budget of one workflow while its dialog is open."""

    workflow_id: str = ""
    name: str = ""
    values: dict[str, str] = dict.fromkeys((*FIELDS, AT_ONCE), "")
    today: str = ""
    errors: dict[str, str] = {}

    @rx.event
    @guarded
    async def show(self, workflow_id: str, name: str) -> None:
        """Open the dialog of a workflow; an empty id closes it."""
        workflow_id = str(workflow_id)
        if workflow_id:
            found = await unit.ask(budgets.of_workflow, await self._actor(), workflow_id)
            self.values = {field: "" if (value := getattr(found, field)) is None else f"{value:g}" for field in FIELDS}
            spent = await unit.ask(day_budgets.of_workflow, await self._actor(), workflow_id)
            self.today = f"${spent.spent:,.2f} spent today ({spent.time_zone})"
            most = await unit.ask(run_limits.of_workflow, await self._actor(), workflow_id)
            self.values[AT_ONCE] = "" if most is None else str(most)
        self.workflow_id, self.name, self.errors = workflow_id, str(name), {}

    @rx.event
    @guarded
    async def save(self, filled: dict[str, Any]) -> object:
        """Set what each run from now on may spend."""
        given = filled if isinstance(filled, Mapping) else {}
        try:
            numbers = {field: number(field, given.get(field)) for field in FIELDS}
            most, steps = number(AT_ONCE, given.get(AT_ONCE)), numbers["steps"]
            budget = Budget(
                numbers["seconds"],
                None if steps is None else round(steps),
                numbers["money"],
                numbers["per_day_money"],
            )
            await unit.ask(budgets.limit, await self._actor(), self.workflow_id, budget)
            at_once = None if most is None else round(most)
            await unit.ask(run_limits.limit_workflow, await self._actor(), self.workflow_id, at_once)
        except Invalid as refusal:
            self.errors = {str(one.get("field")): str(one["message"]) for one in refusal.problems}
            return None
        self.workflow_id, self.errors = "", {}
        return rx.toast(
            "Saved", description="A run's budget holds for those that start from now on, the other limits at once."
        )
