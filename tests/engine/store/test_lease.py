"""Holding on to segments: renewal, the holder's own clock, and news of what is wanted."""

import asyncio
from collections.abc import AsyncIterator
from functools import partial

import pytest

from engine.models import Segment
from engine.store import cancelling, shards, starting
from engine.store.claim import Claim
from engine.store.db import DatabaseUnavailable, database
from engine.store.driver import Driver, Operation
from engine.store.lease import Leases
from engine.store.results import Delivery, Found
from engine.store.sweeping import sweep
from engine.store.writer import Writer
from tests.engine.seed import seed
from tests.engine.store.bench import Bench, bench

__all__ = ["bench"]

LEASE_SECONDS = 1.5


@pytest.fixture
async def writer(any_database: str) -> AsyncIterator[Writer]:
    writer = Writer(database())
    writer.start()
    yield writer
    await asyncio.to_thread(writer.stop)


@pytest.fixture
async def leases(writer: Writer) -> AsyncIterator[Leases]:
    leases = Leases(writer, LEASE_SECONDS)
    leases.start()
    yield leases
    await leases.stop()


async def claimed(writer: Writer, leases: Leases) -> Claim:
    started = await writer.submit(partial(starting.start, new=seed(database()).run()))
    claim = await leases.claim(started.deliveries[0])
    assert claim is not None
    return claim


async def test_a_lease_is_renewed_for_as_long_as_it_is_held(writer: Writer, leases: Leases) -> None:
    claim = await claimed(writer, leases)
    await asyncio.sleep(LEASE_SECONDS * 2)
    assert not (await writer.submit(partial(sweep, patience=60_000))).held
    assert claim.reason is None
    leases.drop(claim)
    await asyncio.sleep(LEASE_SECONDS * 1.5)
    (delivery,) = (await writer.submit(partial(sweep, patience=60_000))).expired
    assert (delivery.run_id, delivery.epoch) == (claim.run_id, 1)


async def test_a_holder_hears_that_it_lost_its_segment(writer: Writer, leases: Leases) -> None:
    claim = await claimed(writer, leases)
    with database().transaction() as session:
        segment = session.get(Segment, (claim.run_id, 0))
        assert segment is not None
        segment.status, segment.owner = "queued", None
    async with asyncio.timeout(10):
        await claim.stop.wait()
    assert claim.reason == "lost"


async def test_a_holder_stops_by_its_own_clock_when_the_database_is_away(
    writer: Writer, leases: Leases, monkeypatch: pytest.MonkeyPatch
) -> None:
    claim = await claimed(writer, leases)

    def away(*_given: object, **_more: object) -> asyncio.Future[object]:
        raise DatabaseUnavailable("away")

    monkeypatch.setattr(writer, "submit", away)
    async with asyncio.timeout(10):
        await claim.stop.wait()
    assert claim.reason == "lost"


async def test_a_wish_is_heard_with_the_renewal_and_at_once_when_nudged(writer: Writer, leases: Leases) -> None:
    first, second = await claimed(writer, leases), await claimed(writer, leases)
    await writer.submit(partial(cancelling.cancel, run_id=first.run_id))
    await leases.look(first.run_id)
    assert first.reason == "cancel"
    await writer.submit(partial(cancelling.cancel, run_id=second.run_id))
    async with asyncio.timeout(10):
        await second.stop.wait()
    assert second.reason == "cancel"


async def test_cancelling_outweighs_pausing_and_draining_and_a_lost_lease_all(writer: Writer, leases: Leases) -> None:
    claim = await claimed(writer, leases)
    claim.end("drain")
    claim.end("pause")
    assert claim.reason == "drain"
    claim.end("cancel")
    claim.end("drain")
    assert claim.reason == "cancel"
    claim.end("lost")
    assert claim.reason == "lost"


async def test_a_lease_that_was_dropped_is_not_renewed_by_another_of_the_same_run(
    writer: Writer, leases: Leases
) -> None:
    # Or nobody would ever take the segment over: the run would hang for as long as the worker lives.
    claim = await claimed(writer, leases)
    (shard,) = shards.deliveries(await writer.submit(partial(put_shard, held=claim)))
    other = await leases.claim(shard)
    assert other is not None
    leases.drop(other)
    await asyncio.sleep(LEASE_SECONDS * 1.5)
    (delivery,) = (await writer.submit(partial(sweep, patience=60_000))).expired
    assert (delivery.segment, delivery.epoch) == (shard.segment, 1)
    assert claim.reason is None


def put_shard(driver: Driver, held: Claim) -> Operation:
    """Queue a shard beside a held segment."""
    answers = shards.put(driver, held, [shards.Shard("node", 0, 10)])
    yield
    return answers


async def test_giving_back_queues_the_segment_for_another(bench: Bench) -> None:
    claim = await bench.claim((await bench.start()).run_id)
    assert await bench.one.give_back(claim) == Found((Delivery(claim.run_id, 0, 1),))
    assert (await bench.claim(claim.run_id, 1, bench.two)).epoch == 2
    assert await bench.one.give_back(claim) == Found(())
