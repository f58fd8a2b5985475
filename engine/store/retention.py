"""How long runs are kept: by age, number and bytes for each workflow, and their removal a few rows at a time.

A run that is not over is never removed, nor one that a run under way still needs: one that goes on from it, was
started by it, or waits for it. Any process may do any of this at any time; every statement asks again whether it may.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from engine.models.states import RUN
from engine.store.driver import Driver, Operation, Reader
from engine.store.statement import Statement

DAY_MILLISECONDS = 86_400_000
RUNS_AT_ONCE = 500  # that are looked for at once
ROWS_AT_ONCE = 2_000  # that one statement deletes
HASH = re.compile(r"[0-9a-f]{64}")

OVER = f"status IN {RUN.within(*RUN.ended)}"
OPEN = f"status IN {RUN.within(*RUN.open)}"
# In lists, not one lookup for each run: those under way are few beside all that were.
NEEDED = f"""(id IN (SELECT again_of FROM run WHERE {OPEN} AND again_of IS NOT NULL)
    OR id IN (SELECT parent_run_id FROM run WHERE {OPEN} AND parent_run_id IS NOT NULL)
    OR COALESCE(parent_run_id, '') IN (SELECT id FROM run WHERE {OPEN}))"""
BOUNDED = Statement(
    """SELECT workflow.id, COALESCE(workflow.limits ->> 'retention', workspace.limits ->> 'retention')
    FROM workflow JOIN workspace ON workspace.id = workflow.workspace_id
    WHERE COALESCE(workflow.limits ->> 'retention', workspace.limits ->> 'retention') IS NOT NULL"""
)
# Newest first; the newest one stays even if it alone has more bytes than all may have.
_TOO_MUCH = f"""FROM (SELECT id, parent_run_id, created_at, finished_at, row_bytes, payload_bytes,
        ROW_NUMBER() OVER newest AS place,
        SUM(COALESCE(row_bytes, 0) + COALESCE(payload_bytes, 0)) OVER newest AS total
    FROM run WHERE workflow_id = :workflow AND {OVER} AND removed_at IS NULL
    WINDOW newest AS (ORDER BY created_at DESC, id DESC)) AS ended
    WHERE (place > CAST(:runs AS BIGINT) OR (total > CAST(:bytes AS BIGINT) AND place > 1)
        OR finished_at < {{clock}} - CAST(:age AS BIGINT)) AND NOT {NEEDED}"""
TOO_MUCH = Statement(f"SELECT id {_TOO_MUCH} ORDER BY created_at, id LIMIT :limit")
COUNT_TOO_MUCH = Statement(
    f"SELECT COUNT(*), COALESCE(SUM(COALESCE(row_bytes, 0) + COALESCE(payload_bytes, 0)), 0) {_TOO_MUCH}"
)
GIVE_UP = Statement(
    f"""UPDATE run SET removed_at = {{clock}} WHERE id {{in:runs}} AND {OVER} AND removed_at IS NULL AND NOT {NEEDED}
    RETURNING id"""
)
# Without these rows nothing of the run can be taken over as if it were whole.
DROP_CLOSING = Statement("DELETE FROM step WHERE run_id {in:runs} AND scope = '' AND item = ''")
GIVEN_UP = Statement("SELECT id FROM run WHERE removed_at IS NOT NULL ORDER BY removed_at LIMIT :limit")
DROP_STEPS = Statement(
    """DELETE FROM step WHERE run_id = :run AND (scope, node_id, item) IN
        (SELECT scope, node_id, item FROM step WHERE run_id = :run LIMIT :limit)"""
)
DROP_ATTEMPTS = Statement(
    """DELETE FROM attempt WHERE run_id = :run AND (scope, node_id, item, number) IN
        (SELECT scope, node_id, item, number FROM attempt WHERE run_id = :run LIMIT :limit)"""
)
DROP_RUN = Statement("DELETE FROM run WHERE id = :run AND removed_at IS NOT NULL")

UNMEASURED = Statement(
    f"""SELECT id, workspace_id FROM run WHERE row_bytes IS NULL AND finished_at IS NOT NULL AND {OVER}
    ORDER BY finished_at LIMIT :limit"""
)
JSON_OF_RUN = ("input", "options", "output", "error")
JSON_OF_STEP = ("output", "input", "error", "counts", "log", "stand_in")
JSON_OF_WAIT = ("detail", "outcome")
ROW_BYTES = 200  # keys, numbers and the database's own share of a row, roughly


def _length(columns: Sequence[str]) -> str:
    return " + ".join(f"COALESCE(LENGTH(CAST({name} AS TEXT)), 0)" for name in columns)


NAMES = {"ref": '%"ref"%', "inside": '%"$%'}  # what JSON with the name of a payload in it has: "ref", "$list", "$file"


def _naming(column: str) -> str:
    return " OR ".join(f"CAST({column} AS TEXT) LIKE :{name}" for name in NAMES)


MEASURE_RUN = Statement(
    f"""SELECT id, {ROW_BYTES} + {_length(JSON_OF_RUN)} FROM run WHERE id {{in:runs}}
    UNION ALL SELECT run_id, COUNT(*) * {ROW_BYTES} + SUM({_length(JSON_OF_STEP)}) FROM step WHERE run_id {{in:runs}}
        GROUP BY run_id
    UNION ALL SELECT run_id, COUNT(*) * {ROW_BYTES} FROM attempt WHERE run_id {{in:runs}} GROUP BY run_id
    UNION ALL SELECT run_id, COUNT(*) * {ROW_BYTES} + SUM({_length(JSON_OF_WAIT)}) FROM wait
        WHERE run_id {{in:runs}} GROUP BY run_id"""
)
NAMED = Statement(
    " UNION ALL ".join(
        f"SELECT {key}, CAST({column} AS TEXT) FROM {table} WHERE {key} {{in:runs}} AND ({_naming(column)})"
        for table, key, columns in (
            ("run", "id", JSON_OF_RUN),
            ("step", "run_id", JSON_OF_STEP),
            ("wait", "run_id", JSON_OF_WAIT),
            ("attempt", "run_id", ("error",)),
            ("segment", "run_id", ("task",)),
        )
        for column in columns
    )
)
SIZES = Statement(
    """SELECT workspace_id, hash, size FROM payload WHERE workspace_id {in:workspaces} AND hash {in:names}
    UNION ALL SELECT workspace_id, hash, size FROM stored_file
        WHERE workspace_id {in:workspaces} AND hash {in:names}"""
)
NAME = Statement(
    """INSERT INTO run_payload (run_id, hash, workspace_id)
    SELECT id, :name, workspace_id FROM run WHERE id = :run ON CONFLICT DO NOTHING"""
)
MEASURED = Statement(
    "UPDATE run SET row_bytes = :rows, payload_bytes = :payloads WHERE id = :run AND row_bytes IS NULL"
)


@dataclass(frozen=True, slots=True)
class Retention:
    """What is kept of a workflow's ended runs: for so many days after their end, so many of them, so many bytes.

    None is no bound; a run goes as soon as one of them says so. Bytes are those of rows and of stored values.
    """

    days: float | None = None
    runs: int | None = None
    bytes: int | None = None

    @classmethod
    def of(cls, stored: object) -> Retention:
        """As it stands in the `limits` of a workflow or workspace, under `retention`; what is no number bounds not."""
        held = stored if isinstance(stored, Mapping) else {}
        days, runs, size = (held.get(name) for name in ("days", "runs", "bytes"))
        return cls(
            days if isinstance(days, int | float) else None,
            runs if isinstance(runs, int) else None,
            size if isinstance(size, int) else None,
        )

    @property
    def bounds(self) -> bool:
        """Whether anything is ever removed."""
        return (self.days, self.runs, self.bytes) != (None, None, None)

    def values(self) -> dict[str, Any]:
        """The parameters of a statement."""
        age = None if self.days is None else int(self.days * DAY_MILLISECONDS)
        return {"age": age, "runs": self.runs, "bytes": self.bytes}


@dataclass(frozen=True, slots=True)
class Measure:
    """The bytes of a run's rows, those of the payloads that they name, and the names."""

    run: str
    rows: int
    payloads: int
    names: Collection[str]


def bounded(driver: Reader) -> dict[str, Retention]:
    """The workflows whose runs are not all kept, by id. What a workflow says itself replaces its workspace's words."""
    rows = driver.send(BOUNDED, {}).rows()
    found = {row[0]: Retention.of(orjson.loads(row[1])) for row in rows}
    return {workflow: retention for workflow, retention in found.items() if retention.bounds}


def too_much(driver: Reader, workflow_id: str, retention: Retention) -> list[str]:
    """The oldest runs of a workflow that may go, at most `RUNS_AT_ONCE`."""
    values = {"workflow": workflow_id, "limit": RUNS_AT_ONCE, **retention.values()}
    return [row[0] for row in driver.send(TOO_MUCH, values).rows()]


def count_too_much(driver: Reader, workflow_id: str, retention: Retention) -> tuple[int, int]:
    """How many runs of a workflow may go, and how many bytes those have."""
    runs, size = driver.send(COUNT_TOO_MUCH, {"workflow": workflow_id, **retention.values()}).rows()[0]
    return runs, int(size)


def give_up(driver: Driver, runs: Sequence[str]) -> Operation:
    """Decides that these runs go, except those that are not over or are needed. Gives the ids of those that go."""
    gone = driver.send(GIVE_UP, {"runs": list(runs)})
    yield
    ids = [row[0] for row in gone.rows()]
    driver.send(DROP_CLOSING, {"runs": ids})
    yield
    return ids


def given_up(driver: Reader) -> list[str]:
    """The runs that are to be removed, or that a process which died left half removed."""
    return [row[0] for row in driver.send(GIVEN_UP, {"limit": RUNS_AT_ONCE}).rows()]


def remove(driver: Driver, run_id: str) -> Operation:
    """Deletes some rows of a run that was given up. Gives whether it is gone; else call it again."""
    some = {"run": run_id, "limit": ROWS_AT_ONCE}
    steps, attempts = driver.send(DROP_STEPS, some), driver.send(DROP_ATTEMPTS, some)
    yield
    if max(steps.count, attempts.count) >= ROWS_AT_ONCE:
        return False
    driver.send(DROP_RUN, {"run": run_id})
    yield
    return True


def unmeasured(driver: Reader) -> list[Measure]:
    """What runs take that are over and were not measured yet, some of them, for `measured`.

    A payload that several runs name counts for each of them.
    """
    whose = {row[0]: row[1] for row in driver.send(UNMEASURED, {"limit": RUNS_AT_ONCE}).rows()}
    if not whose:
        return []
    rows = dict.fromkeys(whose, 0)
    for run_id, size in driver.send(MEASURE_RUN, {"runs": list(whose)}).rows():
        rows[run_id] += int(size)
    named: dict[str, set[str]] = {run_id: set() for run_id in whose}
    for run_id, text in driver.send(NAMED, {"runs": list(whose), **NAMES}).rows():
        named[run_id].update(HASH.findall(text))
    names = sorted(set().union(*named.values()))
    known = driver.send(SIZES, {"workspaces": sorted(set(whose.values())), "names": names}).rows() if names else ()
    sizes = {(workspace, name): size for workspace, name, size in known}
    return [
        Measure(run_id, rows[run_id], sum(sizes.get((workspace, name), 0) for name in named[run_id]), named[run_id])
        for run_id, workspace in whose.items()
    ]


def measured(driver: Driver, found: Sequence[Measure]) -> Operation:
    """Records what `unmeasured` found, with the payloads that the runs name."""
    for one in found:
        for name in one.names:
            driver.send(NAME, {"run": one.run, "name": name})
        driver.send(MEASURED, {"run": one.run, "rows": one.rows, "payloads": one.payloads})
    yield
