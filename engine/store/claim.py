"""The right to advance a segment of a run: taking it, and what it says.

A claim raises the segment's epoch and takes a lease by the database's clock. Every later write of the holder is
conditional on that epoch, so a worker that was thought dead writes nothing (fencing tokens; Kleppmann, "How to do
distributed locking", 2016).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from engine import clock, metrics
from engine.events import Event
from engine.models.states import RUN, SEGMENT
from engine.store.driver import Driver, Operation, Row
from engine.store.results import Delivery
from engine.store.statement import Statement

StopReason = Literal["cancel", "pause", "lost", "drain"]
WEIGHT: dict[StopReason, int] = {"pause": 0, "drain": 1, "cancel": 2, "lost": 3}


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


def take(driver: Driver, delivery: Delivery, owner: str, lease: int, deadline: float) -> Operation:
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
