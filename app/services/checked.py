"""Drafts as parsed drawings, kept per process: what is found out about one is found out once."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from functools import cached_property
from threading import Lock
from typing import Any, Final

from sqlmodel import Session

from app.services import callees, unit
from engine import document
from engine.catalog import catalog
from engine.graph import Graph
from engine.models import Workflow
from engine.problem import Problem
from engine.validation import Outside, problems, ranks
from engine.validation.outside import NOTHING

_KEPT: Final = 64


class _Findings:
    """What a drawing's nodes tell; their positions have no say in it."""

    def __init__(self, graph: Graph, outside: Outside) -> None:
        self.graph, self.outside = graph, outside

    @cached_property
    def problems(self) -> Sequence[Problem]:
        return problems(self.graph, catalog(), self.outside)

    @cached_property
    def ranks(self) -> Mapping[str, int]:
        return ranks(self.graph, catalog(), self.outside)


class Checked:
    """A drawing with its document, what is wrong with it, and where lists map it, each found on first use.

    ``before`` is the drawing that an edit made this one of: what the edit left alone is taken from there. ``outside``:
    what the workflows that it runs take and give.
    """

    def __init__(self, graph: Graph, before: "Checked | None" = None, outside: Outside = NOTHING) -> None:
        self.graph, self.outside = graph, outside
        self._before = before
        same = before is not None and before.graph.nodes is graph.nodes and before.outside == outside
        self._findings: _Findings = before._findings if before is not None and same else _Findings(graph, outside)

    @cached_property
    def document(self) -> dict[str, Any]:
        """The document; not to be changed, since its parts are shared with other drafts."""
        before, self._before = self._before, None
        if before is None:
            return document.dump(self.graph)
        kept, old = before.document["nodes"], before.graph.nodes
        fresh = {name: node for name, node in self.graph.nodes.items() if old.get(name) is not node}
        body = document.dump(self.graph.model_copy(update={"nodes": fresh}))
        body["nodes"] = {name: body["nodes"].get(name) or kept[name] for name in self.graph.nodes}
        return body

    @property
    def problems(self) -> Sequence[Problem]:
        """What is wrong."""
        return self._findings.problems

    @property
    def ranks(self) -> Mapping[str, int]:
        """How many list levels each node is mapped over."""
        return self._findings.ranks


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

    def put(self, workflow_id: str, seq: int, draft: Checked) -> None:
        with self._lock:
            if workflow_id in self._entries and self._entries[workflow_id][0] > seq:
                return
            self._entries[workflow_id] = (seq, draft)
            self._entries.move_to_end(workflow_id)
            while len(self._entries) > _KEPT:
                self._entries.popitem(last=False)

    def forget(self, workflow_id: str) -> None:
        with self._lock:
            self._entries.pop(workflow_id, None)


_cache = _Cache()


def checked(db: Session, workflow: Workflow) -> Checked:
    """The workflow's draft, parsed once per seq and process."""
    kept = _cache.get(workflow.id, workflow.draft_seq)
    graph = kept.graph if kept is not None else document.load(workflow.draft)
    outside = callees.outside(db, workflow.workspace_id, graph)
    if kept is None or kept.outside != outside:  # another workflow was published meanwhile
        kept = Checked(graph, kept, outside)
        keep(db, workflow.id, workflow.draft_seq, kept)
    return kept


def keep(db: Session, workflow_id: str, seq: int, draft: Checked) -> None:
    """Remember the draft once the transaction stands."""
    unit.after_commit(db, lambda: _cache.put(workflow_id, seq, draft))


def forget(workflow_id: str) -> None:
    """Remember nothing of a workflow, for instance when it is deleted."""
    _cache.forget(workflow_id)
