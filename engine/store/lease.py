"""The claims that a process holds: renewed together, watched, given back.

Holders stop themselves by their own monotonic clock, should the database's answer not come.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from functools import partial

import structlog

from engine.models.states import SEGMENT
from engine.store.claim import Claim, take
from engine.store.driver import Driver, Operation
from engine.store.results import Delivery, Found
from engine.store.statement import Statement
from engine.store.writer import Writer

MARGIN_SECONDS = 1.0
log = structlog.get_logger()
# By its number and epoch: a lease that its holder has dropped must run out, whatever else of the run is held here.
RENEW = Statement(
    """UPDATE segment SET lease_until = {clock} + :lease
    WHERE run_id {in:runs} AND owner = :owner AND status = 'running'
        AND (run_id || '-' || number || '-' || epoch) {in:held}
    RETURNING run_id, number, epoch, (SELECT wanted FROM run WHERE run.id = segment.run_id)"""
)
GIVE_BACK = Statement(
    f"""UPDATE segment SET status = 'queued', queued_at = {{clock}}, delivered_at = {{clock}}, owner = NULL,
        lease_until = NULL, priority = CASE WHEN priority > 1 THEN 1 ELSE priority END
    WHERE run_id = :run AND number = :segment AND epoch = :epoch AND {SEGMENT.becoming("queued", "running")}
    RETURNING epoch"""
)


def renew(driver: Driver, owner: str, lease: int, claims: Sequence[Claim]) -> Operation:
    """Prolongs these leases, those that `owner` still holds. Gives {(run, segment): (epoch, wanted)} of those."""
    runs = sorted({held.run_id for held in claims})
    names = [f"{held.run_id}-{held.segment}-{held.epoch}" for held in claims]
    renewed = driver.send(RENEW, {"runs": runs, "held": names, "owner": owner, "lease": lease})
    yield
    return {(run, number): (epoch, wanted) for run, number, epoch, wanted in renewed.rows()}


def give_back(driver: Driver, held: Claim) -> Operation:
    """Queues a held segment again, for another worker. Gives Found: nothing if the segment was lost already."""
    back = driver.send(GIVE_BACK, {"run": held.run_id, "segment": held.segment, "epoch": held.epoch})
    yield
    return Found((Delivery(held.run_id, held.segment, held.epoch),) if back.rows() else ())


class Leases:
    """The claims that this process holds, renewed together ahead of all other writes."""

    def __init__(self, writer: Writer, seconds: float = 15.0) -> None:
        self.owner = secrets.token_hex(16)
        self._writer = writer
        self._seconds = seconds
        self._held: dict[tuple[str, int], Claim] = {}
        self._tasks: tuple[asyncio.Task[None], ...] = ()

    @property
    def held(self) -> tuple[Claim, ...]:
        """The claims that are held now."""
        return tuple(self._held.values())

    def start(self) -> None:
        """Begins to renew, every third of the lease's length, and to watch the holders' own clock."""
        self._tasks = (
            asyncio.create_task(self._renew_for_ever(), name="leases"),
            asyncio.create_task(self._watch_for_ever(), name="leases' clock"),
        )

    async def stop(self) -> None:
        """Ends the renewing. Leases still held run out."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def claim(self, delivery: Delivery) -> Claim | None:
        """Takes a segment, or gives None if that was refused: redelivery is the sweep's business alone."""
        key = (delivery.run_id, delivery.segment)
        if key in self._held:
            return None
        deadline = time.monotonic() + self._seconds
        held: Claim | None = await self._writer.submit(
            partial(take, delivery=delivery, owner=self.owner, lease=int(self._seconds * 1000), deadline=deadline)
        )
        if held is not None:
            self._held[key] = held
        return held

    def adopt(self, held: Claim) -> None:
        """Renews from now on a claim that was made together with its run."""
        self._held[(held.run_id, held.segment)] = held

    async def look(self, run_id: str) -> None:
        """Renews the claims of one run now, and so learns at once what its row wants."""
        claims = tuple(held for held in self.held if held.run_id == run_id)
        if claims:
            await self._renew(claims)

    def drop(self, held: Claim) -> None:
        """Forgets a claim whose segment is done, parked or lost."""
        if self._held.get((held.run_id, held.segment)) is held:
            del self._held[(held.run_id, held.segment)]

    async def give_back(self, held: Claim) -> Found:
        """Queues a held segment again, for another worker; finds nothing if it was lost already."""
        try:
            found: Found = await self._writer.submit(partial(give_back, held=held))
        finally:
            self.drop(held)
        return found

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._seconds / 3)
            if self._held:
                await self._renew(self.held)

    async def _renew(self, claims: tuple[Claim, ...]) -> None:
        asked = time.monotonic()
        lease = int(self._seconds * 1000)
        # One that is lost already may be another's by now, or shall become it.
        claims = tuple(held for held in claims if held.reason != "lost")
        make = partial(renew, owner=self.owner, lease=lease, claims=claims)
        try:
            renewed = await self._writer.submit(make, urgent=True)
        except Exception as error:
            # Tried again a third of a lease later; if none succeeds, the holders' own clock ends them.
            log.warning("lease.not_renewed", error=repr(error))
            return
        for held in claims:
            epoch, wanted = renewed.get((held.run_id, held.segment), (None, None))
            if epoch == held.epoch:
                held.deadline = asked + self._seconds
                held.heed(wanted)
            elif self._held.get((held.run_id, held.segment)) is held:
                held.end("lost")

    async def _watch_for_ever(self) -> None:
        """Ends holders whose own clock says that the lease is about to run out."""
        margin = min(MARGIN_SECONDS, self._seconds / 5)
        while True:
            await asyncio.sleep(margin / 4)
            moment = time.monotonic() + margin
            for held in self.held:
                if held.deadline < moment:
                    held.end("lost")
