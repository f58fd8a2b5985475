"""The dialog in which a workflow gets a budget."""

from app.pages.workflows.budget_state import RunBudget
from app.services import budgets, run_limits, unit
from app.services.budgets import Budget
from tests.app.pages.conftest import Somebody, add_workflow

NAMES = ("seconds", "steps", "money", "runs_at_once")


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
    await dialog.save({"seconds": "90", "steps": "1,000", "money": "", "runs_at_once": "2"})
    assert (dialog.workflow_id, dialog.errors) == ("", {})
    assert await unit.ask(budgets.of_workflow, ada.actor, workflow_id) == Budget(90, 1000, None)
    await dialog.show(workflow_id, "Sort")
    assert dialog.values == {"seconds": "90", "steps": "1000", "money": "", "runs_at_once": "2"}
    assert await unit.ask(run_limits.of_workflow, ada.actor, workflow_id) == 2
    foreign = await bob.tab.at("/workflows").state(RunBudget)
    foreign.workflow_id = workflow_id
    await foreign.save({"steps": "5"})
    assert await unit.ask(budgets.of_workflow, ada.actor, workflow_id) == Budget(90, 1000, None)
