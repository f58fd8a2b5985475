"""Runs from their start to their end, on both databases: claims, checkpoints, fences, waits, cancelling."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from engine.models import Run, Segment, Step, Wait, new_id
from engine.store import record
from engine.store.checkpoint import AttemptEnd, Changes, Checkpoints, NewWait, StepRow
from engine.store.db import Database
from engine.store.lease import Claim, Delivery, Fenced, Found, Leases, Swept, sweep
from engine.store.record import EarlierRunGone, Started, Taken, Woken
from engine.store.writer import Writer
from tests.engine.seed import Seed, seed


class Bench:
    """A database with one writer, and two holders as if in two processes."""

    def __init__(self, url: str, lease_seconds: float) -> None:
        self.database = Database(url)
        self.told: list[Any] = []
        self.writer = Writer(self.database, committed=self._hear)
        self.checkpoints = Checkpoints(self.database, self.writer)
        self.one = Leases(self.writer, lease_seconds)
        self.two = Leases(self.writer, lease_seconds)
        self.seed: Seed = seed(self.database)

    def _hear(self, results: Any) -> None:
        self.told += [event for result in results for event in getattr(result, "events", ())]

    async def start(self, **more: Any) -> Started:
        result: Started = await self.writer.submit(partial(record.start, new=self.seed.run(**more)))
        return result

    async def claim(self, run_id: str, epoch: int = 0, leases: Leases | None = None) -> Claim:
        claim = await (leases or self.one).claim(Delivery(run_id, 0, epoch))
        assert claim is not None
        return claim

    def row(self, model: Any, *key: Any) -> Any:
        with self.database.transaction(write=False) as session:
            return session.get(model, key if len(key) > 1 else key[0])


@pytest.fixture
async def bench(any_database: str) -> AsyncIterator[Bench]:
    bench = Bench(any_database, lease_seconds=15)
    bench.writer.start()
    yield bench
    bench.writer.stop()
    bench.database.close()


async def test_a_run_is_recorded_claimed_and_ended(bench: Bench) -> None:
    started = await bench.start(input={"payload": {"b": 1, "a": [2]}}, options={"reply_to": "x"})
    assert started.created
    claim = await bench.claim(started.run_id)
    assert (claim.epoch, claim.input, claim.options) == (1, {"payload": {"b": 1, "a": [2]}}, {"reply_to": "x"})
    assert list(claim.input["payload"]) == ["b", "a"]
    saved = await bench.checkpoints.save(
        claim,
        Changes(
            steps=[
                StepRow("hook", "done", output={"main": {"v": "a\0b"}}, started_at=5, finished_at=6),
                StepRow("big", "skipped", log=["why"], counts={"total": 3}),
            ],
            end="done",
            output={"x": "ü"},
        ),
    )
    assert saved.seq == 5
    run = bench.row(Run, started.run_id)
    assert (run.status, run.output, run.seq) == ("done", {"x": "ü"}, 5)
    assert run.created_at <= run.started_at <= run.finished_at
    assert bench.row(Segment, started.run_id, 0).status == "done"
    history = await bench.checkpoints.history(started.run_id)
    assert [(step["node_id"], step["seq"], step["output"]) for step in history.steps] == [
        ("hook", 3, {"main": {"v": "a\0b"}}),
        ("big", 4, None),
    ]
    assert history.steps[1]["log"] == ["why"]
    assert [(event.seq, event.kind, event.status) for event in bench.told] == [
        (1, "run", "queued"),
        (2, "run", "running"),
        (3, "step", "done"),
        (4, "step", "skipped"),
        (5, "run", "done"),
    ]


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
        partial(record.start, new=record.NewRun(new_id(), bench.seed.workspace_id, "none", "none", "manual", {}))
    )
    results = await asyncio.gather(*batch, broken, *(bench.start() for _ in range(4)), return_exceptions=True)
    failed = [result for result in results if isinstance(result, BaseException)]
    assert len(failed) == 1
    assert "foreign key" in str(failed[0]).lower()
    for result in results:
        if isinstance(result, Started):
            assert bench.row(Run, result.run_id).status == "queued"


async def test_a_segment_is_claimed_once(bench: Bench) -> None:
    started = await bench.start()
    delivery = Delivery(started.run_id, 0, 0)
    claims = await asyncio.gather(bench.one.claim(delivery), bench.two.claim(delivery), bench.one.claim(delivery))
    assert len([claim for claim in claims if claim]) == 1
    assert await bench.two.claim(Delivery(started.run_id, 0, 1)) is None


async def test_a_lost_holder_writes_nothing(bench: Bench) -> None:
    started = await bench.start()
    old = await bench.claim(started.run_id)
    with bench.database.transaction() as session:
        segment = session.get(Segment, (started.run_id, 0))
        assert segment is not None
        segment.lease_until = 1
    expected = Swept((Delivery(started.run_id, 0, 1),), ())
    assert await bench.writer.submit(partial(sweep, patience=60_000)) == expected
    with pytest.raises(Fenced):
        await bench.checkpoints.save(old, Changes(steps=[StepRow("a", "done")]))
    with pytest.raises(Fenced):
        await bench.checkpoints.begin_attempt(old, "a", "", 1, 0, 1000)
    assert old.reason == "lost"
    new = await bench.claim(started.run_id, 1, bench.two)
    assert new.epoch == 2
    with pytest.raises(Fenced):
        await bench.checkpoints.save(old, Changes(end="done"))
    await bench.checkpoints.save(new, Changes(steps=[StepRow("a", "done")], end="done"))
    history = await bench.checkpoints.history(started.run_id)
    assert [(step["node_id"], step["epoch"]) for step in history.steps] == [("a", 2)]


async def test_a_live_lease_is_never_swept(bench: Bench) -> None:
    started = await bench.start()
    await bench.claim(started.run_id)
    assert not (await bench.writer.submit(partial(sweep, patience=60_000))).held


async def test_what_was_delivered_in_vain_is_found_once(bench: Bench) -> None:
    started = await bench.start()
    await asyncio.sleep(0.02)
    expected = Swept((), (Delivery(started.run_id, 0, 0),))
    assert await bench.writer.submit(partial(sweep, patience=10)) == expected
    assert not (await bench.writer.submit(partial(sweep, patience=10))).held


async def test_a_finished_step_is_never_written_again(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "running", started_at=1)]))
    await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "done", output={"main": {"v": 1}})]))
    await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "failed", error={"message": "late"})]))
    (step,) = (await bench.checkpoints.history(claim.run_id)).steps
    assert (step["status"], step["output"], step["started_at"]) == ("done", {"main": {"v": 1}}, 1)


async def test_an_attempt_is_open_until_its_end_is_recorded(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    begun = await bench.checkpoints.begin_attempt(claim, "send", "3", 1, 0, 30_000)
    assert begun.deadline - begun.started_at == 30_000
    (attempt,) = (await bench.checkpoints.history(claim.run_id)).attempts
    assert attempt["outcome"] is None
    ended = AttemptEnd("send", "3", 1, "failed", {"message": "refused"})
    await bench.checkpoints.save(claim, Changes(attempts=[ended]))
    (attempt,) = (await bench.checkpoints.history(claim.run_id)).attempts
    assert (attempt["outcome"], attempt["error"]) == ("failed", {"message": "refused"})


async def parked(bench: Bench, due: int | None = None) -> tuple[Claim, str]:
    claim = await bench.claim((await bench.start()).run_id)
    wait = NewWait(new_id(), "pause", "timer", due=due)
    saved = await bench.checkpoints.save(claim, Changes(steps=[StepRow("pause", "waiting")], waits=[wait], park=True))
    assert saved.parked
    bench.one.drop(claim)
    return claim, wait.id


async def test_settling_wakes_a_parked_run_once(bench: Bench) -> None:
    claim, wait_id = await parked(bench)
    assert bench.row(Run, claim.run_id).status == "waiting"
    settle = partial(record.settle, wait_id=wait_id, outcome={"ok": True}, early=True)
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
    woken: Woken = await bench.writer.submit(partial(record.settle, wait_id=wait.id, outcome=1, early=True))
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
    assert await bench.writer.submit(partial(record.due_waits, limit=10)) == [due]
    early: Woken = await bench.writer.submit(partial(record.settle, wait_id=late, outcome=None, early=False))
    assert not early.done
    woken: Woken = await bench.writer.submit(partial(record.settle, wait_id=due, outcome=None, early=False))
    assert woken.deliveries == (Delivery(claim.run_id, 0, 1),)


async def test_cancelling_a_waiting_run_ends_it_at_once(bench: Bench) -> None:
    claim, wait_id = await parked(bench)
    cancel = partial(record.cancel, run_id=claim.run_id)
    assert (await bench.writer.submit(cancel)).done
    assert bench.row(Run, claim.run_id).status == "cancelled"
    assert bench.row(Wait, wait_id).settled_at is not None
    assert bench.row(Step, claim.run_id, "", "pause", "").status == "cancelled"
    assert not (await bench.writer.submit(cancel)).done
    settled: Woken = await bench.writer.submit(partial(record.settle, wait_id=wait_id, outcome=1, early=True))
    assert not settled.done


async def test_cancelling_a_running_run_tells_its_holder(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    cancel = partial(record.cancel, run_id=claim.run_id)
    assert (await bench.writer.submit(cancel)).done
    saved = await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "done")]))
    assert (saved.wanted, claim.reason) == ("cancel", "cancel")
    assert claim.stop.is_set()
    await bench.checkpoints.save(claim, Changes(end="cancelled"))
    assert bench.row(Run, claim.run_id).status == "cancelled"


async def test_a_holder_that_heeds_no_cancel_is_fenced_off(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await bench.writer.submit(partial(record.cancel, run_id=claim.run_id))
    assert (await bench.writer.submit(record.cancel_overdue)).run_ids == ()
    with bench.database.transaction() as session:
        run = session.get(Run, claim.run_id)
        assert run is not None
        run.wanted_at = 1
    assert (await bench.writer.submit(record.cancel_overdue)).run_ids == (claim.run_id,)
    with pytest.raises(Fenced):
        await bench.checkpoints.save(claim, Changes(end="done"))
    assert bench.row(Run, claim.run_id).status == "cancelled"


async def test_giving_back_queues_the_segment_for_another(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    assert await bench.one.give_back(claim) == Found((Delivery(claim.run_id, 0, 1),))
    assert (await bench.claim(claim.run_id, 1, bench.two)).epoch == 2
    assert await bench.one.give_back(claim) == Found(())


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
