"""`./weft worker`: one process that runs segments of runs, until a signal asks it to stop."""

from __future__ import annotations

import asyncio

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
    """`./weft worker`: runs segments until a signal asks to stop. Raises DatabaseUnavailable."""
    uvloop.run(_work(settings()))


async def _work(config: Settings) -> None:
    async with worker.opened(config) as segments:
        connection = redis.Redis.from_url(config.redis_url)
        await _reach(connection)
        mine = CoroutineWorker(
            QUEUE_NAME,
            connection,
            {FUNCTION: segments.execute},
            lease=config.lease_seconds,
            drain=segments.drain,
        )
        mine.bootstrap("WARNING")
        heap.settle()
        try:
            async with telling("worker", config.redis_url, lambda: (segments.held, mine.slots)):
                await mine.work_here()
        finally:
            mine.teardown()


async def _reach(connection: redis.Redis) -> None:
    """Waits until Redis answers."""
    while True:
        try:
            await asyncio.to_thread(connection.ping)
            return
        except redis.RedisError as error:
            log.warning("worker.redis_away", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
