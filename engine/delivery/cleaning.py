"""Leaving nothing behind in Redis after workers that died.

RQ's own clean-up marks the jobs of a dead worker as failed and keeps them. Here a job is only the delivery of a segment
whose row is the truth, so it is forgotten, and the engine's sweep delivers again.
"""

from __future__ import annotations

import time
from typing import Any

import redis
from rq import Queue
from rq.utils import as_text, parse_composite_key

from engine.delivery.scripts import end, take_back

FORGOTTEN_SECONDS = 5.0
LOCK = "weft:cleaning:"


class Cleaning:
    """Cleans one queue after dead workers: jobs whose heartbeat stopped, and ids stuck between queue and worker."""

    def __init__(self, connection: redis.Redis, queue: Queue, lease: int) -> None:
        self._connection, self._queue, self._lease = connection, queue, lease
        self._between: dict[str, float] = {}

    def run(self) -> None:
        """Cleans, unless another worker did within the last third of a lease."""
        if self._connection.set(LOCK + self._queue.name, 1, nx=True, px=max(1, int(self._lease * 333))):
            self._forget_abandoned()
        self._take_back_stuck()

    def _forget_abandoned(self) -> None:
        registry = self._queue.started_job_registry
        expired: Any = self._connection.zrangebyscore(registry.key, 0, time.time())
        if not expired:
            return
        executions = [parse_composite_key(as_text(entry)) for entry in expired]
        end(self._connection, self._queue, executions, worker="")

    def _take_back_stuck(self) -> None:
        between: Any = self._connection.lrange(self._queue.intermediate_queue_key, 0, -1)
        ids = {as_text(name) for name in between}
        moment = time.monotonic()
        self._between = {name: self._between.get(name, moment) for name in ids}
        stuck = [name for name, since in self._between.items() if moment - since > FORGOTTEN_SECONDS]
        if stuck:
            take_back(self._connection, self._queue, stuck)
