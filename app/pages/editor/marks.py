"""What the cards say beside a run's status: that a result no longer holds, and why; that an output is kept."""

from __future__ import annotations

from typing import Any

from app.pages.editor.seen import Seen
from app.services import pins, runs, standing, unit
from app.session import SessionState


class Known:
    """The newest results of the run that is shown, and what is kept. A plain class, so that Reflex wraps no proxy
    around them."""

    def __init__(self, newest: standing.Newest | None = None, kept: dict[str, Any] | None = None) -> None:
        self.newest, self.kept = newest, kept or {}


class MarksState(SessionState):
    """By node its marks; ``stale`` counts the steps that would run again, ``reasons`` says why each would."""

    marks: dict[str, Any] = {}
    marks_seq: int = 0
    stale: int = 0
    reasons: dict[str, str] = {}
    kept: list[str] = []
    kept_titles: str = ""

    _seen: Seen | None = None
    _known: Known = Known()

    async def _follow(self, seen: Seen) -> None:
        """The draft has changed."""
        fresh = self._seen is None or self._seen.workflow_id != seen.workflow_id
        self._seen = seen
        if fresh:
            self._known = Known(kept=await unit.ask(pins.stored, await self._actor(), seen.workflow_id))
        self._mark()

    async def _ran(self, run_id: str) -> None:
        """The run that is shown has ended; an empty id: none has."""
        newest = None
        if run_id:
            actor = await self._actor()
            if not (await unit.ask(runs.find, actor, run_id)).options.get("dry"):
                newest = await unit.ask(standing.newest, actor, run_id)
        self._known = Known(newest, self._known.kept)
        self._mark()

    async def _keeps(self) -> None:
        """Another output is kept, or one is let go."""
        if self._seen is not None:
            kept = await unit.ask(pins.stored, await self._actor(), self._seen.workflow_id)
            self._known = Known(self._known.newest, kept)
            self._mark()

    def _mark(self) -> None:
        if self._seen is None:
            return
        nodes, kept, newest = self._seen.graph.nodes, self._known.kept, self._known.newest
        found = standing.judged(self._seen.graph, kept, newest) if newest is not None else {}
        self.reasons = {node_id: one.reason for node_id, one in found.items() if one.stale}
        self.stale = len(self.reasons)
        self.kept = [node_id for node_id in nodes if node_id in kept]
        self.kept_titles = ", ".join(nodes[node_id].title for node_id in self.kept)
        marks = {node_id: {"stale": self.reasons.get(node_id, ""), "kept": node_id in kept} for node_id in nodes}
        if marks != self.marks:
            self.marks, self.marks_seq = marks, self.marks_seq + 1
