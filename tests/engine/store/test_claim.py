"""Taking a segment, on both databases: once, and over for whoever lost it."""

import asyncio
from functools import partial

import pytest

from engine.models import Segment
from engine.store.changes import Changes, StepRow
from engine.store.claim import Fenced
from engine.store.results import Delivery, Swept
from engine.store.sweeping import sweep
from tests.engine.store.bench import Bench, bench

__all__ = ["bench"]


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
