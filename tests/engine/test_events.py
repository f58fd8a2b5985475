"""Telling and following: streams per run and per workspace, read by one reader per process."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest
import redis

from engine.events import RUN_STREAM, WORKSPACE_STREAM, Event, Follower, publish
from tests.servers import ValkeyServer


def event(seq: int, run: str = "r1", kind: str = "step", status: str = "done") -> Event:
    return Event(run, "w1", seq, kind, status, 1_000 + seq, node_id="n", counts={"done": seq})  # type: ignore[arg-type]


def tell(client: redis.Redis, *events: Event) -> None:
    with client.pipeline(transaction=False) as pipe:
        publish(pipe, events)
        pipe.execute()


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
async def follower(valkey_url: str) -> AsyncIterator[Follower]:
    follower = Follower(valkey_url)
    await follower.start()
    yield follower
    await follower.stop()


async def take(stream: AsyncIterator[Event], count: int) -> list[Event]:
    async with asyncio.timeout(10):
        return [await anext(stream) for _ in range(count)]


async def test_events_come_as_they_were_told(client: redis.Redis, follower: Follower) -> None:
    tell(client, event(1), event(2, kind="run", status="running"))
    stream = follower.subscribe("r1")
    assert await take(stream, 2) == [event(1), event(2, kind="run", status="running")]
    tell(client, event(3))
    tell(client, event(4, run="other"))
    tell(client, event(5))
    assert [one.seq for one in await take(stream, 2)] == [3, 5]


async def test_several_follow_one_run_with_one_reader(client: redis.Redis, follower: Follower) -> None:
    tell(client, event(1))
    first = follower.subscribe("r1")
    assert [one.seq for one in await take(first, 1)] == [1]
    second = follower.subscribe("r1")
    reading = asyncio.create_task(take(second, 2))
    await asyncio.sleep(0.05)
    tell(client, event(2))
    assert [one.seq for one in await reading] == [1, 2]
    assert [one.seq for one in await take(first, 1)] == [2]


async def test_a_new_subscription_joins_while_the_reader_waits(client: redis.Redis, follower: Follower) -> None:
    quiet = asyncio.create_task(take(follower.subscribe("quiet"), 1))
    await asyncio.sleep(0.1)
    loud = asyncio.create_task(take(follower.subscribe("r1"), 1))
    await asyncio.sleep(0.1)
    tell(client, event(1))
    assert [one.seq for one in await loud] == [1]
    tell(client, event(7, run="quiet"))
    assert [one.seq for one in await quiet] == [7]


async def test_a_workspace_hears_of_its_runs_from_now_on(client: redis.Redis, follower: Follower) -> None:
    tell(client, event(1, kind="run", status="queued"))
    hearing = asyncio.create_task(take(follower.subscribe_workspace("w1"), 2))
    await asyncio.sleep(0.2)
    tell(client, event(2), event(3, kind="run", status="running"), event(4, kind="run", status="done"))
    assert [(one.seq, one.status) for one in await hearing] == [(3, "running"), (4, "done")]


async def test_a_closed_subscription_is_forgotten(client: redis.Redis, follower: Follower) -> None:
    stream = follower.subscribe("r1")
    tell(client, event(1))
    await take(stream, 1)
    await stream.aclose()  # type: ignore[attr-defined]
    assert follower._queues == {}


async def test_streams_are_capped_and_hold_no_data(client: redis.Redis) -> None:
    for start in range(1, 6_000, 20):
        tell(client, *(event(start, kind="run") for _ in range(1)))
    assert client.xlen(RUN_STREAM + "r1") <= 2_200  # type: ignore[operator]
    assert client.xlen(WORKSPACE_STREAM + "w1") <= 1_200  # type: ignore[operator]
    assert 0 < client.ttl(RUN_STREAM + "r1") <= 3_600  # type: ignore[operator]


async def test_following_goes_on_after_valkey_came_back(own_valkey: ValkeyServer) -> None:
    client = redis.Redis.from_url(own_valkey.url())
    follower = Follower(own_valkey.url())
    await follower.start()
    stream = follower.subscribe("r1")
    tell(client, event(1))
    assert [one.seq for one in await take(stream, 1)] == [1]
    own_valkey.kill()
    await asyncio.sleep(0.5)
    own_valkey.start()
    tell(client, event(2))
    seen: list[int] = []
    while 2 not in seen:
        seen += [one.seq for one in await take(stream, 1)]
    await follower.stop()
    client.close()
