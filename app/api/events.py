"""A run's events as server-sent events (WHATWG HTML, section 9.2): resumes after Last-Event-ID, from the rows."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any, Final

import orjson
from fastapi import APIRouter, Header
from fastapi.responses import StreamingResponse

from app.api.auth import SignedIn
from app.services import live_runs
from app.services.access import Actor
from app.services.errors import NotFound

router = APIRouter(tags=["Runs"])

_KEEP_ALIVE: Final = b": still here\n\n"
_DESCRIPTION: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "Events named `run` and `step` with ids, states and counts, never data; `end` comes last. "
        "The id of an event is the run's sequence number.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    }
}


@router.get("/runs/{run_id}/events", responses=_DESCRIPTION, response_class=StreamingResponse)
async def follow_run(actor: SignedIn, run_id: str, last_event_id: str = Header(default="0", max_length=20)) -> Any:
    """Follow a run as it happens. With Last-Event-ID, only what changed after that event."""
    after = int(last_event_id) if last_event_id.isascii() and last_event_id.isdigit() else 0
    await live_runs.check(actor, run_id)
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(_framed(actor, run_id, after), media_type="text/event-stream", headers=headers)


async def _framed(actor: Actor, run_id: str, after: int) -> AsyncIterator[bytes]:
    async with aclosing(live_runs.follow(actor, run_id, after)) as changes:
        try:
            async for change in changes:
                yield _KEEP_ALIVE if change is None else _frame(change)
        except (asyncio.CancelledError, NotFound):
            return
        yield b"event: end\ndata: {}\n\n"


def _frame(change: live_runs.Change) -> bytes:
    body = orjson.dumps(change.data)
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (change.seq, change.kind.encode(), body)
