"""What stands still although it should not: runs that no worker takes, times that no scheduler heeds, Redis away."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal

import redis
from sqlalchemy import func, select
from sqlmodel import Session, col

from app.services.access import Actor, owned
from app.services.unit import reads
from engine.delivery.queue import RunQueue
from engine.models import Segment, Trigger, Wait, from_ms, now, to_ms
from engine.presence import alive
from engine.settings import settings

Kind = Literal["redis", "no_worker", "no_scheduler"]
PATIENCE: Final = timedelta(seconds=5)  # in which a restart is over
LATE: Final = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Alarm:
    """Something that only a person can set right. ``since``: how long the first of what it holds up has waited."""

    kind: Kind
    title: str
    text: str
    since: datetime | None = None


@reads
def list_alarms(db: Session, actor: Actor) -> list[Alarm]:
    """What holds up this workspace now; empty while all is well."""
    queued, first = _queued(db, actor)
    late = _late(db, actor)
    client = redis.Redis.from_url(settings().redis_url, socket_timeout=1, socket_connect_timeout=1)
    try:
        workers = RunQueue(client).look().workers
        schedulers = any(one.part == "scheduler" for one in alive(client)) if late else True
    except redis.RedisError:
        held = f"{_runs(queued)} until it is back. " if queued else ""
        text = f"{held}What is started meanwhile is recorded, and runs by itself when Redis answers again."
        return [Alarm("redis", "Redis cannot be reached", text, first)]
    finally:
        client.close()
    found = []
    if queued and not workers and first is not None and first < now() - PATIENCE:
        text = f"{_runs(queued)}. They start by themselves when a worker does: ./weft up, or ./weft worker."
        found.append(Alarm("no_worker", "No worker is running", text, first))
    if late and not schedulers:
        text = f"{_times(late)}. They are caught up when a scheduler runs: ./weft up, or ./weft scheduler."
        found.append(Alarm("no_scheduler", "No scheduler is running", text, min(late)))
    return found


def _queued(db: Session, actor: Actor) -> tuple[int, datetime | None]:
    query = select(func.count(func.distinct(col(Segment.run_id))), func.min(col(Segment.queued_at))).where(
        owned(Segment, actor), col(Segment.status) == "queued"
    )
    count, first = db.execute(query).one()
    return count, from_ms(first) if first else None


def _late(db: Session, actor: Actor) -> Sequence[datetime]:
    """The times of schedules and sleeping runs that passed and moved nothing."""
    before = now() - LATE
    waits = select(col(Wait.due)).where(owned(Wait, actor), col(Wait.settled_at).is_(None), col(Wait.due) < before)
    due = select(col(Trigger.next_due)).where(
        owned(Trigger, actor), col(Trigger.kind) == "schedule", col(Trigger.enabled), col(Trigger.next_due) < before
    )
    return [*db.scalars(waits.limit(1_000)), *db.scalars(due)]


def _runs(count: int) -> str:
    return "1 run waits" if count == 1 else f"{count:,} runs wait"


def _times(late: Sequence[datetime]) -> str:
    return "1 time has passed unheeded" if len(late) == 1 else f"{len(late):,} times have passed unheeded"


def key(alarm: Alarm) -> str:
    """What tells an alarm from another of its kind at another time."""
    return f"{alarm.kind}-{to_ms(alarm.since) if alarm.since else 0}"
