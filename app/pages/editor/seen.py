"""The draft as a tab last saw it."""

from __future__ import annotations

from app.pages.editor.drawing import Drawing, draw
from app.services import drafts
from engine.catalog import catalog
from engine.graph import Graph
from engine.layout import complete
from engine.validation.mapping import knowledge


class Seen:
    """A draft with its drawing. A plain class, so that Reflex wraps no proxy around it."""

    def __init__(self, workflow_id: str, seq: int, checked: drafts.Checked, before: Seen | None = None) -> None:
        self.workflow_id, self.seq, self.checked = workflow_id, seq, checked
        known = knowledge(checked.graph, catalog(), checked.outside)
        self.catalog, self.edges = known.catalog, known.edges
        self.drawing: Drawing = draw(
            complete(checked.graph, known.catalog),
            known.catalog,
            self.edges,
            problems=checked.problems,
            ranks=checked.ranks,
            before=before.drawing if before else None,
            outside=checked.outside,
        )

    @property
    def graph(self) -> Graph:
        return self.checked.graph
