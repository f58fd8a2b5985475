"""Record, commit, then tell: starting runs, hearing of their end, and what a lost Redis does to that."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from rq.job import Job

from engine import launch
from engine.delivery.queue import FUNCTION, QUEUE_NAME, RunQueue, job_id, parse_job_id
from engine.delivery.room import announce
from engine.launch import Launcher
from engine.models import Run, Segment
from engine.settings import settings
from engine.store.changes import Changes, StepRow
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim
from engine.store.db import Database, database
from engine.store.lease import Leases
from engine.sweep import sweep_once
from tests.engine.seed import Seed, seed
from tests.servers import ValkeyServer


class Door:
    """A launcher, and a hand that takes jobs off the queue as a worker would."""

    def __init__(self, data: Database, launcher: Launcher) -> None:
        self.data, self.launcher = data, launcher
        self.seed: Seed = seed(data)
        self.leases = Leases(launcher.writer)
        self.checkpoints = Checkpoints(data, launcher.writer)

    async def start(self, **more: Any) -> launch.Started:
        rows = self.seed
        return await self.launcher.start_run(
            **{
                "workspace_id": rows.workspace_id,
                "workflow_id": rows.workflow_id,
                "version_id": rows.version_id,
                "source": "api",
                "input": {"payload": 1},
            }
            | more
        )

    async def take(self) -> Claim:
        queue = f"rq:queue:{QUEUE_NAME}"
        for _ in range(250):
            found: Any = self.launcher.client.lpop(queue)
            if found:
                claim = await self.leases.claim(parse_job_id(found.decode()))
                assert claim is not None
                return claim
            await asyncio.sleep(0.02)
        raise AssertionError("no job was delivered")

    def row(self, model: Any, key: Any) -> Any:
        with self.data.transaction(write=False) as session:
            return session.get(model, key)


@pytest.fixture
async def door(any_database: str, valkey_url: str) -> AsyncIterator[Door]:
    launcher = Launcher(database(), settings().redis_url)
    say_there_is_room(launcher)
    launcher.start()
    yield Door(database(), launcher)
    launcher.close()


def say_there_is_room(launcher: Launcher) -> None:
    """What a worker says when it starts."""
    announce(launcher.client, RunQueue(launcher.client).queue, "a hand", 100, 600)
    launcher.room.seen(RunQueue(launcher.client).look())


async def until(true: Callable[[], Any]) -> None:
    end = time.monotonic() + 15
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.02)


async def test_a_started_run_is_recorded_and_delivered_as_an_id_and_nothing_else(door: Door) -> None:
    started = await door.start(input={"payload": {"secret": "s3cr3t"}})
    run = door.row(Run, started.run_id)
    assert (run.status, run.input) == ("queued", {"payload": {"secret": "s3cr3t"}})
    await until(RunQueue(door.launcher.client).depth)
    name = job_id(started.deliveries[0])
    job = Job.fetch(name, connection=door.launcher.client, serializer="json")
    assert (job.func_name, job.args, job.kwargs) == (FUNCTION, [name], {})
    assert (job.origin, job.result_ttl, job.timeout, job.retries_left) == (QUEUE_NAME, 0, -1, None)
    assert job.is_queued
    keys: Any = door.launcher.client.keys("*")
    for key in keys:
        value = door.launcher.client.dump(key)
        assert b"s3cr3t" not in value  # type: ignore[operator]


async def test_who_waits_hears_of_the_end(door: Door) -> None:
    started = await door.start(reply=True)
    waiting = asyncio.create_task(door.launcher.wait_result(started.run_id, 20))
    claim = await door.take()
    await door.checkpoints.save(claim, Changes(steps=[StepRow("a", "done")], end="done", output={"x": 1}))
    result = await waiting
    assert result is not None
    assert (result.status, result.output, result.over) == ("done", {"x": 1}, True)


async def test_an_end_that_came_before_the_waiting_is_heard_too(door: Door) -> None:
    started = await door.start(reply=True)
    await door.checkpoints.save(await door.take(), Changes(end="failed", error={"message": "no"}))
    await asyncio.sleep(0.1)
    result = await door.launcher.wait_result(started.run_id, 20)
    assert result is not None
    assert (result.status, result.error) == ("failed", {"message": "no"})


async def test_waiting_has_an_end(door: Door) -> None:
    started = await door.start(reply=True)
    result = await door.launcher.wait_result(started.run_id, 0.05)
    assert result is not None
    assert (result.status, result.over) == ("queued", False)
    assert await door.launcher.wait_result("0" * 32, 5) is None


async def test_many_wait_at_once(door: Door) -> None:
    starts = await asyncio.gather(*(door.start(reply=True) for _ in range(30)))
    waits = [asyncio.create_task(door.launcher.wait_result(start.run_id, 20)) for start in starts]
    for _ in starts:
        claim = await door.take()
        await door.checkpoints.save(claim, Changes(end="done", output={"run": claim.run_id}))
    results = await asyncio.gather(*waits)
    assert [result.output for result in results if result] == [{"run": start.run_id} for start in starts]


async def test_the_same_key_gives_the_same_run_to_all_who_wait(door: Door) -> None:
    first, second = await asyncio.gather(*(door.start(reply=True, idempotency_key="k") for _ in range(2)))
    assert first.run_id == second.run_id
    waits = [asyncio.create_task(door.launcher.wait_result(first.run_id, 20)) for _ in range(2)]
    await door.checkpoints.save(await door.take(), Changes(end="done"))
    assert [result.status for result in await asyncio.gather(*waits) if result] == ["done", "done"]


async def test_cancelling_a_queued_run_answers_who_waits(door: Door) -> None:
    started = await door.start(reply=True)
    waiting = asyncio.create_task(door.launcher.wait_result(started.run_id, 20))
    assert await door.launcher.cancel(started.run_id)
    result = await waiting
    assert result is not None
    assert result.status == "cancelled"
    assert not await door.launcher.cancel(started.run_id)


async def test_losing_all_of_redis_loses_nothing_but_time(door: Door) -> None:
    starts = [await door.start() for _ in range(5)]
    await until(lambda: RunQueue(door.launcher.client).depth() == 5)
    door.launcher.client.flushall()
    with door.data.transaction() as session:
        for started in starts:
            segment = session.get(Segment, (started.run_id, 0))
            assert segment is not None
            assert segment.delivered_at is not None
            segment.delivered_at -= 60_000
    assert len((await sweep_once(door.launcher)).forgotten) == 5
    assert {(await door.take()).run_id for _ in starts} == {started.run_id for started in starts}


async def test_a_run_started_while_redis_is_down_is_delivered_later(sqlite_url: str, own_valkey: ValkeyServer) -> None:
    launcher = Launcher(database(), settings().redis_url)
    launcher.start()
    door = Door(database(), launcher)
    own_valkey.kill()
    started = await door.start()
    assert door.row(Run, started.run_id).status == "queued"
    await asyncio.sleep(0.2)
    own_valkey.start()
    with door.data.transaction() as session:
        segment = session.get(Segment, (started.run_id, 0))
        assert segment is not None
        assert segment.delivered_at is not None
        segment.delivered_at -= 60_000
    await sweep_once(launcher)
    assert (await door.take()).run_id == started.run_id
    await asyncio.to_thread(launcher.close)


async def test_the_process_has_one_launcher(sqlite_url: str, valkey_url: str) -> None:
    rows = seed(database())
    started = await launch.start_run(
        workspace_id=rows.workspace_id,
        workflow_id=rows.workflow_id,
        version_id=rows.version_id,
        source="manual",
        input={},
    )
    assert launch.launcher() is launch.launcher()
    assert await launch.cancel(started.run_id)
    launch.dispose()
