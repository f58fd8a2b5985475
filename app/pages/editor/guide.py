"""What is open around the canvas, and the first minutes: the start button, then three things to try."""

from typing import Any

import reflex as rx

from app.pages.editor import batches, place
from app.pages.editor.bar import BarState
from app.services import inputs, unit, workflows
from app.services.errors import Invalid
from app.session import SessionState, guarded
from engine.graph import Graph

VIEWS = ("steps", "canvas")
TRIES = ("department", "csv", "form")


class GuideState(SessionState):
    """Open panels and the prompts of the first start. What was dismissed is kept in this browser."""

    view: str = "steps"
    palette_open: bool = False
    first: bool = False
    hint: str = ""
    guided: str = rx.LocalStorage("", name="weft-guided")
    dismissed: str = rx.LocalStorage("", name="weft-dismissed")
    focus: dict[str, Any] = {}
    focus_seq: int = 0

    @rx.var
    def prompting(self) -> bool:
        """Whether there is something left to try in the workflow of the first start."""
        here = bool(self.guided) and self.guided == place.workflow_id(self)
        return here and any(one not in self.dismissed for one in TRIES)

    @rx.event
    @guarded
    async def open(self) -> None:
        """The first start carries ``?first=1``; everything else opens as it was left."""
        self.view, self.palette_open = "steps", False
        self.first = self.router.url.query_parameters.get("first") == "1"
        if self.first:
            self.guided, self.dismissed = place.workflow_id(self), ""
            self.hint = _hint(await self._graph())

    async def _graph(self) -> Graph:
        actor = await self._actor()
        return (await unit.ask(workflows.get, actor, place.workflow_id(self))).graph

    @rx.event
    @guarded
    async def started(self) -> None:
        """The one button was pressed."""
        self.first = False

    @rx.event
    @guarded
    async def show(self, view: str) -> None:
        """On a phone: the list of steps or the canvas."""
        if view not in VIEWS:
            raise Invalid("There is no such view.")
        self.view = view

    @rx.event
    @guarded
    async def toggle_palette(self) -> None:
        """On a phone: the palette as a sheet."""
        self.palette_open = not self.palette_open

    @rx.event
    @guarded
    async def added(self, node_type: str) -> None:
        """A node was added from the palette: the sheet has done its work."""
        batches.word(node_type)
        self.palette_open = False

    @rx.event
    @guarded
    async def let_go(self) -> None:
        """Select nothing."""
        self._focus([])

    def _focus(self, ids: list[str]) -> None:
        self.focus = {"ids": ids}
        self.focus_seq += 1

    @rx.event
    @guarded
    async def look_at(self, node_id: str) -> None:
        """Select this node and bring it into view."""
        self._focus([batches.word(node_id)])

    @rx.event
    @guarded
    async def dismiss(self, what: str) -> None:
        """Not this one, or not again."""
        if what not in TRIES:
            raise Invalid("There is no such prompt.")
        self.dismissed = " ".join([*self.dismissed.split(), what])

    @rx.event
    @guarded
    async def try_it(self, what: str) -> Any:
        """Lead to where it is done."""
        if what == "form":
            return BarState.share
        wanted = {"department": "rows", "csv": "file"}.get(batches.word(what))
        found = next((one.node_id for one in inputs.inputs_of(await self._graph()) if one.kind == wanted), None)
        if found:
            self._focus([found])
        return None


def _hint(graph: Graph) -> str:
    """What is loaded already, in a sentence."""
    files = [one.default for one in inputs.inputs_of(graph) if one.kind == "file" and isinstance(one.default, dict)]
    rows = [one for one in inputs.inputs_of(graph) if one.kind == "rows" and isinstance(one.default, list)]
    loaded = f"{files[0].get('name', 'A file')} is loaded" if files else "Everything is filled in"
    named = f", {len(rows[0].default)} {(rows[0].label or 'rows').lower()} are set up" if rows else ""
    return f"{loaded}{named}. Nothing leaves this machine."
