"""What others than the holder write about a run: its start, answers to what it waits for, the wish to end it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from engine.events import Event
from engine.models.states import RUN, SEGMENT, STEP
from engine.store.backlog import at_once
from engine.store.driver import Driver, Operation, Row, Statement
from engine.store.lease import Delivery, Reply

GRACE_MILLISECONDS = 10_000


class EarlierRunGone(ValueError):
    """The run whose results a new one was to take over is not there any more, or not all of them are."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Which steps a new run takes over from an ended one of its workspace, with all their rows.

    `nodes`: of the top level, each of which must have ended there. `containers`: those of them with rows of what
    happened inside. `rounds`: containers that have not ended well: their good rounds are taken, and of the others what
    was done in them.
    """

    run_id: str
    nodes: tuple[str, ...]
    containers: tuple[str, ...] = ()
    rounds: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NewRun:
    """A run to be recorded. `options` travel with it to the executor; `due` is milliseconds since 1970 UTC.

    A run that another started names it (`parent_run_id`), the step there ({scope, node, item}), and the first of all
    (`root_run_id`). With an `idempotency_key` the workspace's earlier run of that key is given instead of a second one;
    with `trigger_id` and `due`, one fire of a schedule makes one run.
    """

    id: str
    workspace_id: str
    workflow_id: str
    version_id: str
    source: str
    input: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)
    started_by: str | None = None
    idempotency_key: str | None = None
    trigger_id: str | None = None
    due: int | None = None
    again_of: str | None = None
    reply: bool = False
    taken: tuple[Taken, ...] = ()
    parent_run_id: str | None = None
    parent_step: Mapping[str, Any] | None = None
    root_run_id: str | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A recorded run. `created` is False if an earlier run has the same idempotency key, or fire of a schedule.

    `held`: it waits in the backlog for its turn.
    """

    run_id: str
    created: bool
    status: str = "queued"
    deliveries: tuple[Delivery, ...] = ()
    events: tuple[Event, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True)
class Woken:
    """What settling or cancelling did: whether it took effect, the segments to be enqueued, the run to be nudged.

    `held`: the run waits in the backlog for its turn. `more`: what it means for other runs.
    """

    run_id: str
    done: bool
    deliveries: tuple[Delivery, ...] = ()
    events: tuple[Event, ...] = ()
    reply: Reply | None = None
    nudge: str | None = None
    held: bool = False
    more: Told | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be done in Redis for other runs than the one in question: those it started, or that wait for it."""

    deliveries: tuple[Delivery, ...] = ()
    events: tuple[Event, ...] = ()
    replies: tuple[Reply, ...] = ()
    nudges: tuple[str, ...] = ()
    held: bool = False

    @classmethod
    def of(cls, results: Sequence[Started | Woken]) -> Told:
        """All that these say, and what they say of further runs."""
        woken = [result for result in results if isinstance(result, Woken)]
        own = cls(
            tuple(delivery for result in results for delivery in result.deliveries),
            tuple(event for result in results for event in result.events),
            tuple(result.reply for result in woken if result.reply),
            tuple(result.nudge for result in woken if result.nudge),
            any(result.held for result in results),
        )
        return cls.joined([own, *(result.more for result in woken)]) or own

    @classmethod
    def joined(cls, parts: Sequence[Told | None]) -> Told | None:
        """All that these say; None if they say nothing."""
        found = [part for part in parts if part is not None]
        if not found:
            return None
        return cls(
            tuple(delivery for part in found for delivery in part.deliveries),
            tuple(event for part in found for event in part.events),
            tuple(reply for part in found for reply in part.replies),
            tuple(nudge for part in found for nudge in part.nudges),
            any(part.held for part in found),
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """The runs that were ended without their holder's doing. `more`: what that means for other runs."""

    run_ids: tuple[str, ...]
    events: tuple[Event, ...]
    replies: tuple[Reply, ...]
    more: Told | None = None


PUT_RUN = Statement(
    """INSERT INTO run (id, workspace_id, workflow_id, version_id, status, source, started_by, input, options, wake,
        seq, budget, idempotency_key, trigger_id, due, again_of, reply, parent_run_id, parent_step, root_run_id,
        created_at)
    VALUES (:id, :workspace, :workflow, :version, 'queued', :source, :started_by, :input, :options, 0,
        1, (SELECT limits FROM workflow WHERE workflow.id = CAST(:workflow AS VARCHAR)), :key, :trigger, :due,
        :again_of, :reply, :parent, :parent_step, :root, {clock})
    ON CONFLICT DO NOTHING RETURNING created_at"""
)
PUT_SEGMENT = Statement(
    f"""INSERT INTO segment
        (run_id, number, workspace_id, workflow_id, status, epoch, priority, queued_at, delivered_at)
    VALUES (:id, 0, :workspace, :workflow, 'queued', 0, :priority, {{clock}},
        {at_once("CAST(:workspace AS VARCHAR)", "CAST(:workflow AS VARCHAR)")})
    RETURNING delivered_at"""
)
SAME_RUN = Statement(
    """SELECT id, status FROM run WHERE workspace_id = :workspace
    AND (idempotency_key = :key OR (trigger_id = :trigger AND due = :due))"""
)

_TAKE = """INSERT INTO step (run_id, scope, node_id, item, workspace_id, seq, epoch, attempt, status, output, input,
        error, counts, log, stand_in, started_at, finished_at, reused_from)
    SELECT CAST(:id AS TEXT), scope, node_id, item, workspace_id, 1, 0, attempt, status, output, input, error,
        counts, log, stand_in, started_at, finished_at, COALESCE(reused_from, run_id)
    FROM step WHERE run_id = :earlier AND workspace_id = :workspace"""
_INSIDE = "substr(scope, 1, CAST(:length AS INTEGER)) = :prefix"
_ROUNDS = f"({_INSIDE} OR (scope = '' AND node_id = :node AND item <> ''))"
TAKE_STEPS = Statement(
    f"{_TAKE} AND scope = '' AND node_id {{in:nodes}} AND status IN {STEP.within('done', 'failed', 'skipped')}"
)
TAKE_INSIDE = Statement(f"{_TAKE} AND {_INSIDE} AND status IN {STEP.within('done', 'failed', 'skipped')}")
# What is over for good: done, skipped, or failed into its error output.
TAKE_ROUNDS = Statement(
    f"""{_TAKE} AND {_ROUNDS}
        AND (status IN {STEP.within("done", "skipped")} OR (status = 'failed' AND item = '' AND output IS NOT NULL))"""
)
# A round that is not over counts as begun, so that what was done in it is found.
BEGIN_ROUNDS = Statement(
    f"""INSERT INTO step (run_id, scope, node_id, item, workspace_id, seq, epoch, attempt, status)
    SELECT CAST(:id AS TEXT), scope, node_id, item, workspace_id, 1, 0, 1, 'running' FROM step
    WHERE run_id = :earlier AND workspace_id = :workspace AND {_ROUNDS} AND item <> ''
        AND status IN {STEP.within("failed", "cancelled", "running", "waiting")}"""
)
# Locked, so that nobody removes it before what was taken over is committed.
STILL_THERE = Statement("SELECT id FROM run WHERE id {in:runs} AND removed_at IS NULL {share}")
COUNT_TAKEN = Statement("SELECT count(*) FROM step WHERE run_id = :id AND scope = '' AND item = ''")


def start(driver: Driver, new: NewRun, deliver: bool = True) -> Operation:
    """Records a queued run with its first segment, and the steps that it takes over. Gives Started.

    With `deliver` it is delivered at once if nobody of its workspace waits and nothing limits it; else it waits in the
    backlog. Raises EarlierRunGone: then nothing is recorded, since what is missing would be done a second time.
    """
    inserted = driver.send(PUT_RUN, _run_values(new))
    yield
    rows = inserted.rows()
    if not rows:
        same = {"workspace": new.workspace_id, "key": new.idempotency_key, "trigger": new.trigger_id, "due": new.due}
        earlier = driver.send(SAME_RUN, same)
        yield
        found = earlier.rows()
        if not found:
            raise ValueError(f"A run with the id {new.id} exists already")
        return Started(found[0][0], created=False, status=found[0][1])
    segment = driver.send(PUT_SEGMENT, _segment_values(new, deliver))
    yield
    if new.taken:
        yield from _take(driver, new)
    event = Event(new.id, new.workspace_id, 1, "run", "queued", rows[0][0], workflow_id=new.workflow_id)
    held = segment.rows()[0][0] is None
    deliveries = () if held else (Delivery(new.id, 0, 0),)
    return Started(new.id, created=True, deliveries=deliveries, events=(event,), held=held)


def _segment_values(new: NewRun, deliver: bool) -> dict[str, Any]:
    whose = {"id": new.id, "workspace": new.workspace_id, "workflow": new.workflow_id}
    return {**whose, "priority": 0 if new.reply else 2, "deliver": deliver}


def _take(driver: Driver, new: NewRun) -> Operation:
    earlier = {taken.run_id for taken in new.taken}
    there = driver.send(STILL_THERE, {"runs": sorted(earlier)})
    for taken in new.taken:
        names = {"id": new.id, "earlier": taken.run_id, "workspace": new.workspace_id}
        driver.send(TAKE_STEPS, {**names, "nodes": list(taken.nodes)})
        for node in taken.containers:
            driver.send(TAKE_INSIDE, {**names, **_inside(node)})
        for node in taken.rounds:
            driver.send(TAKE_ROUNDS, {**names, **_inside(node), "node": node})
            driver.send(BEGIN_ROUNDS, {**names, **_inside(node), "node": node})
    counted = driver.send(COUNT_TAKEN, {"id": new.id})
    yield
    if len(there.rows()) != len(earlier) or counted.rows()[0][0] != sum(len(taken.nodes) for taken in new.taken):
        raise EarlierRunGone("an earlier run does not have all the steps that were to be taken over")


def _inside(node: str) -> dict[str, Any]:
    """How the paths of scopes begin that lie in a container of the top level."""
    return {"prefix": f"{node}.", "length": len(node) + 1}


def _run_values(new: NewRun) -> dict[str, Any]:
    return {
        "id": new.id,
        "workspace": new.workspace_id,
        "workflow": new.workflow_id,
        "version": new.version_id,
        "source": new.source,
        "started_by": new.started_by,
        "input": orjson.dumps(new.input).decode(),
        "options": orjson.dumps(new.options).decode(),
        "key": new.idempotency_key,
        "trigger": new.trigger_id,
        "due": new.due,
        "again_of": new.again_of,
        "reply": new.reply,
        "parent": new.parent_run_id,
        "parent_step": None if new.parent_step is None else orjson.dumps(new.parent_step).decode(),
        "root": new.root_run_id,
    }


SETTLE = Statement(
    """UPDATE wait SET settled_at = {clock}, outcome = :outcome,
        wake = (SELECT run.wake + 1 FROM run WHERE run.id = wait.run_id)
    WHERE id = :wait AND settled_at IS NULL AND (:early OR due <= {clock})
        AND (NOT :in_time OR due IS NULL OR due > {clock}) RETURNING run_id"""
)
LOCK_SEGMENTS = Statement("SELECT number, status FROM segment WHERE run_id = :run {lock}")
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
    deliveries, held = _queued(woken.rows())
    if not told.rows():
        return Woken(run_id, done=False)
    workspace, workflow, status, seq = told.rows()[0]
    event = Event(run_id, workspace, seq, "run", status, time.time_ns() // 1_000_000, workflow_id=workflow)
    return Woken(run_id, done=True, deliveries=deliveries, events=(event,), held=held)


def _queued(rows: Sequence[Row]) -> tuple[tuple[Delivery, ...], bool]:
    """Of segments that were queued: those to be put on the queue now, and whether others wait for their turn."""
    deliveries = tuple(Delivery(*row[:3]) for row in rows if row[3] is not None)
    return deliveries, len(deliveries) < len(rows)


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


SET_BUDGET = Statement("UPDATE run SET budget = :budget WHERE id = :run")


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


def cancel(driver: Driver, run_id: str) -> Operation:
    """Wishes a run to end: at once if nobody advances it now, else its holder is told. Gives Woken."""
    segments = driver.send(LOCK_SEGMENTS, {"run": run_id})
    wanted = driver.send(WANT_CANCEL, {"run": run_id})
    yield
    if not wanted.rows():
        return Woken(run_id, done=False)
    if any(status == "running" for _, status in segments.rows()):
        return Woken(run_id, done=True, nudge=run_id)
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


DUE_WAITS = Statement("""SELECT id FROM wait WHERE settled_at IS NULL AND due <= {clock} ORDER BY due LIMIT :limit""")


def due_waits(driver: Driver, limit: int) -> Operation:
    """The ids of waits whose time has come."""
    found = driver.send(DUE_WAITS, {"limit": limit})
    yield
    return [row[0] for row in found.rows()]


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
