"""What must be done in Redis after a commit: deliver segments, tell events, answer who waits, nudge who holds.

Nothing here is the only copy of anything. What is lost because Redis was away, the sweep delivers and followers read
from the rows.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any

import redis
import structlog

from engine import events, metrics
from engine.delivery.queue import RunQueue
from engine.delivery.room import Look, Room, look
from engine.events import Event
from engine.store.results import Delivery, Reply

REPLY_LIST = "weft:reply:"
KEEP_REPLY_SECONDS = 60
NUDGES = "weft:nudge"
BACKLOG = 5_000
BATCH = 500
ENDED = frozenset({"done", "failed", "cancelled"})

log = structlog.get_logger()


class Outbox:
    """A thread that does it, many commits' worth in one round trip. Never blocks the caller."""

    def __init__(self, client: redis.Redis, room: Room | None = None) -> None:
        """`room` is told after each delivery how much is left of it."""
        self._client = client
        self._room = room
        self._runs = RunQueue(client)
        self._queue: queue.SimpleQueue[Sequence[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._live, name="outbox", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Sends what is queued, then ends the thread."""
        self._queue.put(None)
        self._thread.join()

    def put(self, results: Sequence[Any]) -> None:
        """Takes the results of committed operations; those with `deliveries`, `events` and the like are acted upon."""
        if self._queue.qsize() < BACKLOG:
            self._queue.put(results)
        else:
            log.warning("outbox.full", dropped=len(results))

    def _live(self) -> None:
        going_on = True
        while going_on:
            results: list[Any] = []
            batch = self._queue.get()
            while batch is not None:
                results.extend(batch)
                if len(results) >= BATCH or self._queue.empty():
                    break
                batch = self._queue.get()
            going_on = batch is not None
            try:
                self._send(results)
            except redis.RedisError as error:
                log.warning("outbox.not_sent", error=str(error), results=len(results))
            except Exception:
                # Without this thread nothing would be delivered any more, not even by the sweep.
                log.exception("outbox.not_sent")

    def _send(self, results: Sequence[Any]) -> None:
        deliveries: list[Delivery] = []
        told: list[Event] = []
        replies: list[Reply] = []
        nudges: list[str] = []
        further = [more for result in results if (more := getattr(result, "more", None)) is not None]
        for result in (*results, *further):
            deliveries += getattr(result, "deliveries", ())
            told += getattr(result, "events", ())
            if reply := getattr(result, "reply", None):
                replies.append(reply)
            replies += getattr(result, "replies", ())
            if nudge := getattr(result, "nudge", None):
                nudges.append(nudge)
            nudges += getattr(result, "nudges", ())
        if not (deliveries or told or replies or nudges):
            return
        for event in told:
            if event.kind == "run" and event.status in ENDED:
                metrics.RUNS_ENDED.labels(event.status).inc()
        with self._client.pipeline(transaction=False) as pipe:
            if deliveries:
                self._runs.enqueue(pipe, deliveries)
            for to in {reply.to for reply in replies}:
                pipe.rpush(REPLY_LIST + to, *(f"{reply.run_id} {reply.status}" for reply in replies if reply.to == to))
                pipe.expire(REPLY_LIST + to, KEEP_REPLY_SECONDS)
            for nudge in nudges:
                pipe.publish(NUDGES, nudge)
            events.publish(pipe, told)
            if deliveries and self._room is not None:
                look(pipe, self._runs.queue)
                self._room.seen(Look.of(pipe.execute()[-1]))
            else:
                pipe.execute()
