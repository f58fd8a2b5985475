"""Runs that were started as steps of others: how they are found from both ends, and who may see them."""

from collections.abc import Sequence
from typing import Any

import pytest

from app.services import reruns, rounds, run_data, runs, step_rows, step_view, unit, versions, workflows
from app.services.access import Actor
from app.services.errors import Invalid, NotFound
from app.services.shown import Record
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
    workflow_id = await unit.ask(workflows.create, ada, "", called({"greet": call}))
    with pytest.raises(Invalid, match="belongs to another workspace"):
        await runs.start(ada, workflow_id)


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


LOOPED = {
    "who": {"type": "flow.input", "with": {"name": "names", "kind": "rows"}},
    "each": {"type": "flow.for_each", "label": "Each name", "with": {"items": "{{ who }}"}},
    "line": {"type": "data.template", "in": "each", "with": {"text": "Dear {{ item.name }}"}},
    "out": {"type": "flow.output", "with": {"name": "letters", "value": "{{ each }}"}},
}


async def in_line(ada: Actor, bench: Bench) -> str:
    """A run whose workflow calls one that calls a third, which has a container."""
    letters = await published(ada, called(LOOPED))
    inner = {
        "type": "flow.run_workflow",
        "with": {"workflow": letters, "inputs": {"names": [{"name": "Ada"}, {"name": "Bo"}]}},
    }
    middle = await published(ada, called({"letters": inner}))
    workflow_id = await published(ada, called({"call": {"type": "flow.run_workflow", "with": {"workflow": middle}}}))
    started = await runs.start(ada, workflow_id, use="published")
    ran = await bench.finish(started.run_id)
    assert ran.run.status == "done", ran.run.error
    return started.run_id


async def test_a_scope_leads_into_what_was_called_in_line(tenants: Tenants, bench: Bench) -> None:
    ada = tenants.ada
    run_id = await in_line(ada, bench)
    (call,) = await unit.ask(run_data.steps, ada, run_id)
    assert (call.opens, call.has_body) == (True, False)
    (only,) = await unit.ask(rounds.page, ada, run_id, "call")
    assert (only.scope, only.status) == ("call.0", "done")
    (letters,) = await unit.ask(run_data.steps, ada, run_id, scope="call.0")
    assert (letters.node_id, letters.status, letters.container) == ("letters", "done", "")
    deep = {one.node_id: one for one in await unit.ask(run_data.steps, ada, run_id, scope="call.0/letters.0")}
    assert [one.status for one in deep.values()] == ["done"] * 4
    assert deep["line"].counts == {"total": 2, "done": 2, "failed": 0, "rounds": True}
    scope = "call.0/letters.0/each.1"
    assert (await unit.ask(run_data.items, ada, run_id, "line", scope=scope)).items == ["Dear Bo"]
    assert [one.scope for one in await unit.ask(rounds.page, ada, run_id, "each", scope="call.0/letters.0")] == [
        "call.0/letters.0/each.0",
        scope,
    ]
    panel = await unit.ask(step_view.step, ada, run_id, "line", scope=scope)
    assert panel["facts"]["status"] == "done"
    (port,) = await unit.ask(step_view.ports, ada, run_id, "line", "output", scope=scope)
    assert port["value"] == "line/main"


async def test_calls_open_on_the_runs_page(tenants: Tenants, bench: Bench) -> None:
    ada = tenants.ada
    run_id = await in_line(ada, bench)
    top = await unit.ask(run_data.steps, ada, run_id)
    opened: dict[str, int] = {}
    for row in ("call", "@call.0", "letters@call.0", "@call.0/letters.0", "each@call.0/letters.0"):
        opened = step_rows.toggled(opened, row, [one["id"] for one in await tree(ada, run_id, top, opened)])
    shown = [(one["label"], one["depth"]) for one in await tree(ada, run_id, top, opened)]
    assert shown[:3] == [("Call", 0), ("Call 1", 1), ("Letters", 2)]
    assert [one for one in shown if one[1] >= 5] == [("Round 1", 5), ("Round 2", 5)]


async def tree(ada: Actor, run_id: str, top: Sequence[run_data.StepView], opened: dict[str, int]) -> list[Record]:
    return await unit.ask(step_rows.tree, ada, run_id, top, opened)


async def test_a_call_that_did_not_run_in_line_has_no_scope(tenants: Tenants, bench: Bench) -> None:
    ada, bob = tenants.ada, tenants.bob
    greet = await published(ada, called(GREET))
    call = {"type": "flow.run_workflow", "with": {"workflow": greet, "inputs": {"name": "Ada"}, "mode": "child"}}
    workflow_id = await published(ada, called({"greet": call}))
    started = await runs.start(ada, workflow_id, use="published")
    with pytest.raises(Invalid, match="A scope names containers"):
        await unit.ask(run_data.steps, ada, started.run_id, scope="greet.0")
    run_id = await in_line(ada, bench)
    with pytest.raises(NotFound):
        await unit.ask(run_data.steps, bob, run_id, scope="call.0")
    for scope in ("call.x", "call.0/who.0", "call.0/letters.0/line.0"):
        with pytest.raises(Invalid, match="A scope names containers"):
            await unit.ask(run_data.steps, ada, run_id, scope=scope)
