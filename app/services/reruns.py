"""Runs that are linked to an earlier one: what is done again, what is taken over, and what must be asked first."""

import asyncio
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Literal, get_args

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import drafts, orders, runs, standing, unit
from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid, NeedsConfirmation, NotFound
from app.services.orders import Order, Use
from app.services.runs import FIRST_WRITES, Started
from app.services.standing import Newest
from app.services.unit import reads
from engine import document, launch
from engine.catalog import catalog
from engine.graph import Graph
from engine.models import Run, WorkflowVersion
from engine.run import reuse
from engine.run.compiling import compiled
from engine.run.history import Unpack
from engine.run.plan import Plan
from engine.run.redo import analyse
from engine.run.reuse import Choice, Repeat
from engine.run.stale import Standing, changes, stale
from engine.store import storage
from engine.store.checkpoint import Checkpoints
from engine.store.db import database
from engine.store.starting import EarlierRunGone, Taken

Mode = Literal["failed_items", "from_node", "stale", "up_to", "node", "whole"]

# What a run with the version of an earlier one has from that one's options. A dry run run again is dry again.
_STAY: Final = ("pins", "first_writes", "versions", "dry", "stand_ins")
_NEEDS_NODE: Final = frozenset({"from_node", "up_to", "node"})


@dataclass(frozen=True)
class Base:
    """The earlier run and its drawing; what the new one runs, is given, and its options beside what is taken over."""

    run: Run
    before: Graph
    order: Order
    plan: Plan
    options: Mapping[str, Any]


async def rerun(
    actor: Actor,
    run_id: str,
    mode: Mode,
    *,
    node: str | None = None,
    use: Use | None = None,
    repeat: Collection[str] = (),
    repeat_writes: bool = False,
    every_item: bool = False,
    fired: Mapping[str, Any] | None = None,
) -> Started:
    """Start a run that takes over what an ended one did well, as far as ``mode`` leaves it standing.

    Args:
        actor: who asks.
        run_id: the earlier run.
        mode: ``failed_items`` does again what failed, item by item, and what hangs on it; ``from_node`` does a node and
            all that follows; ``stale`` what no longer holds; ``up_to`` a node, and before it only what is stale;
            ``node`` one node alone; ``whole`` everything.
        node: for the modes that begin or end at one.
        use: what to run; left out, the version of the earlier run. With another, ``failed_items`` also does again what
            was changed since.
        repeat: the steps whose good effects may happen once more.
        repeat_writes: whether those of all steps may.
        every_item: a trial of the draft writes for every item, not just for the first few.
        fired: ``trigger`` and ``payload`` to begin with, should the trigger not be taken over.

    Raises:
        Conflict: the earlier run has not ended, was a dry run, or has nothing to go on from.
        NeedsConfirmation: good effects would happen again, of steps that are not in ``repeat``.
        Invalid: no such mode or node, or a problem in the draft stands in the way.
    """
    if mode not in get_args(Mode):
        raise Invalid.field("mode", f"Choose one of {', '.join(get_args(Mode))}.")
    base = await unit.ask(_base, actor, run_id, use)
    if mode == "failed_items" and use is not None:
        # It is no trial: nothing is kept, and every item counts.
        base = replace(base, options={})
    if mode in _NEEDS_NODE and node not in base.plan.nodes:
        raise Invalid.field("node", f"This workflow has no step {node!r} that a run could begin or end at.")
    choice, held_by = await _chosen(actor, base, mode, node or "")
    unasked = [] if repeat_writes else [one for one in choice.repeats if one.node not in repeat]
    if unasked:
        raise NeedsConfirmation(unasked)
    return await _start(actor, base, choice, held_by, every_item=every_item, fired=fired)


async def whole(actor: Actor, run_id: str, use: Use | None = None) -> Started:
    """Start a new run with the input of an earlier one, which may still be under way, and take nothing over."""
    base = await unit.ask(_base, actor, run_id, use, ended=False)
    return await _start(actor, base, Choice(run_id, ()), {})


async def first_up_to(actor: Actor, workflow_id: str, node: str, fired: Mapping[str, Any]) -> Started:
    """Run the draft as far as a step, where no earlier run has anything to take over. Raises as `runs.start` does."""
    only = await unit.ask(_before, actor, workflow_id, node)
    trigger, payload = fired.get("trigger"), fired.get("payload")
    return await runs.start(actor, workflow_id, trigger=trigger, payload=payload, options={"only": only})


@reads
def _before(db: Session, actor: Actor, workflow_id: str, node: str) -> list[str]:
    drawing = drafts.checked(db, drafts.find(db, actor, workflow_id)).graph
    if node not in drawing.children():
        raise Invalid.field("node", f"This workflow has no step {node!r} that a run could end at.")
    plan = compiled(drawing, catalog())
    wanted = reuse.upstream(plan, node)
    return [node_id for node_id in plan.nodes if node_id in wanted]


def _base(db: Session, actor: Actor, run_id: str, use: Use | None, *, ended: bool = True) -> Base:
    actor.need("editor")
    run = runs.find(db, actor, run_id)
    if ended and run.status not in runs.ENDED:
        raise Conflict("This run has not ended yet. Wait for its end, or cancel it.")
    if ended and run.options.get("dry"):
        raise Conflict("This was a dry run: what it would have sent was not sent. Start a run instead.")
    order = _order(db, actor, run, use)
    plan = compiled(_drawing(db, actor, order.version_id), catalog())
    options: dict[str, Any] = {}
    if use is None:
        options = {name: run.options[name] for name in _STAY if name in run.options}
    elif use == "draft":
        options = {"pins": order.pins, "first_writes": FIRST_WRITES}
    return Base(run, _drawing(db, actor, run.version_id), order, plan, options)


def _drawing(db: Session, actor: Actor, version_id: str) -> Graph:
    mine = (owned(WorkflowVersion, actor), col(WorkflowVersion.id) == version_id)
    body = db.scalar(select(col(WorkflowVersion.document)).where(*mine))
    if body is None:
        raise NotFound("version")
    return document.load(body)


def _order(db: Session, actor: Actor, run: Run, use: Use | None) -> Order:
    if use is None:
        return Order(run.workflow_id, run.version_id, run.input)
    of = orders.of_draft if use == "draft" else orders.of_published
    try:
        return of(db, actor, run.workflow_id, run.input)
    except Invalid as refusal:
        if not any(problem.get("field") == "trigger" for problem in refusal.problems):
            raise
        # What started it is not there any more: whoever asks says what fires instead.
        return of(db, actor, run.workflow_id, {**run.input, "trigger": None, "payload": None})


async def _chosen(actor: Actor, base: Base, mode: Mode, node: str) -> tuple[Choice, Mapping[str, str]]:
    """What is taken over, and for each node of that the run that has it."""
    if mode == "whole":
        return Choice(base.run.id, ()), {}
    if mode == "failed_items":
        choice = await _failed_items(base)
        return choice, dict.fromkeys(choice.taken, base.run.id)
    newest = await unit.ask(standing.newest, actor, base.run.id)
    choice = _part(base, newest, mode, node)
    repeats = await _repeats(actor, base, newest, choice, node)
    return replace(choice, repeats=repeats), newest.held_by


async def _repeats(actor: Actor, base: Base, newest: Newest, choice: Choice, asked: str) -> tuple[Repeat, ...]:
    """The effects of earlier runs that would happen once more."""
    nodes = base.plan.nodes if choice.only is None else choice.only
    again = [node_id for node_id in nodes if node_id not in choice.taken and node_id in newest.made]
    written = await unit.ask(standing.writes, actor, {newest.made[node_id].run_id for node_id in again})
    standings = _standings(base, newest)
    found = []
    for node_id in again:
        wrote = written.get((newest.made[node_id].run_id, node_id))
        kept = node_id in (base.options.get("pins") or {})
        if wrote is None or kept or not (times := wrote.done + wrote.doubts):
            continue
        reason = standings[node_id].reason
        why = "nobody knows whether it happened" if wrote.doubts else reason[:1].lower() + reason[1:]
        why = why or ("it is where this run begins" if node_id == asked else "what it refers to is done again")
        found.append(Repeat(node_id, base.plan.nodes[node_id].node.title, times, why))
    return tuple(found)


def _standings(base: Base, newest: Newest) -> dict[str, Standing]:
    # A run with the version of the earlier one calls what that one called.
    published = {} if "versions" in base.options else newest.published
    return stale(base.plan, newest.made, orders.as_kept(base.options.get("pins") or {}), published)


async def _failed_items(base: Base) -> Choice:
    history = await Checkpoints(database(), launch.launcher().writer).history(base.run.id)
    changed = changes(base.plan, base.before)
    reader = _reader(base.run.workspace_id)
    redo = await analyse(base.plan, history, base.run.id, base.order.input, reader, changed)
    if all(verdict.kind == "same" for verdict in redo.verdicts.values()):
        raise Conflict("Nothing failed in this run, so there is nothing to retry.")
    return reuse.retry(redo, base.plan, base.run.id, changed)


def _part(base: Base, newest: Newest, mode: Mode, node: str) -> Choice:
    plan, good = base.plan, newest.good
    kept: Mapping[str, Any] = base.options.get("pins") or {}
    standings = _standings(base, newest)
    again = {node_id for node_id, one in standings.items() if one.stale}
    other_pins = again & kept.keys()
    if mode == "stale":
        if not again:
            raise Conflict("Nothing is stale: every step still has the result of its settings and its input.")
        return reuse.again_from(plan, base.run.id, good, again)
    if mode == "from_node":
        return reuse.again_from(plan, base.run.id, good, {node, *other_pins})
    only = tuple(node_id for node_id in plan.nodes if node_id in reuse.upstream(plan, node))
    if mode == "up_to":
        anew = reuse.downstream(plan, {node, *again})
    else:
        anew = frozenset({node, *other_pins})
        missing = [plan.nodes[one].node.title for one in only if one not in good | anew]
        if missing:
            raise Conflict(f"“{missing[0]}” has no result yet that this step could run on. Run up to here instead.")
    return Choice(base.run.id, tuple(one for one in only if one not in anew), only=only)


async def _start(  # noqa: PLR0917
    actor: Actor,
    base: Base,
    choice: Choice,
    held_by: Mapping[str, str],
    every_item: bool = False,
    fired: Mapping[str, Any] | None = None,
) -> Started:
    given = dict(base.order.input)
    if fired is not None and given.get("trigger") not in choice.taken:
        given |= {"trigger": fired.get("trigger"), "payload": fired.get("payload")}
    left_out = {"first_writes"} if every_item else set()
    options = {name: value for name, value in base.options.items() if name not in left_out}
    if choice.taken or choice.items or choice.rounds or choice.only:
        options |= choice.options()
    try:
        started = await launch.start_run(
            workspace_id=actor.workspace_id,
            workflow_id=base.order.workflow_id,
            version_id=base.order.version_id,
            source="again",
            input=given,
            options=options,
            started_by=actor.user_id or None,
            again_of=base.run.id,
            taken=_taken(base.plan, choice, held_by),
        )
    except EarlierRunGone:
        raise Conflict("The earlier run is not kept any more, so nothing can be taken over from it.") from None
    return Started(started.run_id, started.status, started.created)


def _taken(plan: Plan, choice: Choice, held_by: Mapping[str, str]) -> list[Taken]:
    by_run: dict[str, list[str]] = {}
    for node_id in choice.taken:
        by_run.setdefault(held_by[node_id], []).append(node_id)
    for run_id in [choice.run_id] if choice.rounds else []:
        by_run.setdefault(run_id, [])
    return [
        Taken(run_id, tuple(nodes), reuse.containers(plan, nodes), choice.rounds if run_id == choice.run_id else ())
        for run_id, nodes in by_run.items()
    ]


def _reader(workspace_id: str) -> Unpack:
    store = storage.storage()

    async def unpack(held: Mapping[str, Any]) -> Any:
        return await asyncio.to_thread(store.value_of, workspace_id, held)

    return unpack
