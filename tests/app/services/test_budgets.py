"""Budgets: set on a workflow, taken along by each run as it starts, raised or ended by a person."""

import math

import pytest

from app.services import approvals, budgets, day_budgets, run_limits, runs, unit, workflows
from app.services.budgets import Budget
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from app.services.run_limits import WorkspaceLimits
from engine import launch
from engine.models import Run
from tests.app.services.conftest import Tenants, person
from tests.engine.bench import Bench
from tests.size_it import SIZE_IT


@pytest.fixture
async def workflow_id(tenants: Tenants) -> str:
    return await unit.ask(workflows.create, tenants.ada, "", SIZE_IT)


async def test_a_budget_is_set_read_and_taken_back(tenants: Tenants, workflow_id: str) -> None:
    budget = Budget(seconds=60, steps=1_000, money=2.5)
    await unit.ask(budgets.limit, tenants.ada, workflow_id, budget)
    assert await unit.ask(budgets.of_workflow, tenants.ada, workflow_id) == budget
    await unit.ask(budgets.limit, tenants.ada, workflow_id, Budget())
    assert await unit.ask(budgets.of_workflow, tenants.ada, workflow_id) == Budget()
    for wrong in (Budget(steps=0), Budget(money=-1), Budget(seconds=math.inf), Budget(seconds=math.nan)):
        with pytest.raises(Invalid):
            await unit.ask(budgets.limit, tenants.ada, workflow_id, wrong)
    viewer = await unit.ask(person, "viewer", tenants.ada.workspace_id)
    with pytest.raises(Forbidden):
        await unit.ask(budgets.limit, viewer, workflow_id, budget)
    with pytest.raises(NotFound):
        await unit.ask(budgets.of_workflow, tenants.bob, workflow_id)


@pytest.mark.parametrize("choice", ["raise", "end"])
async def test_a_run_over_its_budget_asks_and_goes_on_as_decided(
    tenants: Tenants, bench: Bench, workflow_id: str, choice: str
) -> None:
    await unit.ask(budgets.limit, tenants.ada, workflow_id, Budget(steps=1))
    started = await runs.start(tenants.ada, workflow_id, trigger="hook", payload={"body": {"value": 7}})
    assert await bench.advance(started.run_id) == "paused"
    with pytest.raises(Conflict):
        await runs.resume(tenants.ada, started.run_id)
    viewer = await unit.ask(person, "viewer", tenants.ada.workspace_id)
    (ask,) = await unit.ask(approvals.list_approvals, tenants.ada)
    assert (ask.kind, ask.choices, ask.title) == (
        "budget",
        ("raise", "end"),
        "This run has used up its budget of 1 step.",
    )
    with pytest.raises(Forbidden):
        await approvals.decide(viewer, ask.id, choice)
    await approvals.decide(tenants.ada, ask.id, choice)
    with pytest.raises(Conflict):
        await approvals.decide(tenants.ada, ask.id, choice)
    run = await unit.ask(lambda db: db.get(Run, started.run_id))
    assert run is not None
    assert run.status == {"raise": "queued", "end": "cancelled"}[choice]
    assert (run.budget or {})["steps"] == {"raise": 2, "end": 1}[choice]
    launch.dispose()


PAYING = {
    "weft": 1,
    "name": "Pay",
    "nodes": {
        "start": {"type": "trigger.manual", "with": {}},
        "pay": {"type": "lab.pay", "with": {"value": "{{ start }}", "dollars": 0.5}},
    },
}


async def test_raising_a_days_budget_lets_all_runs_go_on_that_wait_for_it(tenants: Tenants, bench: Bench) -> None:
    made = await unit.ask(workflows.create, tenants.ada, "", PAYING)
    await unit.ask(run_limits.limit_workspace, tenants.ada, WorkspaceLimits(per_day_money=0.5, time_zone="Asia/Tokyo"))
    started = [await runs.start(tenants.ada, made, trigger="start", payload=1) for _ in range(3)]
    assert [await bench.advance(one.run_id) for one in started] == ["done", "paused", "paused"]
    today = await unit.ask(day_budgets.of_workspace, tenants.ada)
    assert (today.spent, today.limit, today.time_zone) == (0.5, 0.5, "Asia/Tokyo")
    assert (await unit.ask(day_budgets.of_workflow, tenants.ada, made)).limit is None
    first, second = await unit.ask(approvals.list_approvals, tenants.ada)
    assert (first.kind, first.title) == ("budget", "Today's budget of $0.5 for the whole workspace is used up.")
    assert first.deadline is not None
    editor = await unit.ask(person, "editor", tenants.ada.workspace_id)
    assert not any(one.mine for one in await unit.ask(approvals.list_approvals, editor))
    with pytest.raises(Forbidden):
        await approvals.decide(editor, first.id, "raise")
    await approvals.decide(tenants.ada, first.id, "raise")
    with pytest.raises(Conflict):
        await approvals.decide(tenants.ada, second.id, "raise")
    assert (await unit.ask(day_budgets.of_workspace, tenants.ada)).limit == 1
    assert [await bench.advance(one.run_id) for one in started[1:]] == ["done", "paused"]
    (third,) = await unit.ask(approvals.list_approvals, tenants.ada)
    await approvals.decide(tenants.ada, third.id, "end")
    run = await unit.ask(lambda db: db.get(Run, started[2].run_id))
    assert run is not None
    assert (run.status, run.cost) == ("cancelled", 0)
    launch.dispose()
