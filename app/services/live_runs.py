"""Following one run: first its rows, then its stream, and the rows again on a gap and every few seconds."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Final, Literal, cast

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import runs, unit
from app.services.access import Actor, owned
from app.services.unit import reads
from engine.events import Event, Follower
from engine.models import Step, to_ms
from engine.settings import settings

REREAD_SECONDS: Final = 5.0
LONGEST_SECONDS: Final = 900.0


@dataclass(frozen=True, slots=True)
class Change:
    """One change of state; ``seq`` orders the changes of a run."""

    seq: int
    kind: Literal["run", "step"]
    data: Mapping[str, Any]


async def check(actor: Actor, run_id: str) -> None:
    """Raise NotFound unless the run is the actor's workspace's."""
    await unit.ask(runs.find, actor, run_id)


async def follow(actor: Actor, run_id: str, after: int = 0) -> AsyncGenerator[Change | None, None]:
    """What changed after ``after``, until the run has ended; None every few seconds when nothing did.

    Ends without the run's end after 15 minutes, so that the follower has to prove again who they are. Raises NotFound.
    """
    deadline = asyncio.get_running_loop().time() + LONGEST_SECONDS
    stream = cast("Any", (await _follower()).subscribe(run_id))
    async with aclosing(stream) as told:
        last, ended = after, False
        arriving: asyncio.Future[Event] | None = None
        try:
            while asyncio.get_running_loop().time() < deadline:
                changes, ended = await unit.ask(changed_since, actor, run_id, last)
                for change in changes:
                    last = max(last, change.seq)
                    yield change
                if ended:
                    return
                if not changes:
                    yield None
                reread = asyncio.get_running_loop().time() + REREAD_SECONDS
                while (left := reread - asyncio.get_running_loop().time()) > 0:
                    arriving = arriving or asyncio.ensure_future(anext(told))
                    done, _ = await asyncio.wait({arriving}, timeout=left)
                    if not done:
                        break
                    event, arriving = arriving.result(), None
                    if event.seq <= last:
                        continue
                    if event.seq > last + 1 or (event.kind == "run" and event.status in runs.ENDED):
                        break  # a gap, or the end: the rows know all of it
                    last = event.seq
                    yield _of_event(event)
        finally:
            if arriving is not None:
                arriving.cancel()
                await asyncio.gather(arriving, return_exceptions=True)


@reads
def changed_since(db: Session, actor: Actor, run_id: str, after: int) -> tuple[list[Change], bool]:
    """The nodes whose state changed after that event, the run itself, and whether the run has ended."""
    run = runs.find(db, actor, run_id)
    if run.seq <= after:
        return [], run.status in runs.ENDED
    query = select(Step).where(
        owned(Step, actor), col(Step.run_id) == run_id, col(Step.item) == "", col(Step.seq) > after
    )
    found = [_of_step(row) for row in db.scalars(query.order_by(col(Step.seq)))]
    at = run.finished_at or run.started_at or run.created_at
    data = {"run_id": run_id, "status": run.status, "at": to_ms(at), "error": run.error}
    return [*found, Change(run.seq, "run", data)], run.status in runs.ENDED


async def close() -> None:
    """End the reading of the running event loop, if there is any; for the end of a process."""
    kept = _followers.pop(asyncio.get_running_loop(), None)
    if kept:
        await kept.stop()


_followers: dict[asyncio.AbstractEventLoop, Follower] = {}


async def _follower() -> Follower:
    loop = asyncio.get_running_loop()
    if loop not in _followers:
        _followers[loop] = Follower(settings().redis_url)
        await _followers[loop].start()
    return _followers[loop]


def _of_event(event: Event) -> Change:
    place = {"scope": event.scope, "node_id": event.node_id, "item": event.item}
    data = {"run_id": event.run_id, **place, "status": event.status}
    return Change(event.seq, event.kind, {**data, "counts": event.counts, "at": event.at})


def _of_step(row: Step) -> Change:
    at = row.finished_at or row.started_at
    place = {"scope": row.scope, "node_id": row.node_id, "item": row.item}
    data = {"run_id": row.run_id, **place, "status": row.status}
    return Change(row.seq, "step", {**data, "counts": row.counts, "at": to_ms(at) if at else None})
