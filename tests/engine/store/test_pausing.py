"""Pausing and resuming, on both databases: in every state of a run, and beside whatever else happens to it."""

from collections.abc import Callable
from functools import partial

import pytest

from engine.models import Run, Segment, Wait, new_id
from engine.store import cancelling, pausing, settling
from engine.store.changes import Changes, NewWait, StepRow
from engine.store.driver import Operation
from engine.store.results import Delivery, Woken
from engine.store.shards import Shard
from engine.store.sweeping import sweep
from tests.engine.store.bench import Bench, bench, parked

__all__ = ["bench"]


async def ask(bench: Bench, what: Callable[..., Operation], run_id: str) -> Woken:
    woken: Woken = await bench.writer.submit(partial(what, run_id=run_id))
    return woken


def status(bench: Bench, run_id: str) -> tuple[str, str, str | None]:
    run = bench.row(Run, run_id)
    return run.status, bench.row(Segment, run_id, 0).status, run.wanted


async def test_a_queued_run_rests_at_once_and_goes_on_when_resumed(bench: Bench) -> None:
    run_id = (await bench.start()).run_id
    assert (await ask(bench, pausing.pause, run_id)).done
    assert status(bench, run_id) == ("paused", "paused", None)
    assert await bench.one.claim(Delivery(run_id, 0, 0)) is None
    assert not (await bench.writer.submit(partial(sweep, patience=0))).held
    assert not (await ask(bench, pausing.pause, run_id)).done
    assert (await ask(bench, pausing.resume, run_id)).held
    assert status(bench, run_id) == ("queued", "queued", None)
    assert not (await ask(bench, pausing.resume, run_id)).done
    assert (await bench.claim(run_id)).epoch == 1
    assert [event.status for event in bench.told] == ["queued", "paused", "queued", "running"]


async def test_a_running_run_is_given_up_by_its_holder(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    assert (await ask(bench, pausing.pause, claim.run_id)).nudge == claim.run_id
    saved = await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "done")]))
    assert (saved.wanted, claim.reason) == ("pause", "pause")
    assert (await bench.checkpoints.save(claim, Changes(pause=True))).paused
    assert status(bench, claim.run_id) == ("paused", "paused", None)
    bench.one.drop(claim)
    assert (await ask(bench, pausing.resume, claim.run_id)).held
    assert (await bench.claim(claim.run_id, 1)).wanted is None


async def test_a_holder_that_was_told_to_pause_does_not_park(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await ask(bench, pausing.pause, claim.run_id)
    saved = await bench.checkpoints.save(claim, Changes(waits=[NewWait(new_id(), "doze", "timer")], park=True))
    assert not saved.parked
    assert (await bench.checkpoints.save(claim, Changes(pause=True))).paused


async def test_resuming_before_the_holder_gave_up_takes_the_wish_back(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await ask(bench, pausing.pause, claim.run_id)
    assert not (await ask(bench, pausing.resume, claim.run_id)).held
    saved = await bench.checkpoints.save(claim, Changes(pause=True))
    assert (saved.paused, saved.wanted) == (False, None)
    assert status(bench, claim.run_id) == ("running", "running", None)


async def test_what_settles_while_paused_wakes_nobody_and_is_found_later(bench: Bench) -> None:
    claim, wait_id = await parked(bench, due=1_000)
    assert (await ask(bench, pausing.pause, claim.run_id)).done
    assert status(bench, claim.run_id) == ("paused", "paused", None)
    settled: Woken = await bench.writer.submit(
        partial(settling.settle, wait_id=wait_id, outcome={"due": True}, early=False)
    )
    assert (settled.done, settled.deliveries) == (True, ())
    assert status(bench, claim.run_id) == ("paused", "paused", None)
    assert bench.row(Wait, wait_id).settled_at is not None
    await ask(bench, pausing.resume, claim.run_id)
    again = await bench.claim(claim.run_id, 1)
    assert again.wake == 1
    (wait,) = (await bench.checkpoints.history(claim.run_id)).waits
    assert wait["outcome"] == {"due": True}


async def test_a_paused_run_that_still_waits_parks_again_after_resuming(bench: Bench) -> None:
    claim, wait_id = await parked(bench)
    await ask(bench, pausing.pause, claim.run_id)
    await ask(bench, pausing.resume, claim.run_id)
    again = await bench.claim(claim.run_id, 1)
    assert (await bench.checkpoints.save(again, Changes(park=True))).parked
    bench.one.drop(again)
    woken: Woken = await bench.writer.submit(partial(settling.settle, wait_id=wait_id, outcome=1, early=True))
    assert woken.deliveries == (Delivery(claim.run_id, 0, 2),)


async def test_a_lost_holder_leaves_the_wish_to_its_successor(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await ask(bench, pausing.pause, claim.run_id)
    with bench.database.transaction() as session:
        segment = session.get(Segment, (claim.run_id, 0))
        assert segment is not None
        segment.lease_until = 1
    await bench.writer.submit(partial(sweep, patience=60_000))
    heir = await bench.claim(claim.run_id, 1, bench.two)
    assert heir.reason == "pause"
    assert (await bench.checkpoints.save(heir, Changes(pause=True))).paused


@pytest.mark.parametrize("before", ["queued", "parked"])
async def test_a_paused_run_is_cancelled_at_once(bench: Bench, before: str) -> None:
    run_id = (await bench.start()).run_id if before == "queued" else (await parked(bench))[0].run_id
    await ask(bench, pausing.pause, run_id)
    assert (await ask(bench, cancelling.cancel, run_id)).done
    assert status(bench, run_id)[:2] == ("cancelled", "done")
    for what in (pausing.pause, pausing.resume, cancelling.cancel):
        assert not (await ask(bench, what, run_id)).done


async def test_cancelling_outweighs_a_pause_that_is_under_way(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await ask(bench, pausing.pause, claim.run_id)
    await ask(bench, cancelling.cancel, claim.run_id)
    assert not (await ask(bench, pausing.pause, claim.run_id)).done
    saved = await bench.checkpoints.save(claim, Changes(pause=True))
    assert (saved.paused, claim.reason) == (False, "cancel")
    await bench.checkpoints.save(claim, Changes(end="cancelled"))
    assert status(bench, claim.run_id)[:2] == ("cancelled", "done")


async def test_a_run_that_asks_for_a_higher_budget_rests_with_all_its_shards(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await bench.checkpoints.save(claim, Changes(shards=[Shard("a", 0, 10)]))
    shard = await bench.two.claim(Delivery(claim.run_id, 1, 0))
    assert shard is not None
    question = NewWait(new_id(), "", "budget")
    assert (await bench.checkpoints.save(claim, Changes(waits=[question], pause=True))).paused
    assert status(bench, claim.run_id) == ("running", "paused", "pause")
    saved = await bench.checkpoints.save(shard, Changes(steps=[StepRow("a", "done", "0-9")]))
    assert (saved.wanted, shard.reason) == ("pause", "pause")
    assert (await bench.checkpoints.save(shard, Changes(pause=True))).paused
    assert status(bench, claim.run_id) == ("paused", "paused", None)
    given = {"run_id": claim.run_id, "wait_id": question.id, "outcome": {}}
    raised: Woken = await bench.writer.submit(partial(pausing.raise_budget, **given, budget={"steps": 9}))
    assert raised.done
    assert status(bench, claim.run_id) == ("queued", "queued", None)
    assert bench.row(Segment, claim.run_id, 1).status == "queued"
