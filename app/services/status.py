"""How the installation is: what runs, what waits, where the data is."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import redis
from rq import Worker
from rq.worker import BaseWorker
from sqlalchemy import text
from sqlmodel import Session

from app.services.access import Actor
from app.services.unit import reads
from engine import __version__
from engine.delivery.queue import RunQueue
from engine.settings import settings

_ALIVE_SECONDS: Final = 120.0


@dataclass(frozen=True, slots=True)
class Fact:
    """One line: what, whether it is well, and what is known of it."""

    subject: str
    well: bool
    said: str


@reads
def facts(db: Session, actor: Actor) -> list[Fact]:
    """Version, database, queue and workers; addresses and secrets are left out."""
    del actor
    config = settings()
    kind = "PostgreSQL" if config.database_url.startswith("postgres") else "SQLite"
    well = db.execute(text("SELECT 1")).scalar() == 1
    return [
        Fact("Weft", True, f"{__version__}, {config.env}"),
        Fact("Database", well, f"{kind}, answering"),
        *_queue(config.redis_url),
    ]


def _queue(url: str) -> list[Fact]:
    client = redis.Redis.from_url(url, socket_timeout=2)
    try:
        waiting = RunQueue(client).depth()
        beats = [_age(worker) for worker in Worker.all(connection=client)]
    except redis.RedisError:
        said = "Not reachable. Runs are recorded and start when it is back."
        return [Fact("Queue", False, said), Fact("Workers", False, "Not known while the queue is away")]
    finally:
        client.close()
    alive = sum(age < _ALIVE_SECONDS for age in beats)
    working = f"{alive} running" if alive else "None is running: runs wait until one starts"
    return [Fact("Queue", True, f"{waiting:,} waiting"), Fact("Workers", alive > 0, working)]


def _age(worker: BaseWorker) -> float:
    beat = worker.last_heartbeat
    if beat is None:
        return float("inf")
    return (datetime.now(UTC) - (beat if beat.tzinfo else beat.replace(tzinfo=UTC))).total_seconds()
