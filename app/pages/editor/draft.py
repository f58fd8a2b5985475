"""The draft in one tab: what the canvas is told, and every edit that comes from it."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import reflex as rx

from app.pages.editor import batches, drawing, palette, words
from app.pages.editor.bar import BarState, told
from app.pages.editor.batches import Batch
from app.pages.editor.inspector import InspectorState
from app.pages.editor.marks import MarksState
from app.pages.editor.running import RunState
from app.pages.editor.seen import Seen
from app.services import drafts, forms, unit, workflows
from app.services.access import Actor
from app.services.errors import Conflict, Invalid, NotFound, ServiceError
from app.session import SessionState, guarded
from engine.catalog import catalog
from engine.graph import Graph
from engine.layout import arrange
from engine.validation import targets

LONGEST_DOCUMENT = 2_000_000
REMEMBERED = 200
PLACING = ("paste", "group", "ungroup")  # after these the server says where cards stand


class DraftState(SessionState):
    """What the canvas feed hands to the browser. Every var stands beside a counter that says when it is new."""

    types: list[dict[str, Any]] = []
    snapshot: dict[str, Any] = {}
    snapshot_seq: int = 0
    patch: dict[str, Any] = {}
    patch_seq: int = 0
    answer: dict[str, Any] = {}
    answer_seq: int = 0
    targets: dict[str, Any] = {}
    targets_seq: int = 0
    missing: str = ""
    read_only: bool = False

    _seen: Seen | None = None
    _answered: list[str] = []

    def _open_id(self) -> str:
        """The workflow in this tab's address."""
        return self.router.url.path.rstrip("/").rpartition("/")[2]

    @rx.event
    @guarded
    async def open(self) -> None:
        """Show the workflow of the address."""
        actor = await self._actor()
        if not self.types:
            self.types = palette.palette(catalog())
        # Nothing is selected on a canvas that has just opened, whatever this tab showed before.
        (await self.get_state(InspectorState))._clear()
        try:
            await self._read_all(actor)
        except NotFound as refusal:
            self.missing, self._seen = refusal.message, None

    async def _read_all(self, actor: Actor) -> Seen:
        draft = await unit.ask(workflows.get, actor, self._open_id())
        self.missing, self.read_only = "", actor.role == "viewer"
        seen = self._seen = await asyncio.to_thread(Seen, draft.workflow.id, draft.seq, draft.checked)
        self.snapshot = {"workflow": seen.workflow_id, **seen.drawing.snapshot()}
        self.snapshot_seq += 1
        (await self.get_state(BarState))._show(draft)
        await (await self.get_state(InspectorState))._follow(seen)
        await (await self.get_state(MarksState))._follow(seen)
        return seen

    async def _now(self, actor: Actor) -> Seen:
        """The draft as this tab knows it; read anew where the server was restarted in the meantime."""
        if self._seen is not None and self._seen.workflow_id == self._open_id():
            return self._seen
        return await self._read_all(actor)

    @rx.event
    @guarded
    async def batch(self, data: dict[str, Any]) -> AsyncIterator[None]:
        """One gesture of the canvas: apply it, answer with its key, then tell what else changed by it."""
        actor = await self._actor()
        batch = batches.read(data)
        if batch.key in self._answered:
            self._say(batch.key)
            return
        seen = await self._now(actor)
        try:
            result = await self._apply(actor, seen, batch)
        except ServiceError as refusal:
            await self._read_all(actor)
            self._say(batch.key, refusal.message)
            return
        self._say(batch.key, "" if result else f"There is nothing to {batch.kind}.", "")
        if result is not None:
            yield  # it is in the draft's log: the tab need not wait until it is checked and drawn as well
            await self._take(seen, result, batch)

    async def _apply(self, actor: Actor, seen: Seen, batch: Batch) -> drafts.EditResult | None:
        if batch.kind == "undo":
            return await unit.ask(workflows.undo, actor, seen.workflow_id)
        if batch.kind == "redo":
            return await unit.ask(workflows.redo, actor, seen.workflow_id)
        ops = await asyncio.to_thread(tidied, seen.graph, batch.sizes) if batch.kind == "tidy" else batch.ops
        if not ops:
            return None
        return await unit.ask(workflows.edit, actor, seen.workflow_id, ops, seen.seq, key=batch.key)

    async def _take(self, before: Seen, result: drafts.EditResult, batch: Batch) -> None:
        """What the edit changed, for the canvas and for the parts around it."""
        seen = self._seen = await asyncio.to_thread(Seen, before.workflow_id, result.seq, result.checked, before)
        own = batch.kind == "edit" and not result.merged and not any(op.get("op") in PLACING for op in batch.ops)
        self.patch = drawing.changes(before.drawing, seen.drawing, places=not own)
        self.patch_seq += 1
        await (await self.get_state(BarState))._edited(result, batch.kind)
        if _replaces_sample(before, batch):
            await self._forget_sample(before.workflow_id)
        await (await self.get_state(InspectorState))._follow(seen)
        await (await self.get_state(MarksState))._follow(seen)

    async def _forget_sample(self, workflow_id: str) -> None:
        actor = await self._actor()
        await unit.ask(workflows.forget_sample, actor, workflow_id)
        draft = await unit.ask(workflows.get, actor, workflow_id)
        (await self.get_state(RunState)).run_words = forms.run_words(draft.workflow)

    def _say(self, key: str, message: str = "", tone: str = "bad") -> None:
        self.answer = {"key": key, "message": message, "tone": tone}
        self.answer_seq += 1
        self._answered = [*self._answered[1 - REMEMBERED :], key]

    @rx.event
    @guarded
    async def connecting(self, source: str, port: str) -> None:
        """A wire is being drawn from this output: say which ports take it, and why others do not."""
        seen = await self._now(await self._actor())
        source, port = batches.word(source), batches.word(port)
        try:
            found = await asyncio.to_thread(targets, seen.graph, catalog(), source, port, seen.checked.outside)
        except LookupError as error:
            raise Invalid(str(error)) from None
        self.targets = {"source": source, "port": port, **drawing.fits(found, seen.drawing)}
        self.targets_seq += 1

    @rx.event
    @guarded
    async def fix(self, field: str) -> None:
        """Apply what the problem of this field of the selected node offers."""
        actor = await self._actor()
        seen, field = await self._now(actor), batches.word(field)
        node = (await self.get_state(InspectorState)).selected
        found = [one for one in seen.checked.problems if one.node == node and words.field_of(one) == field]
        fix = next((one.fix for one in found if one.fix), None)
        if fix is None:
            raise Conflict("This problem is gone already.")
        result = await unit.ask(workflows.edit, actor, seen.workflow_id, fix.ops, seen.seq)
        await self._take(seen, result, Batch("", "edit", [dict(op) for op in fix.ops]))

    @rx.event
    @guarded
    async def restore(self, number: int) -> None:
        """Make the draft what this version is."""
        actor = await self._actor()
        await unit.ask(workflows.restore, actor, self._open_id(), batches.count(number))
        await self._read_all(actor)

    @rx.event
    @guarded
    async def save_document(self, form: dict[str, Any]) -> None:
        """Put the text view's document in the draft's place, if it can be read."""
        actor = await self._actor()
        source = batches.word(form.get("document"), LONGEST_DOCUMENT)
        bar = await self.get_state(BarState)
        try:
            await unit.ask(workflows.replace, actor, self._open_id(), source, seq=bar.document_seq)
        except Invalid as refusal:
            bar.document, bar.document_problems = source, told(refusal)
            return
        await self._read_all(actor)


def tidied(graph: Graph, sizes: Mapping[str, tuple[float, float]]) -> list[dict[str, Any]]:
    """The moves that arrange a drawing anew, level by level, with the cards as large as the browser draws them."""
    return [
        {"op": "move", "node": node_id, "x": x, "y": y}
        for node_id, (x, y) in arrange(graph, catalog(), sizes).items()
        if graph.layout.get(node_id) != (x, y)
    ]


def _replaces_sample(before: Seen, batch: Batch) -> bool:
    """Whether another file takes the place of the one that an Input node starts with."""
    changed = {str(op.get("node")) for op in batch.ops if op.get("op") == "set_field" and op.get("path") == ["default"]}
    nodes = [before.graph.nodes[name] for name in changed if name in before.graph.nodes]
    return any(node.type == "flow.input" and node.params.get("kind") == "file" for node in nodes)
