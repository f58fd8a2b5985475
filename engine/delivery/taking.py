"""The thread of a worker that takes jobs off its queue, as many as there are slots free."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

import redis
import structlog
from rq import Queue

from engine.delivery.scripts import Taken, take, take_back

MOST_AT_ONCE = 64
BLOCK_SECONDS = 1
RETRY_SECONDS = 0.5

log = structlog.get_logger()


class Slots:
    """How many more jobs may be under way; shared by the thread that takes them and the loop that runs them."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._free = count
        self._changed = threading.Condition()

    def take(self, count: int) -> None:
        """Fills slots."""
        with self._changed:
            self._free -= count

    def give_back(self) -> None:
        """Frees one slot."""
        with self._changed:
            self._free += 1
            self._changed.notify()

    def wake(self) -> None:
        """Lets whoever waits look at its own condition again."""
        with self._changed:
            self._changed.notify()

    def wait_for_one(self, over: Callable[[], bool]) -> int:
        """Waits until a slot is free, or `over`; gives how many are."""
        with self._changed:
            self._changed.wait_for(lambda: self._free or over())
            return self._free

    def wait_for_all(self, over: Callable[[], bool]) -> None:
        """Waits until nothing is under way any more, or `over`."""
        with self._changed:
            self._changed.wait_for(lambda: self._free == self.count or over())


class Taker:
    """Takes jobs off one queue until `stop` is called; with `burst`, until the queue is empty and all jobs are done.

    `begin` is called with what was taken, `idle` when a burst is over; both on the taker's thread.
    """

    def __init__(
        self,
        connection: redis.Redis,
        queue: Queue,
        *,
        worker: str,
        lease: int,
        slots: Slots,
        begin: Callable[[list[Taken]], object],
        idle: Callable[[], object],
        burst: bool = False,
    ) -> None:
        self._connection, self._queue, self._worker, self._lease = connection, queue, worker, lease
        self._slots, self._begin, self._idle, self._burst = slots, begin, idle, burst
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._take_for_ever, name="taker", daemon=True)

    @property
    def stopping(self) -> bool:
        """Whether `stop` was called."""
        return self._stopping.is_set()

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Asks the thread to end. It puts back what it has taken, but not begun, meanwhile."""
        self._stopping.set()
        self._slots.wake()

    def join(self) -> None:
        """Waits for the thread's end: at most as long as one look at the queue."""
        self._thread.join()

    def _take_for_ever(self) -> None:
        waiting = 0
        while not self.stopping:
            try:
                waiting, taken = self._take(waiting)
            except Exception as error:
                # Mostly Redis that is away. Whatever it is: a worker that takes no jobs would look alive.
                log.warning("worker.no_jobs_taken", error=repr(error))
                time.sleep(RETRY_SECONDS)
                waiting = 0
                continue
            if taken:
                self._slots.take(len(taken))
                self._begin(taken)
            elif self._burst and not waiting:
                self._slots.wait_for_all(self._stopping.is_set)
                self._idle()
                return

    def _take(self, waiting: int) -> tuple[int, list[Taken]]:
        """Takes what there is room for; `waiting` jobs are known to be on the queue. Gives how many still are."""
        free = self._slots.wait_for_one(self._stopping.is_set)
        at_once = waiting or self._burst
        first = "" if at_once else self._wait_for_job()
        if self.stopping:
            take_back(self._connection, self._queue, [first] if first else [])
            return 0, []
        if not (at_once or first):
            return 0, []
        most = min(free, MOST_AT_ONCE, waiting + 1)
        return take(self._connection, self._queue, self._worker, self._lease, most=most, first=first)

    def _wait_for_job(self) -> str:
        """The id of the next job, which is on the intermediate queue from now on; "" if none came."""
        found: Any = self._connection.blmove(self._queue.key, self._queue.intermediate_queue_key, BLOCK_SECONDS)
        return found.decode() if found else ""
