"""What waits for a person: approvals, effects that a crash left open, used up budgets. Each is decided once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import day_budgets, held_values, runs, unit
from app.services.access import RANK, Actor, owned
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from app.services.unit import reads
from engine import launch
from engine.graph import Graph
from engine.models import Run, User, Wait, Workflow, now
from engine.models.states import RUN

Kind = Literal["approval", "unknown", "budget"]
Choice = Literal["approve", "reject", "again", "done", "fail", "raise", "end"]

LONGEST_NOTE: Final = 2_000
_MOST: Final = 200
# The kind of a wait's row: what it is called here, and what may be chosen.
_KINDS: Final[Mapping[str, tuple[Kind, tuple[Choice, ...]]]] = {
    "approval": ("approval", ("approve", "reject")),
    "ask": ("unknown", ("again", "done", "fail")),
    "budget": ("budget", ("raise", "end")),
}


@dataclass(frozen=True, slots=True)
class Approval:
    """Something that a person is to decide.

    ``approval``: what an Approval node asks; ``evidence`` is what it is about. ``unknown``: did an effect happen that a
    crash left open? ``again`` repeats it, ``done`` takes it as done, ``fail`` fails the step. ``budget``: the run has
    used up its budget, or the day's; ``raise`` gives it as much again, ``end`` cancels the run. A day's budget is
    raised for all runs that wait for it.
    ``item`` is empty, or says for which item of a list the node was called, ``scope`` in which round of a container.
    ``asked_by`` started the run. ``mine``: the asker may decide.
    """

    id: str
    kind: Kind
    run_id: str
    workflow_id: str
    workflow: str
    node_id: str
    label: str
    item: str
    scope: str
    title: str
    evidence: Any
    asked_by: str
    asked_at: datetime
    deadline: datetime | None
    on_deadline: str
    people: list[str]
    choices: tuple[Choice, ...]
    mine: bool


@reads
def list_approvals(db: Session, actor: Actor, *, run_id: str | None = None, mine: bool = False) -> list[Approval]:
    """What is open in the workspace, or in one run, oldest first; with ``mine`` what the actor may decide.

    Raises NotFound for a run that is not there.
    """
    if run_id is not None:
        runs.find(db, actor, run_id)
    query = (
        select(Wait, Run, col(Workflow.name), col(User.name))
        .join(Run, col(Run.id) == col(Wait.run_id))
        .join(Workflow, col(Workflow.id) == col(Run.workflow_id))
        .outerjoin(User, col(User.id) == col(Run.started_by))
        .where(owned(Wait, actor), owned(Run, actor), owned(Workflow, actor))
        .where(col(Wait.kind).in_(_KINDS), col(Wait.settled_at).is_(None), col(Run.status).in_(RUN.open))
        .order_by(col(Wait.created_at), col(Wait.id))
        .limit(_MOST)
    )
    if run_id is not None:
        query = query.where(col(Wait.run_id) == run_id)
    drawings: dict[str, Graph] = {}
    found = []
    for wait, run, workflow, starter in db.execute(query).all():
        if run.version_id not in drawings:
            drawings[run.version_id] = runs.graph(db, actor, run.id)
        node = drawings[run.version_id].nodes.get(wait.node_id)
        named = _Named(workflow, node.title if node else wait.node_id, starter or "")
        found.append(_shown(actor, wait, run, named))
    return [one for one in found if one.mine] if mine else found


async def decide(actor: Actor, approval_id: str, choice: str, note: str = "") -> None:
    """Decide, once; the run goes on, or ends.

    Raises:
        NotFound: nobody asks this, or somebody asks it of others' workspaces.
        Forbidden: others are asked.
        Invalid: there is no such choice, or rejecting does not say why.
        Conflict: it was decided before, or its deadline is past.
    """
    wait = await unit.ask(_decidable, actor, approval_id, choice)
    note = note.strip()
    if len(note) > LONGEST_NOTE:
        raise Invalid.field("note", f"Write at most {LONGEST_NOTE:,} characters.")
    if choice == "reject" and not note:
        raise Invalid.field("note", "Say why it is rejected.")
    decision = {"choice": choice, "by": actor.name or actor.email, "by_id": actor.user_id, "note": note}
    if not await _settle(actor, wait, {**decision, "at": now().isoformat()}):
        raise Conflict("This has been decided already, or its time is over.")


async def _settle(actor: Actor, wait: Wait, outcome: Mapping[str, Any]) -> bool:
    if outcome["choice"] == "raise" and (wait.detail or {}).get("what") == day_budgets.WHAT:
        return await day_budgets.raise_today(actor, wait, outcome)
    if outcome["choice"] == "raise":
        budget = await unit.ask(_higher, actor, wait)
        return await launch.raise_budget(wait.run_id, wait.id, outcome, budget)
    if outcome["choice"] == "end":
        return await launch.end_budget(wait.run_id, wait.id, outcome)
    return await launch.settle(wait.id, outcome)


@reads
def _higher(db: Session, actor: Actor, wait: Wait) -> dict[str, Any]:
    """The run's budget with as much again of what was used up."""
    run, asked = runs.find(db, actor, wait.run_id), wait.detail or {}
    limits = db.scalar(select(col(Workflow.limits)).where(owned(Workflow, actor), col(Workflow.id) == run.workflow_id))
    more = (limits or {}).get(asked["what"]) or asked["limit"]
    return {**(run.budget or {}), asked["what"]: asked["spent"] + more}


@reads
def _decidable(db: Session, actor: Actor, approval_id: str, choice: str) -> Wait:
    query = select(Wait).where(owned(Wait, actor), col(Wait.id) == approval_id, col(Wait.kind).in_(_KINDS))
    wait = db.scalar(query)
    if wait is None:
        raise NotFound("approval")
    if not _may_decide(actor, wait):
        raise Forbidden("This is for others to decide.")
    _, choices = _KINDS[wait.kind]
    if choice not in choices:
        raise Invalid.field("choice", f"Choose one of {', '.join(choices)}.")
    if wait.settled_at is not None:
        raise Conflict("This has been decided already, or its time is over.")
    return wait


def _may_decide(actor: Actor, wait: Wait) -> bool:
    detail = wait.detail or {}
    if wait.kind != "approval":
        return RANK[actor.role] >= RANK["owner" if detail.get("of") == "workspace" else "editor"]
    people, role = detail.get("people") or [], detail.get("role") or ""
    if not people and not role:
        return True
    return actor.email.lower() in people or (role in RANK and RANK[actor.role] >= RANK[role])


@dataclass(frozen=True, slots=True)
class _Named:
    workflow: str
    label: str
    starter: str


def _shown(actor: Actor, wait: Wait, run: Run, named: _Named) -> Approval:
    detail = wait.detail or {}
    kind, choices = _KINDS[wait.kind]
    return Approval(
        id=wait.id,
        kind=kind,
        run_id=run.id,
        workflow_id=run.workflow_id,
        workflow=named.workflow,
        node_id=wait.node_id,
        label=named.label,
        item=wait.item,
        scope=wait.scope,
        title=_title(wait, named.label),
        evidence=held_values.read_whole(actor, detail["evidence"]) if "evidence" in detail else None,
        asked_by=named.starter,
        asked_at=wait.created_at,
        deadline=wait.due,
        on_deadline=str(detail.get("on_deadline") or "") if wait.due else "",
        people=list(detail.get("people") or []),
        choices=choices,
        mine=_may_decide(actor, wait),
    )


def _title(wait: Wait, label: str) -> str:
    detail = wait.detail or {}
    if wait.kind == "ask":
        told = (detail.get("error") or {}).get("message")
        said = str(
            told or f"A worker stopped while “{label}” was having its effect, so nobody knows whether it happened."
        )
        return f"{said} Look at the service itself, then decide."
    return str(detail.get("title") or label)
