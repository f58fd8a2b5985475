"""What starts published versions: the Trigger rows are kept equal to the trigger nodes of what is published."""

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import redis
from sqlalchemy import delete, select, update
from sqlmodel import Session, col

from app.services import drafts
from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid
from app.services.unit import reads
from engine.catalog import catalog
from engine.graph import Graph, Node
from engine.models import Run, Trigger, Workflow, Workspace, now
from engine.models.states import RUN
from engine.presence import alive
from engine.schedules import OVERDUE, BadSchedule, Schedule
from engine.settings import settings

_PATH: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._~/-]{0,199}")


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook that is on, as its door needs it."""

    trigger_id: str
    workspace_id: str
    workflow_id: str
    version_id: str
    node_id: str
    params: dict[str, Any]


@dataclass(frozen=True, slots=True)
class TriggerView:
    """A trigger as screens show it. ``address`` is a webhook's URL.

    ``overdue`` means that it should have fired a minute ago or longer; ``alarm`` says what is wrong.
    """

    id: str
    workflow_id: str
    node_id: str
    kind: str
    enabled: bool
    summary: str
    address: str
    next_due: datetime | None
    last_fired: datetime | None
    overdue: bool
    alarm: str


def sync(db: Session, actor: Actor, workflow: Workflow, version_id: str, graph: Graph) -> None:
    """Make the workflow's rows equal to the trigger nodes of this version.

    Raises Conflict when another workflow of the workspace answers the same webhook address.
    """
    known = {row.node_id: row for row in _rows(db, actor, workflow.id)}
    wanted = {node.id: node for node in _trigger_nodes(graph)}
    gone = [row.id for node_id, row in known.items() if node_id not in wanted]
    db.execute(delete(Trigger).where(owned(Trigger, actor), col(Trigger.id).in_(gone)))
    # Addresses are let go first, since two triggers of one workflow may have swapped theirs.
    db.execute(update(Trigger).where(owned(Trigger, actor), col(Trigger.workflow_id) == workflow.id).values(path=None))
    own_addresses: dict[tuple[str | None, str], str] = {}
    for node in wanted.values():
        row = known.get(node.id)
        kind = catalog()[node.type].trigger
        if row is None:
            row = Trigger(
                workspace_id=actor.workspace_id, workflow_id=workflow.id, version_id="", node_id=node.id, kind=""
            )
            db.add(row)
        changed = row.params != dict(node.params) or row.kind != kind
        row.version_id, row.kind, row.params = version_id, kind, dict(node.params)
        row.enabled = workflow.enabled
        row.method, row.path = _address_of(db, actor, workflow, node) if kind == "webhook" else (None, None)
        if row.path is not None:
            _refuse_twice(own_addresses, (row.method, row.path), node)
        # Being off is not being late: a schedule that is turned on starts to count now.
        if kind == "schedule" and workflow.enabled and (changed or row.next_due is None):
            row.next_due, row.alarm = next_due(node.params), None
    db.flush()


def turn_off(db: Session, actor: Actor, workflow: Workflow, release: bool = False) -> None:
    """Let nothing fire. The webhook addresses stay the workflow's own, unless they are to be released."""
    for row in _rows(db, actor, workflow.id):
        row.enabled, row.next_due, row.alarm = False, None, None
        if release:
            row.path = None


@reads
def list_triggers(db: Session, actor: Actor, workflow_id: str | None = None) -> list[TriggerView]:
    """The triggers of one workflow or of all, those due first."""
    query = (
        select(Trigger, col(Workspace.slug))
        .join(Workspace, col(Workspace.id) == col(Trigger.workspace_id))
        .join(Workflow, col(Workflow.id) == col(Trigger.workflow_id))
        .where(owned(Trigger, actor), col(Workflow.deleted_at).is_(None))
        .order_by(col(Trigger.next_due).is_(None), col(Trigger.next_due), col(Trigger.id))
    )
    if workflow_id is not None:
        query = query.where(col(Trigger.workflow_id) == workflow_id)
    rows = db.execute(query).all()
    late = overdue(db, actor, [row for row, _ in rows])
    return [_view(row, slug, row.id in late) for row, slug in rows]


@reads
def of_workflow(db: Session, actor: Actor, workflow_id: str) -> list[TriggerView]:
    """The triggers of one workflow; raises NotFound."""
    drafts.find(db, actor, workflow_id)
    return list_triggers(db, actor, workflow_id)


@reads
def find_webhook(db: Session, slug: str, method: str, path: str) -> Hook | None:
    """The webhook that is on at this address, or None."""
    row = db.scalar(
        select(Trigger)
        .join(Workspace, col(Workspace.id) == col(Trigger.workspace_id))
        .join(Workflow, col(Workflow.id) == col(Trigger.workflow_id))
        .where(
            col(Workspace.slug) == slug,
            col(Trigger.method) == method,
            col(Trigger.path) == path,
            col(Trigger.enabled).is_(True),
            col(Workflow.deleted_at).is_(None),
        )
    )
    if row is None:
        return None
    return Hook(row.id, row.workspace_id, row.workflow_id, row.version_id, row.node_id, row.params)


def next_due(params: Mapping[str, Any], after: datetime | None = None) -> datetime:
    """When a schedule fires next. Raises Invalid for an expression or a zone that does not exist, or never comes."""
    try:
        return next(Schedule.of(params).after(after or now()))
    except BadSchedule as error:
        raise Invalid.field("cron", str(error)) from None


def webhook_url(slug: str, path: str) -> str:
    """Where a webhook is called."""
    return f"{settings().public_url}/hooks/{slug}/{path}"


def new_path() -> str:
    """A webhook path that nobody guesses."""
    return secrets.token_urlsafe(9).replace("_", "x").replace("-", "y")


def _rows(db: Session, actor: Actor, workflow_id: str) -> list[Trigger]:
    query = select(Trigger).where(owned(Trigger, actor), col(Trigger.workflow_id) == workflow_id)
    return list(db.scalars(query))


def _trigger_nodes(graph: Graph) -> Iterator[Node]:
    return (node for node in graph.nodes.values() if not node.off and catalog()[node.type].kind == "trigger")


def _address_of(db: Session, actor: Actor, workflow: Workflow, node: Node) -> tuple[str, str]:
    method = str(node.params.get("method") or "POST").upper()
    path = str(node.params.get("path") or "").strip("/")
    if not _PATH.fullmatch(path):
        raise Invalid(
            f"{node.title}: a webhook's path holds letters, digits, dots, dashes and slashes.",
            [{"node": node.id, "field": "path", "message": "Use letters, digits, dots, dashes and slashes."}],
        )
    taken = db.scalar(
        select(col(Workflow.name))
        .join(Trigger, col(Trigger.workflow_id) == col(Workflow.id))
        .where(
            owned(Trigger, actor),
            col(Trigger.method) == method,
            col(Trigger.path) == path,
            col(Trigger.workflow_id) != workflow.id,
        )
    )
    if taken:
        raise Conflict(f"{node.title}: {method} /{path} is already answered by “{taken}”. Choose another path.")
    return method, path


def _refuse_twice(taken: dict[tuple[str | None, str], str], address: tuple[str | None, str], node: Node) -> None:
    if taken.setdefault(address, node.title) != node.title:
        shown = " /".join(map(str, address))
        raise Conflict(f"{node.title}: {shown} is already answered by “{taken[address]}”. Choose another path.")


def overdue(db: Session, actor: Actor, rows: Sequence[Trigger]) -> set[str]:
    """The ids of those that are on and should have fired a minute ago or longer.

    A schedule that is set to wait for its own earlier run is not late while that is not over.
    """
    late = {row.id: row for row in rows if row.enabled and row.next_due and now() - row.next_due > OVERDUE}
    if not late:
        return set()
    mine = (owned(Run, actor), col(Run.trigger_id).in_(list(late)), col(Run.status).in_(RUN.open))
    busy = set(db.scalars(select(col(Run.trigger_id)).where(*mine)))
    return {row.id for row in late.values() if row.params.get("overlap") != "queue" or row.id not in busy}


def _view(row: Trigger, slug: str, late: bool) -> TriggerView:
    return TriggerView(
        id=row.id,
        workflow_id=row.workflow_id,
        node_id=row.node_id,
        kind=row.kind,
        enabled=row.enabled,
        summary=_summary(row),
        address=webhook_url(slug, row.path) if row.path else "",
        next_due=row.next_due,
        last_fired=row.last_fired,
        overdue=late,
        alarm=row.alarm or (_why_overdue() if late else ""),
    )


def _why_overdue() -> str:
    """In words, why a schedule did not fire in time, as far as that can be told."""
    try:
        with redis.Redis.from_url(settings().redis_url, socket_timeout=1, socket_connect_timeout=1) as client:
            if any(process.part == "scheduler" for process in alive(client)):
                return "It did not fire in time. The scheduler is running: its log says more."
            return "It did not fire in time: no scheduler is running. Start one with ./weft scheduler."
    except redis.RedisError:
        return "It did not fire in time. Whether a scheduler is running is not known, since Redis cannot be reached."


def _summary(row: Trigger) -> str:
    if row.kind == "webhook":
        return f"Webhook {row.method} /{row.path}"
    if row.kind == "schedule":
        try:
            return Schedule.of(row.params).explain()
        except BadSchedule:
            return "Schedule without a time"
    return "Started by hand"
