"""Keeping a node's output: from the run that is shown, or written by hand."""

from typing import Any

import orjson
import reflex as rx

from app.pages.editor import batches, place
from app.pages.editor.inspector import InspectorState
from app.pages.editor.marks import MarksState
from app.pages.editor.running import RunState
from app.services import pins, unit
from app.services.errors import Conflict, Invalid
from app.session import SessionState, guarded

LONGEST = 2 * pins.LARGEST


class KeepState(SessionState):
    """The kept output of the selected node, and the dialog in which it is edited."""

    editing: bool = False
    title: str = ""
    text: str = ""
    problem: str = ""

    @rx.event
    @guarded
    async def toggle(self) -> Any:
        """Keep what the selected node gave in the run that is shown, or let go of what is kept."""
        actor, node_id = await self._actor(), await place.selected(self)
        marks = await self.get_state(MarksState)
        if node_id in marks.kept:
            await unit.ask(pins.release, actor, place.workflow_id(self), node_id)
            said = "Let go: the next run calls this node again."
        else:
            run_id = (await self.get_state(RunState)).run_id
            if not run_id:
                raise Conflict("Run the workflow first: then there is an output to keep.")
            await unit.ask(pins.keep, actor, place.workflow_id(self), node_id, run_id)
            said = "Kept: runs of the draft use this output. Published runs do not."
        await marks._keeps()
        return rx.toast(said)

    @rx.event
    @guarded
    async def edit(self) -> None:
        """Open the kept output as JSON, or what the node gave in the run that is shown."""
        actor, node_id = await self._actor(), await place.selected(self)
        inspector = await self.get_state(InspectorState)
        kept = await unit.ask(pins.find, actor, place.workflow_id(self), node_id)
        outputs: Any = kept.outputs if kept else {}
        run_id = (await self.get_state(RunState)).run_id
        if not kept and run_id:
            outputs = await unit.ask(pins.given, actor, run_id, node_id)
        shown = outputs.get("main") if list(outputs) == ["main"] else outputs or None
        self.title = str(inspector.head.get("label", ""))
        self.text = orjson.dumps(shown, option=orjson.OPT_INDENT_2).decode()
        self.editing, self.problem = True, ""

    @rx.event
    @guarded
    async def close(self) -> None:
        """Leave it as it was."""
        self.editing = False

    @rx.event
    @guarded
    async def save(self, form: dict[str, Any]) -> Any:
        """Keep what was written. A node with several outputs takes a record by output."""
        actor, node_id = await self._actor(), await place.selected(self)
        self.text = batches.word(form.get("output"), LONGEST)
        outs = {one["port"] for one in (await self.get_state(InspectorState)).outs}
        try:
            written = orjson.loads(self.text)
            outputs = {"main": written} if outs <= {"main"} else written
            if not isinstance(outputs, dict):
                raise Invalid(f"Write a record by output: {', '.join(sorted(outs))}.")
            await unit.ask(pins.set_kept, actor, place.workflow_id(self), node_id, outputs)
        except orjson.JSONDecodeError as error:
            self.problem = f"This is no JSON: {error}"
            return None
        except Invalid as refusal:
            self.problem = refusal.message
            return None
        self.editing = False
        await (await self.get_state(MarksState))._keeps()
        return rx.toast("Kept: runs of the draft use this output. Published runs do not.")
