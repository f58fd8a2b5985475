"""How much room the workers have: slots, jobs on the queue, throughput; so how many segments may be delivered.

The queue is kept short: what waits there can be overtaken by nobody. It holds what fills the free slots and about half
a second of the measured throughput, so that workers never run dry.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import Any, Final

import redis
from rq import Queue

from engine.delivery.scripts import ended_key

SECONDS_AHEAD: Final = 0.5
LEAST_AHEAD: Final = 2
RATE_SECONDS: Final = 0.25
TURN_MILLISECONDS: Final = 20
BUSY_SECONDS: Final = 10

# Times by Redis' clock, since those of the hosts may differ.
# KEYS: slots of workers. ARGV: worker with its slots, seconds.
ANNOUNCE: Final = """
local now = tonumber(redis.call('time')[1])
redis.call('zadd', KEYS[1], now + ARGV[2], ARGV[1])
redis.call('zremrangebyscore', KEYS[1], '-inf', now - 3600)
"""

# KEYS: slots of workers, queue, started registry, count of ended jobs, since when all are busy, turn.
# ARGV: how long a turn is in ms, or 0 for a look alone; how long it is remembered that all are busy, in seconds.
LOOK: Final = """
local now = redis.call('time')
local slots, workers = 0, 0
for _, member in ipairs(redis.call('zrangebyscore', KEYS[1], now[1], '+inf')) do
    slots, workers = slots + tonumber(string.match(member, '^%d+')), workers + 1
end
local waiting, started = redis.call('llen', KEYS[2]), redis.call('zcard', KEYS[3])
if slots > 0 and started >= slots then
    redis.call('set', KEYS[5], now[1] * 1000 + math.floor(now[2] / 1000), 'NX')
    redis.call('expire', KEYS[5], ARGV[2])
else
    redis.call('del', KEYS[5])
end
local turn = 0
if tonumber(ARGV[1]) > 0 and redis.call('set', KEYS[6], 1, 'NX', 'PX', ARGV[1]) then turn = 1 end
return {slots, workers, waiting, started, tonumber(redis.call('get', KEYS[4]) or 0),
    tonumber(redis.call('get', KEYS[5]) or 0), turn}
"""


@dataclass(frozen=True, slots=True)
class Look:
    """The workers and the queue at one moment. `ended` counts jobs; `busy_since` is ms since 1970 UTC, or 0."""

    slots: int
    workers: int
    waiting: int
    started: int
    ended: int
    busy_since: int
    turn: bool

    @classmethod
    def of(cls, answer: Any) -> Look:
        """What the script answered."""
        slots, workers, waiting, started, ended, busy_since, turn = answer
        return cls(slots, workers, waiting, started, ended, busy_since, bool(turn))


def look(client: redis.Redis | redis.client.Pipeline, queue: Queue, turn: bool = False) -> Any:
    """Asks how things stand, for `Look.of`; with `turn` also whether it is this caller's turn to dispatch."""
    keys = (
        slots_key(queue),
        queue.key,
        queue.started_job_registry.key,
        ended_key(queue),
        f"weft:busy:{queue.name}",
        f"weft:turn:{queue.name}",
    )
    return client.eval(LOOK, len(keys), *keys, TURN_MILLISECONDS if turn else 0, BUSY_SECONDS)


def announce(client: redis.Redis | redis.client.Pipeline, queue: Queue, worker: str, slots: int, seconds: int) -> None:
    """Says that a worker has so many slots, for so many seconds unless it is said again."""
    client.eval(ANNOUNCE, 1, slots_key(queue), f"{slots}:{worker}", seconds)


def withdraw(client: redis.Redis, queue: Queue, worker: str, slots: int) -> None:
    """Says that a worker takes no more jobs."""
    client.zrem(slots_key(queue), f"{slots}:{worker}")


def slots_key(queue: Queue) -> str:
    """The key of the workers with their slots, each until when it counts."""
    return f"weft:slots:{queue.name}"


class Room:
    """How many segments this process may deliver before it looks again. Serves any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._free = LEAST_AHEAD
        self._rate = 0.0
        self._measured: tuple[float, int] | None = None
        self.slots = 0

    @property
    def free(self) -> int:
        """How many segments fit now."""
        return max(0, self._free)

    def take(self) -> bool:
        """Whether one more segment fits; it then counts as delivered."""
        with self._lock:
            self._free -= 1
            return self._free >= 0

    def seen(self, now: Look) -> None:
        """Takes note of how things stand."""
        with self._lock:
            self._measure(now.ended)
            ahead = max(LEAST_AHEAD * max(1, now.workers), int(self._rate * SECONDS_AHEAD))
            self.slots = now.slots + ahead
            self._free = self.slots - now.started - now.waiting

    def _measure(self, ended: int) -> None:
        moment = time.monotonic()
        if self._measured is None or ended < self._measured[1]:
            self._measured = (moment, ended)
            return
        then, before = self._measured
        if moment - then >= RATE_SECONDS:
            # Half of what was known before remains: a moment's rate says little.
            self._rate = (self._rate + (ended - before) / (moment - then)) / 2
            self._measured = (moment, ended)
