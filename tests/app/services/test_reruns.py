"""Running again over services: only what was chosen calls out, counted outside of Weft."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from app.services import dry_runs, reruns, rewrites, run_data, runs, shown, standing, unit, versions, workflows
from app.services.access import Actor
from app.services.errors import Conflict, Invalid, NeedsConfirmation, NotFound
from engine.models import Run
from tests.app.services.conftest import Tenants
from tests.engine.bench import Bench
from tests.engine.outside import Outside

Finish = Callable[[str], Awaitable[Run]]


def drawing(outside: Outside, **more: Any) -> dict[str, Any]:
    """Two sources, of which one feeds a chain of two writers."""
    nodes = {
        "hand": {"type": "trigger.manual", "with": {"sample": {"n": 1}}},
        "fetch": outside.send("{{ hand.n }}", "read", label="Fetch orders"),
        "other": outside.send("other", "read"),
        "word": {"type": "data.template", "with": {"text": "order {{ fetch }}"}},
        "mail": outside.send("{{ word }}"),
        "log": outside.send("{{ mail }} and {{ other }}"),
    }
    return {"weft": 1, "name": "Chain", "nodes": {**nodes, **more}}


async def first_run(ada: Actor, bench: Bench, document: dict[str, Any]) -> tuple[str, str]:
    workflow_id = await unit.ask(workflows.create, ada, "", document)
    started = await runs.start(ada, workflow_id, trigger="hand", payload={"n": 1})
    assert (await bench.finish(started.run_id)).run.status in ("done", "failed")
    return workflow_id, started.run_id


async def change(ada: Actor, workflow_id: str, node: str, path: str, value: Any) -> None:
    draft = await unit.ask(workflows.get, ada, workflow_id)
    op = {"op": "set_field", "node": node, "path": path, "value": value}
    await unit.ask(workflows.edit, ada, workflow_id, [op], draft.seq)


async def rerun(ada: Actor, bench: Bench, run_id: str, mode: reruns.Mode, **more: Any) -> Run:
    started = await reruns.rerun(ada, run_id, mode, repeat_writes=more.pop("repeat_writes", True), **more)
    return (await bench.finish(started.run_id)).run


async def test_running_from_a_step_on_calls_that_step_and_what_follows(
    ada: Actor, bench: Bench, outside: Outside
) -> None:
    _, first = await first_run(ada, bench, drawing(outside))
    again = await rerun(ada, bench, first, "from_node", node="mail")
    assert (again.status, again.again_of, again.source) == ("done", first, "again")
    assert outside.nodes(again.id) == {"mail": 1, "log": 1}
    steps = {one.node_id: one for one in await unit.ask(run_data.steps, ada, again.id)}
    assert {name for name, one in steps.items() if one.reused_from == first} == {"hand", "fetch", "other", "word"}


async def test_one_step_alone_and_up_to_a_step(ada: Actor, bench: Bench, outside: Outside) -> None:
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    alone = await rerun(ada, bench, first, "node", node="mail")
    assert outside.nodes(alone.id) == {"mail": 1}
    assert alone.options["only"] == ["hand", "fetch", "word", "mail"]
    up_to = await rerun(ada, bench, first, "up_to", node="word", use="draft")
    assert not outside.nodes(up_to.id)
    await change(ada, workflow_id, "fetch", "value", 7)
    changed = await rerun(ada, bench, first, "up_to", node="mail", use="draft")
    assert outside.heard(changed.id) == {("fetch", "7"): 1, ("mail", '"order 7"'): 1}


async def test_one_step_alone_needs_what_stands_before_it(ada: Actor, bench: Bench, outside: Outside) -> None:
    outside.refuse(1)
    _, first = await first_run(ada, bench, drawing(outside))
    with pytest.raises(Conflict, match="“Fetch orders” has no result yet"):
        await reruns.rerun(ada, first, "node", node="word")


async def test_only_what_is_stale_runs_and_each_step_says_why(ada: Actor, bench: Bench, outside: Outside) -> None:
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert not any(one.stale for one in found.values())
    with pytest.raises(Conflict, match="Nothing is stale"):
        await reruns.rerun(ada, first, "stale", use="draft")
    await change(ada, workflow_id, "word", "text", "no. {{ fetch }}")
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert {name: one.reason for name, one in found.items() if one.stale} == {
        "word": "Settings changed",
        "mail": "Input changes: Word runs again",
        "log": "Input changes: Mail runs again",
    }
    again = await rerun(ada, bench, first, "stale", use="draft")
    assert outside.heard(again.id) == {("mail", '"no. 1"'): 1, ("log", '"no. 1 and other"'): 1}
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert not any(one.stale for one in found.values())


async def test_a_step_that_ran_alone_makes_what_follows_stale(ada: Actor, bench: Bench, outside: Outside) -> None:
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    alone = await rerun(ada, bench, first, "node", node="fetch")
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert found["word"].reason == "Input changed: Fetch orders ran again"
    assert not found["other"].stale
    again = await rerun(ada, bench, alone.id, "stale", use="draft")
    assert outside.nodes(again.id) == {"mail": 1, "log": 1}
    steps = {one.node_id: one.reused_from for one in await unit.ask(run_data.steps, ada, again.id)}
    assert (steps["fetch"], steps["other"]) == (alone.id, first)


async def test_a_failed_run_goes_on_where_it_failed(ada: Actor, bench: Bench, outside: Outside) -> None:
    outside.refuse("order 1")
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    assert (await unit.ask(runs.get, ada, first)).failed == 1
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert found["mail"].reason == "It failed last time"
    outside.refuse()
    again = await rerun(ada, bench, first, "failed_items")
    assert outside.nodes(again.id) == {"mail": 1, "log": 1}
    assert (await unit.ask(runs.get, ada, first)).followed_by == [again.id]
    with pytest.raises(Conflict, match="Nothing failed"):
        await reruns.rerun(ada, again.id, "failed_items")


async def test_what_would_be_written_again_is_asked_first(ada: Actor, bench: Bench, outside: Outside) -> None:
    document = drawing(
        outside,
        list={"type": "data.parse_json", "with": {"text": "[1, 2, 3]"}},
        each=outside.send("{{ list }}", on_error="output"),
        report=outside.send({"all": "{{ total }}"}, label="Report"),
        total={"type": "lab.total", "with": {"values": "{{ each }}"}},
    )
    outside.refuse(2)
    _, first = await first_run(ada, bench, document)
    outside.refuse()
    with pytest.raises(NeedsConfirmation, match="“Report” would write again") as refused:
        await reruns.rerun(ada, first, "failed_items")
    assert [(one["node"], one["times"]) for one in refused.value.problems] == [("report", 1)]
    again = await rerun(ada, bench, first, "failed_items", repeat=["report"], repeat_writes=False)
    assert outside.heard(again.id) == {("each", "2"): 1, ("report", '{"all":3}'): 1}


async def test_what_a_run_from_a_step_would_write_again_is_asked_first(
    ada: Actor, bench: Bench, outside: Outside
) -> None:
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    with pytest.raises(NeedsConfirmation) as refused:
        await reruns.rerun(ada, first, "from_node", node="word")
    assert [(one["node"], one["times"]) for one in refused.value.problems] == [("mail", 1), ("log", 1)]
    assert refused.value.problems[0]["message"] == ("“Mail” would write once more: what it refers to is done again.")
    with pytest.raises(NeedsConfirmation, match="“Log” would write again"):
        await reruns.rerun(ada, first, "from_node", node="log", repeat=["mail"])
    again = await rerun(ada, bench, first, "from_node", node="log", repeat=["log"], repeat_writes=False)
    assert outside.nodes(again.id) == {"log": 1}
    await change(ada, workflow_id, "word", "text", "no. {{ fetch }}")
    with pytest.raises(NeedsConfirmation) as refused:
        await reruns.rerun(ada, again.id, "stale", use="draft")
    assert [one["message"] for one in refused.value.problems] == [
        "“Mail” would write once more: input changes: Word runs again.",
        "“Log” would write once more: input changes: Mail runs again.",
    ]
    with pytest.raises(NeedsConfirmation):
        await reruns.rerun(ada, again.id, "up_to", node="mail", use="draft")
    outside.refuse("no. 1")
    failed = await rerun(ada, bench, again.id, "stale", use="draft")
    assert failed.status == "failed"
    outside.refuse()
    # A write that failed for sure is no repetition.
    assert (await rerun(ada, bench, failed.id, "node", node="mail", repeat_writes=False)).status == "done"


async def test_failed_items_are_retried_with_a_mended_drawing(ada: Actor, bench: Bench, outside: Outside) -> None:
    outside.refuse("order 1")
    document = drawing(outside, after=outside.send("after", after=["{{ other }}"]))
    workflow_id, first = await first_run(ada, bench, document)
    assert (await unit.ask(runs.get, ada, first)).failed == 1
    await change(ada, workflow_id, "word", "text", "no. {{ fetch }}")
    same = await rerun(ada, bench, first, "failed_items", repeat_writes=False)
    assert same.status == "failed", "with the version that it failed in"
    mended = await rerun(ada, bench, first, "failed_items", use="draft", repeat_writes=False)
    assert mended.status == "done" and mended.again_of == first
    assert outside.heard(mended.id) == {("mail", '"no. 1"'): 1, ("log", '"no. 1 and other"'): 1}
    steps = {one.node_id: one for one in await unit.ask(run_data.steps, ada, mended.id)}
    assert {name for name, one in steps.items() if one.reused_from == first} == {"hand", "fetch", "other", "after"}
    # What wrote well and is another step now would write once more.
    await change(ada, workflow_id, "after", "value", "other words")
    with pytest.raises(NeedsConfirmation, match="“After” would write again") as refused:
        await reruns.rerun(ada, first, "failed_items", use="draft")
    assert refused.value.problems[0]["message"] == "“After” would write once more: settings changed."


async def test_items_of_a_list_are_taken_over_behind_a_mended_step(ada: Actor, bench: Bench, outside: Outside) -> None:
    document = drawing(
        outside,
        list={"type": "data.parse_json", "with": {"text": "[1, 2, 3]"}},
        each=outside.send("{{ list }}", on_error="output"),
        more={"type": "data.template", "with": {"text": "{{ each / 0 }}"}},
    )
    outside.refuse(2)
    workflow_id, first = await first_run(ada, bench, document)
    outside.refuse()
    await change(ada, workflow_id, "more", "text", "{{ each }}!")
    again = await rerun(ada, bench, first, "failed_items", use="draft", repeat_writes=False)
    assert again.status == "done"
    assert {sent for sent in outside.heard(again.id) if sent[0] == "each"} == {("each", "2")}


async def test_a_step_is_stale_when_what_it_runs_was_published_again(
    ada: Actor, bench: Bench, outside: Outside
) -> None:
    def runs_workflow(workflow_id: str) -> dict[str, Any]:
        return {"type": "flow.run_workflow", "with": {"workflow": workflow_id}}

    async def publish(nodes: dict[str, Any]) -> str:
        workflow_id = await unit.ask(workflows.create, ada, "", {"weft": 1, "name": "Inner", "nodes": nodes})
        await unit.ask(versions.publish, ada, workflow_id)
        return workflow_id

    inner = await publish({"word": {"type": "data.template", "with": {"text": "one"}}})
    middle = await publish({"call": runs_workflow(inner)})
    around = {"type": "flow.try", "with": {}}
    document = drawing(outside, around=around, call={**runs_workflow(middle), "in": "around"})
    workflow_id, first = await first_run(ada, bench, document)
    assert not any(one.stale for one in (await unit.ask(standing.of_draft, ada, workflow_id)).values())
    await change(ada, inner, "word", "text", "two")
    assert not any(one.stale for one in (await unit.ask(standing.of_draft, ada, workflow_id)).values())
    await unit.ask(versions.publish, ada, inner)
    found = await unit.ask(standing.of_draft, ada, workflow_id)
    assert {name: one.reason for name, one in found.items() if one.stale} == {
        "around": "A workflow that it runs was published again"
    }
    again = await rerun(ada, bench, first, "stale", use="draft", repeat_writes=False)
    assert again.status == "done" and not outside.nodes(again.id)
    assert not any(one.stale for one in (await unit.ask(standing.of_draft, ada, workflow_id)).values())


async def test_what_cannot_be_run_again_is_said(tenants: Tenants, bench: Bench, outside: Outside) -> None:
    ada, bob = tenants.ada, tenants.bob
    workflow_id, first = await first_run(ada, bench, drawing(outside))
    with pytest.raises(NotFound):
        await reruns.rerun(bob, first, "failed_items")
    with pytest.raises(Invalid, match="no step 'nobody'"):
        await reruns.rerun(ada, first, "from_node", node="nobody")
    with pytest.raises(Invalid, match="Choose one of"):
        await reruns.rerun(ada, first, "sideways")  # type: ignore[arg-type]
    waiting = await runs.start(ada, workflow_id, trigger="hand", payload={"n": 2})
    with pytest.raises(Conflict, match="has not ended"):
        await reruns.rerun(ada, waiting.run_id, "from_node", node="mail")


async def test_a_dry_run_takes_the_last_run_for_what_it_does_not_send(
    ada: Actor, bench: Bench, outside: Outside
) -> None:
    workflow_id, _ = await first_run(ada, bench, drawing(outside))
    dry = await dry_runs.dry(ada, workflow_id)
    started = await runs.start(ada, workflow_id, trigger="hand", payload={"n": 5}, **dry)
    ran = await bench.finish(started.run_id)
    assert outside.heard(started.run_id) == {("fetch", "5"): 1, ("other", '"other"'): 1}
    assert ran.steps["mail"]["stand_in"]["sends"]["fields"]["value"] == "order 5"
    assert ran.steps["mail"]["stand_in"]["by"] == "last_run"
    assert ran.output("mail") == "order 1"
    assert (await unit.ask(runs.get, ada, started.run_id)).dry
    listed = (await unit.ask(runs.list_runs, ada, workflow_id=workflow_id)).runs
    assert {one.id: one.dry for one in listed}[started.run_id] and not all(one.dry for one in listed)
    assert shown.run(listed[0])["dry"] is True
    with pytest.raises(Conflict, match="dry run"):
        await reruns.rerun(ada, started.run_id, "from_node", node="mail")
    found = await unit.ask(standing.of_draft, ada, workflow_id, started.run_id)
    assert found["mail"].reason == "It was only rehearsed in a dry run"
    again = await reruns.whole(ada, started.run_id)
    await bench.finish(again.run_id)
    assert outside.nodes(again.run_id) == {"fetch": 1, "other": 1}


async def test_what_a_whole_run_wrote_is_known_before_it_runs_again(
    tenants: Tenants, bench: Bench, outside: Outside
) -> None:
    ada, bob = tenants.ada, tenants.bob
    _, first = await first_run(ada, bench, drawing(outside))
    found = {one["node"]: one for one in await unit.ask(rewrites.of_whole, ada, first)}
    assert {node: one["times"] for node, one in found.items()} == {"mail": 1, "log": 1}
    assert "would write once more" in found["mail"]["message"]
    with pytest.raises(NotFound):
        await unit.ask(rewrites.of_whole, bob, first)
