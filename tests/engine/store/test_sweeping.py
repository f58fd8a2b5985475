"""What nobody advances any more is found, once, and nothing else is."""

import asyncio
from functools import partial

from engine.store.results import Delivery, Swept
from engine.store.sweeping import sweep
from tests.engine.store.bench import Bench, bench

__all__ = ["bench"]


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
