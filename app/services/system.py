"""What an administrator looks at when something is slow: processes, leases, the backlog, schedules."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import redis
from sqlalchemy import select
from sqlmodel import Session, col

from app.services.access import Actor, owned
from app.services.triggers import overdue
from app.services.unit import reads
from engine.models import Run, Segment, Trigger, Workflow, to_ms
from engine.presence import Process, alive
from engine.settings import settings
from engine.store.db import database
from engine.store.overview import Overview, overview

LONGEST: Final = 50


@dataclass(frozen=True, slots=True)
class Lease:
    """A segment that a worker advances now, or whose turn it is. Times are milliseconds since 1970 UTC."""

    run_id: str
    workflow: str
    status: str
    epoch: int
    queued_at: int | None
    lease_until: int | None


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A schedule that is on."""

    workflow_id: str
    workflow: str
    next_due: int | None
    last_fired: int | None
    alarm: str
    overdue: bool


@dataclass(frozen=True, slots=True)
class View:
    """`processes` is None while Redis, which knows them, is away. Lists hold the first 50."""

    processes: Sequence[Process] | None
    counts: Overview
    leases: Sequence[Lease]
    schedules: Sequence[Scheduled]


@reads
def look(db: Session, actor: Actor) -> View:
    """The processes of the installation, and what of this workspace is under way or due. Raises Forbidden."""
    actor.need("owner")
    with database().reader() as driver:
        counts = overview(driver, actor.workspace_id)
    return View(_processes(), counts, _leases(db, actor), _schedules(db, actor))


def _processes() -> list[Process] | None:
    client = redis.Redis.from_url(settings().redis_url, socket_timeout=2)
    try:
        return alive(client)
    except redis.RedisError:
        return None
    finally:
        client.close()


def _leases(db: Session, actor: Actor) -> list[Lease]:
    query = (
        select(Segment, col(Workflow.name))
        .join(Run, col(Run.id) == col(Segment.run_id))
        .join(Workflow, col(Workflow.id) == col(Run.workflow_id))
        .where(owned(Segment, actor), col(Segment.status).in_(("running", "queued")))
        .order_by(col(Segment.status).desc(), col(Segment.queued_at))
        .limit(LONGEST)
    )
    return [
        Lease(one.run_id, name, one.status, one.epoch, one.queued_at, one.lease_until)
        for one, name in db.execute(query)
    ]


def _schedules(db: Session, actor: Actor) -> list[Scheduled]:
    query = (
        select(Trigger, col(Workflow.name))
        .join(Workflow, col(Workflow.id) == col(Trigger.workflow_id))
        .where(owned(Trigger, actor), col(Trigger.kind) == "schedule", col(Trigger.enabled))
        .order_by(col(Trigger.next_due))
        .limit(LONGEST)
    )
    rows = db.execute(query).all()
    late = overdue(db, actor, [trigger for trigger, _ in rows])
    return [_scheduled(trigger, name, trigger.id in late) for trigger, name in rows]


def _scheduled(trigger: Trigger, workflow: str, late: bool) -> Scheduled:
    due, fired = (to_ms(at) if at else None for at in (trigger.next_due, trigger.last_fired))
    return Scheduled(trigger.workflow_id, workflow, due, fired, trigger.alarm or "", late)
