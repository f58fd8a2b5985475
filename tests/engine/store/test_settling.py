"""Waits, on both databases: each is answered once, and no wake-up is lost."""

import asyncio
from functools import partial

from engine.models import Run, new_id
from engine.store import settling
from engine.store.changes import Changes, NewWait
from engine.store.results import Delivery, Woken
from tests.engine.store.bench import Bench, bench, parked

__all__ = ["bench"]


async def test_settling_wakes_a_parked_run_once(bench: Bench) -> None:
    claim, wait_id = await parked(bench)
    assert bench.row(Run, claim.run_id).status == "waiting"
    settle = partial(settling.settle, wait_id=wait_id, outcome={"ok": True}, early=True)
    answers: list[Woken] = list(await asyncio.gather(*(bench.writer.submit(settle) for _ in range(3))))
    assert [answer.done for answer in answers].count(True) == 1
    assert [answer.deliveries for answer in answers if answer.done] == [(Delivery(claim.run_id, 0, 1),)]
    assert bench.row(Run, claim.run_id).status == "queued"
    again = await bench.claim(claim.run_id, 1)
    assert (again.epoch, again.wake) == (2, 1)
    (wait,) = (await bench.checkpoints.history(claim.run_id)).waits
    assert wait["outcome"] == {"ok": True}


async def test_a_wait_settled_before_parking_refuses_the_parking(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    wait = NewWait(new_id(), "call", "ask")
    await bench.checkpoints.save(claim, Changes(waits=[wait]))
    woken: Woken = await bench.writer.submit(partial(settling.settle, wait_id=wait.id, outcome=1, early=True))
    assert woken.done
    assert woken.deliveries == ()
    saved = await bench.checkpoints.save(claim, Changes(park=True))
    assert not saved.parked
    history = await bench.checkpoints.history(claim.run_id)
    claim.wake = history.wake
    assert (await bench.checkpoints.save(claim, Changes(park=True))).parked


async def test_a_timer_is_not_settled_before_it_is_due(bench: Bench) -> None:
    _, late = await parked(bench, due=4_000_000_000_000)
    claim, due = await parked(bench, due=1_000)
    assert await bench.writer.submit(partial(settling.due_waits, limit=10)) == [due]
    early: Woken = await bench.writer.submit(partial(settling.settle, wait_id=late, outcome=None, early=False))
    assert not early.done
    woken: Woken = await bench.writer.submit(partial(settling.settle, wait_id=due, outcome=None, early=False))
    assert woken.deliveries == (Delivery(claim.run_id, 0, 1),)
