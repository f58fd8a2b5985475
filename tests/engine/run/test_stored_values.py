"""Stored values through the engine: counted once for each item, also when a worker is killed in between."""

import asyncio
from dataclasses import replace
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa

from engine.models import Segment
from engine.run.toolbox import CallContext
from engine.store import values
from engine.store.runvalues import RunValues
from engine.store.sweeping import sweep
from engine.store.values import Place
from tests.engine.bench import Bench
from tests.engine.run.test_called import all_finished, call, gives, started
from tests.engine.run.test_containers import START, text


def count(by: Any = 1, **more: Any) -> dict[str, Any]:
    return {"type": "data.counter", "with": {"name": "n", "by": by}, "time_limit": 1, **more}


async def test_a_list_counts_once_for_each_item_and_a_later_step_recalls_it(bench: Bench) -> None:
    ran = await bench.run(
        {
            "range": {"type": "data.range", "with": {"start": 1, "stop": 20}},
            "count": count("{{ range }}"),
            "later": {"type": "data.recall", "with": {"name": "n"}, "after": ["{{ count }}"]},
        }
    )
    assert sorted(ran.output("count"))[-1] == 210
    assert ran.output("later") == 210


class Stops(RunValues):
    """Makes the change, and then never comes back: what a worker that is killed right then leaves behind."""

    made: asyncio.Event

    async def increment(self, *args: Any, **more: Any) -> Any:
        await super().increment(*args, **more)
        self.made.set()
        await asyncio.Event().wait()


async def test_a_worker_killed_between_the_change_and_its_checkpoint_counts_once(bench: Bench) -> None:
    usual, made = bench.stored, asyncio.Event()

    def stops(at: CallContext, effect: str) -> RunValues:
        store = Stops(bench.database, at.workspace_id, at.workflow_id, at.run_id, effect)
        store.made = made
        return store

    bench.stored = stops  # type: ignore[method-assign]
    bench.executor = bench.another()
    run_id = await bench.start({"count": count()})
    claim = await bench.claim(run_id)
    assert claim is not None
    running = asyncio.create_task(bench.executor.execute(claim))
    async with asyncio.timeout(10):
        await made.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    bench.leases.drop(claim)

    bench.stored = usual  # type: ignore[method-assign]
    bench.executor = bench.another()
    with bench.database.transaction() as session:
        segment = session.get(Segment, (run_id, 0))
        assert segment is not None
        segment.lease_until = 0
    assert (await bench.writer.submit(partial(sweep, patience=60_000))).expired
    ran = await bench.finish(run_id)
    assert ran.run.status == "done"
    assert ran.output("count") == 1
    assert len(ran.history.attempts) == 2, "it was called again, and found what it had done"


@pytest.mark.parametrize("mode", ["in_line", "child"])
async def test_a_called_workflow_has_its_own_values_however_it_is_called(bench: Bench, mode: str) -> None:
    counts = {"count": count(), "out": gives("n", "{{ count }}")}
    nodes = {"start": START, "own": count(5), "called": call("$0", mode), "n": text("{{ own }}, {{ called.n }}")}
    run_id, (workflow_id,) = await started(bench, nodes, counts)
    await all_finished(bench, run_id)
    assert bench.row(run_id).status == "done", bench.row(run_id).error
    assert (await bench.ran(run_id)).output("n") == "5, 1"
    kept = RunValues(bench.database, bench.row(run_id).workspace_id, workflow_id, run_id, "look")
    assert {name: one.value for name, one in (await kept.entries()).items()} == {"n": 1}


async def test_what_a_trial_run_calls_is_on_trial_too(bench: Bench) -> None:
    counts = {"count": count(), "out": gives("n", "{{ count }}")}
    run_id, (workflow_id,) = await started(bench, {"start": START, "called": call("$0", "child")}, counts)
    with bench.database.transaction() as session:
        session.execute(sa.text("UPDATE workflow_version SET number = NULL"))
    await all_finished(bench, run_id)
    place = Place(bench.row(run_id).workspace_id, workflow_id)
    with bench.database.transaction(write=False) as session:
        assert values.listed(session, place) == []
        assert [row.value for row in values.listed(session, replace(place, draft=True))] == [1]
