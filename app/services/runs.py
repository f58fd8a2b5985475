"""Runs: start, look inside, pause, cancel, run again. What happened is in rows; nothing here executes anything."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import func, select
from sqlmodel import Session, col

from app.services import orders, plain, unit
from app.services.access import Actor, owned
from app.services.errors import Conflict, NotFound
from app.services.orders import Order, Use
from app.services.run_list import LONGEST_PAGE, Page, RunRow, Source, count_open, list_runs, listed, shown
from app.services.unit import reads
from app.services.waiting import why_waiting
from engine import document, launch
from engine.graph import Graph
from engine.models import Run, Segment, Step, WorkflowVersion
from engine.models.runs import ASIDE

__all__ = [
    "ENDED",
    "FIRST_WRITES",
    "LONGEST_PAGE",
    "Page",
    "RunDetail",
    "RunRow",
    "Source",
    "Started",
    "Use",
    "cancel",
    "count_open",
    "failed_calls",
    "find",
    "get",
    "graph",
    "list_runs",
    "pause",
    "resume",
    "start",
]

ENDED: Final = frozenset({"done", "failed", "cancelled"})
FIRST_WRITES: Final = 5
_LONGEST_WAIT: Final = 60.0
_MOST_LINKS: Final = 20


@dataclass(frozen=True, slots=True)
class RunDetail:
    """One run with what it was given and what it gave. ``row.waiting`` says what it waits for, if it does.

    ``again_of`` is the run that it was started from, ``followed_by`` those that were started from it, newest first.
    ``failed`` counts the calls that failed, item by item. ``dry``: it sends nothing. ``part``: the steps that take part
    in it, if not all do. ``called_by`` is the run that called this one's workflow as a step, ``root`` the first of all
    around it, and ``called`` are the runs that it called itself, in order. ``steps`` (calls), ``cost`` (dollars) and
    ``worked`` (seconds) are what it has spent so far.
    """

    row: RunRow
    version_id: str
    seq: int
    input: Mapping[str, Any]
    output: Mapping[str, Any] | None
    wanted: str | None
    again_of: str | None
    resumed: int
    followed_by: Sequence[str] = ()
    failed: int = 0
    dry: bool = False
    part: Sequence[str] | None = None
    steps: int = 0
    cost: float = 0.0
    worked: float = 0.0
    called_by: str | None = None
    root: str | None = None
    called: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Started:
    """A run that was started. ``created`` is False when the same idempotency key had started it before."""

    run_id: str
    status: str
    created: bool


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
    options: Mapping[str, Any] | None = None,
) -> Started:
    """Record a run and hand it to the workers; with ``wait`` (seconds) return once it has ended or the time is over.

    ``inputs`` fill the Input nodes by name; ``payload`` is what the trigger node ``trigger`` gives out. A run of the
    draft uses the outputs that are kept; by hand, a node that writes once per item does the first few only, unless
    ``every_item`` is set. ``options`` go to the executor beside these.

    Raises:
        Invalid: a problem in the draft or in an input stands in the way.
        Conflict: nothing is published, or the idempotency key was used for another request.
    """
    given = {"trigger": trigger, "payload": payload, "inputs": dict(inputs or {})}
    plain.check(given, "input")
    order = await _placed(actor, workflow_id, given, use)
    drafted: dict[str, Any] = {"pins": order.pins} if use == "draft" else {}
    if drafted and source == "manual" and not every_item:
        drafted["first_writes"] = FIRST_WRITES
    key = f"{workflow_id}:{idempotency_key}" if idempotency_key else None
    started = await launch.start_run(
        workspace_id=actor.workspace_id,
        workflow_id=workflow_id,
        version_id=order.version_id,
        source=source,
        input=order.input,
        options={**drafted, **(options or {})},
        started_by=actor.user_id or None,
        idempotency_key=key,
        reply=wait > 0,
    )
    if not started.created:
        await unit.ask(_refuse_other_request, actor, started.run_id, order, bool((options or {}).get("dry")))
    ended = await launch.wait_result(started.run_id, min(wait, _LONGEST_WAIT)) if wait > 0 else None
    return Started(started.run_id, ended.status if ended else started.status, started.created)


async def cancel(actor: Actor, run_id: str) -> None:
    """Ask for the run's end: what writes just now finishes and is recorded, nothing new starts.

    Raises Conflict when the run has ended already.
    """
    await unit.ask(_check_steering, actor, run_id)
    if not await launch.cancel(run_id):
        raise Conflict("This run has ended already.")


async def pause(actor: Actor, run_id: str) -> None:
    """Let a run rest until it is resumed: what is under way finishes and is recorded, nothing new starts.

    Raises Conflict when the run has ended, rests already, or is being cancelled.
    """
    await unit.ask(_check_steering, actor, run_id)
    if not await launch.pause(run_id):
        raise Conflict("This run cannot be paused: it has ended, rests already, or is being cancelled.")


async def resume(actor: Actor, run_id: str) -> None:
    """Let a paused run go on where it was. Raises Conflict when it is not paused."""
    await unit.ask(_check_steering, actor, run_id)
    if not await launch.resume(run_id):
        raise Conflict("This run is not paused.")


@reads
def get(db: Session, actor: Actor, run_id: str) -> RunDetail:
    """One run; raises NotFound."""
    found = db.execute(listed(actor).where(col(Run.id) == run_id)).first()
    if found is None:
        raise NotFound("run")
    run = find(db, actor, run_id)
    epochs = select(func.max(col(Segment.epoch))).where(owned(Segment, actor), col(Segment.run_id) == run_id)
    return RunDetail(
        row=replace(shown(found), waiting=why_waiting(db, actor, {run_id: run.status}).get(run_id)),
        version_id=run.version_id,
        seq=run.seq,
        input=run.input,
        output=run.output,
        wanted=run.wanted,
        again_of=run.again_of,
        resumed=max(0, (db.scalar(epochs) or 0) - 1),
        followed_by=_followed_by(db, actor, run_id),
        failed=failed_calls(db, actor, run_id),
        dry=bool(run.options.get("dry")),
        part=run.options.get("only"),
        steps=run.steps,
        cost=run.cost,
        worked=run.worked / 1000,
        called_by=run.parent_run_id,
        root=run.root_run_id,
        called=_called(db, actor, run_id),
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


def _followed_by(db: Session, actor: Actor, run_id: str) -> Sequence[str]:
    query = select(col(Run.id)).where(owned(Run, actor), col(Run.again_of) == run_id)
    return db.scalars(query.order_by(col(Run.created_at).desc(), col(Run.id).desc()).limit(_MOST_LINKS)).all()


def _called(db: Session, actor: Actor, run_id: str) -> Sequence[str]:
    query = select(col(Run.id)).where(owned(Run, actor), col(Run.parent_run_id) == run_id)
    return db.scalars(query.order_by(col(Run.created_at), col(Run.id)).limit(_MOST_LINKS)).all()


def failed_calls(db: Session, actor: Actor, run_id: str) -> int:
    """How many calls of a run failed. A step that failed by its items, or by what is inside of it, counts by those."""
    query = select(col(Step.scope), col(Step.node_id), col(Step.item)).where(
        owned(Step, actor), col(Step.run_id) == run_id, col(Step.status) == "failed"
    )
    query = query.where(~col(Step.scope).contains(ASIDE))
    failed = {(scope, node_id, item) for scope, node_id, item in db.execute(query)}
    by_items = {(scope, node_id, "") for scope, node_id, item in failed if item}
    around = {place for scope, _, _ in failed if scope for place in _around(scope)}
    return len(failed - by_items - around)


def _around(scope: str) -> Iterator[tuple[str, str, str]]:
    """The rows of the container and of the round that a scope is the body of."""
    outer, _, own = scope.rpartition("/")
    node_id, _, index = own.rpartition(".")
    yield outer, node_id, ""
    yield outer, node_id, index


async def _placed(actor: Actor, workflow_id: str, given: Mapping[str, Any], use: Use) -> Order:
    if use == "draft":
        return await unit.ask(orders.of_draft, actor, workflow_id, given)
    return await unit.ask(orders.of_published, actor, workflow_id, given)


@reads
def _refuse_other_request(db: Session, actor: Actor, run_id: str, order: Order, dry: bool) -> None:
    earlier = find(db, actor, run_id)
    asked_before = (earlier.workflow_id, earlier.input, bool(earlier.options.get("dry")))
    if asked_before != (order.workflow_id, order.input, dry):
        raise Conflict("This Idempotency-Key was used for another request. Use a new key for a new request.")


@reads
def _check_steering(db: Session, actor: Actor, run_id: str) -> None:
    actor.need("editor")
    if find(db, actor, run_id).status in ENDED:
        raise Conflict("This run has ended already.")
