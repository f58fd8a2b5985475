"""Runs: start, list, look inside, cancel, run again. What happened is in rows; nothing here executes anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, get_args

from sqlalchemy import and_, func, or_, select
from sqlmodel import Session, col

from app.services import drafts, plain, unit, versions
from app.services import inputs as inputs_of
from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid, NotFound
from app.services.unit import reads
from engine import document, launch
from engine.graph import Graph
from engine.models import Run, RunStatus, Segment, User, Workflow, WorkflowVersion, from_ms, now, to_ms

ENDED: Final = frozenset({"done", "failed", "cancelled"})
LONGEST_PAGE: Final = 200
FIRST_WRITES: Final = 5
_LONGEST_WAIT: Final = 60.0

Source = Literal["manual", "form", "api", "webhook", "schedule", "again"]
Use = Literal["draft", "published"]


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run in a list. ``version`` is None for a run of the draft; ``seconds`` counts on while it runs."""

    id: str
    workflow_id: str
    workflow: str
    version: int | None
    status: str
    source: str
    started_by: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    seconds: float
    error: Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Page:
    """Some runs, newest first; ``cursor`` asks for those after them and is empty at the end."""

    runs: list[RunRow]
    cursor: str


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with what it was given and what it gave. ``ahead`` counts queued runs that are older."""

    row: RunRow
    version_id: str
    seq: int
    input: Mapping[str, Any]
    output: Mapping[str, Any] | None
    wanted: str | None
    again_of: str | None
    resumed: int
    ahead: int


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started. ``created`` is False when the same idempotency key had started it before."""

    run_id: str
    status: str
    created: bool


@dataclass(frozen=True, slots=True)
class _Order:
    workflow_id: str
    version_id: str
    input: dict[str, Any]
    pins: Mapping[str, Any] = field(default_factory=dict)


async def start(
    actor: Actor,
    workflow_id: str,
    *,
    inputs: Mapping[str, Any] | None = None,
    payload: Any = None,
    trigger: str | None = None,
    use: Use = "draft",
    source: Source = "manual",
    idempotency_key: str | None = None,
    wait: float = 0,
    every_item: bool = False,
) -> Started:
    """Record a run and hand it to the workers; with ``wait`` (seconds) return once it has ended or the time is over.

    ``inputs`` fill the Input nodes by name; ``payload`` is what the trigger node ``trigger`` gives out. A run of the
    draft by hand uses pinned outputs, and a node that writes once per item does the first few only, unless
    ``every_item`` is set.

    Raises:
        Invalid: a problem in the draft or in an input stands in the way.
        Conflict: nothing is published, or the idempotency key was used for another request.
    """
    given = {"trigger": trigger, "payload": payload, "inputs": dict(inputs or {})}
    plain.check(given, "input")
    order = await unit.ask(_order, actor, workflow_id, given, use)
    trial = source == "manual" and use == "draft"
    options = {"pins": order.pins, **({} if every_item else {"first_writes": FIRST_WRITES})} if trial else {}
    key = f"{workflow_id}:{idempotency_key}" if idempotency_key else None
    started = await launch.start_run(
        workspace_id=actor.workspace_id,
        workflow_id=workflow_id,
        version_id=order.version_id,
        source=source,
        input=order.input,
        options=options,
        started_by=actor.user_id or None,
        idempotency_key=key,
        reply=wait > 0,
    )
    if not started.created:
        await unit.ask(_refuse_other_request, actor, started.run_id, order)
    ended = await launch.wait_result(started.run_id, min(wait, _LONGEST_WAIT)) if wait > 0 else None
    return Started(started.run_id, ended.status if ended else started.status, started.created)


async def run_again(actor: Actor, run_id: str, use: Use | None = None) -> Started:
    """Start a new run with the input of an earlier one: of its version, or of the draft or what is published now."""
    order = await unit.ask(_order_again, actor, run_id, use)
    started = await launch.start_run(
        workspace_id=actor.workspace_id,
        workflow_id=order.workflow_id,
        version_id=order.version_id,
        source="again",
        input=order.input,
        started_by=actor.user_id or None,
        again_of=run_id,
    )
    return Started(started.run_id, started.status, started.created)


async def cancel(actor: Actor, run_id: str) -> None:
    """Ask for the run's end: what writes just now finishes and is recorded, nothing new starts.

    Raises Conflict when the run has ended already.
    """
    await unit.ask(_check_cancel, actor, run_id)
    await launch.cancel(run_id)


@reads
def list_runs(
    db: Session,
    actor: Actor,
    *,
    workflow_id: str | None = None,
    status: Sequence[str] = (),
    source: Sequence[str] = (),
    search: str = "",
    cursor: str = "",
    limit: int = 50,
) -> Page:
    """Runs of the workspace, newest first; ``search`` looks in the workflow's name. Raises Invalid: a wrong filter."""
    query = _listed(actor)
    if workflow_id is not None:
        query = query.where(col(Run.workflow_id) == workflow_id)
    if status:
        query = query.where(col(Run.status).in_(_known("status", status, get_args(RunStatus))))
    if source:
        query = query.where(col(Run.source).in_(_known("source", source, get_args(Source))))
    if search.strip():
        query = query.where(func.lower(col(Workflow.name)).contains(search.strip().lower(), autoescape=True))
    if cursor:
        moment, last = _read_cursor(cursor)
        older = and_(col(Run.created_at) == moment, col(Run.id) < last)
        query = query.where(or_(col(Run.created_at) < moment, older))
    limit = max(1, min(limit, LONGEST_PAGE))
    query = query.order_by(col(Run.created_at).desc(), col(Run.id).desc()).limit(limit + 1)
    found = [_row(row) for row in db.execute(query).all()]
    more = len(found) > limit
    found = found[:limit]
    return Page(found, f"{to_ms(found[-1].created_at)}-{found[-1].id}" if more else "")


@reads
def get(db: Session, actor: Actor, run_id: str) -> RunDetail:
    """One run; raises NotFound."""
    listed = db.execute(_listed(actor).where(col(Run.id) == run_id)).first()
    if listed is None:
        raise NotFound("run")
    run = find(db, actor, run_id)
    epochs = select(func.max(col(Segment.epoch))).where(owned(Segment, actor), col(Segment.run_id) == run_id)
    return RunDetail(
        row=_row(listed),
        version_id=run.version_id,
        seq=run.seq,
        input=run.input,
        output=run.output,
        wanted=run.wanted,
        again_of=run.again_of,
        resumed=max(0, (db.scalar(epochs) or 0) - 1),
        ahead=_ahead(db, run) if run.status == "queued" else 0,
    )


@reads
def find(db: Session, actor: Actor, run_id: str) -> Run:
    """The run's row; raises NotFound."""
    run = db.scalar(select(Run).where(owned(Run, actor), col(Run.id) == run_id))
    if run is None:
        raise NotFound("run")
    return run


@reads
def graph(db: Session, actor: Actor, run_id: str) -> Graph:
    """The drawing that the run runs; raises NotFound."""
    query = (
        select(col(WorkflowVersion.document))
        .join(Run, col(Run.version_id) == col(WorkflowVersion.id))
        .where(owned(Run, actor), owned(WorkflowVersion, actor), col(Run.id) == run_id)
    )
    body = db.scalar(query)
    if body is None:
        raise NotFound("run")
    return document.load(body)


def _listed(actor: Actor) -> Any:
    return (
        select(
            col(Run.id),
            col(Run.workflow_id),
            col(Workflow.name),
            col(WorkflowVersion.number),
            col(Run.status),
            col(Run.source),
            col(User.name),
            col(Run.created_at),
            col(Run.started_at),
            col(Run.finished_at),
            col(Run.error),
        )
        .join(Workflow, col(Workflow.id) == col(Run.workflow_id))
        .join(WorkflowVersion, col(WorkflowVersion.id) == col(Run.version_id))
        .outerjoin(User, col(User.id) == col(Run.started_by))
        .where(owned(Run, actor))
    )


def _row(row: Sequence[Any]) -> RunRow:
    run_id, workflow_id, name, number, status, source, starter, created_at, started_at, finished_at, error = row
    return RunRow(
        id=run_id,
        workflow_id=workflow_id,
        workflow=name,
        version=number,
        status=status,
        source=source,
        started_by=starter or "",
        created_at=created_at,
        started_at=started_at,
        finished_at=finished_at,
        seconds=((finished_at or now()) - started_at).total_seconds() if started_at else 0.0,
        error=error,
    )


def _ahead(db: Session, run: Run) -> int:
    # Workers serve all workspaces, so this counts across them; it tells a number and nothing else.
    older = (col(Run.status) == "queued", col(Run.created_at) < run.created_at)
    return db.scalar(select(func.count()).select_from(Run).where(*older)) or 0


def _known(name: str, wanted: Sequence[str], allowed: Sequence[str]) -> Sequence[str]:
    for one in wanted:
        if one not in allowed:
            raise Invalid.field(name, f"{one!r} is no {name}; use {', '.join(allowed)}.")
    return wanted


def _read_cursor(cursor: str) -> tuple[datetime, str]:
    moment, _, last = cursor.partition("-")
    if not (moment.isascii() and moment.isdigit() and len(moment) < 15 and last):
        raise Invalid.field("cursor", "This is no cursor of an earlier page.")
    return from_ms(int(moment)), last


def _order(
    db: Session,
    actor: Actor,
    workflow_id: str,
    given: Mapping[str, Any],
    use: Use,
) -> _Order:
    actor.need("editor")
    workflow = drafts.find(db, actor, workflow_id)
    version = versions.freeze(db, actor, workflow) if use == "draft" else versions.published(db, actor, workflow)
    drawing = document.load(version.document)
    trigger = given["trigger"]
    if trigger is not None and trigger not in drawing.nodes:
        raise Invalid.field("trigger", f"This workflow has no node {trigger!r}.")
    inputs_of.check(drawing, given["inputs"])
    return _Order(workflow_id, version.id, dict(given), workflow.pins)


def _order_again(db: Session, actor: Actor, run_id: str, use: Use | None) -> _Order:
    actor.need("editor")
    run = find(db, actor, run_id)
    if use is None:
        return _Order(run.workflow_id, run.version_id, run.input)
    return _order(db, actor, run.workflow_id, run.input, use)


@reads
def _refuse_other_request(db: Session, actor: Actor, run_id: str, order: _Order) -> None:
    earlier = find(db, actor, run_id)
    if earlier.workflow_id != order.workflow_id or earlier.input != order.input:
        raise Conflict("This Idempotency-Key was used for another request. Use a new key for a new request.")


@reads
def _check_cancel(db: Session, actor: Actor, run_id: str) -> None:
    actor.need("editor")
    if find(db, actor, run_id).status in ENDED:
        raise Conflict("This run has ended already.")
