"""Retention as people set it, and the report of sizes."""

import math

import pytest

from app.services import retention, unit, workflows
from app.services.errors import Forbidden, Invalid, NotFound
from app.services.retention import Kept
from engine.models import Run, Workflow
from tests.app.pages.conftest import add_run, add_workflow
from tests.app.services.conftest import Tenants, person
from tests.size_it import SIZE_IT


async def test_a_workflow_keeps_as_it_says_or_as_its_workspace_does(tenants: Tenants) -> None:
    mine = await unit.ask(workflows.create, tenants.ada, "", SIZE_IT)
    assert await unit.ask(retention.of_workflow, tenants.ada, mine) == Kept()
    await unit.ask(retention.keep_workspace, tenants.ada, Kept(days=30))
    assert await unit.ask(retention.of_workflow, tenants.ada, mine) == Kept(days=30)
    await unit.ask(retention.keep_workflow, tenants.ada, mine, Kept(runs=5, bytes=10**9))
    assert await unit.ask(retention.of_workflow, tenants.ada, mine) == Kept(runs=5, bytes=10**9)
    await unit.ask(retention.keep_workflow, tenants.ada, mine, None)
    await unit.ask(retention.keep_workspace, tenants.ada, None)
    assert await unit.ask(retention.of_workflow, tenants.ada, mine) == Kept()


async def test_who_may_and_what_is_refused(tenants: Tenants) -> None:
    mine = await unit.ask(workflows.create, tenants.ada, "", SIZE_IT)
    for wrong in (Kept(days=0), Kept(days=math.nan), Kept(runs=-1), Kept(bytes=10**16)):
        with pytest.raises(Invalid):
            await unit.ask(retention.keep_workflow, tenants.ada, mine, wrong)
    editor = await unit.ask(person, "editor", tenants.ada.workspace_id)
    with pytest.raises(Forbidden):
        await unit.ask(retention.keep_workflow, editor, mine, Kept(days=1))
    with pytest.raises(Forbidden):
        await unit.ask(retention.report, editor)
    for service in (retention.of_workflow,):
        with pytest.raises(NotFound):
            await unit.ask(service, tenants.bob, mine)
    with pytest.raises(NotFound):
        await unit.ask(retention.keep_workflow, tenants.bob, mine, Kept(days=1))


async def test_the_report_says_what_there_is_and_what_would_go(tenants: Tenants) -> None:
    pair = await unit.ask(add_workflow, tenants.ada, "Large")
    await unit.ask(add_workflow, tenants.ada, "Empty")
    runs = [await unit.ask(add_run, tenants.ada, pair, status) for status in ("done", "failed", "done", "running")]

    def measured(db: object) -> None:
        for run_id in runs[:3]:
            run = db.get(Run, run_id)  # type: ignore[attr-defined]
            run.row_bytes, run.payload_bytes = 1_000, 50_000

    await unit.ask(measured)
    (size,) = (await unit.ask(retention.report, tenants.ada)).workflows
    assert (size.workflow, size.runs, size.unmeasured) == ("Large", 4, 1)
    assert (size.row_bytes, size.payload_bytes, size.removed_runs) == (3_000, 150_000, 0)
    assert size.oldest
    await unit.ask(retention.keep_workflow, tenants.ada, pair[0], Kept(runs=1))
    (size,) = (await unit.ask(retention.report, tenants.ada)).workflows
    assert (size.removed_runs, size.removed_bytes, size.own) == (2, 102_000, True)
    assert (await unit.ask(retention.report, tenants.bob)).workflows == []
    assert (await unit.ask(lambda db: db.get(Workflow, pair[0]))).limits == {
        "retention": {"days": None, "runs": 1, "bytes": None}
    }
