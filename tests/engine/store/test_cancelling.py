"""Cancelling, on both databases: by the holder, or past it."""

from functools import partial

import pytest

from engine.models import Run, Step, Wait
from engine.store import cancelling, settling
from engine.store.changes import Changes, StepRow
from engine.store.claim import Fenced
from engine.store.results import Woken
from tests.engine.store.bench import Bench, bench, parked

__all__ = ["bench"]


async def test_cancelling_a_waiting_run_ends_it_at_once(bench: Bench) -> None:
    claim, wait_id = await parked(bench)
    cancel = partial(cancelling.cancel, run_id=claim.run_id)
    assert (await bench.writer.submit(cancel)).done
    assert bench.row(Run, claim.run_id).status == "cancelled"
    assert bench.row(Wait, wait_id).settled_at is not None
    assert bench.row(Step, claim.run_id, "", "pause", "").status == "cancelled"
    assert not (await bench.writer.submit(cancel)).done
    settled: Woken = await bench.writer.submit(partial(settling.settle, wait_id=wait_id, outcome=1, early=True))
    assert not settled.done


async def test_cancelling_a_running_run_tells_its_holder(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    cancel = partial(cancelling.cancel, run_id=claim.run_id)
    assert (await bench.writer.submit(cancel)).done
    saved = await bench.checkpoints.save(claim, Changes(steps=[StepRow("a", "done")]))
    assert (saved.wanted, claim.reason) == ("cancel", "cancel")
    assert claim.stop.is_set()
    await bench.checkpoints.save(claim, Changes(end="cancelled"))
    assert bench.row(Run, claim.run_id).status == "cancelled"


async def test_a_holder_that_heeds_no_cancel_is_fenced_off(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    await bench.writer.submit(partial(cancelling.cancel, run_id=claim.run_id))
    assert (await bench.writer.submit(cancelling.cancel_overdue)).run_ids == ()
    with bench.database.transaction() as session:
        run = session.get(Run, claim.run_id)
        assert run is not None
        run.wanted_at = 1
    assert (await bench.writer.submit(cancelling.cancel_overdue)).run_ids == (claim.run_id,)
    with pytest.raises(Fenced):
        await bench.checkpoints.save(claim, Changes(end="done"))
    assert bench.row(Run, claim.run_id).status == "cancelled"
