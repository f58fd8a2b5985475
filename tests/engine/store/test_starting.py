"""A run's first rows, on both databases: made once, and with what it takes over from earlier runs."""

import asyncio
from functools import partial

import pytest

from engine.models import Run, new_id
from engine.store import starting
from engine.store.changes import Changes, StepRow
from engine.store.results import Started
from engine.store.starting import EarlierRunGone, NewRun, Taken
from tests.engine.store.bench import Bench, bench

__all__ = ["bench"]


async def test_one_idempotency_key_makes_one_run(bench: Bench) -> None:
    starts = await asyncio.gather(*(bench.start(idempotency_key="order 7") for _ in range(5)))
    assert len({start.run_id for start in starts}) == 1
    assert [start.created for start in starts].count(True) == 1


async def test_one_fire_of_a_schedule_makes_one_run(bench: Bench) -> None:
    starts = await asyncio.gather(*(bench.start(trigger_id="t" * 32, due=1_000) for _ in range(3)))
    assert [start.created for start in starts].count(True) == 1
    assert (await bench.start(trigger_id="t" * 32, due=2_000)).created


async def test_only_the_offender_of_a_batch_fails(bench: Bench) -> None:
    batch = [bench.start() for _ in range(4)]
    broken = bench.writer.submit(
        partial(starting.start, new=NewRun(new_id(), bench.seed.workspace_id, "none", "none", "manual", {}))
    )
    results = await asyncio.gather(*batch, broken, *(bench.start() for _ in range(4)), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    assert len(failed) == 1
    assert "foreign key" in str(failed[0]).lower()
    for result in results:
        if isinstance(result, Started):
            assert bench.row(Run, result.run_id).status == "queued"


async def test_a_run_takes_steps_over_all_or_none(bench: Bench) -> None:
    first = await bench.start()
    claim = await bench.claim(first.run_id)
    rows = [
        StepRow("a", "done", output={"main": {"v": 1}}, log=["one"], started_at=5, finished_at=6),
        StepRow("a", "done", "0", output={"main": {"v": 1}}, reused_from="f" * 32),
        StepRow("b", "running"),
        StepRow("c", "done", scope="a.0"),
    ]
    await bench.checkpoints.save(claim, Changes(steps=rows, end="done"))
    taken = await bench.start(taken=(Taken(first.run_id, ("a",), ("a",)),))
    found = (await bench.checkpoints.history(taken.run_id)).steps
    told = {(row["scope"], row["node_id"], row["item"]): row["reused_from"] for row in found}
    assert told == {("", "a", ""): first.run_id, ("", "a", "0"): "f" * 32, ("a.0", "c", ""): first.run_id}
    assert (found[0]["output"], found[0]["log"], found[0]["started_at"]) == ({"main": {"v": 1}}, ["one"], 5)
    with pytest.raises(EarlierRunGone):
        await bench.start(id="e" * 32, taken=(Taken(first.run_id, ("a", "b")),))
    assert bench.row(Run, "e" * 32) is None
    assert not (await bench.checkpoints.history("e" * 32)).steps
