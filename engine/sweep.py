"""Picking up what was left behind. Needs no leader: every process does it, and each thing is found by one only."""

from __future__ import annotations

import asyncio
from functools import partial

import structlog

from engine.launch import Launcher
from engine.store import cancelling
from engine.store.db import DatabaseUnavailable
from engine.store.results import Swept
from engine.store.sweeping import sweep

EVERY_SECONDS = 1.0
# The queue holds half a second of work: what nobody took in this time was lost on the way, or there is no worker. In
# either case it goes back into the backlog: an id that still is on the queue is not put there twice.
PATIENCE_MILLISECONDS = 5_000

log = structlog.get_logger()


async def sweep_once(launcher: Launcher) -> Swept:
    """Puts back what lost its lease or its delivery into the backlog; ends runs that heed no cancelling."""
    found: Swept = await launcher.writer.submit(partial(sweep, patience=PATIENCE_MILLISECONDS))
    if found.held:
        log.info("sweep.found", expired=len(found.expired), forgotten=len(found.forgotten))
    await launcher.writer.submit(cancelling.cancel_overdue)
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
