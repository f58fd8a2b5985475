"""Picking up what was left behind. Needs no leader: every process does it, and each thing is found by one only."""

from __future__ import annotations

import asyncio
from functools import partial

import redis
import structlog

from engine.delivery.queue import RunQueue
from engine.launch import Launcher
from engine.store import record
from engine.store.db import DatabaseUnavailable
from engine.store.lease import Found, sweep

EVERY_SECONDS = 1.0
PATIENCE_MILLISECONDS = 5_000
# How long one waiting job may take at worst: what waits behind a backlog is not lost.
MILLISECONDS_PER_JOB = 5

log = structlog.get_logger()


async def sweep_once(launcher: Launcher) -> Found:
    """Queues segments again whose lease ran out or whose delivery was lost; ends runs that heed no cancelling."""
    try:
        depth = await asyncio.to_thread(RunQueue(launcher.client).depth)
    except redis.RedisError:
        # Nothing can be delivered; what lost its lease is queued all the same, for when Redis is back.
        depth = 10_000_000
    patience = PATIENCE_MILLISECONDS + depth * MILLISECONDS_PER_JOB
    found: Found = await launcher.writer.submit(partial(sweep, patience=patience))
    if found.deliveries:
        log.info("sweep.found", segments=len(found.deliveries))
    await launcher.writer.submit(record.cancel_overdue)
    return found


async def sweep_for_ever(launcher: Launcher) -> None:
    """Sweeps each second."""
    while True:
        await asyncio.sleep(EVERY_SECONDS)
        try:
            await sweep_once(launcher)
        except DatabaseUnavailable as error:
            log.warning("sweep.failed", error=str(error))
        except Exception:
            # Whatever it was, runs that were left behind must be found the next time.
            log.exception("sweep.failed")
