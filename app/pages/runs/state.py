"""The list of runs: filter, search, pages by cursor, and changes as they happen."""

from collections.abc import Sequence
from typing import Any, Final

import reflex as rx

from app.deciding import Asks
from app.live import Watching
from app.services import runs, shown, unit
from app.session import guarded
from engine.events import Event

PAGE: Final = 50
LONGEST_SEARCH: Final = 200
FILTERS: Final[dict[str, tuple[str, ...]]] = {
    "all": (),
    "running": ("queued", "running", "waiting"),
    "needs": (),
    "paused": ("paused",),
    "failed": ("failed",),
    "done": ("done",),
    "cancelled": ("cancelled",),
}


class Runs(Watching):
    """The runs that are on the screen."""

    ready: bool = False
    filter: str = "all"
    search: str = ""
    workflow_id: str = ""
    workflow: str = ""
    counts: dict[str, str] = {}
    rows: list[dict[str, Any]] = []
    has_more: bool = False
    _cursor: str = ""
    _pages: int = 1

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read the newest runs that the address asks for."""
        (await self.get_state(Asks)).rejecting = ""
        actor = await self._actor()
        query = self.router.url.query_parameters
        self.filter = query.get("show", "all") if query.get("show", "all") in FILTERS else "all"
        self.workflow_id, self.search, self._pages = query.get("workflow", ""), "", 1
        await self._read()
        self.workflow = self.rows[0]["workflow"] if self.workflow_id and self.rows else ""
        self._watch_workspace(actor.workspace_id)

    @rx.var
    def only(self) -> str:
        """The end of an address that stays with the workflow, if the list is about one."""
        return f"&workflow={self.workflow_id}" if self.workflow_id else ""

    async def _page(self, cursor: str, limit: int) -> runs.Page:
        actor = await self._actor()
        return await unit.ask(
            runs.list_runs,
            actor,
            workflow_id=self.workflow_id or None,
            status=FILTERS[self.filter],
            search=self.search,
            asking=self.filter == "needs",
            cursor=cursor,
            limit=limit,
        )

    async def _read(self) -> None:
        asks = await self.get_state(Asks)
        await asks._read_mine()
        page = await self._page("", min(PAGE * self._pages, runs.LONGEST_PAGE))
        counts = await unit.ask(runs.count_open, await self._actor(), workflow_id=self.workflow_id or None)
        self._put(counts={name: f"{number:,}" for name, number in counts.items() if number})
        self._show(asks._marked([shown.run(row) for row in page.runs]), page.cursor)

    def _show(self, rows: list[dict[str, Any]], cursor: str) -> None:
        self._cursor = cursor
        self._put(rows=rows, has_more=bool(cursor), ready=True)

    async def _heard(self, events: Sequence[Event]) -> None:
        if len(self.rows) <= runs.LONGEST_PAGE:
            await self._read()

    @rx.event
    @guarded
    async def find(self, text: str) -> None:
        """Show the runs of workflows whose name contains the text."""
        self.search, self._pages = str(text)[:LONGEST_SEARCH], 1
        await self._read()

    @rx.event
    @guarded
    async def more(self) -> None:
        """Show the next page below those that are there."""
        if not self._cursor:
            return
        page = await self._page(self._cursor, PAGE)
        self._pages += 1
        asks = await self.get_state(Asks)
        self._show([*self.rows, *asks._marked([shown.run(row) for row in page.runs])], page.cursor)
