"""Delivery through RQ: a job is the id of a run's segment and nothing else.

The rows are the truth, so a job holds no data, is never retried by RQ, and leaves no result behind. Jobs are written as
JSON: whoever could write to Redis would else make a worker unpickle, and so run, anything.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import cast

import redis
from rq import Queue

from engine.delivery import room
from engine.delivery import scripts as rqscripts
from engine.delivery.room import Look
from engine.store.results import Delivery

QUEUE_NAME = "weft"
FUNCTION = "weft.segment"


def job_id(delivery: Delivery) -> str:
    """`run-segment-epoch`, the characters that RQ allows in an id."""
    return f"{delivery.run_id}-{delivery.segment}-{delivery.epoch}"


def parse_job_id(text: str) -> Delivery:
    """The segment that a job's id names. Raises ValueError for any other text."""
    run_id, segment, epoch = text.split("-")
    return Delivery(run_id, int(segment), int(epoch))


class RunQueue:
    """The one RQ queue that all workers share."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.queue = Queue(QUEUE_NAME, connection=client, serializer="json")

    def enqueue(self, pipe: redis.client.Pipeline, deliveries: Iterable[Delivery]) -> None:
        """Adds jobs to a pipeline, which the caller executes; call after the commit that queued the segments."""
        names = dict.fromkeys(job_id(delivery) for delivery in deliveries)
        rqscripts.enqueue(pipe, self.queue, ((name, rqscripts.call_data(FUNCTION, name)) for name in names))

    def look(self, turn: bool = False) -> Look:
        """How the workers and the queue stand. With `turn` also whether it is this process's turn to dispatch."""
        return Look.of(room.look(self.client, self.queue, turn))

    def depth(self) -> int:
        """How many jobs wait to be taken."""
        return cast(int, self.client.llen(self.queue.key))
