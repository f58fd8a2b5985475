"""The dialog in which a workflow gets a budget."""

from app.pages.settings.limits_state import WorkspaceBounds
from app.pages.workflows.budget_state import RunBudget
from app.services import budgets, run_limits, unit
from app.services.budgets import Budget
from app.services.run_limits import WorkspaceLimits
from tests.app.pages.conftest import Somebody, add_workflow

NAMES = ("seconds", "steps", "money", "per_day_money", "runs_at_once")


async def test_a_budget_is_set_in_the_workflows_menu(ada: Somebody, bob: Somebody) -> None:
    workflow_id, _ = unit.call(add_workflow, ada.actor)
    dialog = await ada.tab.at("/workflows").state(RunBudget)
    await dialog.show(workflow_id, "Sort")
    assert (dialog.workflow_id, dialog.values) == (workflow_id, dict.fromkeys(NAMES, ""))
    for wrong in ({"steps": "many"}, {"steps": "0"}, {"steps": "-3"}):
        await dialog.save(wrong)
        assert (dialog.workflow_id, list(dialog.errors)) == (workflow_id, ["steps"])
    await dialog.save({"runs_at_once": "0"})
    assert list(dialog.errors) == ["runs_at_once"]
    await dialog.save({"seconds": "90", "steps": "1,000", "money": "", "per_day_money": "2.5", "runs_at_once": "2"})
    assert (dialog.workflow_id, dialog.errors) == ("", {})
    assert await unit.ask(budgets.of_workflow, ada.actor, workflow_id) == Budget(90, 1000, None, 2.5)
    await dialog.show(workflow_id, "Sort")
    assert dialog.values == {"seconds": "90", "steps": "1000", "money": "", "per_day_money": "2.5", "runs_at_once": "2"}
    assert dialog.today == "$0.00 spent today (UTC)"
    assert await unit.ask(run_limits.of_workflow, ada.actor, workflow_id) == 2
    foreign = await bob.tab.at("/workflows").state(RunBudget)
    foreign.workflow_id = workflow_id
    await foreign.save({"steps": "5"})
    assert await unit.ask(budgets.of_workflow, ada.actor, workflow_id) == Budget(90, 1000, None, 2.5)


async def test_the_limits_of_the_workspace_are_set_on_the_settings_page(ada: Somebody) -> None:
    page = await ada.tab.at("/settings").state(WorkspaceBounds)
    await page.load()
    assert (page.runs_at_once, page.per_day_money, page.time_zone, page.today) == ("", "", "UTC", "$0.00 spent today")
    assert "Europe/Berlin" in page.zones
    for wrong in ({"runs_at_once": "0"}, {"runs_at_once": "2.5"}, {"per_day_money": "much"}, {"time_zone": "Mars"}):
        await page.save({"time_zone": "UTC", **wrong})
        assert list(page.errors) == list(wrong)
    await page.save({"runs_at_once": "3", "per_day_money": "1,000.50", "time_zone": "Europe/Berlin"})
    assert page.errors == {}
    found = await unit.ask(run_limits.of_workspace, ada.actor)
    assert found == WorkspaceLimits(3, 1000.5, "Europe/Berlin")
    assert (page.runs_at_once, page.per_day_money) == ("3", "1000.5")
