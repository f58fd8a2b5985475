"""What is sent with the workspace's accounts just now: calls under way, turns to come, services that are left alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import redis
from sqlalchemy import select
from sqlmodel import Session, col

from app.services.access import Actor, owned
from app.services.errors import NotFound
from app.services.unit import reads
from engine.catalog import catalog
from engine.delivery.rates import Limits
from engine.delivery.standing import HostNow, now_of
from engine.models import Credential
from engine.settings import settings

Standing = Literal["free", "busy", "waiting", "asked", "closed"]


@dataclass(frozen=True, slots=True)
class HostCalls:
    """The calls to one host: whether one more could be made now, and in words why not.

    ``seconds`` is how long it would wait; ``under_way`` counts calls only where calls at once are limited.
    """

    host: str
    standing: Standing
    says: str
    seconds: float
    under_way: int
    ahead: int


@dataclass(frozen=True, slots=True)
class AccountCalls:
    """The hosts that were called of late. ``known`` is false while Redis, which counts for all, is away."""

    known: bool
    hosts: Sequence[HostCalls]


@reads
def now(db: Session, actor: Actor, account_id: str) -> AccountCalls:
    """What is sent with one account just now. Raises NotFound."""
    found = of_all(db, actor, account_id)
    if account_id not in found:
        raise NotFound("account")
    return found[account_id]


@reads
def of_all(db: Session, actor: Actor, account_id: str | None = None) -> Mapping[str, AccountCalls]:
    """The same for each account of the workspace, or for the one that is named, if it is there."""
    mine = select(Credential).where(owned(Credential, actor))
    rows = list(db.scalars(mine if account_id is None else mine.where(col(Credential.id) == account_id)))
    kinds = catalog().credentials
    limits = {row.id: Limits.of(row.limits, kinds[row.type].limits if row.type in kinds else None) for row in rows}
    client = redis.Redis.from_url(settings().redis_url, socket_timeout=1, socket_connect_timeout=1)
    try:
        hosts = now_of(client, limits)
    except redis.RedisError:
        return {row.id: AccountCalls(False, ()) for row in rows}
    finally:
        client.close()
    return {
        row.id: AccountCalls(True, tuple(_calls(one, limits[row.id]) for one in hosts.get(row.id, ()))) for row in rows
    }


def _calls(one: HostNow, limits: Limits) -> HostCalls:
    standing, says, seconds = _said(one, limits)
    return HostCalls(one.host, standing, says, round(seconds, 1), one.under_way, one.ahead)


def _said(one: HostNow, limits: Limits) -> tuple[Standing, str, float]:
    if one.closed_for > 0:
        words = f"Left alone for {_seconds(one.closed_for)} more after {one.failures} failures in a row."
        return "closed", words, one.closed_for
    if one.trying:
        return "closed", "One call finds out whether it is well again; the others fail at once until then.", 0.0
    if one.asked_for > 0:
        return "asked", f"It asks to wait: no call for {_seconds(one.asked_for)} more.", one.asked_for
    if one.next_turn > 0:
        queue = f"{one.ahead:,} {'call has a turn' if one.ahead == 1 else 'calls have turns'} before it" * bool(
            one.ahead
        )
        words = f"Rate limit: one more call would wait {_seconds(one.next_turn)}" + (f"; {queue}." if queue else ".")
        return "waiting", words, one.next_turn
    most = limits.at_once
    words = f"{one.under_way:,} of {most:,} calls under way." if most else "Nothing holds it back."
    return ("busy" if most and one.under_way >= most else "free"), words, 0.0


def _seconds(value: float) -> str:
    return f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"
