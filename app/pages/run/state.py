"""The run as a whole: its head, its steps as they happen, its results."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.deciding import Asks
from app.live import Watching
from app.pages.run.again_state import Again
from app.pages.run.step_state import StepPanel
from app.services import result_view, run_data, run_view, runs, step_rows, unit
from app.services.errors import NotFound
from app.session import SessionState, guarded
from engine.events import Event


class RunHead(Watching):
    """The facts at the head of the page. It hears of the run, and passes on to the steps what is theirs."""

    ready: bool = False
    missing: bool = False
    head: dict[str, Any] = {}
    failure: dict[str, Any] = run_view.NO_ERROR
    progress: dict[str, Any] = {"steps": "", "items": "", "percent": 0, "left": ""}
    ended: bool = False
    asked: bool = False
    _run_id: str = ""

    @rx.event
    @guarded
    async def load(self) -> None:
        """Open the run that the address names."""
        self.reset()  # type: ignore[no-untyped-call]
        self._run_id = self.router.url.path.strip("/").rpartition("/")[2]
        for kind in (Results, StepPanel, Asks, Again):
            (await self.get_state(kind)).reset()  # type: ignore[no-untyped-call]
        try:
            await self._read(whole=True)
        except NotFound:
            self.ready = self.missing = True
            return
        if not self.ended:
            self._watch_run(self._run_id)

    async def _read(self, whole: bool = False) -> None:
        """Read the rows, which are the truth: head, steps, and the results once there are any."""
        actor = await self._actor()
        was_over = self.ended
        detail = await unit.ask(runs.get, actor, self._run_id)
        steps = await unit.ask(run_data.steps, actor, self._run_id)
        head = run_view.head(detail)
        self.failure = head.pop("failure")
        self.head, self.progress = head, run_view.progress(steps)
        self.ended, self.ready = detail.row.status in runs.ENDED, True
        await (await self.get_state(Asks))._read(self._run_id)
        timeline = await self.get_state(RunSteps)
        await timeline._read(self._run_id, detail.seq, steps, whole)
        if self.ended and not was_over:
            self._unwatch()
            results = await self.get_state(Results)
            await results._read(self._run_id)
            await self._open_what_failed(steps)

    async def _open_what_failed(self, steps: Sequence[run_data.StepView]) -> None:
        panel = await self.get_state(StepPanel)
        failed = next((one.node_id for one in steps if one.status == "failed"), "")
        if failed and not panel.open:
            await panel._choose(self._run_id, failed, "error")
            panel.by_itself = True

    async def _heard(self, events: Sequence[Event]) -> None:
        timeline = await self.get_state(RunSteps)
        whole = not events or any(event.kind == "run" for event in events)
        if whole or not timeline._apply(events):
            await self._read()

    @rx.event
    @guarded
    async def ask_cancel(self, asked: bool) -> None:
        """Ask before the run is cancelled."""
        self.asked = bool(asked)

    @rx.event
    @guarded
    async def cancel(self) -> object:
        """Ask the workers to stop: what writes just now finishes and is recorded."""
        self.asked = False
        await runs.cancel(await self._actor(), self._run_id)
        await self._read()
        return rx.toast("The run stops", description="What a step is writing just now is finished and recorded first.")

    @rx.event
    @guarded
    async def pause(self) -> object:
        """Let the run rest once what is under way has finished."""
        await runs.pause(await self._actor(), self._run_id)
        await self._read()
        return rx.toast("The run pauses", description="What is under way finishes first. Resume it whenever you like.")

    @rx.event
    @guarded
    async def resume(self) -> None:
        """Let the paused run go on."""
        await runs.resume(await self._actor(), self._run_id)
        await self._read()


class RunSteps(SessionState):
    """The timeline: all rows once, then the rows that changed, numbered."""

    rows: list[dict[str, Any]] = []
    rev: int = 0
    patch: list[dict[str, Any]] = []
    patch_seq: int = 0
    _known: dict[str, dict[str, Any]] = {}
    _seq: int = 0
    _opened: dict[str, int] = {}

    async def _read(self, run_id: str, seq: int, steps: Sequence[run_data.StepView], whole: bool) -> None:
        """Take the rows as read: all of them when the page opens or other rows are there, else those that differ."""
        if whole:
            self._opened = {}
        rows = await unit.ask(step_rows.tree, await self._actor(), run_id, steps, self._opened)
        fresh = {row["id"]: row for row in rows}
        changed = [row for key, row in fresh.items() if self._known.get(key) != row]
        if whole or list(fresh) != list(self._known):
            self.rows, self.rev = list(fresh.values()), self.rev + 1
        elif changed:
            self._send(changed)
        self._seq, self._known = seq, fresh

    @rx.event
    @guarded
    async def toggle(self, row: str) -> None:
        """Open or close the rounds of a container, or the steps of a round; show more rounds."""
        run_id = self.router.url.path.strip("/").rpartition("/")[2]
        self._opened = step_rows.toggled(self._opened, str(row), self._known)
        steps = await unit.ask(run_data.steps, await self._actor(), run_id)
        await self._read(run_id, self._seq, steps, whole=False)

    def _send(self, changed: list[dict[str, Any]]) -> None:
        self.patch, self.patch_seq = changed, self.patch_seq + 1

    def _apply(self, events: Sequence[Event]) -> bool:
        """Apply events of steps; False when one is missing, so that the rows must be read."""
        changed: dict[str, dict[str, Any]] = {}
        for event in sorted(events, key=lambda event: event.seq):
            if event.seq <= self._seq:
                continue
            if event.seq > self._seq + 1:
                return False
            self._seq = event.seq
            key = self._row_of(event)
            if key is None:
                return False
            if key:
                changed[key] = _changed(changed.get(key, self._known[key]), event)
        if changed:
            self._known = {**self._known, **changed}
            self._send(list(changed.values()))
        return True

    def _row_of(self, event: Event) -> str | None:
        """The row that an event changes; empty where nobody looks, None where a row is missing."""
        own = step_rows.row_id(event.node_id, event.scope)
        if not event.item:
            return own if own in self._known else "" if event.scope else None
        around = step_rows.round_id(f"{event.scope}/{event.node_id}.{event.item}".lstrip("/"))
        if around in self._known:
            return around
        return None if own in self._opened and len(self._known) < step_rows.ROUNDS else ""


def _changed(row: dict[str, Any], event: Event) -> dict[str, Any]:
    over = event.status in run_view.ENDED
    return {
        **row,
        "status": event.status,
        "start": row["start"] or event.at,
        "end": event.at if over else 0,
        "items": run_view.items(event.counts) or row["items"],
    }


class Results(SessionState):
    """What the run gave back."""

    shown: list[dict[str, Any]] = []
    _run_id: str = ""

    async def _read(self, run_id: str) -> None:
        self._run_id = run_id
        self.shown = await unit.ask(result_view.all_results, await self._actor(), run_id)

    @rx.event
    @guarded
    async def turn(self, node_id: str, start: int) -> None:
        """Show another page of a table."""
        await self._show_page(str(node_id), start)

    @rx.event
    @guarded
    async def narrow(self, node_id: str, only_doubtful: bool) -> None:
        """Show all rows of a table, or those that a person should check."""
        self.shown = [
            {**one, "only_doubtful": bool(only_doubtful)} if one["node_id"] == node_id else one for one in self.shown
        ]
        await self._show_page(str(node_id), 0)

    async def _show_page(self, node_id: str, start: int) -> None:
        one = next((one for one in self.shown if one["node_id"] == node_id), None)
        if one is None or not isinstance(start, int | float):
            return
        page = await unit.ask(
            result_view.table_page,
            await self._actor(),
            self._run_id,
            node_id,
            start=int(start),
            only_doubtful=one["only_doubtful"],
        )
        self.shown = [{**each, "view": page} if each["node_id"] == node_id else each for each in self.shown]
