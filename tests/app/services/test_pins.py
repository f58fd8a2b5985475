"""Outputs that are kept: what a run of the draft takes instead of calling, and what others never see."""

from typing import Any

import pytest

from app.services import orders, pins, runs, standing, unit, workflows
from app.services.access import Actor
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from engine.models import Run
from tests.app.services.conftest import Tenants, person
from tests.app.services.test_reruns import drawing, first_run, rerun
from tests.engine.bench import Bench
from tests.engine.outside import Outside


async def kept(ada: Actor, workflow_id: str) -> dict[str, Any]:
    return {one.node_id: one.outputs for one in await unit.ask(pins.list_pins, ada, workflow_id)}


async def run_draft(ada: Actor, bench: Bench, workflow_id: str) -> Run:
    started = await runs.start(ada, workflow_id, trigger="hand", payload={"n": 1})
    return (await bench.finish(started.run_id)).run


async def test_a_run_of_the_draft_takes_what_is_kept_and_a_published_one_does_not(
    ada: Actor,
    bench: Bench,
    outside: Outside,
) -> None:
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    await unit.ask(pins.keep, ada, workflow_id, "fetch", first)
    assert await kept(ada, workflow_id) == {"fetch": {"main": 1}}
    assert not any(one.stale for one in (await unit.ask(standing.of_draft, ada, workflow_id)).values())
    trial = await run_draft(ada, bench, workflow_id)
    assert outside.nodes(trial.id) == {"other": 1, "mail": 1, "log": 1}
    await unit.ask(workflows.publish, ada, workflow_id, "")
    real = await runs.start(ada, workflow_id, trigger="hand", payload={"n": 1}, use="published")
    await bench.finish(real.run_id)
    assert outside.nodes(real.run_id)["fetch"] == 1


async def test_an_edited_output_is_taken_and_what_hangs_on_it_is_stale(
    ada: Actor,
    bench: Bench,
    outside: Outside,
) -> None:
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    await unit.ask(pins.set_kept, ada, workflow_id, "fetch", {"main": 9})
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert found["fetch"].reason == "Another output is kept for it"
    assert not found["other"].stale
    again = await rerun(ada, bench, first, "stale", use="draft")
    assert outside.heard(again.id) == {("mail", '"order 9"'): 1, ("log", '"order 9 and other"'): 1}
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert not any(one.stale for one in found.values())
    await unit.ask(pins.release, ada, workflow_id, "fetch")
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert found["fetch"].reason == "Its output is no longer kept"


async def test_kept_items_remember_where_they_come_from(ada: Actor, bench: Bench, outside: Outside) -> None:
    document = drawing(
        outside,
        list={"type": "data.parse_json", "with": {"text": "[1, 2, 3]"}},
        each=outside.send("{{ list }}", "read", on_error="output"),
        both={"type": "data.template", "with": {"text": "{{ each }} of {{ list }}"}},
    )
    outside.refuse(2)
    workflow_id, first = await first_run(ada, bench, document)
    await unit.ask(pins.keep, ada, workflow_id, "each", first)
    again = await run_draft(ada, bench, workflow_id)
    assert (await bench.ran(again.id)).output("both") == ["1 of 1", "3 of 3"]
    await unit.ask(pins.set_kept, ada, workflow_id, "each", {"main": [10, 30]})
    again = await run_draft(ada, bench, workflow_id)
    assert (await bench.ran(again.id)).output("both") == ["10 of 1", "30 of 3"]


async def test_what_cannot_be_kept_is_said(tenants: Tenants, bench: Bench, outside: Outside) -> None:
    ada, bob = tenants.ada, tenants.bob
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    other_id, _ = await first_run(ada, bench, drawing(outside))
    with pytest.raises(NotFound):
        await unit.ask(pins.keep, ada, workflow_id, "nobody", first)
    with pytest.raises(NotFound):
        await unit.ask(pins.keep, ada, other_id, "fetch", first)
    with pytest.raises(NotFound):
        await unit.ask(pins.keep, bob, workflow_id, "fetch", first)
    with pytest.raises(Invalid, match="no output 'left'"):
        await unit.ask(pins.set_kept, ada, workflow_id, "fetch", {"left": 1})
    with pytest.raises(Invalid, match="At most 256 kB"):
        await unit.ask(pins.set_kept, ada, workflow_id, "fetch", {"main": "x" * pins.LARGEST})
    with pytest.raises(Invalid, match="at least one output"):
        await unit.ask(pins.set_kept, ada, workflow_id, "fetch", {})
    viewer = unit.call(person, "viewer", ada.workspace_id)
    with pytest.raises(Forbidden):
        await unit.ask(pins.set_kept, viewer, workflow_id, "fetch", {"main": 1})
    outside.refuse(1)
    failed = await run_draft(ada, bench, workflow_id)
    with pytest.raises(Conflict, match="nothing to keep"):
        await unit.ask(pins.keep, ada, workflow_id, "fetch", failed.id)


async def test_what_is_kept_for_a_step_that_is_gone_is_left_out(ada: Actor, bench: Bench, outside: Outside) -> None:
    workflow_id, _ = await first_run(ada, bench, drawing(outside))
    await unit.ask(pins.set_kept, ada, workflow_id, "log", {"main": 1})
    draft = await unit.ask(workflows.get, ada, workflow_id)
    await unit.ask(workflows.edit, ada, workflow_id, [{"op": "remove_node", "node": "log"}], draft.seq)
    assert await kept(ada, workflow_id) == {}
    order = await unit.ask(orders.of_draft, ada, workflow_id, {"trigger": "hand", "payload": None, "inputs": {}})
    assert order.pins == {}
