"""`./weft worker`: one process that runs segments of runs, until a signal asks it to stop."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import redis
import structlog
import uvloop

from engine import heap, worker
from engine.delivery.queue import FUNCTION, QUEUE_NAME
from engine.presence import telling
from engine.rqworker import RETRY_SECONDS, CoroutineWorker
from engine.settings import Settings, settings

log = structlog.get_logger()


def main() -> None:
    """`./weft worker`: runs segments until a signal asks to stop."""
    uvloop.run(_work(settings()))


async def _work(config: Settings) -> None:
    async with worker.opened(config) as segments:
        connection = redis.Redis.from_url(config.redis_url)
        mine = await _registered(connection, segments, config.lease_seconds)
        heap.settle()
        try:
            async with telling("worker", config.redis_url, lambda: (segments.held, mine.slots)):
                await mine.work_here()
        finally:
            # Without Redis the register forgets it by itself.
            with suppress(redis.RedisError):
                mine.teardown()


async def _registered(connection: redis.Redis, segments: worker.Segments, lease: int) -> CoroutineWorker:
    """A worker that RQ knows, as soon as there is a Redis; it may go away again at any moment of that."""
    while True:
        try:
            mine = await asyncio.to_thread(_new, connection, segments, lease)
            mine.bootstrap("WARNING")
        except redis.RedisError as error:
            log.warning("worker.redis_away", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return mine


def _new(connection: redis.Redis, segments: worker.Segments, lease: int) -> CoroutineWorker:
    connection.ping()
    return CoroutineWorker(QUEUE_NAME, connection, {FUNCTION: segments.execute}, lease=lease, drain=segments.drain)
