"""Leaving nothing behind in Redis: after jobs that ended, and after workers that died.

RQ's own clean-up marks the jobs of a dead worker as failed and keeps them. Here a job is only the delivery of a segment
whose row is the truth, so it is forgotten, and the engine's sweep delivers again.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import redis
from rq import Queue
from rq.executions import Execution, ExecutionRegistry
from rq.job import Job
from rq.utils import as_text, parse_composite_key

FORGOTTEN_SECONDS = 5.0
LOCK = "weft:cleaning:"
RESULTS_KEY = "rq:results:"

# An id goes back to the queue only if it still was in between: two cleaners may have seen it.
TAKE_BACK = """
for i = 1, #ARGV do
    if redis.call('lrem', KEYS[1], 1, ARGV[i]) > 0 then redis.call('lpush', KEYS[2], ARGV[i]) end
end
"""


def take_back(connection: redis.Redis, queue: Queue, ids: Iterable[str]) -> None:
    """Puts ids that were being taken at the head of the queue again."""
    connection.eval(TAKE_BACK, 2, queue.intermediate_queue_key, queue.key, *ids)


def forget_jobs(pipe: redis.client.Pipeline, ended: Iterable[tuple[Job, Execution]]) -> None:
    """Deletes jobs that ended, with all their keys. `Job.cleanup` would take nine round trips each."""
    for job, execution in ended:
        pipe.delete(
            job.key,
            job.dependents_key,
            job.dependencies_key,
            RESULTS_KEY + job.id,
            ExecutionRegistry.key_template.format(job.id),
        )
        execution.delete(job=job, pipeline=pipe)


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
        with self._connection.pipeline() as pipe:
            ended = []
            for entry in expired:
                job_id, execution_id = parse_composite_key(as_text(entry))
                job = Job(job_id, connection=self._connection, serializer=self._queue.serializer)
                job.origin = self._queue.name
                ended.append((job, Execution(execution_id, job_id, self._connection)))
            forget_jobs(pipe, ended)
            pipe.execute()

    def _take_back_stuck(self) -> None:
        between: Any = self._connection.lrange(self._queue.intermediate_queue_key, 0, -1)
        ids = {as_text(name) for name in between}
        moment = time.monotonic()
        self._between = {name: self._between.get(name, moment) for name in ids}
        stuck = [name for name, since in self._between.items() if moment - since > FORGOTTEN_SECONDS]
        if stuck:
            take_back(self._connection, self._queue, stuck)
