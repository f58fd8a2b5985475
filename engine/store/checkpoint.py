"""What the holder of a segment records: what each step gave, tries of effects, waits, the end.

Every write of a segment's holder is conditional on the segment's epoch and happens in the process's one `Writer`, so
an awaited call returns when it is durable. Event numbers (`seq`) are given inside the transaction; the events
themselves are told after the commit.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal, NamedTuple

import orjson

from engine.events import Event
from engine.models.states import RUN, SEGMENT, STEP
from engine.store import calls
from engine.store.calls import follow
from engine.store.db import Database
from engine.store.driver import Answer, Driver, Operation, Row, Statement
from engine.store.lease import Claim, Delivery, Fenced, Reply
from engine.store.lists import Ref
from engine.store.record import NewRun, Told
from engine.store.shards import CLOSE_SHARDS, Shard, Standing, deliveries, put, standing
from engine.store.writer import Make, Writer

Json = Any
WaitKind = Literal["timer", "retry", "ask", "call", "approval", "budget", "run"]
EndStatus = Literal["done", "failed", "cancelled"]


class StepRow(NamedTuple):
    """The present state of one node for one item ("" is the whole node). Times are milliseconds since 1970 UTC.

    A row that is done, failed, skipped or cancelled is never written again; one that is running or waiting may be.
    """

    node_id: str
    status: str
    item: str = ""
    attempt: int = 1
    output: Json = None
    input: Json = None
    error: Json = None
    counts: dict[str, int] | None = None
    log: list[Any] | None = None
    started_at: int | None = None
    finished_at: int | None = None
    scope: str = ""
    reused_from: str | None = None
    stand_in: Json = None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How a try of an effect ended: `done`, `failed` (it did not happen) or `unknown`."""

    node_id: str
    item: str
    number: int
    outcome: str
    error: Json = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class NewWait:
    """Something a step waits for. `due` in milliseconds since 1970 UTC, or None if only an answer ends it.

    `token_hash`: the fingerprint of the one-time address through which anybody may answer (`engine.doors`).
    """

    id: str
    node_id: str
    kind: WaitKind
    item: str = ""
    round: int = 0
    due: int | None = None
    detail: Json = None
    scope: str = ""
    token_hash: str | None = None


class Changes(NamedTuple):
    """What one checkpoint records. With `end` the run is over; with `park` the segment sleeps until a wait settles;
    with `pause` until the run is resumed, as a person wishes or because a wait of the kind `budget` asks one. `spent`:
    calls, dollars and milliseconds of work since the last checkpoint.

    `payloads` are the stored values that the rows name; they are on disk already. With `answer`, the run's output so
    far, whoever waits for the run hears of it before the end. `dropped`: how the paths of scopes begin, a `/` added, in
    which nothing is waited for any more. `runs` are started with it. `shards` are queued beside this segment, and ended
    with `end_shards`; with `done` this segment, which is a shard, has nothing left to do.
    """

    steps: Sequence[StepRow] = ()
    attempts: Sequence[AttemptEnd] = ()
    waits: Sequence[NewWait] = ()
    payloads: Sequence[Ref] = ()
    dropped: Sequence[str] = ()
    runs: Sequence[NewRun] = ()
    end: EndStatus | None = None
    output: Json = None
    error: Json = None
    answer: Json = None
    park: bool = False
    pause: bool = False
    spent: tuple[int, float, int] = (0, 0.0, 0)
    shards: Sequence[Shard] = ()
    done: bool = False
    end_shards: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer to a checkpoint.

    `parked` is False if a wait settled meanwhile: read `history` and go on. `paused` is False if the run was resumed or
    cancelled meanwhile: look at `wanted`.
    """

    wanted: str | None
    wake: int
    seq: int
    parked: bool = False
    paused: bool = False
    events: tuple[Event, ...] = ()
    reply: Reply | None = None
    more: Told | None = None
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempted:
    """The answer to `begin_attempt`: the times, by the database's clock, between which the call may be under way."""

    started_at: int
    deadline: int
    wanted: str | None


@dataclass(frozen=True, slots=True)
class History:
    """What a resumed run need not do again. Rows as dicts by column name, JSON decoded, times in milliseconds.

    `wake` is the run's count of settled waits when the rows were read: `Claim.wake` must be set to it before parking.
    `output`: what the run's row says it gave back so far. `open`: by scope, below the one that was read, how many
    waits are open there.
    """

    steps: list[dict[str, Any]]
    attempts: list[dict[str, Any]]
    waits: list[dict[str, Any]]
    wake: int
    output: Json = None
    open: Mapping[str, int] = field(default_factory=dict)


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
CLOSE_SEGMENT = Statement(
    f"""UPDATE segment SET status = :status, owner = NULL, lease_until = NULL
    WHERE run_id = :run AND number = :segment AND epoch = :epoch AND {SEGMENT.becoming("done", "running")}"""
)
# While another segment of the run is advanced, or is about to be, the run goes on.
ALONE = """NOT EXISTS (SELECT 1 FROM segment WHERE run_id = :run AND number <> :segment
    AND status IN ('queued', 'running'))"""
WAITING = Statement(f"UPDATE run SET status = 'waiting' WHERE id = :run AND {RUN.becoming('waiting')} AND {ALONE}")
PAUSED = Statement(
    f"""UPDATE run SET status = 'paused', wanted = NULL, wanted_at = NULL
    WHERE id = :run AND {RUN.becoming("paused", "running")} AND {ALONE}"""
)
# Of a run that asks for a higher budget, whose shards are still at it: they heed it as any wish to pause.
REST = Statement("UPDATE run SET wanted = 'pause', wanted_at = {clock} WHERE id = :run AND wanted IS NULL")
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
    _put_rows(driver, held, changes, first)
    awaited = [_drop(driver, held, prefix) for prefix in changes.dropped]
    parked = changes.park and wake == held.wake and wanted is None
    asks = any(wait.kind == "budget" for wait in changes.waits)
    paused = changes.pause and (wanted == "pause" or (asks and wanted is None))
    if over or parked or paused or changes.done:
        driver.send(CLOSE_SEGMENT, {**key, "status": "parked" if parked else "paused" if paused else "done"})
    if changes.end_shards:
        driver.send(CLOSE_SHARDS, {"run": held.run_id})
    dealt = put(driver, held, changes.shards)
    if over and (changes.waits or held.waited):
        driver.send(END_WAITS, {"run": held.run_id, "outcome": '{"ended":true}'})
    if paused and asks:
        driver.send(REST, {"run": held.run_id})
    if parked or paused or (changes.done and wanted == "pause"):
        driver.send(WAITING if parked else PAUSED, {"run": held.run_id, "segment": held.segment})
    if changes.answer is not None:
        driver.send(ANSWER, {"run": held.run_id, "output": _dumps(changes.answer)})
    yield
    status = changes.end or ("waiting" if parked else "paused" if paused else "running")
    at = rows[0][3] if over else time.time_ns() // 1_000_000
    reply = Reply.of(held.run_id, status, held.options) if over or changes.answer is not None else None
    more = None
    if changes.runs or awaited or (over and "parent" in held.options):
        given_up = [row[0] for answer in awaited for row in answer.rows()]
        more = yield from follow(driver, held, changes.runs, given_up, changes.end)
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


def _put_rows(driver: Driver, held: Claim, changes: Changes, first: int) -> None:
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


STEP_COLUMNS = (
    *("scope", "node_id", "item", "seq", "epoch", "attempt", "status", "reused_from", "started_at", "finished_at"),
    *("output", "input", "error", "counts", "log", "stand_in"),
)
ATTEMPT_COLUMNS = (
    *("scope", "node_id", "item", "number", "generation", "epoch", "started_at", "deadline", "outcome"),
    "error",
)
WAIT_COLUMNS = (
    *("id", "scope", "node_id", "item", "round", "kind", "due", "created_at", "settled_at"),
    *("detail", "outcome"),
)
# How many of the columns come first that hold no JSON.
STEP_PLAIN, ATTEMPT_PLAIN, WAIT_PLAIN = (
    STEP_COLUMNS.index("output"),
    ATTEMPT_COLUMNS.index("error"),
    WAIT_COLUMNS.index("detail"),
)
READ_RUN = Statement("SELECT wake, output FROM run WHERE id = :run")
READ_WAKE = Statement("SELECT wake FROM run WHERE id = :run")


NEWEST_EPOCHS = tuple(Statement(f"SELECT MAX(epoch) FROM {table} WHERE run_id = :run") for table in ("step", "attempt"))


def _select(columns: Sequence[str], table: str, order: str, where: str = "") -> Statement:
    return Statement(f"SELECT {', '.join(columns)} FROM {table} WHERE run_id = :run {where} ORDER BY {order}")


COUNT_ROWS = Statement("SELECT COUNT(*) FROM step WHERE run_id = :run")
READ_STEPS = _select(STEP_COLUMNS, "step", "seq")
READ_ATTEMPTS = _select(ATTEMPT_COLUMNS, "attempt", "number")
READ_WAITS = _select(WAIT_COLUMNS, "wait", "round")
# Of what is over, the items say nothing that is still needed.
SCOPE_STEPS = _select(
    STEP_COLUMNS,
    "step",
    "seq",
    """AND scope = :scope AND (item = '' OR NOT EXISTS (SELECT 1 FROM step AS whole WHERE whole.run_id = step.run_id
        AND whole.scope = step.scope AND whole.node_id = step.node_id AND whole.item = ''
        AND whole.status IN ('done', 'skipped')))""",
)
SCOPE_ATTEMPTS = _select(ATTEMPT_COLUMNS, "attempt", "number", "AND scope = :scope AND outcome IS NULL")
SCOPE_WAITS = _select(WAIT_COLUMNS, "wait", "round", "AND scope = :scope")
SETTLED_SINCE = _select(WAIT_COLUMNS, "wait", "round", "AND wake > :wake")
OPEN_BELOW = Statement(
    """SELECT scope, COUNT(*) FROM wait WHERE run_id = :run AND settled_at IS NULL AND scope <> :scope
    AND substr(scope, 1, CAST(:length AS INTEGER)) = :before GROUP BY scope"""
)


class Checkpoints:
    """The record of the segments that this process holds. Every call returns when it is durable."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def save(self, held: Claim, changes: Changes) -> Saved:
        """Records steps, ends of tries and waits; ends the run, parks or pauses the segment if `changes` say so.

        Tells the claim what the run's row wants. Raises Fenced if the segment was lost: then nothing was written.
        """
        saved: Saved = await self._fenced(held, partial(save, held=held, changes=changes))
        held.heed(saved.wanted)
        return saved

    async def begin_attempt(  # noqa: PLR0917 - the columns of the row
        self, held: Claim, node_id: str, item: str, number: int, generation: int, limit_ms: int, scope: str = ""
    ) -> Attempted:
        """Records, before an effect happens, that try `number` begins and takes `limit_ms` milliseconds at most.

        Raises Fenced if the segment was lost: then the effect must not happen.
        """
        values = {
            "scope": scope,
            "node": node_id,
            "item": item,
            "number": number,
            "generation": generation,
            "limit": limit_ms,
        }
        begun: Attempted = await self._fenced(held, partial(begin_attempt, held=held, values=values))
        held.heed(begun.wanted)
        return begun

    async def _fenced(self, held: Claim, make: Make) -> Any:
        try:
            return await self._writer.submit(make)
        except Fenced:
            held.end("lost")
            raise

    async def history(self, run_id: str) -> History:
        """All that the run did so far, in whatever scope, read in one snapshot."""
        return await asyncio.to_thread(self._read, run_id)

    async def scope(self, run_id: str, path: str) -> History:
        """What was done in one scope, not in those inside it, read in one snapshot; of attempts the open ones."""
        return await asyncio.to_thread(self._read_scope, run_id, path)

    async def settled(self, run_id: str, since: int) -> tuple[int, list[dict[str, Any]]]:
        """The run's `wake` now, and the rows of the waits that were settled after it was `since`, of all scopes."""
        return await asyncio.to_thread(self._read_settled, run_id, since)

    async def published(self, workspace_id: str, workflow_ids: Sequence[str]) -> dict[str, str]:
        """The published version of each of the workspace's workflows that has one."""
        return await asyncio.to_thread(calls.published, self._database, workspace_id, workflow_ids)

    async def fix(self, held: Claim) -> None:
        """Records the claim's options with its run. Raises Fenced if the segment was lost."""
        await self._fenced(held, partial(calls.fix, held=held))

    async def ended(self, workspace_id: str, run_id: str) -> tuple[str, Any, Any]:
        """The status, output and error of another run of the workspace."""
        return await asyncio.to_thread(calls.ended, self._database, workspace_id, run_id)

    async def standing(self, run_id: str, node_id: str) -> Standing:
        """How the parts of a long list stand that several workers go over."""
        return await asyncio.to_thread(self._read_standing, run_id, node_id)

    def _read_standing(self, run_id: str, node_id: str) -> Standing:
        with self._database.reader() as driver:
            return standing(driver, run_id, node_id)

    async def recorded(self, run_id: str) -> int:
        """How many steps and items the run has rows of."""
        return await asyncio.to_thread(self._count_rows, run_id)

    def _count_rows(self, run_id: str) -> int:
        with self._database.reader() as driver:
            found: int = driver.send(COUNT_ROWS, {"run": run_id}).rows()[0][0]
            return found

    async def newest_epoch(self, run_id: str) -> int:
        """The last epoch in which a holder recorded something; 0 if none did."""
        return await asyncio.to_thread(self._read_epoch, run_id)

    def _read(self, run_id: str) -> History:
        with self._database.reader() as driver:
            key = {"run": run_id}
            wake = driver.send(READ_WAKE, key).rows()
            return History(
                steps=_named(STEP_COLUMNS, STEP_PLAIN, driver.send(READ_STEPS, key).rows()),
                attempts=_named(ATTEMPT_COLUMNS, ATTEMPT_PLAIN, driver.send(READ_ATTEMPTS, key).rows()),
                waits=_named(WAIT_COLUMNS, WAIT_PLAIN, driver.send(READ_WAITS, key).rows()),
                wake=wake[0][0] if wake else 0,
            )

    def _read_scope(self, run_id: str, path: str) -> History:
        with self._database.reader() as driver:
            key = {"run": run_id, "scope": path}
            run = driver.send(READ_RUN, {"run": run_id}).rows()
            steps = _named(STEP_COLUMNS, STEP_PLAIN, driver.send(SCOPE_STEPS, key).rows())
            rests = any(row["status"] == "waiting" and row["item"] and row["counts"] for row in steps)
            before = f"{path}/" if path else ""
            below = {**key, "before": before, "length": len(before)}
            return History(
                steps=steps,
                attempts=_named(ATTEMPT_COLUMNS, ATTEMPT_PLAIN, driver.send(SCOPE_ATTEMPTS, key).rows()),
                waits=_named(WAIT_COLUMNS, WAIT_PLAIN, driver.send(SCOPE_WAITS, key).rows()),
                wake=run[0][0] if run else 0,
                output=_loads(run[0][1]) if run else None,
                open={row[0]: row[1] for row in driver.send(OPEN_BELOW, below).rows()} if rests else {},
            )

    def _read_settled(self, run_id: str, since: int) -> tuple[int, list[dict[str, Any]]]:
        with self._database.reader() as driver:
            wake = driver.send(READ_WAKE, {"run": run_id}).rows()[0][0]
            if wake == since:
                return wake, []
            rows = driver.send(SETTLED_SINCE, {"run": run_id, "wake": since}).rows()
            return wake, _named(WAIT_COLUMNS, WAIT_PLAIN, rows)

    def _read_epoch(self, run_id: str) -> int:
        with self._database.reader() as driver:
            found = [driver.send(statement, {"run": run_id}).rows()[0][0] for statement in NEWEST_EPOCHS]
            return max(epoch or 0 for epoch in found)


def _named(columns: Sequence[str], plain: int, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows by column name; the columns after the first `plain` hold JSON."""
    return [dict(zip(columns, (*row[:plain], *map(_loads, row[plain:])), strict=True)) for row in rows]


def _loads(text: str | bytes | float | None) -> Json:
    # SQLite gives a JSON number as the number that it is.
    return orjson.loads(text) if isinstance(text, str | bytes) else text
