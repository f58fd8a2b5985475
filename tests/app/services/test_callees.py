"""Workflows that are run as a step: what they take is checked while the caller is edited."""

from typing import Any

from app.pages.editor.seen import Seen
from app.services import callees, unit, workflows
from app.services.access import Actor
from app.services.checked import Checked
from tests.app.services.conftest import Tenants

CALLED: dict[str, Any] = {
    "weft": 1,
    "name": "Send it",
    "nodes": {
        "to": {"type": "flow.input", "with": {"name": "to", "label": "Recipient"}},
        "cc": {"type": "flow.input", "with": {"name": "cc", "label": "Copy", "required": False}},
        "sent": {"type": "flow.output", "with": {"name": "sent", "value": "{{ to }}"}},
    },
}


def caller(workflow_id: str, **given: Any) -> dict[str, Any]:
    call = {"type": "flow.run_workflow", "with": {"workflow": workflow_id, "inputs": given}}
    shown = {"type": "flow.output", "with": {"name": "x", "value": "{{ call.snet }}"}}
    hand = {"type": "trigger.manual", "with": {}}
    return {"weft": 1, "name": "Caller", "nodes": {"hand": hand, "call": call, "shown": shown}}


async def problems(actor: Actor, workflow_id: str) -> list[tuple[str | None, str]]:
    draft = await unit.ask(workflows.get, actor, workflow_id)
    return [(one.field, one.code) for one in draft.checked.problems]


async def test_a_caller_is_checked_against_what_is_published_and_anew_when_that_changes(ada: Actor) -> None:
    called = await unit.ask(workflows.create, ada, "", CALLED)
    calling = await unit.ask(workflows.create, ada, "", caller(called, bc="x"))
    assert ("workflow", "not_published") in await problems(ada, calling)
    await unit.ask(workflows.publish, ada, called)
    assert await problems(ada, calling) == [
        ("inputs.to", "missing_input"),
        ("inputs.bc", "unknown_input"),
        ("value", "unknown_part"),
    ]
    draft = await unit.ask(workflows.get, ada, calling)
    op = {"op": "set_field", "node": "call", "path": "inputs.to", "value": "x"}
    edited = await unit.ask(workflows.edit, ada, calling, [op], draft.seq)
    assert ("inputs.to", "missing_input") not in [(one.field, one.code) for one in edited.problems]


async def test_a_workflow_of_another_workspace_is_not_there(tenants: Tenants) -> None:
    called = await unit.ask(workflows.create, tenants.bob, "", CALLED)
    await unit.ask(workflows.publish, tenants.bob, called)
    calling = await unit.ask(workflows.create, tenants.ada, "", caller(called))
    assert ("workflow", "unknown_workflow") in await problems(tenants.ada, calling)
    assert [one["name"] for one in await unit.ask(callees.choices, tenants.ada)] == ["Caller"]
    assert await unit.ask(callees.choices, tenants.ada, but=calling) == []


async def test_a_drawing_that_runs_none_asks_nobody(ada: Actor) -> None:
    plain = await unit.ask(workflows.create, ada, "", CALLED)
    checked: Checked = (await unit.ask(workflows.get, ada, plain)).checked
    assert checked.outside.workflows is None


async def test_its_card_has_a_port_for_each_input(ada: Actor) -> None:
    called = await unit.ask(workflows.create, ada, "", CALLED)
    await unit.ask(workflows.publish, ada, called)
    calling = await unit.ask(workflows.create, ada, "", caller(called, to="{{ hand.name }}"))
    draft = await unit.ask(workflows.get, ada, calling)
    seen = Seen(calling, draft.seq, draft.checked)
    card = seen.drawing.nodes["call"]
    assert [(port["name"], port["title"], port["wired"]) for port in card["ins"]] == [
        ("inputs.to", "Recipient", True),
        ("inputs.cc", "Copy", False),
    ]
    assert seen.drawing.edges["hand.main>call.inputs.to"]["handle"] == "inputs.to"
    op = {"op": "connect", "source": "hand", "port": "main", "target": "call", "field": "inputs.cc"}
    edited = await unit.ask(workflows.edit, ada, calling, [op], draft.seq)
    assert edited.graph.nodes["call"].params["inputs"] == {"to": "{{ hand.name }}", "cc": "{{ hand }}"}
