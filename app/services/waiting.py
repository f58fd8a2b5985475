"""Why a run does not go on: what it waits for, said so that a person can act on it."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import redis
from sqlalchemy import func, select, text
from sqlmodel import Session, col

from app.services.access import Actor, owned
from engine.delivery.queue import RunQueue
from engine.delivery.room import Look
from engine.models import Run, Segment, Wait, Workflow, Workspace, from_ms, now
from engine.presence import alive
from engine.settings import settings
from engine.store.backlog import BACKLOG, LARGEST_SHARE

Reason = Literal[
    "redis", "no_worker", "limit", "share", "queue", "starting",
    "rate", "breaker", "retry", "time", "scheduler", "answer", "paused", "budget",
]  # fmt: skip
_ANSWERS: Final = {
    "approval": "It waits for a decision.",
    "ask": "It waits for somebody to say what happened.",
    "budget": "It waits for somebody to raise its budget.",
    "call": "It waits for a call of its one-time address.",
    "run": "It waits for another workflow.",
}
_REDIS_SECONDS: Final = 1.0
_LATE: Final = timedelta(seconds=30)
_HELD: Final = "(status = 'running' OR (status = 'queued' AND delivered_at IS NOT NULL))"


@dataclass(frozen=True, slots=True)
class Waiting:
    """What a run waits for. ``text`` is a sentence without its times: ``since`` and ``until`` go with it.

    ``ahead`` counts the runs that are taken before it; those of other workspaces are a number and nothing else.
    """

    reason: Reason
    text: str
    since: datetime | None = None
    until: datetime | None = None
    ahead: int = 0


@dataclass(frozen=True, slots=True)
class _Queued:
    run_id: str
    workflow_id: str
    delivered: bool


def why_waiting(db: Session, actor: Actor, runs: Mapping[str, str]) -> dict[str, Waiting]:
    """What each of these runs waits for; ``runs`` maps ids to statuses. Those that do not wait are left out."""
    queued = [run_id for run_id, status in runs.items() if status == "queued"]
    asleep = [run_id for run_id, status in runs.items() if status == "waiting"]
    paused = [run_id for run_id, status in runs.items() if status == "paused"]
    found = _queued(db, actor, queued) if queued else {}
    found |= _asleep(db, actor, asleep) if asleep else {}
    return found | (_paused(db, actor, paused) if paused else {})


def _queued(db: Session, actor: Actor, runs: Sequence[str]) -> dict[str, Waiting]:
    segments = _segments(db, actor, runs)
    try:
        look = _look()
    except redis.RedisError:
        said = "Redis cannot be reached. The run is recorded and starts when it is back."
        return dict.fromkeys(segments, Waiting("redis", said))
    if not look.workers:
        return dict.fromkeys(segments, Waiting("no_worker", "No worker is running. The run starts when one does."))
    full = _at_their_limits(db, actor, {one.workflow_id for one in segments.values()})
    share = _share(db, actor, look)
    places = _places(db, actor, runs)
    return {run_id: _one(one, look, full, share, places.get(run_id, 0)) for run_id, one in segments.items()}


def _one(queued: _Queued, look: Look, full: Mapping[str, str], share: str, place: int) -> Waiting:
    limit = full.get("") or full.get(queued.workflow_id)
    if limit and not queued.delivered:
        return Waiting("limit", limit, ahead=max(0, place - 1))
    if share and not queued.delivered:
        return Waiting("share", share, ahead=max(0, place - 1))
    ahead = look.waiting + place - 1 if place else max(0, look.waiting - 1)
    if look.busy_since:
        workers = "1 worker busy" if look.workers == 1 else f"{look.workers} workers busy"
        return Waiting("queue", f"{ahead:,} ahead of you, {workers}.", since=from_ms(look.busy_since), ahead=ahead)
    if ahead:
        return Waiting("queue", f"{ahead:,} ahead of you.", ahead=ahead)
    return Waiting("starting", "A worker is about to take it.")


def _segments(db: Session, actor: Actor, runs: Sequence[str]) -> dict[str, _Queued]:
    query = select(col(Segment.run_id), col(Segment.workflow_id), col(Segment.delivered_at)).where(
        owned(Segment, actor), col(Segment.run_id).in_(runs), col(Segment.status) == "queued"
    )
    return {run: _Queued(run, workflow, at is not None) for run, workflow, at in db.execute(query)}


def _look() -> Look:
    """Raises redis.RedisError."""
    limits = {"socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
    with redis.Redis.from_url(settings().redis_url, **limits) as client:
        return RunQueue(client).look()


def _at_their_limits(db: Session, actor: Actor, workflows: set[str]) -> dict[str, str]:
    """In words, by workflow, those that run as many runs at once as they may; the workspace itself by ""."""
    held = _held(db, actor)
    found = {}
    limits = db.scalar(select(col(Workspace.limits)).where(col(Workspace.id) == actor.workspace_id)) or {}
    most, running = limits.get("runs_at_once"), sum(held.values())
    if most is not None and running >= most:
        found[""] = f"Limit of {_runs(most)} at once for this workspace: {_running(running)}."
    rows = db.execute(
        select(col(Workflow.id), col(Workflow.limits)).where(owned(Workflow, actor), col(Workflow.id).in_(workflows))
    )
    for workflow_id, limits in rows:
        most, running = (limits or {}).get("runs_at_once"), held.get(workflow_id, 0)
        if most is not None and running >= most:
            found[workflow_id] = f"Limit of {_runs(most)} at once for this workflow: {_running(running)}."
    return found


def _held(db: Session, actor: Actor) -> dict[str, int]:
    """How many runs of each workflow are under way or on their way."""
    query = select(col(Segment.workflow_id), func.count(func.distinct(col(Segment.run_id)))).where(
        owned(Segment, actor), text(_HELD)
    )
    return {row[0]: row[1] for row in db.execute(query.group_by(col(Segment.workflow_id)))}


def _share(db: Session, actor: Actor, look: Look) -> str:
    """In words, whether this workspace holds as much as one may while another waits; of the other nothing is told."""
    mine, largest = sum(_held(db, actor).values()), max(1, math.floor(look.slots * LARGEST_SHARE))
    if mine < largest:
        return ""
    others = select(col(Segment.run_id)).where(~owned(Segment, actor), text(BACKLOG)).limit(1)
    if db.scalar(others) is None:
        return ""
    return f"This workspace holds {mine:,} of {look.slots:,} places, its share while others wait; they go first."


def _places(db: Session, actor: Actor, runs: Sequence[str]) -> dict[str, int]:
    """Where these runs stand in the workspace's backlog, from 1; those that were delivered are not in it."""
    order = (col(Segment.priority), col(Segment.queued_at), col(Segment.run_id), col(Segment.number))
    place = func.row_number().over(order_by=order).label("place")
    line = select(col(Segment.run_id).label("run"), place).where(owned(Segment, actor), text(BACKLOG)).subquery()
    query = select(line.c.run, func.min(line.c.place)).where(line.c.run.in_(runs)).group_by(line.c.run)
    return {row[0]: row[1] for row in db.execute(query)}


def _asleep(db: Session, actor: Actor, runs: Sequence[str]) -> dict[str, Waiting]:
    """The wait that is over first, of each run."""
    query = (
        select(col(Wait.run_id), col(Wait.kind), col(Wait.due), col(Wait.detail))
        .join(Run, col(Run.id) == col(Wait.run_id))
        .where(owned(Wait, actor), col(Wait.run_id).in_(runs), col(Wait.settled_at).is_(None))
        .where(col(Wait.kind) != "limit")  # what it may take is not what it waits for
        .order_by(col(Wait.due).is_(None).desc(), col(Wait.due).desc())
    )
    rows = db.execute(query).all()
    late = any(due is not None and due < now() - _LATE for _, _, due, _ in rows) and not _scheduler_lives()
    return {run: _sleeper(kind, due, detail or {}, late) for run, kind, due, detail in rows}


def _scheduler_lives() -> bool:
    """While Redis is away nobody knows; then the benefit of the doubt."""
    limits = {"socket_timeout": _REDIS_SECONDS, "socket_connect_timeout": _REDIS_SECONDS}
    try:
        with redis.Redis.from_url(settings().redis_url, **limits) as client:
            return any(one.part == "scheduler" for one in alive(client))
    except redis.RedisError:
        return True


def _sleeper(kind: str, due: datetime | None, detail: Mapping[str, Any], late: bool) -> Waiting:
    if late and due is not None and due < now() - _LATE:
        return Waiting("scheduler", "Its time has passed, and no scheduler is running that would wake it.", since=due)
    if kind == "retry" and detail.get("held_by"):
        return Waiting("rate", str(detail["held_by"]), until=due)
    if kind == "retry":
        because: Mapping[str, Any] = detail.get("because") or {}
        reason: Reason = "breaker" if because.get("kind") == "CircuitOpen" else "retry"
        said = because.get("message") or "A call failed."
        return Waiting(reason, f"{said} It is tried again.", until=due)
    if kind == "timer":
        return Waiting("time", "It waits for its time.", until=due)
    return Waiting("answer", _ANSWERS.get(kind, "It waits for an answer."), until=due)


def _paused(db: Session, actor: Actor, runs: Sequence[str]) -> dict[str, Waiting]:
    """Whose budget is used up says so; the others wait for whoever paused them."""
    query = select(col(Wait.run_id), col(Wait.due), col(Wait.detail)).where(
        owned(Wait, actor), col(Wait.run_id).in_(runs), col(Wait.kind) == "budget", col(Wait.settled_at).is_(None)
    )
    asking = {
        run: Waiting("budget", f"{(detail or {}).get('title', _ANSWERS['budget'])} Raise it or end the run.", until=due)
        for run, due, detail in db.execute(query)
    }
    return {
        run: asking.get(run, Waiting("paused", "Somebody paused it. It goes on when it is resumed.")) for run in runs
    }


def _runs(number: int) -> str:
    return "1 run" if number == 1 else f"{number:,} runs"


def _running(number: int) -> str:
    return "1 is running" if number == 1 else f"{number:,} are running"
