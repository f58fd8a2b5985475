"""The wish that a run rests, its going on, and the answer to one that rests because its budget is used up."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson

from engine.events import Event
from engine.models.states import RUN, SEGMENT
from engine.store.cancelling import LOCK_SEGMENTS, cancel
from engine.store.driver import Driver, Operation
from engine.store.results import Woken
from engine.store.settling import settle
from engine.store.statement import Statement

WANT_PAUSE = Statement(
    f"""UPDATE run SET wanted = 'pause', wanted_at = {{clock}}
    WHERE id = :run AND wanted IS NULL AND {RUN.becoming("paused")} RETURNING id"""
)
PAUSE_SEGMENTS = Statement(
    f"""UPDATE segment SET status = 'paused', queued_at = NULL
    WHERE run_id = :run AND {SEGMENT.becoming("paused", "queued", "parked")}"""
)
PAUSE_RUN = Statement(
    f"""UPDATE run SET status = 'paused', wanted = NULL, wanted_at = NULL, seq = seq + 1
    WHERE id = :run AND {RUN.becoming("paused")} RETURNING workspace_id, workflow_id, seq"""
)
RESUME_RUN = Statement(
    f"""UPDATE run SET wanted = NULL, wanted_at = NULL, seq = seq + 1,
        status = CASE WHEN {RUN.becoming("queued", "paused")} THEN 'queued' ELSE status END
    WHERE id = :run AND (status = 'paused' OR (wanted = 'pause' AND status IN {RUN.within("queued", "running")}))
        AND NOT EXISTS (SELECT 1 FROM wait WHERE run_id = :run AND kind = 'budget' AND settled_at IS NULL)
    RETURNING workspace_id, workflow_id, status, seq"""
)
RESUME_SEGMENTS = Statement(
    f"""UPDATE segment SET status = 'queued', queued_at = {{clock}}, delivered_at = NULL,
        priority = CASE WHEN priority > 1 THEN 1 ELSE priority END
    WHERE run_id = :run AND {SEGMENT.becoming("queued", "paused")} RETURNING run_id"""
)
RESTS_FOR_BUDGET = Statement("SELECT 1 FROM wait WHERE id = :wait AND kind = 'budget'")
SET_BUDGET = Statement("UPDATE run SET budget = :budget WHERE id = :run")


def pause(driver: Driver, run_id: str) -> Operation:
    """Wishes a run to rest until it is resumed: at once if nobody advances it now, else its holder is told.

    Gives Woken; `done` is False for a run that is over, rests already, or is to be cancelled.
    """
    key = {"run": run_id}
    segments = driver.send(LOCK_SEGMENTS, key)
    wanted = driver.send(WANT_PAUSE, key)
    yield
    if not wanted.rows():
        return Woken(run_id, done=False)
    driver.send(PAUSE_SEGMENTS, key)
    if any(status == "running" for _, status in segments.rows()):
        yield
        return Woken(run_id, done=True, nudge=run_id)
    paused = driver.send(PAUSE_RUN, key)
    yield
    workspace, workflow, seq = paused.rows()[0]
    event = Event(run_id, workspace, seq, "run", "paused", time.time_ns() // 1_000_000, workflow_id=workflow)
    return Woken(run_id, done=True, events=(event,))


def resume(driver: Driver, run_id: str) -> Operation:
    """Queues a paused run again, or takes the wish to pause back. Gives Woken.

    It waits for its turn in the backlog. Whatever settled meanwhile is found by the next holder, which reads the run's
    rows anew.
    """
    key = {"run": run_id}
    driver.send(LOCK_SEGMENTS, key)
    resumed = driver.send(RESUME_RUN, key)
    yield
    rows = resumed.rows()
    if not rows:
        return Woken(run_id, done=False)
    queued = driver.send(RESUME_SEGMENTS, key)
    yield
    workspace, workflow, status, seq = rows[0]
    event = Event(run_id, workspace, seq, "run", status, time.time_ns() // 1_000_000, workflow_id=workflow)
    return Woken(run_id, done=True, events=(event,), held=bool(queued.rows()))


def settle_due(driver: Driver, wait_id: str, outcome: Any, deliver: bool = True) -> Operation:
    """Settles a wait whose time has come. A run that waited for another day to spend money goes on. Gives Woken."""
    settled: Woken = yield from settle(driver, wait_id, outcome, early=False, deliver=deliver)
    if not settled.done:
        return settled
    resting = driver.send(RESTS_FOR_BUDGET, {"wait": wait_id})
    yield
    if not resting.rows():
        return settled
    resumed: Woken = yield from resume(driver, settled.run_id)
    return replace(resumed, done=True, events=(*settled.events, *resumed.events))


def raise_budget(  # noqa: PLR0917 - the question, its answer, and what follows
    driver: Driver, run_id: str, wait_id: str, outcome: Any, budget: Mapping[str, Any], deliver: bool = True
) -> Operation:
    """Answers a run that asks for a higher budget: gives it this one, and lets it go on. Gives Woken."""
    settled: Woken = yield from settle(driver, wait_id, outcome, early=True, deliver=deliver)
    if not settled.done:
        return settled
    driver.send(SET_BUDGET, {"run": run_id, "budget": orjson.dumps(budget).decode()})
    resumed: Woken = yield from resume(driver, run_id)
    return replace(resumed, done=True, events=(*settled.events, *resumed.events))


def end_budget(driver: Driver, run_id: str, wait_id: str, outcome: Any) -> Operation:
    """Answers a run that asks for a higher budget: it ends. Gives Woken."""
    settled: Woken = yield from settle(driver, wait_id, outcome, early=True)
    if not settled.done:
        return settled
    ended: Woken = yield from cancel(driver, run_id)
    return replace(ended, done=True, events=(*settled.events, *ended.events))
