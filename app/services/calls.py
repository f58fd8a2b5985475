"""Calls of one-time addresses, for whoever was sent one: what the page at it says, and the one call that counts.

Nobody is signed in; the token is the permission, and is looked up by its fingerprint alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import plain, unit
from app.services.errors import Gone, NotFound
from app.services.limits import Limit, limiter
from app.services.unit import reads
from engine import doors, launch
from engine.models import Run, Wait, Workspace, now
from engine.models.states import RUN

_CALLS: Final = Limit("one-time-calls", 60, 60)
_UNKNOWN: Final = "address"
_CLOSED: Final = {
    "used": "This address has been used. It works once.",
    "expired": "This address has expired. Ask whoever sent it to you for a new one.",
    "over": "This address is not needed any more.",
}

State = Literal["open", "used", "expired", "over"]


@dataclass(frozen=True, slots=True)
class CallPage:
    """What whoever opens the address sees. ``expires`` is None for an address that stays open until it is called."""

    title: str
    message: str
    button: str
    workspace: str
    expires: datetime | None


async def look(token: str, address: str) -> CallPage:
    """What the page of an open address says; looking changes nothing.

    Raises:
        NotFound: there never was such an address.
        Gone: it was called, has expired, or its run is over.
        TooMany: this network address asks too often.
    """
    await _count(address)
    return await unit.ask(_page, token)


async def call(token: str, payload: Any, address: str) -> None:
    """Take the one call that counts; the run goes on with its payload.

    Raises:
        NotFound, Gone, TooMany: as `look`.
        Invalid: the payload cannot be stored.
    """
    await _count(address)
    plain.check(payload, "payload")
    await unit.ask(_page, token)
    wait_id = await unit.ask(_wait_id, token)
    if not await launch.settle(wait_id, {"payload": payload}):
        # Somebody was quicker, or the deadline came in between: say which.
        await unit.ask(_page, token)
        raise Gone(_CLOSED["used"])


async def _count(address: str) -> None:
    await limiter().need(_CALLS, address, "Too many calls. Wait a minute, then try again.")


@reads
def _page(db: Session, token: str) -> CallPage:
    query = (
        select(Wait, col(Run.status), col(Workspace.name))
        .join(Run, col(Run.id) == col(Wait.run_id))
        .join(Workspace, col(Workspace.id) == col(Wait.workspace_id))
        .where(col(Wait.token_hash) == _fingerprint(token))
    )
    found = db.execute(query).first()
    if found is None:
        raise NotFound(_UNKNOWN)
    wait, status, workspace = found
    if (state := _state(wait, status)) != "open":
        raise Gone(_CLOSED[state])
    detail: Mapping[str, Any] = wait.detail or {}
    return CallPage(
        title=str(detail.get("title") or "Please confirm"),
        message=str(detail.get("message") or ""),
        button=str(detail.get("button") or "Confirm"),
        workspace=workspace,
        expires=wait.due,
    )


@reads
def _wait_id(db: Session, token: str) -> str:
    found = db.scalar(select(col(Wait.id)).where(col(Wait.token_hash) == _fingerprint(token)))
    if found is None:
        raise NotFound(_UNKNOWN)
    return found


def _fingerprint(token: str) -> str:
    if not doors.TOKEN.fullmatch(token):
        raise NotFound(_UNKNOWN)
    return doors.fingerprint(token)


def _state(wait: Wait, run_status: str) -> State:
    outcome = wait.outcome or {}
    if wait.settled_at is not None and "payload" in outcome:
        return "used"
    if outcome.get("due") or (wait.due is not None and wait.due <= now()):
        return "expired"
    return "open" if wait.settled_at is None and run_status in RUN.open else "over"
