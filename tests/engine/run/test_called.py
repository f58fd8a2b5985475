"""Workflows as nodes of others: ports, versions, failures and cancelling both ways, in line and as own runs."""

import asyncio
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from engine.catalog import catalog
from engine.document import load
from engine.models import Run, Segment, Workflow, WorkflowVersion
from engine.run.interface import with_ports
from engine.store import cancelling, settling
from engine.store.sweeping import sweep
from tests.engine.bench import Bench, Seeded
from tests.engine.run.test_containers import START, each, fail, given, node, text
from tests.engine.run.test_containers_resume import doze, open_waits, write
from tests.engine.run.test_executor_resume import after_the_lease, crash, lines


def taken(name: str, kind: str = "text", **more: Any) -> dict[str, Any]:
    return node("flow.input", params={"name": name, "kind": kind, **more})


def gives(name: str, value: str) -> dict[str, Any]:
    return node("flow.output", params={"name": name, "value": value})


def call(workflow: str, mode: str = "in_line", inside: str | None = None, /, **more: Any) -> dict[str, Any]:
    inputs = more.pop("inputs", {})
    return node("flow.run_workflow", inside, params={"workflow": workflow, "inputs": inputs, "mode": mode}, **more)


GREET = {"name": taken("name"), "made": text("Hello {{ name }}"), "out": gives("greeting", "{{ made }}")}


def publish(bench: Bench, run_id: str, nodes: Mapping[str, Any], workflow_id: str | None = None) -> str:
    """A published workflow in the workspace of a run that is recorded but not begun; its id."""
    document = {"weft": 1, "name": "Called", "nodes": nodes}
    run = bench.row(run_id)
    with bench.database.transaction() as session:
        if workflow_id is None:
            workflow = Workflow(workspace_id=run.workspace_id, name="Called", draft=document)
            session.add(workflow)
            session.flush()
        else:
            found = session.get(Workflow, workflow_id)
            assert found is not None
            workflow = found
        version = WorkflowVersion(
            workspace_id=run.workspace_id, workflow_id=workflow.id, document=document, content_hash="1" * 64
        )
        session.add(version)
        session.flush()
        workflow.published_id = version.id
        workflow_id = workflow.id
    bench.seeds[version.id] = Seeded(document)
    return workflow_id


async def started(
    bench: Bench, nodes: dict[str, Any], *others: Mapping[str, Any], **more: Any
) -> tuple[str, list[str]]:
    """A run of a workflow that calls these others: `$0` in a node stands for the first one's id."""
    run_id = await bench.start(nodes, **more)
    ids: list[str] = []
    for other in others:
        document = _filled(other, ids)
        ids.append(publish(bench, run_id, document))
    _fill(nodes, ids)
    return run_id, ids


def _fill(nodes: dict[str, Any], ids: list[str]) -> None:
    for one in nodes.values():
        at = str(one["with"].get("workflow", ""))
        if at.startswith("$"):
            one["with"]["workflow"] = ids[int(at[1:])]


def _filled(nodes: Mapping[str, Any], ids: list[str]) -> dict[str, Any]:
    found = {name: {**one, "with": dict(one["with"])} for name, one in nodes.items()}
    _fill(found, ids)
    return found


def children(bench: Bench, run_id: str) -> list[Run]:
    with bench.database.transaction(write=False) as session:
        return list(session.scalars(select(Run).where(col(Run.parent_run_id) == run_id).order_by(col(Run.created_at))))


async def all_finished(bench: Bench, run_id: str) -> Any:
    """Advance the run and all that it started until everything is over."""
    async with asyncio.timeout(20):
        while bench.row(run_id).status not in ("done", "failed", "cancelled"):
            for one in (run_id, *(child.id for child in children(bench, run_id))):
                if bench.segment(one).status == "queued":
                    await bench.advance(one)
            for wait_id in await bench.writer.submit(partial(settling.due_waits, limit=10)):
                await bench.settle(wait_id, {})
            await asyncio.sleep(0.01)
    return await bench.ran(run_id)


@pytest.mark.parametrize("mode", ["in_line", "child"])
async def test_inputs_and_outputs_are_the_ports(bench: Bench, mode: str) -> None:
    nodes = {
        "start": START,
        "greet": call("$0", mode, inputs={"name": "{{ start.who }}"}),
        "port": text("{{ greet.greeting }}"),
        "whole": node("data.set", params={"record": "{{ greet }}", "fields": {}}),
    }
    run_id, _ = await started(bench, nodes, GREET, input=given({"who": "Ada"}))
    ran = await all_finished(bench, run_id)
    assert ran.run.status == "done", ran.run.error
    assert (ran.output("port"), ran.output("whole")) == ("Hello Ada", {"greeting": "Hello Ada"})


@pytest.mark.parametrize("mode", ["in_line", "child"])
async def test_a_list_runs_it_once_per_item_and_rows_go_in_whole(bench: Bench, mode: str) -> None:
    count = {"rows": taken("rows", "rows"), "who": taken("who"), "out": gives("n", "{{ who }}{{ rows | length }}")}
    nodes = {
        "start": START,
        "count": call("$0", mode, inputs={"rows": "{{ start.rows }}", "who": "{{ start.names }}"}),
        "told": text("{{ count.n }}!"),
    }
    payload = {"rows": [{"a": 1}, {"a": 2}], "names": ["x", "y", "z"]}
    run_id, _ = await started(bench, nodes, count, input=given(payload))
    ran = await all_finished(bench, run_id)
    assert ran.run.status == "done", ran.run.error
    assert ran.output("told") == ["x2!", "y2!", "z2!"]


async def test_the_trace_of_a_call_in_line_is_in_the_run(bench: Bench) -> None:
    nodes = {
        "start": START,
        "loop": each("{{ start }}"),
        "greet": call("$0", "in_line", "loop", inputs={"name": "{{ item }}"}),
    }
    run_id, _ = await started(bench, nodes, GREET, input=given(["a", "b"]))
    ran = await bench.finish(run_id)
    assert ran.output("loop") == [{"greeting": "Hello a"}, {"greeting": "Hello b"}]
    scopes = {row["scope"] for row in ran.history.steps}
    assert scopes == {"", "loop.0", "loop.1", "loop.0/greet.0", "loop.1/greet.0"}
    assert not children(bench, run_id)


@pytest.mark.parametrize("mode", ["in_line", "child"])
async def test_a_failure_inside_always_reaches_the_caller(bench: Bench, mode: str) -> None:
    bad = {"go": taken("go"), "bad": fail("{{ go }}", "{{ true }}"), "out": gives("x", "{{ bad }}")}
    nodes = {"greet": call("$0", mode, inputs={"go": "1"}), "after": text("{{ greet.x }}")}
    run_id, _ = await started(bench, nodes, bad)
    ran = await all_finished(bench, run_id)
    assert ran.run.status == "failed"
    assert (ran.run.error["node"], ran.run.error["message"]) == ("bad", "Busy.")
    assert ran.statuses["greet"] == "failed" and "after" not in ran.statuses


@pytest.mark.parametrize("mode", ["in_line", "child"])
async def test_a_failure_inside_can_be_caught_around_it(bench: Bench, mode: str) -> None:
    bad = {"go": taken("go"), "bad": fail("{{ go }}", "{{ go == 'b' }}"), "out": gives("x", "{{ bad }}")}
    nodes = {
        "start": START,
        "greet": call("$0", mode, inputs={"go": "{{ start }}"}, on_error="output"),
        "good": text("{{ greet.x }}"),
        "failed": text("{{ greet.error.node }}"),
    }
    run_id, _ = await started(bench, nodes, bad, input=given(["a", "b", "c"]))
    ran = await all_finished(bench, run_id)
    assert ran.run.status == "done", ran.run.error
    assert (ran.output("good"), ran.output("failed")) == (["a", "c"], ["bad"])


async def test_the_version_is_fixed_as_the_run_starts(bench: Bench) -> None:
    nodes = {"nap": doze(1, 3_600), "greet": call("$0", "in_line", inputs={"name": "x"}, after=["{{ nap }}"])}
    run_id, (workflow,) = await started(bench, nodes, GREET)
    assert await bench.advance(run_id) == "waiting"
    publish(bench, run_id, {"name": taken("name"), "out": gives("other", "changed")}, workflow)
    await bench.settle((await open_waits(bench, run_id))[0]["id"], {})
    bench.executor = bench.another()
    ran = await bench.finish(run_id)
    assert ran.output("greet", "greeting") == "Hello x"


async def test_what_is_not_published_cannot_be_run(bench: Bench) -> None:
    run_id = await bench.start({"greet": call("f" * 32)})
    ran = await bench.finish(run_id)
    assert ran.run.status == "failed" and "no published version" in ran.run.error["message"]


@pytest.mark.parametrize("mode", ["in_line", "child"])
async def test_calls_end_at_a_depth_of_sixteen(bench: Bench, mode: str) -> None:
    nodes = {"again": call("$0", mode)}
    run_id, (workflow,) = await started(bench, nodes, GREET)
    publish(bench, run_id, {"again": call(workflow, mode)}, workflow)
    async with asyncio.timeout(30):
        queue = [run_id]
        while bench.row(run_id).status != "failed":
            for one in list(queue):
                if bench.segment(one).status == "queued":
                    await bench.advance(one)
                    queue += [child.id for child in children(bench, one) if child.id not in queue]
    error = bench.row(run_id).error
    assert error is not None and "more than 16 levels" in error["message"]
    assert len(queue) == (1 if mode == "in_line" else 17)


async def test_a_detached_run_goes_on_alone(bench: Bench) -> None:
    slow = {"nap": doze(1, 3_600), "out": gives("x", "{{ nap }}")}
    nodes = {"go": call("$0", "detached"), "told": text("{{ go.run_id }}")}
    run_id, _ = await started(bench, nodes, slow)
    ran = await bench.finish(run_id)
    (child,) = children(bench, run_id)
    assert (ran.run.status, ran.output("told")) == ("done", child.id)
    assert (child.parent_step, child.root_run_id) == ({"scope": "", "node": "go", "item": "0"}, run_id)
    assert child.status == "queued"


async def test_cancelling_the_caller_cancels_what_it_waits_for_and_not_what_is_detached(bench: Bench) -> None:
    slow = {"nap": doze(1, 3_600), "out": gives("x", "{{ nap }}")}
    deep = {"deeper": call("$0", "child")}
    nodes = {"go": call("$1", "child"), "alone": call("$0", "detached"), "line": call("$0")}
    run_id, _ = await started(bench, nodes, slow, deep)
    assert await bench.advance(run_id) == "waiting"
    child, alone = sorted(children(bench, run_id), key=lambda run: run.parent_step["node"] != "go")  # type: ignore[index]
    assert await bench.advance(child.id) == "waiting"
    (deeper,) = children(bench, child.id)
    assert await bench.advance(deeper.id) == await bench.advance(alone.id) == "waiting"
    await bench.writer.submit(partial(cancelling.cancel, run_id=run_id))
    found = {name: bench.row(run.id).status for name, run in (("child", child), ("deeper", deeper), ("alone", alone))}
    assert found == {"child": "cancelled", "deeper": "cancelled", "alone": "waiting"}
    assert bench.row(run_id).status == "cancelled"


async def test_a_run_that_fails_beside_it_cancels_what_it_waits_for(bench: Bench) -> None:
    slow = {"nap": doze(1, 3_600), "out": gives("x", "{{ nap }}")}
    nodes = {
        "go": call("$0", "child"),
        "later": doze(1, 1.2),
        "bad": fail("{{ later }}", "{{ true }}"),
    }
    run_id, _ = await started(bench, nodes, slow)
    assert await bench.advance(run_id) == "waiting"
    (child,) = children(bench, run_id)
    assert await bench.advance(child.id) == "waiting"
    assert (await bench.finish(run_id)).run.status == "failed"
    assert bench.row(child.id).status == "cancelled"


async def test_cancelling_what_is_called_fails_the_caller_in_words(bench: Bench) -> None:
    slow = {"nap": doze(1, 3_600)}
    nodes = {"go": call("$0", "child")}
    run_id, _ = await started(bench, nodes, slow)
    assert await bench.advance(run_id) == "waiting"
    (child,) = children(bench, run_id)
    await bench.writer.submit(partial(cancelling.cancel, run_id=child.id))
    ran = await bench.finish(run_id)
    assert ran.run.status == "failed" and "was cancelled" in ran.run.error["message"]


@pytest.mark.parametrize("mode", ["in_line", "child"])
async def test_a_killed_caller_calls_no_second_time(bench: Bench, tmp_path: Path, mode: str) -> None:
    log, marks = tmp_path / "log", tmp_path / "marks"
    other = {"name": taken("name"), "sent": write(log, "{{ name }}"), "out": gives("x", "{{ sent }}")}
    nodes = {
        "start": START,
        "loop": each("{{ start }}", mode="in_turn"),
        "go": call("$0", mode, "loop", inputs={"name": "{{ item }}"}),
        "nap": node("lab.sleep", "loop", params={"value": "{{ go.x }}", "seconds": 0.4, "marks": str(marks)}),
    }
    run_id, _ = await started(bench, nodes, other, input=given(["a", "b", "c"]))
    if mode == "child":
        await bench.advance(run_id)
        await bench.advance(children(bench, run_id)[0].id)
    await crash(bench, run_id, marks)
    if mode == "in_line":
        ran = await after_the_lease(bench, run_id)
    else:
        with bench.database.transaction() as session:
            segment = session.get(Segment, (run_id, 0))
            assert segment is not None
            segment.lease_until = 0
        await bench.writer.submit(partial(sweep, patience=60_000))
        ran = await all_finished(bench, run_id)
    assert ran.run.status == "done", ran.run.error
    assert [line[4].rpartition(":")[0] for line in lines(log)] and len(lines(log)) == 3
    assert len(children(bench, run_id)) == (3 if mode == "child" else 0)


def test_ports_of_the_called_workflow_are_those_of_its_inputs_and_outputs() -> None:
    other = load({"weft": 1, "name": "x", "nodes": GREET | {"rows": taken("rows", "rows", required=False)}})
    caller = load({"weft": 1, "name": "y", "nodes": {"go": call("a" * 32)}}).nodes["go"]
    kind = with_ports(caller, catalog()["flow.run_workflow"], other)
    assert [output.name for output in kind.outputs_for({})] == ["main", "greeting"]
    assert set(kind.params.model_fields["inputs"].annotation.model_fields) == {"name", "rows"}  # type: ignore[union-attr]
