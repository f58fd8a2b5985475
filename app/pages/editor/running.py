"""The run that the editor shows: status on the cards, the strip at the bottom, the results beside the canvas."""

import time
from collections.abc import Collection, Sequence
from typing import Any

import reflex as rx

from app.deciding import Asks
from app.live import Watching
from app.pages.editor import batches, place, run_words
from app.pages.editor.inspector import InspectorState
from app.pages.editor.marks import MarksState
from app.services import forms, preview, result_view, run_data, run_view, runs, shown, unit, workflows
from app.services.access import Actor
from app.services.errors import NotFound
from app.session import guarded
from engine.events import Event

ROUNDS_SECONDS = 1.0  # how often the rounds of containers are counted anew while a run is watched


class RunState(Watching):
    """One run at a time: the one that was started here last, or the workflow's newest."""

    run_id: str = ""
    status: str = ""
    told: str = ""
    started_at: int = 0
    ended_at: int = 0
    rows: list[dict[str, Any]] = []
    rows_rev: int = 0
    row_patch: list[dict[str, Any]] = []
    row_patch_seq: int = 0
    statuses: dict[str, Any] = {}
    statuses_seq: int = 0
    patch: dict[str, Any] = {}
    patch_seq: int = 0
    results: list[dict[str, Any]] = []
    show_results: bool = False
    show_strip: bool = False
    failure: dict[str, str] = run_view.NO_ERROR
    starting: bool = False
    run_words: str = "Run"
    trial: str = ""

    _last_seq: int = 0
    _read_at: float = 0.0
    _held_back: dict[str, str] = {}

    @rx.var
    def short(self) -> str:
        """The end of the run's id, enough to tell it from others at a glance."""
        return self.run_id[-4:]

    @rx.var
    def active(self) -> bool:
        """Whether the run is under way."""
        return self.status in ("queued", "running", "waiting", "paused")

    @rx.var
    def moving(self) -> bool:
        """Whether another start must wait; a run that rests or waits, for weeks perhaps, keeps nobody from it."""
        return self.status in ("queued", "running")

    @rx.event
    @guarded
    async def open(self) -> None:
        """Lay the workflow's newest run, if it has one, over the canvas."""
        actor = await self._actor()
        self._forget()
        try:
            draft = await unit.ask(workflows.get, actor, place.workflow_id(self))
        except NotFound:
            return  # the page says so already
        self.run_words = forms.run_words(draft.workflow)
        page = await unit.ask(runs.list_runs, actor, workflow_id=place.workflow_id(self), limit=1)
        wanted = self.router.url.query_parameters.get("run", "")
        run_id = wanted or (page.runs[0].id if page.runs else "")
        if run_id:
            await self._follow(run_id)
            self.show_results = bool(self.results)

    def _forget(self) -> None:
        self.run_id, self.status, self.told, self.started_at, self.ended_at = "", "", "", 0, 0
        self.rows, self.results, self.failure = [], [], run_view.NO_ERROR
        self.show_results, self.show_strip = False, False
        self.statuses, self._last_seq, self.trial, self._held_back = {}, 0, "", {}
        self.rows_rev += 1
        self.statuses_seq += 1

    @rx.event
    @guarded
    async def start(self) -> None:
        """Run the draft as it is now; what writes once per item does the first few only."""
        await self._start(every_item=False)

    @rx.event
    @guarded
    async def start_all(self) -> None:
        """Run the draft, and write for every item."""
        await self._start(every_item=True)

    async def _start(self, *, every_item: bool) -> None:
        actor = await self._actor()
        workflow_id = place.workflow_id(self)
        draft = await unit.ask(workflows.get, actor, workflow_id)
        trigger, payload = run_words.fired(draft.graph)
        started = await runs.start(
            actor, workflow_id, trigger=trigger, payload=payload, use="draft", every_item=every_item
        )
        await self._show_started(started.run_id, {} if every_item else run_words.held_back(draft.graph))

    async def _show_started(self, run_id: str, held_back: dict[str, str]) -> None:
        """Show a run that was just started; `held_back`: the nodes that do their first items only."""
        self._forget()
        self.show_strip = True
        self._held_back = held_back
        await (await self.get_state(MarksState))._ran("")
        await self._follow(run_id)

    @rx.event
    @guarded
    async def cancel(self) -> Any:
        """Ask for the run's end."""
        actor = await self._actor()
        await runs.cancel(actor, self.run_id)
        return rx.toast("Cancelling: what writes just now finishes, nothing new starts.")

    @rx.event
    @guarded
    async def pause(self) -> Any:
        """Let the run rest once what is under way has finished."""
        await runs.pause(await self._actor(), self.run_id)
        return rx.toast("Pausing: what is under way finishes, nothing new starts.")

    @rx.event
    @guarded
    async def resume(self) -> None:
        """Let the paused run go on."""
        await runs.resume(await self._actor(), self.run_id)

    @rx.event
    @guarded
    async def toggle_results(self) -> None:
        """Open or close the results beside the canvas."""
        self.show_results = not self.show_results

    @rx.event
    @guarded
    async def toggle_strip(self) -> None:
        """Open or close the strip at the bottom."""
        self.show_strip = not self.show_strip

    @rx.event
    @guarded
    async def turn_page(self, node_id: str, start: int) -> None:
        """Another page of a result."""
        await self._result_page(batches.word(node_id), batches.count(start), None)

    @rx.event
    @guarded
    async def narrow(self, node_id: str, only: bool) -> None:
        """All rows of a result, or only those to check."""
        await self._result_page(batches.word(node_id), 0, only is True)

    async def _result_page(self, node_id: str, start: int, only: bool | None) -> None:
        actor = await self._actor()
        for result in self.results:
            if result["node_id"] == node_id:
                narrow = result["only_doubtful"] if only is None else only
                view = await unit.ask(
                    result_view.table_page, actor, self.run_id, node_id, start=start, only_doubtful=narrow
                )
                changed = {**result, "view": view, "only_doubtful": narrow}
                self.results = [changed if one["node_id"] == node_id else one for one in self.results]
                return

    async def _follow(self, run_id: str) -> None:
        actor = await self._actor()
        self.run_id = run_id
        await self._read(actor)
        if self.active:
            self._watch_run(run_id)

    async def _read(self, actor: Actor) -> None:
        """Everything from the rows, which are the truth."""
        self._read_at = time.monotonic()
        detail = await unit.ask(runs.get, actor, self.run_id)
        steps = await unit.ask(run_data.steps, actor, self.run_id)
        self._last_seq = max(self._last_seq, detail.seq)
        before = self.status
        self.status, self.told = detail.row.status, run_words.told(detail)
        self.started_at = shown.ms(detail.row.started_at or detail.row.created_at)
        self.ended_at = shown.ms(detail.row.finished_at)
        self.failure = run_view.error(detail.row.error)
        rows = [run_view.step(one) for one in steps]
        if rows != self.rows:
            self.rows = rows
            self.rows_rev += 1
        self.trial = run_words.trial(self._held_back, steps)
        asks = await self.get_state(Asks)
        await asks._read(self.run_id)
        await self._read_statuses(actor, steps, {one["node"] for one in asks.open if one["choices"]})
        if self.active:
            await (await self.get_state(InspectorState))._goes_on(self.run_id, run_words.ended(steps))
        if self.status in runs.ENDED and (before != self.status or not self.results):
            await self._end(actor)

    async def _read_statuses(self, actor: Actor, steps: Sequence[run_data.StepView], asking: Collection[str]) -> None:
        lines = await unit.ask(preview.first_lines, actor, self.run_id, [one for one in steps if one.status == "done"])
        statuses = {
            one.node_id: run_words.status(one, lines.get(one.node_id, ""), asks=one.node_id in asking) for one in steps
        }
        if statuses != self.statuses:
            self.statuses = statuses
            self.statuses_seq += 1

    async def _end(self, actor: Actor) -> None:
        self._unwatch()
        self.results = await unit.ask(result_view.all_results, actor, self.run_id)
        if self.results:
            self.show_results, self.show_strip = True, self.show_strip and (self.status != "done" or bool(self.trial))
        await (await self.get_state(InspectorState))._ran(self.run_id, self.failure.get("node", ""))
        await (await self.get_state(MarksState))._ran(self.run_id)

    async def _heard(self, events: Sequence[Event]) -> None:
        actor = await self._actor()
        if not events or any(event.kind == "run" for event in events) or self._gap(events):
            await self._read(actor)
            return
        if any(event.scope for event in events) and time.monotonic() - self._read_at > ROUNDS_SECONDS:
            await self._read(actor)  # what stands in containers is counted over all rounds, which the rows know
            return
        patch: dict[str, Any] = {}
        for event in events:
            if event.kind == "step" and not event.item and not event.scope and event.seq > self._last_seq:
                patch[event.node_id] = {**patch.get(event.node_id, {}), **run_words.heard_status(event)}
        self._last_seq = max([self._last_seq, *[event.seq for event in events]])
        self.patch, self.patch_seq = patch, self.patch_seq + 1
        inspector = await self.get_state(InspectorState)
        if patch.get(inspector.selected, {}).get("status") in run_view.ENDED:
            await inspector._goes_on(self.run_id, self._last_seq)
        self.row_patch = [
            run_words.row_change(event) for event in events if event.kind == "step" and not (event.item or event.scope)
        ]
        self.row_patch_seq += 1

    def _gap(self, events: Sequence[Event]) -> bool:
        fresh = sorted(event.seq for event in events if event.seq > self._last_seq)
        return bool(fresh) and fresh[0] > self._last_seq + 1
