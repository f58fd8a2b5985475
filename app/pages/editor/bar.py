"""The top bar: name, draft badge, On, undo, publish, share, history and the text view."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.pages.editor import batches, run_words
from app.services import drafts, forms, shown, unit, workflows
from app.services.errors import Invalid, ServiceError
from app.services.triggers import TriggerView
from app.session import SessionState, guarded
from engine.graph import Graph
from engine.problem import Problem
from engine.settings import settings

MOST_PROBLEMS = 100


class BarState(SessionState):
    """What the top bar says, and the dialogs that open from it."""

    name: str = ""
    version: int = 0
    changes: int = 0
    enabled: bool = False
    can_undo: bool = False
    can_redo: bool = False
    problems: int = 0
    found: list[dict[str, str]] = []
    dialog: str = ""
    note: str = ""
    starts: list[dict[str, str]] = []
    writers: list[dict[str, str]] = []
    history: list[dict[str, Any]] = []
    form_address: str = ""
    form_refusal: str = ""
    document: str = ""
    document_seq: int = 0
    document_problems: list[dict[str, Any]] = []
    busy: bool = False

    _workflow_id: str = ""

    @rx.var
    def badge(self) -> str:
        """``Draft · 3 changes since v11``."""
        if not self.version:
            return "Draft"
        if not self.changes:
            return f"v{self.version}"
        return f"Draft · {shown.count(self.changes, 'change')} since v{self.version}"

    def _show(self, draft: workflows.Draft) -> None:
        self._workflow_id, self.dialog = draft.workflow.id, ""
        self.name, self.enabled = draft.graph.name or draft.workflow.name, draft.workflow.enabled
        self.version, self.changes = draft.published_number or 0, draft.changes_since_publish
        self.can_undo, self.can_redo = draft.can_undo, draft.can_redo
        self.problems = sum(problem.severity == "error" for problem in draft.problems)
        self.starts = [_start(trigger) for trigger in draft.triggers]

    async def _edited(self, result: drafts.EditResult, kind: str) -> None:
        self.name = result.graph.name or self.name
        self.problems = sum(problem.severity == "error" for problem in result.problems)
        if kind == "edit" and not result.merged:
            self.changes, self.can_undo, self.can_redo = self.changes + 1, True, False
        else:
            await self._read_again()

    async def _read_again(self) -> None:
        actor = await self._actor()
        self._show(await unit.ask(workflows.get, actor, self._workflow_id))

    @rx.event
    @guarded
    async def rename(self, name: str) -> None:
        """Give the workflow another name."""
        actor = await self._actor()
        await unit.ask(workflows.rename, actor, self._workflow_id, batches.word(name))
        await self._read_again()

    @rx.event
    @guarded
    async def switch(self, on: bool) -> Any:
        """Let the published version's triggers fire, or not."""
        actor = await self._actor()
        if on and not self.version:
            self.dialog = "publish"
            return None
        try:
            await unit.ask(workflows.set_on, actor, self._workflow_id, on is True)
        finally:
            await self._read_again()
        return rx.toast.success("On: " + self._what_starts() if on else "Off: nothing starts it by itself now.")

    def _what_starts(self) -> str:
        return "; ".join(start["text"] for start in self.starts) or "it can be called and its form filled in."

    @rx.event
    @guarded
    async def open_dialog(self, which: str) -> Any:
        """Open publish, history, share, text, turn_on, or the page of values; an empty word closes what is open."""
        which = batches.word(which, 20)
        actor = await self._actor()
        if which == "values":
            return rx.redirect(f"/workflows/{self._workflow_id}/values?runs=trial")
        if which == "publish":
            draft = await unit.ask(workflows.get, actor, self._workflow_id)
            per_item = run_words.held_back(draft.graph).items()
            self.found = [_found(draft.graph, problem) for problem in _errors_first(draft.problems)][:MOST_PROBLEMS]
            self.writers = [{"id": name, "title": title} for name, title in per_item if draft.ranks.get(name)]
        elif which == "history":
            rows = await unit.ask(workflows.versions, actor, self._workflow_id)
            self.history = [_version(row) for row in rows]
        elif which == "share":
            self.form_refusal = ""
            self.form_address = _address(await unit.ask(forms.form_token, actor, self._workflow_id))
        elif which == "text":
            self.document_seq, self.document = await unit.ask(workflows.text, actor, self._workflow_id)
            self.document_problems = []
        self.dialog, self.note = which, ""
        return None

    @rx.event
    @guarded
    async def turn_on(self) -> Any:
        """Yes to "Turn on now?"."""
        actor = await self._actor()
        await unit.ask(workflows.set_on, actor, self._workflow_id, True)
        await self._read_again()
        return rx.toast.success("On: " + self._what_starts())

    @rx.event
    @guarded
    async def set_note(self, note: str) -> None:
        """What this version is about."""
        self.note = batches.word(note, 500)

    @rx.event
    @guarded
    async def publish(self) -> Any:
        """Fix the draft as the next version; while the workflow is off, ask whether to turn it on."""
        actor = await self._actor()
        version = await unit.ask(workflows.publish, actor, self._workflow_id, self.note)
        await self._read_again()
        if self.starts and not self.enabled:
            self.dialog = "turn_on"
        return rx.toast.success(f"Version {version.number} is published.")

    @rx.event
    @guarded
    async def share(self) -> None:
        """Publish the form under an address of its own; the draft is published first where nothing is yet."""
        actor = await self._actor()
        try:
            if not self.version:
                await unit.ask(workflows.publish, actor, self._workflow_id, "")
            token = await unit.ask(forms.publish_form, actor, self._workflow_id)
        except ServiceError as refusal:
            self.form_refusal = refusal.message
            return
        await self._read_again()
        self.dialog, self.form_address = "share", _address(token)

    @rx.event
    @guarded
    async def unshare(self) -> Any:
        """Close the form's address."""
        actor = await self._actor()
        await unit.ask(forms.unpublish_form, actor, self._workflow_id)
        self.form_address = ""
        return rx.toast("The form is closed. Its address works no longer.")


def told(refusal: Invalid) -> list[dict[str, Any]]:
    """The problems of a document, by line."""
    problems = refusal.problems or [{"message": refusal.message}]
    return [{"line": int(one.get("line") or 0), "message": str(one.get("message", ""))} for one in problems]


def _errors_first(problems: Sequence[Problem]) -> list[Problem]:
    return sorted(problems, key=lambda problem: problem.severity != "error")


def _found(graph: Graph, problem: Problem) -> dict[str, str]:
    """A problem in the list before publishing: errors first in red, warnings in amber."""
    node = graph.nodes.get(problem.node or "")
    told = " ".join(part for part in (problem.message, problem.hint) if part)
    tone = "bad" if problem.severity == "error" else "wait"
    return {"node": node.id if node else "", "title": node.title if node else "", "text": told, "tone": tone}


def _start(trigger: TriggerView) -> dict[str, str]:
    text = trigger.summary
    if trigger.address:
        text = f"{trigger.summary} at {trigger.address}"
    if trigger.alarm:
        text = f"{text}. {trigger.alarm}"
    return {"text": text, "kind": trigger.kind, "address": trigger.address}


def _version(row: workflows.Version) -> dict[str, Any]:
    return {
        "number": row.number,
        "note": row.note,
        "at": shown.ms(row.created_at),
        "by": row.created_by,
        "current": row.current,
    }


def _address(token: str) -> str:
    return f"{settings().public_url}/f/{token}" if token else ""
