"""The writes of one checkpoint: steps, ends of tries, waits, the end of the run or its rest.

Each is conditional on the epoch of the segment that is held. Event numbers (`seq`) are given inside the transaction.
"""

from __future__ import annotations

import time
from typing import Any

import orjson

from engine.events import Event
from engine.models.runs import ASIDE
from engine.models.states import RUN, SEGMENT, STEP
from engine.store import joining
from engine.store.calls import follow
from engine.store.changes import Attempted, Changes, Json, Saved, StepRow
from engine.store.claim import Claim, Fenced
from engine.store.driver import Answer, Driver, Operation
from engine.store.results import Reply, Told
from engine.store.shards import deliveries, put
from engine.store.spending import SPEND
from engine.store.statement import Statement

HOLDS = """EXISTS (SELECT 1 FROM segment WHERE run_id = :run AND number = :segment AND epoch = :epoch
    AND status = 'running' {share})"""
SPENT = "steps = steps + :calls, cost = cost + :cost, worked = worked + :worked"
ADVANCE = Statement(
    f"UPDATE run SET seq = seq + :events, {SPENT} WHERE id = :run AND {HOLDS} RETURNING seq, wanted, wake"
)
END_RUN = Statement(
    f"""UPDATE run SET seq = seq + :events, {SPENT}, status = :status, output = :output, error = :error,
        finished_at = {{clock}}
    WHERE id = :run AND {RUN.becoming("done")} AND {HOLDS}
    RETURNING seq, wanted, wake, finished_at"""
)
PUT_STEP = Statement(
    f"""INSERT INTO step (run_id, scope, node_id, item, workspace_id, seq, epoch, attempt, status, output, input, error,
        counts, log, reused_from, stand_in, started_at, finished_at)
    VALUES (:run, :scope, :node, :item, :workspace, :seq, :epoch, :attempt, :status, :output, :input, :error,
        :counts, :log, :reused_from, :stand_in, :started_at, :finished_at)
    ON CONFLICT (run_id, scope, node_id, item) DO UPDATE SET seq = excluded.seq, epoch = excluded.epoch,
        attempt = excluded.attempt, status = excluded.status, output = excluded.output,
        input = COALESCE(excluded.input, step.input), error = excluded.error,
        counts = COALESCE(excluded.counts, step.counts), log = COALESCE(excluded.log, step.log),
        reused_from = excluded.reused_from, stand_in = excluded.stand_in,
        started_at = COALESCE(step.started_at, excluded.started_at), finished_at = excluded.finished_at
    WHERE step.status IN {STEP.within(*STEP.open)}""",
    types=dict.fromkeys(("run", "scope", "node", "item", "workspace", "status", "reused_from"), "text")
    | dict.fromkeys(("seq", "epoch", "attempt"), "integer")
    | dict.fromkeys(("output", "input", "error", "counts", "log", "stand_in"), "json")
    | dict.fromkeys(("started_at", "finished_at"), "bigint"),
)
END_ATTEMPT = Statement(
    """UPDATE attempt SET outcome = :outcome, error = :error
    WHERE run_id = :run AND scope = :scope AND node_id = :node AND item = :item AND number = :number
        AND outcome IS NULL"""
)
PUT_WAIT = Statement(
    """INSERT INTO wait (id, workspace_id, run_id, scope, node_id, item, round, kind, due, detail, token_hash,
        created_at)
    VALUES (:id, :workspace, :run, :scope, :node, :item, :round, :kind, :due, :detail, :token_hash, {clock})
    ON CONFLICT (run_id, scope, node_id, item, round) DO NOTHING"""
)
PUT_PAYLOAD = Statement(
    """INSERT INTO payload (workspace_id, hash, size, created_at) VALUES (:workspace, :hash, :size, {clock})
    ON CONFLICT (workspace_id, hash) DO NOTHING"""
)
WITHIN = "run_id = :run AND substr(scope || '/', 1, CAST(:length AS INTEGER)) = :prefix"
AWAITED_WITHIN = Statement(f"SELECT id FROM wait WHERE {WITHIN} AND kind = 'run' AND settled_at IS NULL")
DROP_STEPS = Statement(
    f"""UPDATE step SET status = 'cancelled', finished_at = {{clock}}
    WHERE {WITHIN} AND {STEP.becoming("cancelled")}"""
)
DROP_WAITS = Statement(
    f"UPDATE wait SET settled_at = {{clock}}, outcome = :outcome WHERE {WITHIN} AND settled_at IS NULL"
)
# What failed in a scope that is tried again is put aside: what was done there stays, and the rest has no row.
SET_ASIDE = Statement(
    f"""UPDATE step SET scope = :aside || substr(scope, CAST(:length AS INTEGER))
    WHERE {WITHIN} AND status IN {STEP.within("failed", "cancelled")}
        AND NOT (status = 'failed' AND item = '' AND output IS NOT NULL)
        AND (item = '' OR NOT EXISTS (SELECT 1 FROM step AS whole WHERE whole.run_id = step.run_id
            AND whole.scope = step.scope AND whole.node_id = step.node_id AND whole.item = ''
            AND whole.status IN {STEP.within("done", "skipped")}))"""
)
CLOSE_SEGMENT = Statement(
    f"""UPDATE segment SET status = :status, owner = NULL, lease_until = NULL
    WHERE run_id = :run AND number = :segment AND epoch = :epoch AND {SEGMENT.becoming("done", "running")}"""
)
# While another segment of the run is advanced, or is about to be, the run goes on.
ALONE = """NOT EXISTS (SELECT 1 FROM segment WHERE run_id = :run AND number <> :segment
    AND status IN ('queued', 'running'))"""
WAITING = Statement(
    f"UPDATE run SET status = 'waiting' WHERE id = :run AND {RUN.becoming('waiting')} AND {ALONE} RETURNING status"
)
PAUSED = Statement(
    f"""UPDATE run SET status = 'paused', wanted = NULL, wanted_at = NULL
    WHERE id = :run AND {RUN.becoming("paused", "running")} AND {ALONE} RETURNING status"""
)
END_WAITS = Statement(
    """UPDATE wait SET settled_at = {clock}, outcome = :outcome WHERE run_id = :run AND settled_at IS NULL"""
)
ANSWER = Statement("UPDATE run SET output = :output WHERE id = :run")
BEGIN_ATTEMPT = Statement(
    f"""INSERT INTO attempt (run_id, scope, node_id, item, number, workspace_id, generation, epoch, started_at,
        deadline)
    SELECT CAST(:run AS TEXT), CAST(:scope AS TEXT), :node, :item, :number, :workspace, :generation,
        CAST(:epoch AS INTEGER), {{clock}}, {{clock}} + :limit WHERE {HOLDS}
    RETURNING started_at, deadline, (SELECT wanted FROM run WHERE id = :run)"""
)


def save(driver: Driver, held: Claim, changes: Changes) -> Operation:
    """Records a checkpoint of a held segment. Gives Saved, or Fenced (as a value) if the segment was lost."""
    over = changes.end is not None
    told = len(changes.steps) + (1 if over or changes.park or changes.pause else 0)
    key = {"run": held.run_id, "segment": held.segment, "epoch": held.epoch}
    calls, cost, worked = changes.spent
    spent = {"events": told, "calls": calls, "cost": cost, "worked": worked}
    joining.lock(driver, held, changes)
    if over:
        ending = {"status": changes.end, "output": _dumps(changes.output), "error": _dumps(changes.error)}
        fence = driver.send(END_RUN, {**key, **ending, **spent})
    else:
        fence = driver.send(ADVANCE, {**key, **spent})
    yield
    rows = fence.rows()
    if not rows:
        return Fenced(f"run {held.run_id} went on in another epoch than {held.epoch}")
    seq, wanted, wake = rows[0][:3]
    first = seq - told + 1
    if wanted is not None:
        # Another segment has asked already, or a person wants the run to rest: it asks when it goes on.
        changes = joining.without_question(changes)
    _put_rows(driver, held, changes, first)
    awaited = [_drop(driver, held, prefix) for prefix in changes.dropped]
    _put_aside(driver, held, changes)
    parked = changes.park and wake == held.wake and wanted is None
    paused = changes.pause and (wanted == "pause" or joining.asks(changes))
    if over or parked or paused or changes.done:
        driver.send(CLOSE_SEGMENT, {**key, "status": "parked" if parked else "paused" if paused else "done"})
    if changes.end_shards:
        joining.close_others(driver, held)
    dealt = put(driver, held, changes.shards)
    if over and (changes.waits or held.waited):
        driver.send(END_WAITS, {"run": held.run_id, "outcome": '{"ended":true}'})
    if paused and joining.asks(changes):
        joining.rest_all(driver, held)
    rests = None
    if parked or paused or (changes.done and wanted == "pause"):
        rests = driver.send(WAITING if parked else PAUSED, {"run": held.run_id, "segment": held.segment})
    if changes.answer is not None:
        driver.send(ANSWER, {"run": held.run_id, "output": _dumps(changes.answer)})
    yield
    status = changes.end or (rests.rows()[0][0] if rests is not None and rests.rows() else "running")
    at = rows[0][3] if over else time.time_ns() // 1_000_000
    reply = Reply.of(held.run_id, status, held.options) if over or changes.answer is not None else None
    more = None
    if changes.runs or awaited or (over and "parent" in held.options):
        given_up = [row[0] for answer in awaited for row in answer.rows()]
        more = yield from follow(driver, held, changes.runs, given_up, changes.end)
    if changes.done:
        more = Told.joined([more, (yield from joining.joined(driver, held, changes.stuck))])
    return Saved(
        wanted, wake, seq, parked, paused, _events(held, changes, first, status, at), reply, more, deliveries(dealt)
    )


def _drop(driver: Driver, held: Claim, prefix: str) -> Answer:
    """Gives up what is waited for in some scopes; the answer names the runs among it."""
    where = {"run": held.run_id, "prefix": prefix, "length": len(prefix)}
    awaited = driver.send(AWAITED_WITHIN, where)
    driver.send(DROP_STEPS, where)
    driver.send(DROP_WAITS, {**where, "outcome": '{"cancelled":true}'})
    return awaited


def _put_aside(driver: Driver, held: Claim, changes: Changes) -> None:
    for path, number in changes.renewed:
        where = {"run": held.run_id, "prefix": f"{path}/", "length": len(path) + 1}
        driver.send(SET_ASIDE, {**where, "aside": f"{path}{ASIDE}{number}"})


def _put_rows(driver: Driver, held: Claim, changes: Changes, first: int) -> None:
    if cost := changes.spent[1]:
        whose = {"run": held.run_id, "workspace": held.workspace_id, "workflow": held.workflow_id}
        driver.send(SPEND, {**whose, "dollars": cost})
    if changes.steps:
        driver.send_many(PUT_STEP, [_step(held, step, first + n) for n, step in enumerate(changes.steps)])
    for end in changes.attempts:
        where = {"run": held.run_id, "scope": end.scope, "node": end.node_id, "item": end.item, "number": end.number}
        driver.send(END_ATTEMPT, {**where, "outcome": end.outcome, "error": _dumps(end.error)})
    for ref in changes.payloads:
        driver.send(PUT_PAYLOAD, {"workspace": held.workspace_id, "hash": ref.hash, "size": ref.size})
    held.waited = held.waited or bool(changes.waits)
    for wait in changes.waits:
        driver.send(
            PUT_WAIT,
            {
                "id": wait.id,
                "workspace": held.workspace_id,
                "run": held.run_id,
                "scope": wait.scope,
                "node": wait.node_id,
                "item": wait.item,
                "round": wait.round,
                "kind": wait.kind,
                "due": wait.due,
                "detail": _dumps(wait.detail),
                "token_hash": wait.token_hash,
            },
        )


def _step(held: Claim, step: StepRow, seq: int) -> dict[str, Any]:
    return {
        "run": held.run_id,
        "scope": step.scope,
        "node": step.node_id,
        "item": step.item,
        "workspace": held.workspace_id,
        "seq": seq,
        "epoch": held.epoch,
        "attempt": step.attempt,
        "status": step.status,
        "output": _dumps(step.output),
        "input": _dumps(step.input),
        "error": _dumps(step.error),
        "counts": _dumps(step.counts),
        "log": _dumps(step.log),
        "reused_from": step.reused_from,
        "stand_in": _dumps(step.stand_in),
        "started_at": step.started_at,
        "finished_at": step.finished_at,
    }


def _events(held: Claim, changes: Changes, first: int, status: str, at: int) -> tuple[Event, ...]:
    run, workspace = held.run_id, held.workspace_id
    steps = [
        Event(
            run,
            workspace,
            first + n,
            "step",
            step.status,
            step.finished_at or step.started_at or 0,
            step.node_id,
            step.item,
            step.counts,
            scope=step.scope,
        )
        for n, step in enumerate(changes.steps)
    ]
    if changes.end or changes.park or changes.pause:
        steps.append(Event(run, workspace, first + len(steps), "run", status, at, workflow_id=held.workflow_id))
    return tuple(steps)


def _dumps(value: Json) -> str | None:
    return None if value is None else orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS).decode()


def begin_attempt(driver: Driver, held: Claim, values: dict[str, Any]) -> Operation:
    """Records that an effect is about to be tried. Gives Attempted, or Fenced (as a value)."""
    key = {"run": held.run_id, "segment": held.segment, "epoch": held.epoch, "workspace": held.workspace_id}
    begun = driver.send(BEGIN_ATTEMPT, {**key, **values})
    yield
    rows = begun.rows()
    return Attempted(*rows[0]) if rows else Fenced(f"run {held.run_id} went on in another epoch than {held.epoch}")
