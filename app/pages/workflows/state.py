"""The list of workflows and what can be done to one of them as a whole."""

from collections.abc import Sequence
from typing import Any

import reflex as rx

from app.deciding import Asks
from app.live import Watching
from app.pages.workflows.budget_state import RunBudget
from app.services import shown, unit, workflows
from app.services.errors import Invalid
from app.session import guarded
from engine.events import Event

LONGEST_SEARCH = 200


class Workflows(Watching):
    """The list, its search and its trash; ``sought`` is what the address asked for."""

    ready: bool = False
    search: str = ""
    sought: str = ""
    trash: bool = False
    rows: list[dict[str, Any]] = []
    asked: dict[str, str] = {"id": "", "name": ""}

    @rx.event
    @guarded
    async def load(self) -> object:
        """Read the list, of ``?search=`` those with this in their name; ``?new=1`` makes a workflow at once."""
        self.asked = {"id": "", "name": ""}
        await self._shut(RunBudget)
        actor = await self._actor()
        query = self.router.url.query_parameters
        self.trash, self.search = "trash" in query, query.get("search", "")[:LONGEST_SEARCH]
        self.sought = self.search
        if "new" in query:
            return rx.redirect(f"/w/{await unit.ask(workflows.create, actor)}", replace=True)
        await self._read()
        self._watch_workspace(actor.workspace_id)
        return None

    async def _read(self) -> None:
        actor = await self._actor()
        found = await unit.ask(workflows.list_workflows, actor, self.search, self.trash)
        asks = await self.get_state(Asks)
        await asks._read_mine()
        self._put(rows=asks._marked([shown.workflow(row) for row in found], "last_href", "last_status"), ready=True)

    async def _heard(self, events: Sequence[Event]) -> None:
        await self._read()

    @rx.event
    @guarded
    async def find(self, text: str) -> None:
        """Show the workflows whose name contains the text."""
        self.search = str(text)[:LONGEST_SEARCH]
        await self._read()

    @rx.event
    @guarded
    async def create(self) -> object:
        """Make an empty workflow and open it."""
        return rx.redirect(f"/w/{await unit.ask(workflows.create, await self._actor())}")

    @rx.event
    @guarded
    async def duplicate(self, workflow_id: str) -> object:
        """Copy a workflow and open the copy."""
        return rx.redirect(f"/w/{await unit.ask(workflows.duplicate, await self._actor(), str(workflow_id))}")

    @rx.event
    @guarded
    async def ask(self, workflow_id: str, name: str) -> None:
        """Ask before a workflow goes to the trash; with an empty id: ask no more."""
        self.asked = {"id": str(workflow_id), "name": str(name)[:LONGEST_SEARCH]}

    @rx.event
    @guarded
    async def delete(self) -> object:
        """Put the workflow that was asked about into the trash."""
        asked, self.asked = self.asked, {"id": "", "name": ""}
        await unit.ask(workflows.delete, await self._actor(), asked["id"])
        await self._read()
        undo = Workflows.restore(asked["id"])  # type: ignore[operator]
        return rx.toast(
            f"“{asked['name']}” is in the trash",
            description="It can come back for 30 days. Its runs stay.",
            action={"label": "Undo", "on_click": undo},
        )

    @rx.event
    @guarded
    async def restore(self, workflow_id: str) -> object:
        """Take a workflow out of the trash."""
        await unit.ask(workflows.undelete, await self._actor(), str(workflow_id))
        await self._read()
        return rx.toast.success("The workflow is back. It is off until you turn it on.")


class Import(Watching):
    """Making a workflow from a document in JSON or YAML."""

    open: bool = False
    text: str = ""
    error: str = ""
    problems: list[str] = []

    @rx.event
    @guarded
    async def load(self) -> None:
        """Open the dialog when the address asks for it."""
        self.open = "import" in self.router.url.query_parameters
        self._clear()

    def _clear(self) -> None:
        self.text, self.error, self.problems = "", "", []

    @rx.event
    @guarded
    async def show(self, open: bool) -> None:
        """Open or close the dialog."""
        self.open = bool(open)
        self._clear()

    @rx.event
    @guarded
    async def write(self, text: str) -> None:
        """Take over what was typed or pasted."""
        self.text, self.error, self.problems = str(text), "", []

    @rx.event
    @guarded
    async def read_file(self, text: str, fault: str) -> None:
        """Take over a file's text."""
        self.text, self.error, self.problems = str(text), str(fault), []

    @rx.event
    @guarded
    async def make(self) -> object:
        """Make the workflow and open it, or say what is wrong and in which line."""
        if not self.text.strip():
            self.error = "Paste a document or choose a file first."
            return None
        try:
            workflow_id = await unit.ask(workflows.create, await self._actor(), "", self.text)
        except Invalid as refusal:
            self.error = refusal.message
            self.problems = [_line(problem) for problem in refusal.problems][:20]
            return None
        self.open = False
        self._clear()
        return rx.redirect(f"/w/{workflow_id}")


def _line(problem: dict[str, Any]) -> str:
    where = f"Line {problem['line']}: " if problem.get("line") else ""
    return f"{where}{problem.get('message', '')}"
