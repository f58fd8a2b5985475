"""Accounts that nodes use (credentials): sealed at rest, and never shown again once they are stored."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import select
from sqlmodel import Session, col

from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid, NotFound
from app.services.unit import reads
from app.services.words import name_of
from engine.catalog import catalog
from engine.contract import CallLimits, CredentialType
from engine.delivery.rates import Limits
from engine.models import Credential, Workflow, new_id, now
from engine.store import vault

LIMITS: Final = ("per_second", "per_minute", "burst", "at_once")
LEAST_RATE: Final = 0.001
HIGHEST: Final = 10_000


@dataclass(frozen=True, slots=True)
class CredentialView:
    """An account in a list: everything but its secrets. ``used_by`` are the workflows whose drafts name it.

    ``limits`` are those that were set for it, null for no limit; ``usual`` are those of its kind, which hold where it
    sets none; ``in_force`` is what comes of both. The calls of all workers together keep to them.
    """

    id: str
    name: str
    type: str
    type_title: str
    created_at: datetime
    updated_at: datetime
    last_used_at: datetime | None
    used_by: tuple[tuple[str, str], ...]
    limits: Mapping[str, float | int | None]
    usual: Mapping[str, float | int]
    in_force: Mapping[str, float | int]


@dataclass(frozen=True, slots=True)
class TypeView:
    """A kind of account that can be added, with the JSON Schema of its fields."""

    id: str
    title: str
    description: str
    schema: Mapping[str, Any]


def types() -> list[TypeView]:
    """The kinds of accounts that the installed nodes know, by title."""
    found = [
        TypeView(one.id, one.title, one.description, one.fields.model_json_schema())
        for one in catalog().credentials.values()
    ]
    return sorted(found, key=lambda one: one.title)


@reads
def list_credentials(db: Session, actor: Actor, type_id: str | None = None) -> list[CredentialView]:
    """The workspace's accounts by name."""
    query = select(Credential).where(owned(Credential, actor)).order_by(col(Credential.name), col(Credential.id))
    if type_id is not None:
        query = query.where(col(Credential.type) == type_id)
    rows = list(db.scalars(query))
    uses = _uses(db, actor, [row.id for row in rows])
    return [_view(row, uses.get(row.id, ())) for row in rows]


def create(db: Session, actor: Actor, name: str, type_id: str, fields: Mapping[str, Any]) -> CredentialView:
    """Add an account; its secrets are sealed before they are stored."""
    actor.need("editor")
    credential_id = new_id()
    secrets = _checked(type_id, fields)
    sealed, key_id = vault.seal(actor.workspace_id, credential_id, secrets)
    row = Credential(
        id=credential_id,
        workspace_id=actor.workspace_id,
        name=name_of(name),
        type=type_id,
        sealed=sealed,
        key_id=key_id,
        created_by=actor.user_id or None,
    )
    db.add(row)
    db.flush()
    return _view(row, ())


def update(
    db: Session, actor: Actor, credential_id: str, name: str, fields: Mapping[str, Any] | None = None
) -> CredentialView:
    """Rename an account, and replace its secrets if ``fields`` are given."""
    actor.need("editor")
    row = _find(db, actor, credential_id)
    row.name, row.updated_at = name_of(name), now()
    if fields is not None:
        row.sealed, row.key_id = vault.seal(actor.workspace_id, row.id, _checked(row.type, fields))
    return _view(row, _uses(db, actor, [row.id]).get(row.id, ()))


def set_limits(
    db: Session, actor: Actor, credential_id: str, limits: Mapping[str, float | int | None]
) -> CredentialView:
    """Limit what is sent with an account. Raises NotFound, Invalid.

    ``limits`` may name ``per_second``, ``per_minute``, ``burst`` and ``at_once``. One that it does not name is as usual
    for the kind of account; None, or 0, is no limit.
    """
    actor.need("editor")
    row = _find(db, actor, credential_id)
    for name, value in limits.items():
        least = LEAST_RATE if name == "per_second" else 1
        if name not in LIMITS or (value and not least <= value <= HIGHEST):
            raise Invalid.field(name, f"Enter a number from {least:g} to {HIGHEST:,}, or 0 for no limit.")
    row.limits = {name: value or None for name, value in limits.items()}
    return _view(row, _uses(db, actor, [row.id]).get(row.id, ()))


def delete(db: Session, actor: Actor, credential_id: str, anyway: bool = False) -> None:
    """Remove an account. Raises Conflict, naming the workflows that use it, unless ``anyway``."""
    actor.need("editor")
    row = _find(db, actor, credential_id)
    used_by = _uses(db, actor, [row.id]).get(row.id, ())
    if used_by and not anyway:
        names = ", ".join(f"“{name}”" for _, name in used_by)
        raise Conflict(f"“{row.name}” is used by {names}. Without it they stop working.")
    db.delete(row)


@reads
def header_of(db: Session, actor: Actor, credential_id: str) -> tuple[str, str] | None:
    """Name and value of an account that stands for a secret header; None when there is no such account."""
    mine = (owned(Credential, actor), col(Credential.id) == credential_id)
    row = db.scalar(select(Credential).where(*mine))
    if row is None:
        return None
    fields = vault.vault().open(row.workspace_id, row.id, row.sealed)
    return str(fields.get("name", "")), str(fields.get("value", ""))


def _find(db: Session, actor: Actor, credential_id: str) -> Credential:
    row = db.scalar(select(Credential).where(owned(Credential, actor), col(Credential.id) == credential_id))
    if row is None:
        raise NotFound("account")
    return row


def _type(type_id: str) -> CredentialType:
    found = catalog().credentials.get(type_id)
    if found is None:
        raise Invalid.field("type", f"There is no kind of account {type_id!r}.")
    return found


def _checked(type_id: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    try:
        return _type(type_id).fields.model_validate(dict(fields)).model_dump(mode="json")
    except ValidationError as error:
        problems = [{"field": ".".join(map(str, one["loc"])), "message": one["msg"]} for one in error.errors()]
        raise Invalid(f"Look at {problems[0]['field']}: {problems[0]['message']}.", problems) from None


def _uses(db: Session, actor: Actor, credential_ids: list[str]) -> dict[str, tuple[tuple[str, str], ...]]:
    """The ids are random, so finding one anywhere in a draft means that the draft uses it."""
    found: dict[str, list[tuple[str, str]]] = {}
    if not credential_ids:
        return {}
    mine = (owned(Workflow, actor), col(Workflow.deleted_at).is_(None))
    for workflow_id, name, draft in db.execute(
        select(col(Workflow.id), col(Workflow.name), col(Workflow.draft)).where(*mine)
    ):
        text = str(draft)
        for credential_id in credential_ids:
            if credential_id in text:
                found.setdefault(credential_id, []).append((workflow_id, name))
    return {credential_id: tuple(users) for credential_id, users in found.items()}


def _view(row: Credential, used_by: tuple[tuple[str, str], ...]) -> CredentialView:
    kind = catalog().credentials.get(row.type)
    usual = kind.limits if kind else CallLimits()
    return CredentialView(
        row.id,
        row.name,
        row.type,
        kind.title if kind else row.type,
        row.created_at,
        row.updated_at,
        row.last_used_at,
        used_by,
        limits=row.limits,
        usual=_named(usual),
        in_force=_named(Limits.of(row.limits, usual)),
    )


def _named(limits: CallLimits) -> dict[str, float | int]:
    return {name: value for name in LIMITS if (value := getattr(limits, name)) is not None}
