"""Who is alive, told through a real Valkey."""

import asyncio

import redis

from engine import __version__, presence
from engine.presence import alive, expositions, telling


async def test_a_process_is_seen_while_it_lives_and_not_after(valkey_url: str) -> None:
    client = redis.Redis.from_url(valkey_url)
    async with telling("worker", valkey_url, lambda: (3, 100)) as me:
        await _until(lambda: alive(client))
        (seen,) = alive(client)
        assert (seen.id, seen.part, seen.version, seen.held, seen.slots) == (me.id, "worker", __version__, 3, 100)
        assert seen.memory > 10_000_000
        ((_, text),) = expositions(client)
        assert "# TYPE weft_commit_operations histogram" in text
        assert 0 < client.ttl(presence.KEY + me.id) <= presence.KEPT_SECONDS
    assert alive(client) == []


async def test_without_redis_a_process_lives_all_the_same(valkey_url: str) -> None:
    async with telling("web", "redis://127.0.0.1:1/0"):
        await asyncio.sleep(0.1)


async def _until(found: object) -> None:
    async with asyncio.timeout(10):
        while not found():  # type: ignore[operator]
            await asyncio.sleep(0.02)
