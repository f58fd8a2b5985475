"""What the tests of the record share: a database with one writer, and two holders as if in two processes."""

from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest

from engine.models import new_id
from engine.store import starting
from engine.store.changes import Changes, NewWait, StepRow
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim
from engine.store.db import Database
from engine.store.lease import Leases
from engine.store.results import Delivery, Started
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
        result: Started = await self.writer.submit(partial(starting.start, new=self.seed.run(**more)))
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


async def parked(bench: Bench, due: int | None = None) -> tuple[Claim, str]:
    claim = await bench.claim((await bench.start()).run_id)
    wait = NewWait(new_id(), "pause", "timer", due=due)
    saved = await bench.checkpoints.save(claim, Changes(steps=[StepRow("pause", "waiting")], waits=[wait], park=True))
    assert saved.parked
    bench.one.drop(claim)
    return claim, wait.id
