"""Runs that were started as steps of others: how they are found from both ends, and who may see them."""

from typing import Any

import pytest

from app.services import reruns, runs, unit, versions, workflows
from app.services.access import Actor
from app.services.errors import NotFound
from tests.app.services.conftest import Tenants
from tests.engine.bench import Bench


def called(nodes: dict[str, Any]) -> dict[str, Any]:
    return {"weft": 1, "name": "Called", "nodes": nodes}


GREET = {
    "who": {"type": "flow.input", "with": {"name": "name"}},
    "out": {"type": "flow.output", "with": {"name": "greeting", "value": "Hello {{ who }}"}},
}


async def published(actor: Actor, document: dict[str, Any]) -> str:
    workflow_id = await unit.ask(workflows.create, actor, "", document)
    await unit.ask(versions.publish, actor, workflow_id)
    return workflow_id


async def finished(actor: Actor, bench: Bench, run_id: str) -> runs.RunDetail:
    """Advance a run and those that it called until it is over."""
    while (found := await unit.ask(runs.get, actor, run_id)).row.status not in runs.ENDED:
        for one in (run_id, *found.called):
            if bench.segment(one).status == "queued":
                await bench.advance(one)
    return found


async def test_a_called_run_is_found_from_its_caller_and_back(tenants: Tenants, bench: Bench) -> None:
    ada, bob = tenants.ada, tenants.bob
    greet = await published(ada, called(GREET))
    call = {"type": "flow.run_workflow", "with": {"workflow": greet, "inputs": {"name": "Ada"}, "mode": "child"}}
    workflow_id = await published(ada, called({"greet": call}))
    started = await runs.start(ada, workflow_id, use="published")
    parent = await finished(ada, bench, started.run_id)
    assert (parent.row.status, len(parent.called), parent.called_by) == ("done", 1, None)
    child = await unit.ask(runs.get, ada, parent.called[0])
    assert (child.called_by, child.root, child.row.source) == (started.run_id, started.run_id, "workflow")
    with pytest.raises(NotFound):
        await unit.ask(runs.get, bob, parent.called[0])


async def test_a_workflow_of_another_workspace_cannot_be_called(tenants: Tenants, bench: Bench) -> None:
    ada, bob = tenants.ada, tenants.bob
    greet = await published(bob, called(GREET))
    call = {"type": "flow.run_workflow", "with": {"workflow": greet, "inputs": {"name": "Ada"}}}
    workflow_id = await published(ada, called({"greet": {**call, "off": True}}))
    draft = await unit.ask(workflows.get, ada, workflow_id)
    op = {"op": "set_option", "node": "greet", "key": "off", "value": False}
    await unit.ask(workflows.edit, ada, workflow_id, [op], draft.seq)
    started = await runs.start(ada, workflow_id)
    ran = await bench.finish(started.run_id)
    assert ran.run.status == "failed" and "no published version" in (ran.run.error or {})["message"]


async def test_a_retry_calls_the_versions_of_the_first_run(tenants: Tenants, bench: Bench) -> None:
    ada = tenants.ada
    greet = await published(ada, called(GREET))
    call = {"type": "flow.run_workflow", "with": {"workflow": greet, "inputs": {"name": "Ada"}}}
    stop = {"type": "flow.stop", "with": {"message": "No.", "value": "{{ greet.greeting }}"}}
    workflow_id = await published(ada, called({"greet": call, "stop": stop}))
    first = await runs.start(ada, workflow_id, use="published")
    assert (await finished(ada, bench, first.run_id)).row.status == "failed"
    draft = await unit.ask(workflows.get, ada, greet)
    op = {"op": "set_field", "node": "out", "path": "value", "value": "Changed"}
    await unit.ask(workflows.edit, ada, greet, [op], draft.seq)
    await unit.ask(versions.publish, ada, greet)
    again = await reruns.rerun(ada, first.run_id, "whole")
    ran = await bench.finish(again.run_id)
    assert ran.output("greet", "greeting") == "Hello Ada"
