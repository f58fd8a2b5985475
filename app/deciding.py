"""What waits for the person who looks, on whatever page: read, decided, gone."""

from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx

from app.services import approvals, ask_view, unit
from app.services.errors import Invalid
from app.session import SessionState, guarded


class Asks(SessionState):
    """The open asks of one run, or with no run those that the person may decide."""

    open: list[dict[str, Any]] = []
    rejecting: str = ""
    error: str = ""
    _run_id: str = ""

    @rx.var
    def needs(self) -> bool:
        """Whether the person who looks is asked for something."""
        return any(one["choices"] for one in self.open)

    async def _read(self, run_id: str) -> None:
        """Read what is open; an empty run means all of the workspace."""
        self._run_id = run_id
        found = await unit.ask(approvals.list_approvals, await self._actor(), run_id=run_id or None, mine=not run_id)
        shown = [ask_view.card(one) for one in found]
        if shown != self.open:
            self.open = shown

    def _marked(
        self, records: Sequence[dict[str, Any]], href: str = "href", status: str = "status"
    ) -> list[dict[str, Any]]:
        """Records of lists; those whose run waits for the person who looks have the state ``asking``."""
        mine = {one["href"] for one in self.open if one["choices"]}
        return [{**one, status: "asking"} if one[href] in mine else one for one in records]

    @rx.event
    @guarded
    async def decide(self, ask_id: str, choice: str) -> object:
        """Approve, repeat, take as done, fail, raise or end."""
        await approvals.decide(await self._actor(), str(ask_id), str(choice))
        await self._read(self._run_id)
        return rx.toast("Decided")

    @rx.event
    @guarded
    async def approve(self, filled: dict[str, Any]) -> object:
        """Approve, with what was noted."""
        given = filled if isinstance(filled, Mapping) else {}
        note = str(given.get("note") or "")
        await approvals.decide(await self._actor(), str(given.get("id") or ""), "approve", note)
        await self._read(self._run_id)
        return rx.toast("Approved")

    @rx.event
    @guarded
    async def ask_why(self, ask_id: str) -> None:
        """Open the question why it is rejected; an empty id closes it."""
        self.rejecting, self.error = str(ask_id), ""

    @rx.event
    @guarded
    async def reject(self, filled: dict[str, Any]) -> object:
        """Reject, with what was written."""
        why = str(filled.get("why") or "") if isinstance(filled, Mapping) else ""
        try:
            await approvals.decide(await self._actor(), self.rejecting, "reject", why)
        except Invalid as refusal:
            self.error = refusal.message
            return None
        self.rejecting = self.error = ""
        await self._read(self._run_id)
        return rx.toast("Rejected")
