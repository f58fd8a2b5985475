"""The step that was chosen in the timeline: what came in, what went out, what went wrong, its log."""

from typing import Any, Final

import reflex as rx

from app.services import run_view, step_rows, step_view, unit, values
from app.session import SessionState, guarded

SIDES: Final = ("output", "input", "error", "log")


class StepPanel(SessionState):
    """The panel beside the timeline."""

    open: bool = False
    by_itself: bool = False
    facts: dict[str, Any] = {}
    side: str = "output"
    ports: list[dict[str, str]] = []
    port: str = ""
    view: dict[str, Any] = values.EMPTY
    failure: dict[str, Any] = run_view.NO_ERROR
    failed_items: list[dict[str, Any]] = []
    log: list[dict[str, Any]] = []
    came_from: dict[str, str] = {"title": "", "text": "", "link": "", "run": "", "sends": ""}
    would_send: list[dict[str, str]] = []
    _run_id: str = ""
    _node_id: str = ""
    _scope: str = ""

    @rx.event
    @guarded
    async def choose(self, row: str) -> None:
        """Open the panel on a step of the run on this page, in the round that the row is of."""
        run_id = self.router.url.path.strip("/").rpartition("/")[2]
        await self._choose(run_id, str(row), self.side if self.open else "")

    @rx.event
    @guarded
    async def close(self) -> None:
        """Close the panel."""
        self.open = False

    async def _choose(self, run_id: str, row: str, side: str) -> None:
        self._run_id = run_id
        self._node_id, self._scope = step_rows.place_of(row)
        found = await unit.ask(step_view.step, await self._actor(), run_id, self._node_id, scope=self._scope)
        found["facts"]["id"] = row
        self.facts, self.failure, self.log = found["facts"], found["error"], found["log"]
        self.failed_items = found["failed_items"]
        self.came_from, self.would_send = found["came_from"], found["would_send"]
        failed = bool(self.failure["message"] or self.failed_items)
        self.by_itself = False
        self.side = "error" if failed and side in ("", "error") else side if side in ("input", "log") else "output"
        self.open = True
        await self._show_ports()

    @rx.event
    @guarded
    async def turn_to(self, side: str) -> None:
        """Show what came in, what went out, the error or the log."""
        if side in SIDES:
            self.side = side
            await self._show_ports()

    async def _show_ports(self) -> None:
        self.ports, self.port, self.view = [], "", values.EMPTY
        if self.side in ("input", "output"):
            side: step_view.Side = "input" if self.side == "input" else "output"
            self.ports = await unit.ask(
                step_view.ports, await self._actor(), self._run_id, self._node_id, side, scope=self._scope
            )
            if self.ports:
                await self._show(self.ports[0]["value"], 0)

    @rx.event
    @guarded
    async def show_port(self, port: str) -> None:
        """Show another input or output."""
        await self._show(str(port), 0)

    @rx.event
    @guarded
    async def turn(self, start: int) -> None:
        """Show another page of the list."""
        if isinstance(start, int | float):
            await self._show(self.port, int(start))

    async def _show(self, port: str, start: int) -> None:
        if not any(one["value"] == port for one in self.ports):
            return
        self.port = port
        self.view = await unit.ask(step_view.page, await self._actor(), self._run_id, port, start, scope=self._scope)
