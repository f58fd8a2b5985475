"""The wish to end a run: heeded by its holder, or taken into one's own hands."""

from __future__ import annotations

import orjson

from engine.events import Event
from engine.models.states import RUN, SEGMENT, STEP
from engine.store.driver import Driver, Operation
from engine.store.results import Ended, Reply, Told, Woken
from engine.store.settling import WAKE_SEGMENTS, queued, settle
from engine.store.statement import Statement

GRACE_MILLISECONDS = 10_000
LOCK_SEGMENTS = Statement("SELECT number, status FROM segment WHERE run_id = :run {lock}")
WANT_CANCEL = Statement(
    f"""UPDATE run SET wanted = 'cancel', wanted_at = CASE WHEN wanted = 'cancel' THEN wanted_at ELSE {{clock}} END
    WHERE id = :run AND status IN {RUN.within(*RUN.open)} RETURNING id"""
)
CLOSE_SEGMENTS = Statement(
    f"""UPDATE segment SET status = 'done', epoch = epoch + 1, owner = NULL, lease_until = NULL
    WHERE run_id = :run AND {SEGMENT.becoming("done")}"""
)
CANCEL_STEPS = Statement(
    f"""UPDATE step SET status = 'cancelled', finished_at = {{clock}}
    WHERE run_id = :run AND {STEP.becoming("cancelled")}"""
)
DROP_WAITS = Statement(
    """UPDATE wait SET settled_at = {clock}, outcome = :outcome WHERE run_id = :run AND settled_at IS NULL"""
)
# The wait for a run has that run's id.
AWAITED = Statement("SELECT id FROM wait WHERE run_id = :run AND kind = 'run' AND settled_at IS NULL")
CANCEL_RUN = Statement(
    f"""UPDATE run SET status = 'cancelled', seq = seq + 1, finished_at = {{clock}}
    WHERE id = :run AND {RUN.becoming("cancelled")}
    RETURNING workspace_id, workflow_id, seq, finished_at, options"""
)
OVERDUE_CANCELS = Statement(
    f"""SELECT id FROM run WHERE wanted = 'cancel' AND status IN {RUN.within(*RUN.open)}
    AND wanted_at < {{clock}} - :grace LIMIT 100"""
)


def cancel(driver: Driver, run_id: str) -> Operation:
    """Wishes a run to end: at once if nobody advances it now, else its holder is told. Gives Woken."""
    segments = driver.send(LOCK_SEGMENTS, {"run": run_id})
    wanted = driver.send(WANT_CANCEL, {"run": run_id})
    yield
    if not wanted.rows():
        return Woken(run_id, done=False)
    if any(status == "running" for _, status in segments.rows()):
        # One that sleeps until its shards are done ends the run; those that are at it are told.
        woken = driver.send(WAKE_SEGMENTS, {"run": run_id, "deliver": True})
        yield
        deliveries, held = queued(woken.rows())
        return Woken(run_id, done=True, nudge=run_id, deliveries=deliveries, held=held)
    return (yield from _cancel_now(driver, run_id))


def cancel_overdue(driver: Driver) -> Operation:
    """Ends the runs whose holder did not heed the wish to cancel within 10 s: its epoch is over. Gives Ended."""
    overdue = driver.send(OVERDUE_CANCELS, {"grace": GRACE_MILLISECONDS})
    yield
    ended: list[Woken] = []
    for (run_id,) in overdue.rows():
        ended.append((yield from _cancel_now(driver, run_id)))
    replies = tuple(woken.reply for woken in ended if woken.reply)
    told = tuple(event for woken in ended for event in woken.events)
    return Ended(tuple(woken.run_id for woken in ended), told, replies, Told.joined([woken.more for woken in ended]))


def _cancel_now(driver: Driver, run_id: str) -> Operation:
    key = {"run": run_id}
    awaited = driver.send(AWAITED, key)
    driver.send(CLOSE_SEGMENTS, key)
    driver.send(CANCEL_STEPS, key)
    driver.send(DROP_WAITS, {**key, "outcome": '{"cancelled":true}'})
    ended = driver.send(CANCEL_RUN, key)
    yield
    rows = ended.rows()
    if not rows:
        return Woken(run_id, done=False)
    workspace, workflow, seq, at, held = rows[0]
    options = orjson.loads(held)
    others: list[Woken] = []
    for (other,) in awaited.rows():
        others.append((yield from cancel(driver, other)))
    if "parent" in options:
        others.append((yield from settle(driver, run_id, {"status": "cancelled"}, early=True)))
    event = Event(run_id, workspace, seq, "run", "cancelled", at, workflow_id=workflow)
    more = Told.of(others) if others else None
    return Woken(run_id, done=True, events=(event,), reply=Reply.of(run_id, "cancelled", options), more=more)
