"""Answering what a run waits for, once, so that it goes on."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import orjson

from engine.events import Event
from engine.models.states import RUN, SEGMENT
from engine.store.backlog import at_once
from engine.store.driver import Driver, Operation, Row
from engine.store.results import Delivery, Woken
from engine.store.statement import Statement

SETTLE = Statement(
    """UPDATE wait SET settled_at = {clock}, outcome = :outcome,
        wake = (SELECT run.wake + 1 FROM run WHERE run.id = wait.run_id)
    WHERE id = :wait AND settled_at IS NULL AND (:early OR due <= {clock})
        AND (NOT :in_time OR due IS NULL OR due > {clock}) RETURNING run_id"""
)
LOCK_SEGMENTS_OF_WAIT = Statement(
    "SELECT number FROM segment WHERE run_id = (SELECT run_id FROM wait WHERE id = :wait) {lock}"
)
WAKE_SEGMENTS = Statement(
    f"""UPDATE segment SET status = 'queued', queued_at = {{clock}},
        priority = CASE WHEN priority > 1 THEN 1 ELSE priority END,
        delivered_at = {at_once("segment.workspace_id", "segment.workflow_id")}
    WHERE run_id = :run AND {SEGMENT.becoming("queued", "parked")}
    RETURNING run_id, number, epoch, delivered_at"""
)
WAKE_RUN = Statement(
    f"""UPDATE run SET wake = wake + 1, seq = seq + 1,
        status = CASE WHEN {RUN.becoming("queued", "waiting")} THEN 'queued' ELSE status END
    WHERE id = :run AND status IN {RUN.within(*RUN.open)} RETURNING workspace_id, workflow_id, status, seq"""
)
DUE_WAITS = Statement("""SELECT id FROM wait WHERE settled_at IS NULL AND due <= {clock} ORDER BY due LIMIT :limit""")


def settle(  # noqa: PLR0917 - how the wait is found, and what follows
    driver: Driver, wait_id: str, outcome: Any, early: bool, in_time: bool = False, deliver: bool = True
) -> Operation:
    """Answers a wait, once: consumes it, raises the run's `wake`, and queues a parked segment. Gives Woken.

    With `early` False only a wait that is due is settled; with `in_time` only one that is not. `deliver` as for
    `start`.
    """
    driver.send(LOCK_SEGMENTS_OF_WAIT, {"wait": wait_id})
    values = {"wait": wait_id, "outcome": orjson.dumps(outcome).decode(), "early": early, "in_time": in_time}
    settled = driver.send(SETTLE, values)
    yield
    rows = settled.rows()
    if not rows:
        return Woken("", done=False)
    run_id = rows[0][0]
    woken = driver.send(WAKE_SEGMENTS, {"run": run_id, "deliver": deliver})
    told = driver.send(WAKE_RUN, {"run": run_id})
    yield
    deliveries, held = queued(woken.rows())
    if not told.rows():
        return Woken(run_id, done=False)
    workspace, workflow, status, seq = told.rows()[0]
    event = Event(run_id, workspace, seq, "run", status, time.time_ns() // 1_000_000, workflow_id=workflow)
    return Woken(run_id, done=True, deliveries=deliveries, events=(event,), held=held)


def queued(rows: Sequence[Row]) -> tuple[tuple[Delivery, ...], bool]:
    """Of segments that were queued: those to be put on the queue now, and whether others wait for their turn."""
    deliveries = tuple(Delivery(*row[:3]) for row in rows if row[3] is not None)
    return deliveries, len(deliveries) < len(rows)


def due_waits(driver: Driver, limit: int) -> Operation:
    """The ids of waits whose time has come."""
    found = driver.send(DUE_WAITS, {"limit": limit})
    yield
    return [row[0] for row in found.rows()]
