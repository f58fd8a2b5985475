"""What a run did so far, as its rows say it: read by whoever goes on with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.store.driver import Reader, Row
from engine.store.statement import Statement

Json = Any


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
READ_SPENT = Statement("SELECT steps, cost, worked FROM run WHERE id = :run")
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
ALL_SCOPE_ATTEMPTS = _select(ATTEMPT_COLUMNS, "attempt", "number", "AND scope = :scope")
SCOPE_WAITS = _select(WAIT_COLUMNS, "wait", "round", "AND scope = :scope")
SETTLED_SINCE = _select(WAIT_COLUMNS, "wait", "round", "AND wake > :wake")
OPEN_BELOW = Statement(
    """SELECT scope, COUNT(*) FROM wait WHERE run_id = :run AND settled_at IS NULL AND scope <> :scope
    AND substr(scope, 1, CAST(:length AS INTEGER)) = :before GROUP BY scope"""
)


def everything(driver: Reader, run_id: str) -> History:
    """All that the run did so far, in whatever scope."""
    key = {"run": run_id}
    wake = driver.send(READ_WAKE, key).rows()
    return History(
        steps=_named(STEP_COLUMNS, STEP_PLAIN, driver.send(READ_STEPS, key).rows()),
        attempts=_named(ATTEMPT_COLUMNS, ATTEMPT_PLAIN, driver.send(READ_ATTEMPTS, key).rows()),
        waits=_named(WAIT_COLUMNS, WAIT_PLAIN, driver.send(READ_WAITS, key).rows()),
        wake=wake[0][0] if wake else 0,
    )


def scope(driver: Reader, run_id: str, path: str, again: bool = False) -> History:
    """What was done in one scope, not in those inside it; of attempts the open ones, or all if it is tried `again`."""
    key = {"run": run_id, "scope": path}
    run = driver.send(READ_RUN, {"run": run_id}).rows()
    steps = _named(STEP_COLUMNS, STEP_PLAIN, driver.send(SCOPE_STEPS, key).rows())
    rests = any(row["status"] == "waiting" and row["item"] and row["counts"] for row in steps)
    tries = ALL_SCOPE_ATTEMPTS if again else SCOPE_ATTEMPTS
    before = f"{path}/" if path else ""
    below = {**key, "before": before, "length": len(before)}
    return History(
        steps=steps,
        attempts=_named(ATTEMPT_COLUMNS, ATTEMPT_PLAIN, driver.send(tries, key).rows()),
        waits=_named(WAIT_COLUMNS, WAIT_PLAIN, driver.send(SCOPE_WAITS, key).rows()),
        wake=run[0][0] if run else 0,
        output=_loads(run[0][1]) if run else None,
        open={row[0]: row[1] for row in driver.send(OPEN_BELOW, below).rows()} if rests else {},
    )


def settled(driver: Reader, run_id: str, since: int) -> tuple[int, list[dict[str, Any]]]:
    """The run's `wake` now, and the rows of the waits that were settled after it was `since`, of all scopes."""
    wake = driver.send(READ_WAKE, {"run": run_id}).rows()[0][0]
    if wake == since:
        return wake, []
    rows = driver.send(SETTLED_SINCE, {"run": run_id, "wake": since}).rows()
    return wake, _named(WAIT_COLUMNS, WAIT_PLAIN, rows)


def recorded(driver: Reader, run_id: str) -> int:
    """How many steps and items the run has rows of."""
    found: int = driver.send(COUNT_ROWS, {"run": run_id}).rows()[0][0]
    return found


def spent(driver: Reader, run_id: str) -> tuple[int, float, int]:
    """The steps, dollars and milliseconds of work that the run has spent, by all its segments."""
    steps, cost, worked = driver.send(READ_SPENT, {"run": run_id}).rows()[0]
    return steps, cost, worked


def newest_epoch(driver: Reader, run_id: str) -> int:
    """The last epoch in which a holder recorded something; 0 if none did."""
    found = [driver.send(statement, {"run": run_id}).rows()[0][0] for statement in NEWEST_EPOCHS]
    return max(epoch or 0 for epoch in found)


def _named(columns: Sequence[str], plain: int, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows by column name; the columns after the first `plain` hold JSON."""
    return [dict(zip(columns, (*row[:plain], *map(_loads, row[plain:])), strict=True)) for row in rows]


def _loads(text: str | bytes | float | None) -> Json:
    # SQLite gives a JSON number as the number that it is.
    return orjson.loads(text) if isinstance(text, str | bytes) else text
