"""The backlog: which queued segments go to the workers next, so that no workspace has to wait for another's.

A queued segment without `delivered_at` waits here, in SQL, and is never lost. `dispatch` delivers as many as there is
room for: workspaces take turns, each gives what somebody waits for first, then what was begun, then what is new, oldest
first; a workflow or workspace at its limit of runs at once is passed over. Any process may call it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from engine.store.db import Database
from engine.store.driver import Driver, Operation, Row
from engine.store.results import Delivery
from engine.store.statement import Statement

# Nobody holds more than this share of all slots while another waits.
LARGEST_SHARE: Final = 0.8
PLACES_READ: Final = 500
LEAST_READ: Final = 32

BACKLOG: Final = "status = 'queued' AND delivered_at IS NULL"
ANY = Statement(f"SELECT 1 FROM segment WHERE {BACKLOG} LIMIT 1")  # noqa: S608 - constants only
# One dispatcher at a time; a second one leaves it to the first.
TURN = Statement("SELECT {turn}")
# Each pair of workspace and workflow in the backlog, by jumps over the index: a backlog of 10,000 runs of one workflow
# costs as much as one of a single run (a loose index scan).
PLACES = Statement(
    f"""WITH RECURSIVE place(workspace, workflow) AS (
        SELECT (SELECT min(workspace_id) FROM segment WHERE {BACKLOG}), CAST('' AS TEXT)
        UNION ALL
        SELECT
            CASE WHEN workflow IS NULL
                THEN (SELECT min(workspace_id) FROM segment WHERE {BACKLOG} AND workspace_id > workspace)
                ELSE workspace END,
            CASE WHEN workflow IS NULL THEN CAST('' AS TEXT)
                ELSE (SELECT min(workflow_id) FROM segment
                    WHERE {BACKLOG} AND workspace_id = workspace AND workflow_id > workflow) END
        FROM place WHERE workspace IS NOT NULL)
    SELECT workspace, workflow FROM place WHERE workspace IS NOT NULL AND workflow > '' LIMIT :limit"""  # noqa: S608
)
FIRST = Statement(
    f"""SELECT run_id, number, priority, queued_at FROM segment
    WHERE {BACKLOG} AND workspace_id = :workspace AND workflow_id = :workflow
    ORDER BY priority, queued_at, run_id, number LIMIT :limit"""  # noqa: S608 - constants only
)
HELD = Statement(
    """SELECT workspace_id, workflow_id, count(*), count(DISTINCT run_id) FROM segment
    WHERE status = 'running' GROUP BY workspace_id, workflow_id
    UNION ALL
    SELECT workspace_id, workflow_id, count(*), count(DISTINCT run_id) FROM segment
    WHERE status = 'queued' AND delivered_at IS NOT NULL GROUP BY workspace_id, workflow_id"""
)
WORKFLOW_LIMITS = Statement(
    """SELECT id, limits ->> 'runs_at_once' FROM workflow
    WHERE id {in:ids} AND (limits ->> 'runs_at_once') IS NOT NULL"""
)
WORKSPACE_LIMITS = Statement(
    """SELECT id, limits ->> 'runs_at_once' FROM workspace
    WHERE id {in:ids} AND (limits ->> 'runs_at_once') IS NOT NULL"""
)
DELIVER = Statement(
    f"""UPDATE segment SET delivered_at = {{clock}} WHERE run_id {{in:runs}} AND {BACKLOG}
    RETURNING run_id, number, epoch"""  # noqa: S608 - constants only
)


def at_once(workspace: str, workflow: str) -> str:
    """In SQL, the `delivered_at` of a segment that is queued now: now, or null if it has to wait for its turn.

    It is delivered at once if :deliver says that there is room, nobody of its workspace waits, so that there is nothing
    to be fair about, and no limit has to be counted. The arguments are what names workspace and workflow in the query.
    """
    return f"""CASE WHEN :deliver
        AND NOT EXISTS (SELECT 1 FROM segment AS other WHERE other.status = 'queued' AND other.delivered_at IS NULL
            AND other.workspace_id = {workspace})
        AND NOT EXISTS (SELECT 1 FROM workflow
            WHERE workflow.id = {workflow} AND (limits ->> 'runs_at_once') IS NOT NULL)
        AND NOT EXISTS (SELECT 1 FROM workspace
            WHERE workspace.id = {workspace} AND (limits ->> 'runs_at_once') IS NOT NULL)
        THEN {{clock}} END"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Place:
    """A segment in the backlog: what it is, whose it is, and where it stands."""

    run_id: str
    segment: int
    workspace_id: str
    workflow_id: str
    priority: int
    queued_at: int

    @property
    def order(self) -> tuple[int, int, str, int]:
        """Its place within its workspace."""
        return self.priority, self.queued_at, self.run_id, self.segment


@dataclass(slots=True)
class Held:
    """What is under way or on its way, per workspace in segments and per workspace and workflow in runs."""

    segments: dict[str, int] = field(default_factory=dict)
    runs: dict[str, int] = field(default_factory=dict)

    def add(self, workspace: str, workflow: str, segments: int, runs: int) -> None:
        self.segments[workspace] = self.segments.get(workspace, 0) + segments
        for key in (workspace, workflow):
            self.runs[key] = self.runs.get(key, 0) + runs


@dataclass(frozen=True, slots=True)
class Dispatched:
    """What was delivered, and whether more waits. `went` is False if another process was at it."""

    deliveries: tuple[Delivery, ...] = ()
    left: bool = False
    went: bool = True


def choose(backlog: Iterable[Place], held: Held, limits: Mapping[str, int], room: int, slots: int) -> list[Place]:
    """At most `room` segments, workspaces in turn, those that hold least first. Pure.

    Args:
        backlog: what waits.
        held: what is under way; it is brought up to date.
        limits: runs at once, by the id of the workflow or workspace.
        room: how many may be delivered now.
        slots: how many segments all workers together hold, those on their way included.
    """
    waiting = _by_workspace(backlog)
    largest = max(1, math.floor(slots * LARGEST_SHARE))
    chosen: list[Place] = []
    while waiting and len(chosen) < room:
        before = len(chosen)
        for workspace in sorted(waiting, key=lambda one: (held.segments.get(one, 0), waiting[one][-1].order)):
            if len(chosen) == room:
                break
            if len(waiting) > 1 and held.segments.get(workspace, 0) >= largest:
                continue
            place = _next(waiting[workspace], held, limits)
            if place is not None:
                held.add(place.workspace_id, place.workflow_id, 1, 1)
                chosen.append(place)
            if not waiting[workspace]:
                del waiting[workspace]
        if len(chosen) == before and len(waiting) > 1:
            break
    return chosen


def _by_workspace(backlog: Iterable[Place]) -> dict[str, list[Place]]:
    """What waits in each workspace, the first of them at the end."""
    found: dict[str, list[Place]] = {}
    for place in sorted(backlog, key=lambda place: place.order, reverse=True):
        found.setdefault(place.workspace_id, []).append(place)
    return found


def _next(waiting: list[Place], held: Held, limits: Mapping[str, int]) -> Place | None:
    """Takes the first that no limit holds back; what is held back is put aside until another time."""
    while waiting:
        place = waiting.pop()
        full = (
            key in limits and held.runs.get(key, 0) >= limits[key] for key in (place.workspace_id, place.workflow_id)
        )
        if not any(full):
            return place
    return None


def any_left(data: Database) -> bool:
    """Whether anything waits in the backlog. Raises DatabaseUnavailable."""
    with data.reader() as driver:
        return bool(driver.send(ANY, {}).rows())


def dispatch(driver: Driver, room: int, slots: int) -> Operation:
    """Delivers up to `room` segments of the backlog. Gives Dispatched; what it delivers must be put on the queue."""
    turn = driver.send(TURN, {})
    places = driver.send(PLACES, {"limit": PLACES_READ})
    held = driver.send(HELD, {})
    yield
    pairs = places.rows()
    if not turn.rows()[0][0]:
        return Dispatched(left=bool(pairs), went=False)
    if not pairs:
        return Dispatched()
    each = max(LEAST_READ, math.ceil(4 * room / len(pairs)))
    firsts = [driver.send(FIRST, {"workspace": one, "workflow": two, "limit": each}) for one, two in pairs]
    by_workflow = driver.send(WORKFLOW_LIMITS, {"ids": [workflow for _, workflow in pairs]})
    by_workspace = driver.send(WORKSPACE_LIMITS, {"ids": sorted({workspace for workspace, _ in pairs})})
    yield
    backlog = [
        Place(run, number, workspace, workflow, priority, queued_at)
        for (workspace, workflow), first in zip(pairs, firsts, strict=True)
        for run, number, priority, queued_at in first.rows()
    ]
    limits = _limits([*by_workflow.rows(), *by_workspace.rows()])
    chosen = choose(backlog, _held(held.rows()), limits, room, slots)
    if not chosen:
        return Dispatched(left=True)
    delivered = driver.send(DELIVER, {"runs": [place.run_id for place in chosen]})
    yield
    order = {place.run_id: number for number, place in enumerate(chosen)}
    rows = sorted(delivered.rows(), key=lambda row: (order[row[0]], row[1]))
    left = len(backlog) > len(chosen) or any(len(first.rows()) == each for first in firsts)
    return Dispatched(tuple(Delivery(*row) for row in rows), left)


def _held(rows: Sequence[Row]) -> Held:
    held = Held()
    for workspace, workflow, segments, runs in rows:
        held.add(workspace, workflow, segments, runs)
    return held


def _limits(rows: Sequence[Row]) -> dict[str, int]:
    return {key: max(1, int(value)) for key, value in rows}
