"""Edits of a draft: small operations in a log, merged where they do not collide, undone and redone across sessions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import QueryableAttribute, defer
from sqlmodel import Session, col

from app.services import callees, plain
from app.services.access import Actor, owned
from app.services.checked import Checked, checked, keep
from app.services.collisions import REPLACE, Op, collide
from app.services.errors import Conflict, Invalid, NotFound
from engine import document, layout, patch
from engine.catalog import catalog
from engine.expressions import TemplateError
from engine.graph import Graph
from engine.models import DraftEdit, Workflow, new_id, now
from engine.problem import Problem

__all__ = [
    "Checked",
    "EditResult",
    "can_redo",
    "can_undo",
    "checked",
    "count_changes",
    "edit",
    "find",
    "read",
    "redo",
    "replace",
    "undo",
]

_MOST_OPS: Final = 5_000


@dataclass(frozen=True)
class EditResult:
    """The draft after an edit. ``merged``: it was edited elsewhere since the caller's ``seq``: show ``graph`` anew."""

    seq: int
    checked: Checked
    ops: Sequence[Op]
    inverse: Sequence[Op]
    merged: bool = False

    @property
    def graph(self) -> Graph:
        return self.checked.graph

    @property
    def problems(self) -> Sequence[Problem]:
        return self.checked.problems

    @property
    def ranks(self) -> Mapping[str, int]:
        return self.checked.ranks


_HEAVY: Final = tuple(defer(cast(QueryableAttribute[Any], column)) for column in (Workflow.draft, Workflow.draft_text))


def find(db: Session, actor: Actor, workflow_id: str, lock: bool = False) -> Workflow:
    """The workflow without its draft, which ``checked`` gives; raises NotFound."""
    query = (
        select(Workflow)
        .options(*_HEAVY)
        .where(owned(Workflow, actor), col(Workflow.id) == workflow_id, col(Workflow.deleted_at).is_(None))
    )
    found = db.scalar(query.with_for_update() if lock else query)
    if found is None:
        raise NotFound("workflow")
    return found


def edit(
    db: Session, actor: Actor, workflow_id: str, ops: Sequence[Op], seq: int, *, key: str | None = None
) -> EditResult:
    """Apply operations that were made on the draft at ``seq``.

    ``key`` (32 hexadecimal digits) becomes the edit's id: sent again after a lost answer, it changes nothing more.

    Raises:
        Invalid: an operation makes no sense on this drawing.
        Conflict: somebody else changed the same place since ``seq``.
    """
    actor.need("editor")
    if not ops or len(ops) > _MOST_OPS:
        raise Invalid(f"Send between 1 and {_MOST_OPS} operations at a time.")
    plain.check(list(ops), "edit")
    workflow = find(db, actor, workflow_id, lock=True)
    if key is not None and _is_known(db, actor, workflow, key):
        return EditResult(workflow.draft_seq, checked(db, workflow), (), (), merged=True)
    if seq != workflow.draft_seq:
        others = _edits_by_others(db, actor, workflow, seq)
        if collide(ops, [op for row in others for op in row.ops]):
            raise Conflict("Somebody else changed the same place just now. Look at their change, then do yours again.")
    draft, inverse = _apply(db, workflow, ops)
    merged = seq != workflow.draft_seq
    workflow.undo_seq = workflow.draft_seq + 1
    _store(db, workflow, draft)
    _log(db, actor, workflow, ops, inverse, key=key)
    return EditResult(workflow.draft_seq, draft, ops, inverse, merged)


def replace(
    db: Session, actor: Actor, workflow_id: str, source: str | Mapping[str, Any], *, seq: int | None = None
) -> EditResult:
    """Put a whole document (JSON, or YAML whose comments are kept) in the draft's place, as one edit.

    Raises:
        Invalid: the document cannot be read; with line numbers.
        Conflict: ``seq`` is given, and the draft was edited since.
    """
    actor.need("editor")
    workflow = find(db, actor, workflow_id, lock=True)
    if seq is not None and seq != workflow.draft_seq:
        raise Conflict(f"The draft is at edit {workflow.draft_seq} now. Read it again, then send yours.")
    graph, comments = read(source)
    draft = Checked(graph, outside=callees.outside(db, workflow.workspace_id, graph))
    ops, inverse = [_whole(draft)], [_whole(checked(db, workflow))]
    workflow.undo_seq = workflow.draft_seq + 1
    workflow.draft_text = comments
    _store(db, workflow, draft)
    _log(db, actor, workflow, ops, inverse)
    return EditResult(workflow.draft_seq, draft, ops, inverse)


def undo(db: Session, actor: Actor, workflow_id: str) -> EditResult | None:
    """Take the newest standing edit back, whoever made it in whichever session; None when there is none."""
    actor.need("editor")
    workflow = find(db, actor, workflow_id, lock=True)
    last = db.scalar(_standing(workflow).order_by(col(DraftEdit.seq).desc()).limit(1))
    if last is None:
        return None
    draft, _ = _apply(db, workflow, last.inverse)
    last.undone = workflow.draft_seq + 1
    _store(db, workflow, draft)
    return EditResult(workflow.draft_seq, draft, last.inverse, last.ops)


def redo(db: Session, actor: Actor, workflow_id: str) -> EditResult | None:
    """Bring back what was undone last, unless something new was drawn since; None when there is nothing."""
    actor.need("editor")
    workflow = find(db, actor, workflow_id, lock=True)
    last = db.scalar(_redoable(workflow).order_by(col(DraftEdit.undone).desc()).limit(1))
    if last is None:
        return None
    draft, _ = _apply(db, workflow, last.ops)
    last.seq, last.undone = workflow.draft_seq + 1, 0
    _store(db, workflow, draft)
    return EditResult(workflow.draft_seq, draft, last.ops, last.inverse)


def can_undo(db: Session, workflow: Workflow) -> bool:
    """Whether an edit stands."""
    return db.scalar(select(_standing(workflow).exists())) is True


def can_redo(db: Session, workflow: Workflow) -> bool:
    """Whether an undone edit can come back."""
    return db.scalar(select(_redoable(workflow).exists())) is True


def count_changes(db: Session, actor: Actor, workflow_id: str | None = None) -> dict[str, int]:
    """How many edits lie between each draft and its published version; workflows with none are left out."""
    seq, undone, published = col(DraftEdit.seq), col(DraftEdit.undone), col(Workflow.published_seq)
    query = (
        select(col(DraftEdit.workflow_id), func.count())
        .join(Workflow, col(Workflow.id) == col(DraftEdit.workflow_id))
        .where(
            owned(DraftEdit, actor),
            or_(and_(undone == 0, seq > published), and_(undone > published, seq <= published)),
        )
        .group_by(col(DraftEdit.workflow_id))
    )
    if workflow_id is not None:
        query = query.where(col(DraftEdit.workflow_id) == workflow_id)
    return {row[0]: row[1] for row in db.execute(query)}


def read(source: str | Mapping[str, Any]) -> tuple[Graph, str | None]:
    """A document as a drawing, and its text if that holds comments; raises Invalid."""
    try:
        if isinstance(source, Mapping):
            plain.check(source, "document")
            return _placed(document.load(source)), None
        graph, comments = document.from_yaml(source)
        plain.check(document.dump(graph), "document")
    except RecursionError:
        raise Invalid("The document is nested too deeply.") from None
    except document.DocumentError as error:
        problems = [problem.model_dump(mode="json", exclude_none=True) for problem in error.problems]
        raise Invalid(f"This is not a workflow document. {error}", problems) from None
    return _placed(graph), comments or None


def _placed(graph: Graph) -> Graph:
    """With a place for each node: a document from elsewhere may name none, and all cards would lie on one another."""
    if all(node_id in graph.layout for node_id in graph.nodes):
        return graph
    try:
        return layout.complete(graph, catalog())
    except TemplateError:  # a field that cannot be read draws no wire; the editor marks it
        return graph


def _apply(db: Session, workflow: Workflow, ops: Sequence[Op]) -> tuple[Checked, Sequence[Op]]:
    before = checked(db, workflow)
    if len(ops) == 1 and ops[0].get("op") == REPLACE:
        graph = read(ops[0]["document"])[0]
        return Checked(graph, outside=callees.outside(db, workflow.workspace_id, graph)), [_whole(before)]
    try:
        graph, inverse = patch.apply(before.graph, ops, before.outside.catalog(catalog()))
    except patch.PatchError as error:
        raise Invalid(str(error)) from None
    return Checked(graph, before, callees.outside(db, workflow.workspace_id, graph)), inverse


def _whole(draft: Checked) -> Op:
    return {"op": REPLACE, "document": draft.document}


def _store(db: Session, workflow: Workflow, draft: Checked) -> None:
    workflow.draft_seq += 1
    workflow.draft = draft.document
    workflow.name = draft.graph.name or workflow.name
    workflow.updated_at = now()
    keep(db, workflow.id, workflow.draft_seq, draft)


def _log(
    db: Session, actor: Actor, workflow: Workflow, ops: Sequence[Op], inverse: Sequence[Op], *, key: str | None = None
) -> None:
    db.add(
        DraftEdit(
            id=key or new_id(),
            workspace_id=actor.workspace_id,
            workflow_id=workflow.id,
            seq=workflow.draft_seq,
            user_id=actor.user_id or None,
            ops=[dict(op) for op in ops],
            inverse=[dict(op) for op in inverse],
        )
    )


def _is_known(db: Session, actor: Actor, workflow: Workflow, key: str) -> bool:
    mine = (owned(DraftEdit, actor), col(DraftEdit.workflow_id) == workflow.id, col(DraftEdit.id) == key)
    return db.scalar(select(select(col(DraftEdit.id)).where(*mine).exists())) is True


def _edits_by_others(db: Session, actor: Actor, workflow: Workflow, seq: int) -> Sequence[DraftEdit]:
    query = select(DraftEdit).where(
        owned(DraftEdit, actor),
        col(DraftEdit.workflow_id) == workflow.id,
        or_(col(DraftEdit.seq) > seq, col(DraftEdit.undone) > seq),
        or_(col(DraftEdit.user_id) != actor.user_id, col(DraftEdit.user_id).is_(None)),
    )
    return db.scalars(query).all()


def _standing(workflow: Workflow) -> Any:
    return select(DraftEdit).where(col(DraftEdit.workflow_id) == workflow.id, col(DraftEdit.undone) == 0)


def _redoable(workflow: Workflow) -> Any:
    return select(DraftEdit).where(col(DraftEdit.workflow_id) == workflow.id, col(DraftEdit.undone) > workflow.undo_seq)
