"""The entries of the Run menu beside Run: from here, only what is stale, up to here, one node alone, dry."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.pages.editor import place, run_words
from app.pages.editor.running import RunState
from app.services import dry_runs, reruns, runs, standing, unit, workflows
from app.services.errors import NeedsConfirmation
from app.services.reruns import Mode
from app.session import SessionState, guarded


class RerunState(SessionState):
    """Starts runs that take over what an earlier one did, after asking where something would be written twice."""

    repeats: list[dict[str, Any]] = []
    asked: bool = False
    _mode: Mode = "stale"
    _node: str = ""

    @rx.event
    @guarded
    async def confirm(self) -> None:
        """Yes, write these again."""
        await self._start(self._mode, self._node, [str(one["node"]) for one in self.repeats])

    @rx.event
    @guarded
    async def close(self) -> None:
        """Leave it."""
        self.asked, self.repeats = False, []

    @rx.event
    @guarded
    async def from_here(self) -> None:
        """The selected node and all that follows; what stands before it is taken over."""
        await self._start("from_node", await place.selected(self))

    @rx.event
    @guarded
    async def up_to_here(self) -> None:
        """The selected node, and before it only what is stale."""
        await self._start("up_to", await place.selected(self))

    @rx.event
    @guarded
    async def alone(self) -> None:
        """The selected node and no other."""
        await self._start("node", await place.selected(self))

    @rx.event
    @guarded
    async def stale(self) -> None:
        """Only what no longer holds."""
        await self._start("stale", "")

    @rx.event
    @guarded
    async def dry(self) -> None:
        """Reads happen; what would be written is shown."""
        actor = await self._actor()
        draft = await unit.ask(workflows.get, actor, place.workflow_id(self))
        trigger, payload = run_words.fired(draft.graph)
        dry = await dry_runs.dry(actor, draft.workflow.id)
        started = await runs.start(actor, draft.workflow.id, trigger=trigger, payload=payload, **dry)
        await (await self.get_state(RunState))._show_started(started.run_id, {})

    async def _start(self, mode: Mode, node: str, repeat: Sequence[str] = ()) -> None:
        try:
            await self._started(mode, node, repeat)
        except NeedsConfirmation as question:
            self.repeats, self.asked, self._mode, self._node = question.problems, True, mode, node
        else:
            self.asked, self.repeats = False, []

    async def _started(self, mode: Mode, node: str, repeat: Sequence[str]) -> None:
        actor = await self._actor()
        shown = await self.get_state(RunState)
        draft = await unit.ask(workflows.get, actor, place.workflow_id(self))
        trigger, payload = run_words.fired(draft.graph)
        fired = {"trigger": trigger, "payload": payload}
        base = await unit.ask(standing.base, actor, draft.workflow.id, shown.run_id)
        if base:
            started = await reruns.rerun(actor, base, mode, node=node or None, use="draft", repeat=repeat, fired=fired)
        elif mode in ("up_to", "node"):
            started = await reruns.first_up_to(actor, draft.workflow.id, node, fired)
        else:
            started = await runs.start(actor, draft.workflow.id, trigger=trigger, payload=payload)
        await shown._show_started(started.run_id, run_words.held_back(draft.graph))
