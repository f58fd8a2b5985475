"""Who may advance a segment of a run: claim, renew, give back, sweep.

A claim raises the segment's epoch and takes a lease by the database's clock. Every later write of the holder is
conditional on that epoch, so a worker that was thought dead writes nothing (fencing tokens; Kleppmann, "How to do
distributed locking", 2016). Holders also stop themselves by their own monotonic clock. Only the sweep takes a lease
that ran out: a live one is never taken, not even by its owner.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import orjson
import structlog

from engine import clock, metrics
from engine.events import Event
from engine.models.states import RUN, SEGMENT
from engine.store.driver import Driver, Operation, Row, Statement
from engine.store.writer import Writer

StopReason = Literal["cancel", "pause", "lost", "drain"]
WEIGHT: dict[StopReason, int] = {"pause": 0, "drain": 1, "cancel": 2, "lost": 3}
MARGIN_SECONDS = 1.0
SWEEP_LIMIT = 500

log = structlog.get_logger()


class Fenced(Exception):
    """The segment is not this holder's any more: another epoch began. Nothing of the operation was written."""


@dataclass(slots=True)
class Claim:
    """The right to advance one segment. `stop` is set, with a `reason`, when the holder should come to an end.

    `waited`: whether the run may have waits that are open. `budget`: what it may spend; `steps`, `cost` (dollars) and
    `worked` (ms): what it had spent before.

    Times are milliseconds since 1970 by the database's clock; `deadline` is seconds of this process's monotonic clock.
    `task`: of a shard, what it is to do (`engine.store.shards`).
    `ended` is how its run ended in this holder's hands, once that is durable: (status, output, error).
    """

    run_id: str
    segment: int
    epoch: int
    workspace_id: str
    workflow_id: str
    version_id: str
    source: str
    input: dict[str, Any]
    options: dict[str, Any]
    wake: int
    created_at: int
    started_at: int
    deadline: float
    events: tuple[Event, ...] = ()
    wanted: str | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reason: StopReason | None = None
    ended: tuple[str, Any, Any] | None = None
    waited: bool = False
    budget: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    cost: float = 0.0
    worked: int = 0
    task: dict[str, Any] | None = None

    @property
    def fresh(self) -> bool:
        """Whether nobody advanced this segment before, so that there is no history to read."""
        return self.epoch == 1

    def heed(self, wanted: str | None) -> None:
        """Takes note of what the run's row wants: `cancel`, `pause` or nothing."""
        self.wanted = wanted
        if wanted == "cancel":
            self.end("cancel")
        elif wanted == "pause":
            self.end("pause")

    def end(self, reason: StopReason) -> None:
        """Asks the holder to come to an end. Cancelling outweighs pausing and draining; a lost lease, everything."""
        if reason == "lost" and self.reason != "lost":
            metrics.LEASES_LOST.inc()
        if self.reason is None or WEIGHT[reason] > WEIGHT[self.reason]:
            self.reason = reason
        self.stop.set()


@dataclass(frozen=True, slots=True)
class Delivery:
    """A segment that must be put on the queue: what an RQ job's id says."""

    run_id: str
    segment: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody waits for the end of a run: `to` names the list that the process of that somebody reads."""

    to: str
    run_id: str
    status: str

    @classmethod
    def of(cls, run_id: str, status: str, options: dict[str, Any]) -> Reply | None:
        """The reply that a run's options ask for, if they do."""
        return cls(options["reply_to"], run_id, status) if "reply_to" in options else None


@dataclass(frozen=True, slots=True)
class Found:
    """Segments that must be put on the queue again."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Swept:
    """The segments that a sweep put back into the backlog: their lease ran out, or nobody took what was delivered."""

    expired: tuple[Delivery, ...]
    forgotten: tuple[Delivery, ...]

    @property
    def held(self) -> bool:
        """Whether the backlog has grown."""
        return bool(self.expired or self.forgotten)


CLAIM = Statement(
    f"""UPDATE segment SET epoch = epoch + 1, status = 'running', owner = :owner, lease_until = {{clock}} + :lease
    WHERE run_id = :run AND number = :segment AND epoch = :epoch AND {SEGMENT.becoming("running")}
    RETURNING epoch, lease_until, task"""
)
BEGIN_RUN = Statement(
    f"""UPDATE run SET status = 'running', started_at = COALESCE(started_at, {{clock}}), seq = seq + 1
    WHERE id = :run AND {RUN.becoming("running", "queued", "running")}
    RETURNING workspace_id, workflow_id, version_id, source, input, options, wanted, wake, created_at, started_at,
        seq, budget, steps, cost, worked"""
)
DROP = Statement(
    f"""UPDATE segment SET status = 'done', owner = NULL, lease_until = NULL
    WHERE run_id = :run AND number = :segment AND {SEGMENT.becoming("done", "running")}"""
)
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
EXPIRED = Statement(
    f"""UPDATE segment SET status = 'queued', queued_at = {{clock}}, delivered_at = NULL, owner = NULL,
        lease_until = NULL, priority = CASE WHEN priority > 1 THEN 1 ELSE priority END
    WHERE (run_id, number) IN (SELECT run_id, number FROM segment
        WHERE {SEGMENT.becoming("queued", "running")} AND lease_until < {{clock}} ORDER BY lease_until
        LIMIT :limit {{skip}})
    RETURNING run_id, number, epoch"""
)
# Its place in the backlog is the one that it had: `queued_at` stays.
FORGOTTEN = Statement(
    """UPDATE segment SET delivered_at = NULL
    WHERE (run_id, number) IN (SELECT run_id, number FROM segment
        WHERE status = 'queued' AND delivered_at IS NOT NULL AND delivered_at < {clock} - :patience
        ORDER BY delivered_at LIMIT :limit {skip})
    RETURNING run_id, number, epoch"""
)


def claim(driver: Driver, delivery: Delivery, owner: str, lease: int, deadline: float) -> Operation:
    """Takes a queued segment for `lease` milliseconds. Gives a Claim, or None: taken, over, or delivered twice."""
    key = {"run": delivery.run_id, "segment": delivery.segment}
    taken = driver.send(CLAIM, {**key, "epoch": delivery.epoch, "owner": owner, "lease": lease})
    yield
    epochs = taken.rows()
    if not epochs:
        return None
    begun = driver.send(BEGIN_RUN, {"run": delivery.run_id})
    yield
    rows = begun.rows()
    if not rows:
        driver.send(DROP, key)
        yield
        return None
    epoch, until, task = epochs[0]
    clock.heard(until - lease)
    held = _claim(delivery, epoch, rows[0], deadline)
    held.task = orjson.loads(task) if isinstance(task, str | bytes) else task
    return held


def _claim(delivery: Delivery, epoch: int, row: Row, deadline: float) -> Claim:
    workspace, workflow, version, source, given, options, wanted, wake, created, started, seq = row[:11]
    budget, steps, cost, worked = row[11:]
    event = Event(delivery.run_id, workspace, seq, "run", "running", at=started)
    result = Claim(
        run_id=delivery.run_id,
        segment=delivery.segment,
        epoch=epoch,
        workspace_id=workspace,
        workflow_id=workflow,
        version_id=version,
        source=source,
        input=orjson.loads(given),
        options=orjson.loads(options),
        wake=wake,
        created_at=created,
        started_at=started,
        deadline=deadline,
        events=(event,),
        budget=orjson.loads(budget) if budget and budget != "{}" else {},
        steps=steps,
        cost=cost,
        worked=worked,
    )
    result.waited = not result.fresh
    result.heed(wanted)
    return result


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


def sweep(driver: Driver, patience: int) -> Operation:
    """Puts back into the backlog what lost its lease, and what was delivered more than `patience` ms ago in vain.

    Gives Swept. Needs no leader: each segment is found by one sweeper only.
    """
    expired = driver.send(EXPIRED, {"limit": SWEEP_LIMIT})
    forgotten = driver.send(FORGOTTEN, {"limit": SWEEP_LIMIT, "patience": patience})
    yield
    return Swept(tuple(Delivery(*row) for row in expired.rows()), tuple(Delivery(*row) for row in forgotten.rows()))


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
            partial(claim, delivery=delivery, owner=self.owner, lease=int(self._seconds * 1000), deadline=deadline)
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
