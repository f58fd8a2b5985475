"""Where a scope of a run leads: through rounds of containers, and into workflows that were called in line.

A scope is written as rows name it, ``call.0/loop.3``. In the part behind a call it names nodes of the called version.
"""

from dataclasses import dataclass, replace
from typing import Any, Final

from sqlalchemy import select
from sqlmodel import Session, col

from app.services import runs
from app.services.access import Actor, owned
from app.services.errors import Invalid
from engine import document
from engine.catalog import catalog
from engine.graph import Graph, Node
from engine.models import Run, WorkflowVersion
from engine.run.interface import MODE, called

_LONGEST_INDEX: Final = 9


@dataclass(frozen=True, slots=True)
class Place:
    """What a scope leads to. ``rests``: the run is paused, so that nothing in it is under way.

    ``drawing``: the run's, or that of the innermost workflow on the way that was called in line. ``base``: the scope
    of that drawing's top level. ``rounds``: the rest, through containers of that drawing.
    """

    drawing: Graph
    base: str = ""
    rounds: str = ""
    rests: bool = False

    @property
    def container(self) -> str:
        """The innermost container of the drawing whose round it is; empty at the drawing's top level."""
        return self.rounds.rpartition("/")[2].rpartition(".")[0]

    def shown(self, status: str) -> str:
        """A row's status as people read it: a pause cuts short what was under way, and its row says so no more."""
        return "paused" if self.rests and status == "running" else status

    def scope_of(self, node_id: str) -> str | None:
        """The scope of a node's row as seen from here; None when that says too little: it stands deeper inside."""
        within = scope_of(self.drawing, node_id, self.rounds)
        return None if within is None else joined(self.base, within)


def joined(*parts: str) -> str:
    """Scopes one inside the other as one."""
    return "/".join(part for part in parts if part)


def scope_of(drawing: Graph, node_id: str, scope: str) -> str | None:
    """The same within one drawing."""
    parts = scope.split("/") if scope else []
    line = drawing.levels(node_id)
    found = [part for part, container in zip(parts, line, strict=False) if part.rpartition(".")[0] == container]
    return "/".join(parts[: len(line)]) if len(found) == len(line) else None


def at(db: Session, actor: Actor, run_id: str, scope: str) -> Place:
    """Where the scope leads in this run. Raises NotFound for the run, Invalid for a scope that leads nowhere."""
    status = db.scalar(select(col(Run.status)).where(owned(Run, actor), col(Run.id) == run_id))
    place = Place(runs.graph(db, actor, run_id), rests=status == "paused")
    for part in scope.split("/") if scope else ():
        place = _inside(db, actor, run_id, place, part)
    return place


def _inside(db: Session, actor: Actor, run_id: str, place: Place, part: str) -> Place:
    node_id, _, index = part.rpartition(".")
    if (
        node_id in place.drawing.children(place.container or None)
        and index.isdecimal()
        and len(index) <= _LONGEST_INDEX
    ):
        node = place.drawing.nodes[node_id]
        if catalog()[node.type].body:
            return replace(place, rounds=joined(place.rounds, part))
        body = _called(db, actor, run_id, node) if calls_in_line(node) else None
        if body is not None:
            return Place(document.load(body), joined(place.base, place.rounds, part), rests=place.rests)
    raise Invalid("A scope names containers, or steps that run a workflow, with a number each, as in loop.3/inner.0.")


def calls_in_line(node: Node) -> bool:
    """Whether the node runs another workflow as a part of the same run."""
    return bool(called(node, catalog().get(node.type))) and node.params.get(MODE, "in_line") == "in_line"


def _called(db: Session, actor: Actor, run_id: str, node: Node) -> Any:
    """The document of the version that was fixed for the run when it started, if there is one."""
    options = db.scalar(select(col(Run.options)).where(owned(Run, actor), col(Run.id) == run_id)) or {}
    version = (options.get("versions") or {}).get(called(node, catalog().get(node.type)))
    of_version = (owned(WorkflowVersion, actor), col(WorkflowVersion.id) == version)
    return db.scalar(select(col(WorkflowVersion.document)).where(*of_version)) if version else None
