"""Keeps the store small: measures runs that are over, removes those whose time of keeping is past, frees the room.

The scheduler does it, beside its other work and in small pieces. Several may do it at once, and any may be killed at
any moment: what one left half done the next goes on with.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial

import structlog

from engine.store import retention, space, spending
from engine.store.collector import Collected, Collector
from engine.store.db import Database, DatabaseUnavailable
from engine.store.places import StoreUnavailable
from engine.store.storage import Storage
from engine.store.writer import Writer

EVERY_SECONDS = 15.0
COLLECT_SECONDS = 1_800.0
REMOVED_AT_ONCE = 25
PAUSE_SECONDS = 0.05  # after each piece of work, in which others write

log = structlog.get_logger()


class Upkeep:
    """One process's share of the upkeep."""

    def __init__(self, data: Database, writer: Writer, storage: Storage, collector: Collector | None = None) -> None:
        self._data, self._writer = data, writer
        self._collector = collector or Collector(data, storage)

    async def go_on(self) -> None:
        """Measures and removes every few seconds, collects every half hour; for ever."""
        collected = time.monotonic()
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            try:
                await self.measure()
                removed = await self.remove()
                due = time.monotonic() - collected > COLLECT_SECONDS
                if due:
                    collected = time.monotonic()
                    await self.collect()
                    await self.forget()
                if removed or due:
                    await self.give_back()
            except (DatabaseUnavailable, StoreUnavailable) as error:
                log.warning("upkeep.failed", error=str(error), cause=getattr(error, "cause", ""))
            except Exception:
                # Whatever it was, it must not keep the store from being looked after the next time.
                log.exception("upkeep.failed")

    async def measure(self) -> int:
        """Notes how many bytes the runs have that ended since. Gives how many runs those were."""
        count = 0
        while found := await asyncio.to_thread(self._unmeasured):
            await self._writer.submit(partial(retention.measured, found=found))
            count += len(found)
            await asyncio.sleep(PAUSE_SECONDS)
        return count

    async def remove(self) -> int:
        """Removes the runs that are not kept any longer, also those that another process left half removed.

        Gives how many.
        """
        count = 0
        for workflow, bounds in (await asyncio.to_thread(self._bounded)).items():
            while runs := await asyncio.to_thread(self._too_much, workflow, bounds):
                gone: list[str] = await self._writer.submit(partial(retention.give_up, runs=runs))
                if not gone:
                    break
        while runs := await asyncio.to_thread(self._given_up):
            for start in range(0, len(runs), REMOVED_AT_ONCE):
                some = runs[start : start + REMOVED_AT_ONCE]
                count += sum(await asyncio.gather(*map(self._remove, some)))
        if count:
            log.info("upkeep.removed", runs=count)
        return count

    async def forget(self) -> None:
        """Forgets what was spent on days that are long past."""
        await self._writer.submit(spending.forget)

    async def collect(self) -> Collected:
        """Deletes the payloads that nothing names any more, in all workspaces."""
        done = Collected()
        for workspace in await asyncio.to_thread(self._collector.workspaces):
            one = await asyncio.to_thread(self._collector.collect, workspace)
            done = Collected(
                done.aside + one.aside, done.back + one.back, done.deleted + one.deleted, done.bytes + one.bytes
            )
        if done.deleted:
            log.info("upkeep.collected", payloads=done.deleted, bytes=done.bytes)
        return done

    async def give_back(self) -> None:
        """Returns the room of deleted rows to the disk."""
        while await asyncio.to_thread(space.give_back, self._data):  # noqa: ASYNC110 - no wait: work in pieces
            await asyncio.sleep(PAUSE_SECONDS)

    async def _remove(self, run_id: str) -> bool:
        remove = partial(retention.remove, run_id=run_id)
        while not await self._writer.submit(remove):  # noqa: ASYNC110 - no wait: work in pieces
            await asyncio.sleep(PAUSE_SECONDS)
        return True

    def _unmeasured(self) -> list[retention.Measure]:
        with self._data.reader() as driver:
            return retention.unmeasured(driver)

    def _bounded(self) -> dict[str, retention.Retention]:
        with self._data.reader() as driver:
            return retention.bounded(driver)

    def _too_much(self, workflow: str, bounds: retention.Retention) -> list[str]:
        with self._data.reader() as driver:
            return retention.too_much(driver, workflow, bounds)

    def _given_up(self) -> list[str]:
        with self._data.reader() as driver:
            return retention.given_up(driver)
