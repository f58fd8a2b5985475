"""Sizes of workflows and how long their runs are kept, as the System page holds them."""

from collections.abc import Mapping
from typing import Any, Final

import reflex as rx

from app.services import retention, shown, unit
from app.services.errors import Forbidden, Invalid
from app.services.retention import Kept, WorkflowSize
from app.session import SessionState, guarded
from app.typed import number

MEGABYTE: Final = 1_000_000
FIELDS: Final = ("days", "runs", "bytes")
DEFAULT: Final = "default"


class Keeping(SessionState):
    """What each workflow's runs take, and the dialog that says how long they are kept.

    ``editing`` is the id of the workflow in question, `default` for the whole workspace, or empty.
    """

    sizes: list[dict[str, Any]] = []
    default: str = ""
    uploads: str = ""
    uploads_kept: str = ""
    editing: str = ""
    name: str = ""
    own: bool = False
    values: dict[str, str] = dict.fromkeys(FIELDS, "")
    errors: dict[str, str] = {}

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read the report, once: it looks at all runs."""
        self.editing = ""
        try:
            await self._read()
        except Forbidden:
            self.sizes = []  # the page says so already

    @rx.event
    @guarded
    async def edit(self, workflow_id: str, name: str, own: bool) -> None:
        """Open the dialog of a workflow, or of the workspace's default; an empty id closes it."""
        workflow_id = str(workflow_id)
        if workflow_id:
            actor = await self._actor()
            of_all = workflow_id == DEFAULT
            kept = (
                (await unit.ask(retention.report, actor)).retention
                if of_all
                else await unit.ask(retention.of_workflow, actor, workflow_id)
            )
            megabytes = None if kept.bytes is None else kept.bytes / MEGABYTE
            told = (kept.days, kept.runs, megabytes)
            self.values = {
                field: "" if value is None else f"{value:.12g}" for field, value in zip(FIELDS, told, strict=True)
            }
        self.editing, self.name, self.own, self.errors = workflow_id, str(name), own is True, {}

    @rx.event
    @guarded
    async def save(self, filled: dict[str, Any]) -> object:
        """Keep runs so long from now on."""
        given = filled if isinstance(filled, Mapping) else {}
        try:
            days, runs, megabytes = (number(field, given.get(field)) for field in FIELDS)
            size = None if megabytes is None else round(megabytes * MEGABYTE)
            await self._keep(Kept(days, None if runs is None else round(runs), size))
        except Invalid as refusal:
            self.errors = {str(one.get("field")): str(one["message"]) for one in refusal.problems}
            return None
        return rx.toast("Saved", description="What is not kept any longer is removed within a minute.")

    @rx.event
    @guarded
    async def use_default(self) -> None:
        """Let the workspace's default hold for the workflow."""
        await self._keep(None)

    async def _keep(self, kept: Kept | None) -> None:
        actor = await self._actor()
        if self.editing == DEFAULT:
            await unit.ask(retention.keep_workspace, actor, kept)
        else:
            await unit.ask(retention.keep_workflow, actor, self.editing, kept)
        self.editing, self.errors = "", {}
        await self._read()

    async def _read(self) -> None:
        report = await unit.ask(retention.report, await self._actor())
        self.sizes = [_size(one) for one in report.workflows]
        self.default = _said(report.retention)
        uploads = report.uploads
        self.uploads = f"{shown.count(uploads.files, 'uploaded file')}, {shown.size(uploads.bytes)}."
        self.uploads_kept = f"One that no workflow, run or stored value names any more goes after {uploads.days} days."


def _size(one: WorkflowSize) -> dict[str, Any]:
    goes = f"{shown.count(one.removed_runs, 'run')}, {shown.size(one.removed_bytes)}" if one.removed_runs else "nothing"
    return {
        "id": one.workflow_id,
        "workflow": one.workflow,
        "href": f"/w/{one.workflow_id}",
        "runs": f"{one.runs:,}",
        "said": f"{shown.count(one.runs, 'run')}, {shown.size(one.row_bytes + one.payload_bytes)}",
        "rows": shown.size(one.row_bytes),
        "payloads": shown.size(one.payload_bytes),
        "oldest": one.oldest or 0,
        "kept": _said(one.retention),
        "own": one.own,
        "goes": goes,
    }


def _said(kept: Kept) -> str:
    bounds = (
        None if kept.days is None else f"{kept.days:,g} {'day' if kept.days == 1 else 'days'}",
        None if kept.runs is None else shown.count(kept.runs, "run"),
        None if kept.bytes is None else shown.size(kept.bytes),
    )
    return ", ".join(bound for bound in bounds if bound) or "everything"
