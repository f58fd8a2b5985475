"""A run's first rows: the run, its first segment, and the steps of earlier runs that it need not do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.events import Event
from engine.models.states import STEP
from engine.store.backlog import at_once
from engine.store.driver import Driver, Operation
from engine.store.results import Delivery, Started
from engine.store.statement import Statement


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
