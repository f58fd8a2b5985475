"""A worker process for the contract test: `python -m tests.engine.rq_process <redis url> [burst]`."""

import asyncio
import sys
from typing import Any

import redis

from engine.rqworker import CoroutineWorker

LEASE_SECONDS = 3


async def fine(*_given: Any) -> None:
    """Ends well."""


async def failing() -> None:
    """Ends badly."""
    raise ValueError("as it was told to")


async def endless() -> None:
    """Never ends by itself."""
    await asyncio.sleep(3600)


async def until_drained() -> None:
    """Ends when the worker is asked to stop."""
    await asked.wait()


asked = asyncio.Event()
FUNCTIONS = {"fine": fine, "failing": failing, "endless": endless, "until_drained": until_drained}


def main(url: str, burst: bool) -> None:
    """Works until a signal comes, or the queue is empty."""
    client = redis.Redis.from_url(url)
    CoroutineWorker("contract", client, FUNCTIONS, lease=LEASE_SECONDS, drain=asked.set).work(burst=burst)


if __name__ == "__main__":
    main(sys.argv[1], "burst" in sys.argv[2:])
