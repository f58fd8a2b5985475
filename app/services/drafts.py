"""Edits of a draft: small operations in a log, merged where they do not collide, undone and redone across sessions."""

from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from threading import Lock
from typing import Any, Final, cast

from sqlalchemy import and_, func, or_, select
from sqlalchemy.orm import QueryableAttribute, defer
from sqlmodel import Session, col

from app.services import unit
from app.services.access import Actor, owned
from app.services.errors import Conflict, Invalid, NotFound
from engine import document, patch
from engine.catalog import catalog
from engine.graph import Graph
from engine.models import DraftEdit, Workflow, new_id, now
from engine.problem import Problem
from engine.validation import problems, ranks

Op = Mapping[str, Any]
_Place = tuple[str, str]

_KEPT: Final = 64
_MOST_OPS: Final = 5_000
_REPLACE: Final = "replace"


class Checked:
    """A drawing with what is wrong with it and where lists map it, both found on first use."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph

    @cached_property
    def problems(self) -> Sequence[Problem]:
        return problems(self.graph, catalog())

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        return ranks(self.graph, catalog())


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


class _Cache:
    """Parsed drafts by workflow and seq; an entry stands for a committed draft, so it is never wrong, only old."""

    def __init__(self) -> None:
        self._entries: OrderedDict[str, tuple[int, Checked]] = OrderedDict()
        self._lock = Lock()

    def get(self, workflow_id: str, seq: int) -> Checked | None:
        with self._lock:
            kept = self._entries.get(workflow_id)
            if kept is None or kept[0] != seq:
                return None
            self._entries.move_to_end(workflow_id)
            return kept[1]

    def put(self, workflow_id: str, seq: int, checked: Checked) -> None:
        with self._lock:
            if workflow_id in self._entries and self._entries[workflow_id][0] > seq:
                return
            self._entries[workflow_id] = (seq, checked)
            self._entries.move_to_end(workflow_id)
            while len(self._entries) > _KEPT:
                self._entries.popitem(last=False)


_cache = _Cache()
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


def checked(db: Session, workflow: Workflow) -> Checked:
    """The workflow's draft, parsed once per seq and process."""
    kept = _cache.get(workflow.id, workflow.draft_seq)
    if kept is None:
        kept = Checked(document.load(workflow.draft))
        seq, fresh = workflow.draft_seq, kept
        unit.after_commit(db, lambda: _cache.put(workflow.id, seq, fresh))
    return kept


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
    workflow = find(db, actor, workflow_id, lock=True)
    if key is not None and _is_known(db, actor, workflow, key):
        return EditResult(workflow.draft_seq, checked(db, workflow), (), (), merged=True)
    if seq != workflow.draft_seq:
        _refuse_collision(ops, _edits_by_others(db, actor, workflow, seq))
    graph, inverse = _apply(checked(db, workflow).graph, ops)
    merged = seq != workflow.draft_seq
    workflow.undo_seq = workflow.draft_seq + 1
    result = _store(db, workflow, graph, ops, inverse, merged=merged)
    _log(db, actor, workflow, ops, inverse, key=key)
    return result


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
    ops, inverse = [_whole(graph)], [_whole(checked(db, workflow).graph)]
    workflow.undo_seq = workflow.draft_seq + 1
    workflow.draft_text = comments
    result = _store(db, workflow, graph, ops, inverse)
    _log(db, actor, workflow, ops, inverse)
    return result


def undo(db: Session, actor: Actor, workflow_id: str) -> EditResult | None:
    """Take the newest standing edit back, whoever made it in whichever session; None when there is none."""
    actor.need("editor")
    workflow = find(db, actor, workflow_id, lock=True)
    last = db.scalar(_standing(workflow).order_by(col(DraftEdit.seq).desc()).limit(1))
    if last is None:
        return None
    graph, _ = _apply(checked(db, workflow).graph, last.inverse)
    last.undone = workflow.draft_seq + 1
    return _store(db, workflow, graph, last.inverse, last.ops)


def redo(db: Session, actor: Actor, workflow_id: str) -> EditResult | None:
    """Bring back what was undone last, unless something new was drawn since; None when there is nothing."""
    actor.need("editor")
    workflow = find(db, actor, workflow_id, lock=True)
    last = db.scalar(_redoable(workflow).order_by(col(DraftEdit.undone).desc()).limit(1))
    if last is None:
        return None
    graph, _ = _apply(checked(db, workflow).graph, last.ops)
    last.seq, last.undone = workflow.draft_seq + 1, 0
    return _store(db, workflow, graph, last.ops, last.inverse)


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
            return document.load(source), None
        graph, comments = document.from_yaml(source)
    except document.DocumentError as error:
        problems = [problem.model_dump(mode="json", exclude_none=True) for problem in error.problems]
        raise Invalid(f"This is not a workflow document. {error}", problems) from None
    return graph, comments or None


def _apply(graph: Graph, ops: Sequence[Op]) -> tuple[Graph, Sequence[Op]]:
    if len(ops) == 1 and ops[0].get("op") == _REPLACE:
        return read(ops[0]["document"])[0], [_whole(graph)]
    try:
        return patch.apply(graph, ops, catalog())
    except patch.PatchError as error:
        raise Invalid(str(error)) from None


def _whole(graph: Graph) -> Op:
    return {"op": _REPLACE, "document": document.dump(graph)}


def _store(
    db: Session, workflow: Workflow, graph: Graph, ops: Sequence[Op], inverse: Sequence[Op], *, merged: bool = False
) -> EditResult:
    workflow.draft_seq += 1
    workflow.draft = document.dump(graph)
    workflow.name = graph.name or workflow.name
    workflow.updated_at = now()
    result = EditResult(workflow.draft_seq, Checked(graph), ops, inverse, merged)
    unit.after_commit(db, lambda: _cache.put(workflow.id, result.seq, result.checked))
    return result


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


def _refuse_collision(ops: Sequence[Op], others: Sequence[DraftEdit]) -> None:
    mine = {place for op in ops for place in _places(op)}
    theirs = {place for row in others for op in row.ops for place in _places(op)}
    if any(_meet(one, other) for one in mine for other in theirs):
        raise Conflict("Somebody else changed the same place just now. Look at their change, then do yours again.")


def _places(op: Op) -> Iterable[_Place]:
    """What an operation changes for good: (node, part), either of them empty for all of it. Positions never collide."""
    name, node = op.get("op"), str(op.get("node") or op.get("target") or "")
    if name == _REPLACE:
        yield "", ""
    elif name == "remove_node":
        yield node, ""
    elif name == "set_name":
        yield "", "name"
    elif name == "rename":
        yield node, "label"
    elif name == "set_option":
        yield node, str(op.get("key"))
    elif name in ("set_field", "connect", "disconnect"):
        path = op.get("path") or op.get("field") or ""
        yield node, str(path[0] if isinstance(path, list) else path).partition(".")[0]


def _meet(one: _Place, other: _Place) -> bool:
    return ("", "") in (one, other) or (one[0] == other[0] and (one[1] == other[1] or "" in (one[1], other[1])))


def _standing(workflow: Workflow) -> Any:
    return select(DraftEdit).where(col(DraftEdit.workflow_id) == workflow.id, col(DraftEdit.undone) == 0)


def _redoable(workflow: Workflow) -> Any:
    return select(DraftEdit).where(col(DraftEdit.workflow_id) == workflow.id, col(DraftEdit.undone) > workflow.undo_seq)
