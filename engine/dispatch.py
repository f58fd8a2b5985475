"""Handing the backlog to the workers, a little at a time. Needs no leader: every process does it.

What is on the queue is in nobody's hands any more, so the queue is kept short and the backlog stays in SQL, where
workspaces take turns (`engine.store.backlog`). In an idle system nothing waits here: a run is delivered in the
transaction that records it, for as long as this process knows that there is room.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import redis
import structlog

from engine.delivery.queue import RunQueue
from engine.delivery.room import Room
from engine.events import Event
from engine.store.backlog import Dispatched, any_left, dispatch
from engine.store.db import Database, DatabaseUnavailable
from engine.store.writer import Writer

# How often it is looked while something waits, and while nothing does.
SHORTEST_PAUSE: Final = 0.02
LONGEST_PAUSE: Final = 1.0

log = structlog.get_logger()


class Dispatcher:
    """A thread that delivers what waits as room comes. Hears of what was committed, and looks each second anyway."""

    def __init__(self, client: redis.Redis, data: Database, writer: Writer, room: Room) -> None:
        self._queue = RunQueue(client)
        self._database, self._writer, self._room = data, writer, room
        self._hint = threading.Event()
        self._stopping = False
        self._waiting = False
        self._thread = threading.Thread(target=self._live, name="dispatcher", daemon=True)

    def start(self) -> None:
        """Starts the thread."""
        self._thread.start()

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping = True
        self._hint.set()
        if self._thread.is_alive():
            self._thread.join()

    def hear(self, results: Sequence[Any]) -> None:
        """Takes the results of committed operations: something was put into the backlog, or a run made room."""
        for result in results:
            if getattr(result, "held", False) or getattr(getattr(result, "more", None), "held", False):
                self._waiting = True
                self._hint.set()
                return
        if self._waiting and any(_made_room(result) for result in results):
            self._hint.set()

    def _live(self) -> None:
        pause = 0.0
        while not self._stopping:
            hinted = self._hint.wait(pause)
            self._hint.clear()
            moved = self._look_safely(hinted)
            if not self._waiting:
                pause = LONGEST_PAUSE
            elif moved or hinted:
                pause = SHORTEST_PAUSE
                time.sleep(SHORTEST_PAUSE)  # hints come with every commit
            else:
                pause = min(LONGEST_PAUSE, pause * 1.5)

    def _look_safely(self, hinted: bool) -> bool:
        try:
            return self.look_once(hinted)
        except (redis.RedisError, DatabaseUnavailable) as error:
            log.debug("dispatch.not_now", error=str(error))
        except Exception:
            # Without this thread what waits would be left to other processes, and in the only one to nobody.
            log.exception("dispatch.failed")
        return False

    def look_once(self, sure: bool = False) -> bool:
        """Delivers what there is room for; whether there was anything. `sure`: something waits, no need to ask.

        Raises redis.RedisError, DatabaseUnavailable.
        """
        if not sure:
            self._waiting = any_left(self._database)
        now = self._queue.look(turn=self._waiting or sure)
        self._room.seen(now)
        if not (self._waiting or sure) or not self._room.free:
            return False
        if not now.turn:
            return True
        make = partial(dispatch, room=self._room.free, slots=self._room.slots)
        done: Dispatched = self._writer.call(make)
        self._waiting = done.left
        return bool(done.deliveries) or not done.went


def _made_room(result: Any) -> bool:
    events: Sequence[Event] = getattr(result, "events", ())
    return len(events) > 0 and events[-1].kind == "run"
