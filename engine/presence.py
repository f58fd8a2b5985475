"""Which processes of the installation are alive: each tells of itself in Redis, every few seconds.

What a process counted (`engine.metrics`) travels with it, so that one address serves the figures of all.
"""

from __future__ import annotations

import asyncio
import os
import resource
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Literal

import orjson
import redis
import structlog
from prometheus_client import generate_latest

from engine import __version__
from engine.metrics import REGISTRY
from engine.models import new_id

Part = Literal["web", "worker", "scheduler"]
KEY = "weft:process:"
EVERY_SECONDS = 5.0
KEPT_SECONDS = 20
SCAN_COUNT = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Process:
    """One live process. `since` and `at` (when it last told) are seconds since 1970 UTC; `memory` is bytes in RAM.

    `held` is how many segments it advances of the `slots` that it could.
    """

    id: str
    part: Part
    host: str
    pid: int
    version: str
    since: float
    at: float = 0.0
    memory: int = 0
    held: int = 0
    slots: int = 0


Load = Callable[[], tuple[int, int]]


def _idle() -> tuple[int, int]:
    return 0, 0


@asynccontextmanager
async def telling(part: Part, redis_url: str, load: Load = _idle) -> AsyncIterator[Process]:
    """While the block runs, others can see that this process is alive.

    `load` says how many segments it advances now, and how many it could. All runs on the event loop on purpose: a
    process whose loop hangs is not alive.
    """
    client = redis.Redis.from_url(redis_url, socket_timeout=2)
    me = Process(new_id(), part, socket.gethostname(), os.getpid(), __version__, time.time())
    task = asyncio.create_task(_tell_for_ever(client, me, load), name="presence")
    try:
        yield me
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.to_thread(_forget, client, me)
        client.close()


async def _tell_for_ever(client: redis.Redis, me: Process, load: Load) -> None:
    while True:
        held, slots = load()
        now = replace(me, at=time.time(), memory=resident_bytes(), held=held, slots=slots)
        try:
            await asyncio.to_thread(_tell, client, now)
        except redis.RedisError as error:
            log.debug("presence.not_told", error=str(error))
        await asyncio.sleep(EVERY_SECONDS)


def _tell(client: redis.Redis, now: Process) -> None:
    key = KEY + now.id
    with client.pipeline(transaction=True) as pipe:
        pipe.hset(key, mapping={"process": orjson.dumps(asdict(now)), "metrics": generate_latest(REGISTRY)})
        pipe.expire(key, KEPT_SECONDS)
        pipe.execute()


def _forget(client: redis.Redis, me: Process) -> None:
    try:
        client.delete(KEY + me.id)
    except redis.RedisError as error:
        log.debug("presence.not_forgotten", error=str(error))


def alive(client: redis.Redis) -> list[Process]:
    """The processes that told of themselves in the last 20 s, oldest first. Raises redis.RedisError."""
    return sorted((process for process, _ in expositions(client)), key=lambda process: (process.part, process.since))


def expositions(client: redis.Redis) -> list[tuple[Process, str]]:
    """The metrics of each live process, in Prometheus' text format. Raises redis.RedisError."""
    with client.pipeline(transaction=False) as pipe:
        for key in client.scan_iter(KEY + "*", count=SCAN_COUNT):
            pipe.hmget(key, ["process", "metrics"])
        found = [(told, counted) for told, counted in pipe.execute() if told is not None]
    return [(Process(**orjson.loads(told)), counted.decode()) for told, counted in found]


def resident_bytes() -> int:
    """The memory of this process that lies in RAM now; where the system does not tell, the most it ever was."""
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    return pages * resource.getpagesize()
