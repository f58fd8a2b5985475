"""What earlier runs of a workflow have of each of its steps: the newest result, and whether it still holds."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import cast, select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col

from app.services import callees, drafts, orders, runs
from app.services.access import Actor, owned
from app.services.unit import reads
from engine import document
from engine.catalog import UnknownType, catalog
from engine.document import DocumentError
from engine.expressions import TemplateError
from engine.graph import Graph
from engine.models import Attempt, Run, Step, WorkflowVersion, to_ms
from engine.run.compiling import CircularReference, NoBody, compiled
from engine.run.stale import Made, Published, Standing, stale

_LONGEST_CHAIN: Final = 20


@dataclass(frozen=True)
class Newest:
    """By node its newest result, and the run whose rows hold it; see `newest`.

    ``published``: by workflow that one of these drawings calls, the versions of it and all that it calls, as of now.
    """

    made: Mapping[str, Made]
    held_by: Mapping[str, str]
    published: Published = field(default_factory=dict)

    @property
    def good(self) -> frozenset[str]:
        """The nodes of which there is something to take over."""
        return frozenset(node_id for node_id, one in self.made.items() if one.good)


@dataclass(frozen=True)
class Ran:
    """The drawing that a run ran, and by workflow the version of it that it called."""

    graph: Graph
    versions: Mapping[str, str]


@dataclass(frozen=True)
class Written:
    """How many effects of a step happened, and of how many nobody knows whether they did."""

    done: int = 0
    doubts: int = 0


@reads
def newest(db: Session, actor: Actor, run_id: str) -> Newest:
    """The results of a run; where only a part of the workflow took part, those of the runs before it for the rest."""
    graphs: dict[str, Ran] = {}
    made: dict[str, Made] = {}
    held_by: dict[str, str] = {}
    for run in _chain(db, actor, run_id):
        for row in _closing_rows(db, actor, run.id):
            if row.node_id not in made:
                made[row.node_id] = _made(row, run.id, _ran_by(db, actor, row.reused_from or run.id, graphs))
                held_by[row.node_id] = run.id
        if "only" not in run.options:
            break
    called = [callees.closures(db, actor.workspace_id, ran.graph) for ran in graphs.values()]
    return Newest(made, held_by, {one: versions for each in called for one, versions in each.items()})


def _chain(db: Session, actor: Actor, run_id: str | None) -> Iterator[Run]:
    """The run, the one that it is linked to, and so on."""
    for _ in range(_LONGEST_CHAIN):
        mine = (owned(Run, actor), col(Run.id) == run_id)
        run = db.scalar(select(Run).where(*mine)) if run_id else None
        if run is None:
            return
        yield run
        run_id = run.again_of


def _closing_rows(db: Session, actor: Actor, run_id: str) -> Sequence[Any]:
    """Without the outputs, which may be many kilobytes each."""
    mine = (owned(Step, actor), col(Step.run_id) == run_id, col(Step.scope) == "", col(Step.item) == "")
    names = (Step.node_id, Step.status, Step.reused_from, Step.finished_at, Step.stand_in)
    return db.execute(
        select(*map(col, names), cast(col(Step.output), sa.Text).is_not(None).label("gave")).where(*mine)
    ).all()


@reads
def writes(db: Session, actor: Actor, run_ids: Collection[str]) -> dict[tuple[str, str], Written]:
    """What these runs wrote, by run and node of the top level; what a body wrote counts for its container."""
    later = aliased(Attempt)
    newer = (
        (later.run_id, Attempt.run_id),
        (later.scope, Attempt.scope),
        (later.node_id, Attempt.node_id),
        (later.item, Attempt.item),
    )
    is_last = ~sa.exists().where(
        *(col(one) == col(other) for one, other in newer), col(later.number) > col(Attempt.number)
    )
    names = (col(Attempt.run_id), col(Attempt.scope), col(Attempt.node_id), col(Attempt.outcome))
    query = (
        select(*names, sa.func.count())
        .where(owned(Attempt, actor), col(Attempt.run_id).in_(run_ids), is_last)
        .group_by(*names)
    )
    found: dict[tuple[str, str], Written] = {}
    for run_id, scope, node_id, outcome, count in db.execute(query):
        at = scope.partition("/")[0].rpartition(".")[0] or node_id
        known = found.get((run_id, at), Written())
        done, doubts = count * (outcome == "done"), count * (outcome in (None, "unknown"))
        found[run_id, at] = Written(known.done + done, known.doubts + doubts)
    return found


def _ran_by(db: Session, actor: Actor, run_id: str, known: dict[str, Ran]) -> Ran:
    """What a run ran: an empty drawing if the run is not there any more."""
    if run_id not in known:
        query = (
            select(col(WorkflowVersion.document), col(Run.options))
            .join(Run, col(Run.version_id) == col(WorkflowVersion.id))
            .where(owned(Run, actor), owned(WorkflowVersion, actor), col(Run.id) == run_id)
        )
        row = db.execute(query).first()
        known[run_id] = Ran(document.load(row[0]), row[1].get("versions") or {}) if row else Ran(Graph(), {})
    return known[run_id]


def _made(row: Any, run_id: str, ran: Ran) -> Made:
    stand_in: Mapping[str, Any] = row.stand_in or {}
    ended_well = row.status in ("done", "skipped") or (row.status == "failed" and row.gave)
    return Made(
        run_id=row.reused_from or run_id,
        graph=ran.graph,
        versions=ran.versions,
        status=row.status,
        finished_at=to_ms(row.finished_at) if row.finished_at else 0,
        good=ended_well and stand_in.get("by", "kept") == "kept" and "sends" not in stand_in,
        stand_in=row.stand_in,
    )


@reads
def latest(db: Session, actor: Actor, workflow_id: str) -> Run | None:
    """The workflow's newest run that has ended and was no dry run."""
    mine = (owned(Run, actor), col(Run.workflow_id) == workflow_id, col(Run.status).in_(runs.ENDED))
    query = select(Run).where(*mine).order_by(col(Run.created_at).desc(), col(Run.id).desc()).limit(_LONGEST_CHAIN)
    return next((run for run in db.scalars(query) if _is_base(run)), None)


def _is_base(run: Run) -> bool:
    return run.status in runs.ENDED and not run.options.get("dry")


@reads
def base(db: Session, actor: Actor, workflow_id: str, run_id: str = "") -> str:
    """The run that a run of the draft takes over from: this one if it can be, else the newest; empty without one."""
    run = runs.find(db, actor, run_id) if run_id else None
    if run is not None and run.workflow_id == workflow_id and _is_base(run):
        return run.id
    newest_run = latest(db, actor, workflow_id)
    return newest_run.id if newest_run else ""


@reads
def of_draft(db: Session, actor: Actor, workflow_id: str, run_id: str = "") -> dict[str, Standing]:
    """How each step of the draft stands against a run, or against the newest one; empty if there is none."""
    workflow = drafts.find(db, actor, workflow_id)
    run = runs.find(db, actor, run_id) if run_id else latest(db, actor, workflow_id)
    if run is None or run.workflow_id != workflow_id:
        return {}
    return judged(drafts.checked(db, workflow).graph, workflow.pins, newest(db, actor, run.id))


def judged(drawing: Graph, held: Mapping[str, Any], known: Newest) -> dict[str, Standing]:
    """How each step of a drawing stands; `held` are the workflow's kept outputs.

    Empty while the drawing cannot be run: its problems say why.
    """
    try:
        plan = compiled(drawing, catalog())
    except (UnknownType, DocumentError, TemplateError, CircularReference, NoBody):
        return {}
    return stale(plan, known.made, orders.as_kept(orders.kept(held, drawing)), known.published)
