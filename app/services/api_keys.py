"""API keys: how machines get into one workspace. A key is shown once; its hash, prefix and last use are kept."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import select, update
from sqlmodel import Session, col

from app.services import secrets
from app.services.access import RANK, Actor, Role, owned
from app.services.errors import Forbidden, Invalid, NotFound
from app.services.unit import reads
from app.services.words import name_of
from engine.models import ApiKey, Membership, User, now

_SHOWN: Final = 12
_USE_NOTED_EVERY: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key in a list; ``prefix`` is how its holder recognizes it."""

    id: str
    name: str
    prefix: str
    role: Role
    owner: str
    created_at: datetime
    last_used_at: datetime | None


def create(db: Session, actor: Actor, name: str, role: Role = "editor") -> tuple[KeyView, str]:
    """A new key and its text, which cannot be had again. Nobody can give more than their own role."""
    name = name_of(name)
    if role not in RANK:
        raise Invalid.field("role", f"Choose one of {', '.join(RANK)}.")
    actor.need(role)
    if actor.via == "api_key":
        raise Forbidden("An API key cannot make another one. Sign in as a person.")
    key = secrets.new_api_key()
    row = ApiKey(
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        name=name,
        role=role,
        prefix=key[:_SHOWN],
        key_hash=secrets.fingerprint(key),
    )
    db.add(row)
    db.flush()
    return _view(row, actor.name), key


@reads
def list_keys(db: Session, actor: Actor) -> list[KeyView]:
    """The workspace's keys that are not revoked, newest first: all of them for owners, their own for others."""
    query = (
        select(ApiKey, col(User.name))
        .join(User, col(User.id) == col(ApiKey.user_id))
        .where(owned(ApiKey, actor), col(ApiKey.revoked_at).is_(None))
        .order_by(col(ApiKey.created_at).desc(), col(ApiKey.id).desc())
    )
    if actor.role != "owner":
        query = query.where(col(ApiKey.user_id) == actor.user_id)
    return [_view(row, name) for row, name in db.execute(query).all()]


def revoke(db: Session, actor: Actor, key_id: str) -> None:
    """End a key for good: one's own, or as owner anybody's. Raises NotFound."""
    mine = (owned(ApiKey, actor), col(ApiKey.id) == key_id, col(ApiKey.revoked_at).is_(None))
    row = db.scalar(select(ApiKey).where(*mine))
    if row is None or (actor.role != "owner" and row.user_id != actor.user_id):
        raise NotFound("API key")
    row.revoked_at = now()


@reads
def actor_for_api_key(db: Session, key: str) -> tuple[Actor, str | None] | None:
    """Whom the key speaks for, or None; with the key's id if its use should be noted with ``note_use``.

    A key never does more than its person may do at present, and dies when that person leaves the workspace.
    """
    found = db.execute(
        select(ApiKey, col(User.name), col(User.email), col(Membership.role))
        .join(User, col(User.id) == col(ApiKey.user_id))
        .join(
            Membership,
            (col(Membership.user_id) == col(ApiKey.user_id))
            & (col(Membership.workspace_id) == col(ApiKey.workspace_id)),
        )
        .where(col(ApiKey.key_hash) == secrets.fingerprint(key), col(ApiKey.revoked_at).is_(None))
    ).first()
    if found is None:
        return None
    row, name, email, role = found
    least = min(cast(Role, row.role), cast(Role, role), key=RANK.__getitem__)
    stale = row.last_used_at is None or now() - row.last_used_at > _USE_NOTED_EVERY
    return Actor(row.user_id, row.workspace_id, least, name, email, "api_key"), row.id if stale else None


def note_use(db: Session, actor: Actor, key_id: str) -> None:
    """Remember that the key was used now."""
    mine = (owned(ApiKey, actor), col(ApiKey.id) == key_id)
    db.execute(update(ApiKey).where(*mine).values(last_used_at=now()))


def _view(row: ApiKey, owner: str) -> KeyView:
    return KeyView(row.id, row.name, row.prefix, cast(Role, row.role), owner, row.created_at, row.last_used_at)
