"""Values that outlive a run: read and changed in one place, by runs and by people alike.

On PostgreSQL a change locks the value's row; on SQLite a write transaction is alone from its start. What a run changes
is noted under the call's idempotency key in the same transaction, so that a repeat after a crash changes nothing more.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, col

from engine.contract.errors import BadParams, OutputTooLarge
from engine.models import SeenKey, StoredValue, ValueChange, new_id, now

MOST_BYTES = 256 * 1024
MOST_NAMES = 1_000
MOST_KEYS = 100_000
LONGEST_NAME = 120
_CHUNK = 500

Number = int | float


@dataclass(frozen=True, slots=True)
class Place:
    """Whose values: a workflow's, or with no `workflow_id` the workspace's; of trial runs, or of published versions."""

    workspace_id: str
    workflow_id: str = ""
    draft: bool = False


def find(session: Session, place: Place, name: str) -> StoredValue | None:
    """The value's row."""
    return session.scalar(sa.select(StoredValue).where(*_here(place), col(StoredValue.name) == name))


def listed(session: Session, place: Place) -> list[StoredValue]:
    """All values by name."""
    return list(session.scalars(sa.select(StoredValue).where(*_here(place)).order_by(col(StoredValue.name))))


def put(session: Session, place: Place, name: str, value: Any, run_id: str | None = None) -> None:
    """Store a value in the place of whatever was there. Raises BadParams, OutputTooLarge."""
    row = _locked(session, place, name, "value", None)
    row.value, row.run_id, row.updated_at = _fit(value), run_id, now()


def increment(  # noqa: PLR0917  said by the contract
    session: Session, place: Place, name: str, by: Number, start: Number, run_id: str | None = None
) -> Number:
    """The number after adding `by` to it. Raises BadParams if it is none, or ends up beyond all bounds."""
    row = _locked(session, place, name, "value", start)
    before = row.value
    if isinstance(before, bool) or not isinstance(before, int | float):
        raise BadParams(
            f"“{name}” holds no number, so it cannot count.",
            field="name",
            hint="Use another name, or forget this value first.",
        )
    after = before + by
    if not math.isfinite(after) or abs(after) >= 2**63:
        raise BadParams(f"“{name}” would become too large a number.", field="by", hint="Set it to a smaller one first.")
    row.value, row.run_id, row.updated_at = after, run_id, now()
    return after


def remove(session: Session, place: Place, name: str) -> bool:
    """Whether there was such a value."""
    row = find(session, place, name)
    if row is not None:
        session.delete(row)
        session.flush()
    return row is not None


def add_keys(  # noqa: PLR0917  said by the contract
    session: Session,
    place: Place,
    name: str,
    keys: Sequence[str],
    effect: str,
    keep: int,
    days: float | None,
    run_id: str | None = None,
) -> list[bool]:
    """For each key, whether the list of keys `name` had it not, or has it only through this very call (`effect`).

    Raises BadParams, and OutputTooLarge for more different keys than are kept.
    """
    hashed = [_sha256(key) for key in keys]
    different = sorted(set(hashed))
    if len(different) > min(keep, MOST_KEYS):
        raise OutputTooLarge(
            f"{len(different):,} different keys came at once, but only {min(keep, MOST_KEYS):,} are kept.",
            hint=f"Keep more keys (at most {MOST_KEYS:,}), or give fewer items at once.",
        )
    row = _locked(session, place, name, "keys", 0)
    moment = now()
    if days is not None:
        _forget(session, col(SeenKey.value_id) == row.id, col(SeenKey.seen_at) < moment - timedelta(days=days))
    own = _sha256(effect)
    fresh: set[str] = set()
    for part in _parts(different):
        query = sa.select(col(SeenKey.key), col(SeenKey.effect))
        rows = session.execute(query.where(col(SeenKey.value_id) == row.id, col(SeenKey.key).in_(part)))
        there: dict[str, str] = dict(rows.all())
        missing = [key for key in part if key not in there]
        fresh.update(missing, (key for key, by in there.items() if by == own))
        if there:
            touched = sa.update(SeenKey).where(col(SeenKey.value_id) == row.id, col(SeenKey.key).in_(there))
            session.execute(touched.values(seen_at=moment))
        if missing:
            given = {"value_id": row.id, "workspace_id": place.workspace_id, "effect": own, "seen_at": moment}
            session.execute(sa.insert(SeenKey), [{**given, "key": key} for key in missing])
    row.value, row.run_id, row.updated_at = _cut(session, row.id, keep), run_id, moment
    return [key in fresh for key in hashed]


def once(session: Session, place: Place, run_id: str, effect: str, change: Callable[[], Any]) -> Any:
    """What `change` returns; if this call made its change already, what it returned then."""
    key = {"run_id": run_id, "effect": _sha256(effect)}
    if not _insert(session, ValueChange, {**key, "workspace_id": place.workspace_id, "result": None}):
        return session.get_one(ValueChange, (key["run_id"], key["effect"])).result
    result = change()
    session.get_one(ValueChange, (key["run_id"], key["effect"])).result = result
    return result


def _here(place: Place) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        col(StoredValue.workspace_id) == place.workspace_id,
        col(StoredValue.holder) == place.workflow_id,
        col(StoredValue.draft) == place.draft,
    )


def _locked(session: Session, place: Place, name: str, kind: str, first: Any) -> StoredValue:
    """The value's row, made with the value `first` if need be; nobody else changes it until the transaction ends."""
    if not name.strip() or len(name) > LONGEST_NAME:
        raise BadParams(
            f"A stored value's name has 1 to {LONGEST_NAME} characters.", field="name", hint="Name it in a few words."
        )
    moment = now()
    made = _insert(session, StoredValue, {
        "id": new_id(), "workspace_id": place.workspace_id, "workflow_id": place.workflow_id or None,
        "holder": place.workflow_id, "draft": place.draft, "name": name, "kind": kind, "value": first, "run_id": None,
        "created_at": moment, "updated_at": moment,
    })  # fmt: skip
    if made and (session.scalar(sa.select(sa.func.count()).select_from(StoredValue).where(*_here(place))) or 0) > (
        MOST_NAMES
    ):
        raise OutputTooLarge(
            f"There are {MOST_NAMES:,} stored values already.",
            hint="Use fewer names, keep several values as the fields of one record, or forget some.",
        )
    query = sa.select(StoredValue).where(*_here(place), col(StoredValue.name) == name)
    row = session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()
    if row.kind != kind:
        holds = "keys that were seen" if row.kind == "keys" else "a value"
        raise BadParams(f"“{name}” already holds {holds}.", field="name", hint="Use another name.")
    return row


def _insert(session: Session, model: type[SQLModel], values: dict[str, Any]) -> bool:
    """Whether the row was new. Waits for whoever is about to insert the same one."""
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    made = insert(model).values(values).on_conflict_do_nothing().returning(sa.literal(1))
    return session.connection().execute(made).first() is not None


def _fit(value: Any) -> Any:
    try:
        size = len(orjson.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadParams(f"This value cannot be stored: {error}.", field="value", hint="Store JSON.") from error
    if size > MOST_BYTES:
        raise OutputTooLarge(
            f"The value takes {size:,} bytes as JSON; a stored value takes {MOST_BYTES:,}.",
            hint="Store less, or write a file and store that.",
        )
    return value


def _cut(session: Session, value_id: str, keep: int) -> int:
    """Forget the keys seen longest ago beyond `keep`; how many there are then."""
    mine = col(SeenKey.value_id) == value_id
    count = session.scalar(sa.select(sa.func.count()).select_from(SeenKey).where(mine)) or 0
    if count <= keep:
        return count
    oldest = sa.select(col(SeenKey.key)).where(mine).order_by(col(SeenKey.seen_at)).limit(count - keep)
    _forget(session, mine, col(SeenKey.key).in_(oldest))
    return keep


def _forget(session: Session, *which: sa.ColumnElement[bool]) -> None:
    session.execute(sa.delete(SeenKey).where(*which).execution_options(synchronize_session=False))


def _parts(keys: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(keys)
    while part := list(islice(rest, _CHUNK)):
        yield part


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
