"""The draft as a tab last saw it."""

from app.pages.editor import drawing
from app.services import drafts
from engine.broadcast import edges
from engine.catalog import catalog
from engine.graph import Graph


class Seen:
    """A draft with its drawing. A plain class, so that Reflex wraps no proxy around it."""

    def __init__(self, workflow_id: str, seq: int, checked: drafts.Checked) -> None:
        self.workflow_id, self.seq, self.checked = workflow_id, seq, checked
        self.edges = edges(checked.graph, catalog())
        self.drawing = drawing.draw(checked.graph, catalog(), self.edges, checked.problems, checked.ranks)

    @property
    def graph(self) -> Graph:
        return self.checked.graph
