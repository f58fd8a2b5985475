"""What waits for the person who looks, on whatever page: read, decided, gone."""

from collections.abc import Mapping, Sequence
from typing import Any

import reflex as rx

from app.services import approvals, ask_view, unit
from app.services.errors import Invalid
from app.session import SessionState, guarded


class Asks(SessionState):
    """The open asks of one run, and apart from them all that the person who looks may decide (``mine``).

    Two lists, since a page that is just left may still be read when the next one has been.
    """

    open: list[dict[str, Any]] = []
    mine: list[dict[str, Any]] = []
    rejecting: str = ""
    error: str = ""
    _run_id: str = ""

    @rx.var
    def needs(self) -> bool:
        """Whether the person who looks is asked for something."""
        return any(one["choices"] for one in self.open)

    async def _read(self, run_id: str) -> None:
        """Read what is open in a run."""
        self._run_id = run_id
        found = await unit.ask(approvals.list_approvals, await self._actor(), run_id=run_id)
        shown = [ask_view.card(one) for one in found]
        if shown != self.open:
            self.open = shown

    async def _read_mine(self) -> None:
        """Read what the person who looks may decide in the whole workspace."""
        found = await unit.ask(approvals.list_approvals, await self._actor(), mine=True)
        shown = [ask_view.card(one) for one in found]
        if shown != self.mine:
            self.mine = shown

    async def _read_again(self, ask_id: str) -> None:
        """Read the lists anew in which it stands."""
        if any(one["id"] == ask_id for one in self.open):
            await self._read(self._run_id)
        if any(one["id"] == ask_id for one in self.mine):
            await self._read_mine()

    def _marked(
        self, records: Sequence[dict[str, Any]], href: str = "href", status: str = "status"
    ) -> list[dict[str, Any]]:
        """Records of lists; those whose run waits for the person who looks have the state ``asking``."""
        mine = {one["href"] for one in self.mine if one["choices"]}
        return [{**one, status: "asking"} if one[href] in mine else one for one in records]

    @rx.event
    @guarded
    async def decide(self, ask_id: str, choice: str) -> object:
        """Approve, repeat, take as done, fail, raise or end."""
        await approvals.decide(await self._actor(), str(ask_id), str(choice))
        await self._read_again(str(ask_id))
        return rx.toast("Decided")

    @rx.event
    @guarded
    async def approve(self, filled: dict[str, Any]) -> object:
        """Approve, with what was noted."""
        given = filled if isinstance(filled, Mapping) else {}
        ask_id, note = str(given.get("id") or ""), str(given.get("note") or "")
        await approvals.decide(await self._actor(), ask_id, "approve", note)
        await self._read_again(ask_id)
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
        ask_id, self.rejecting, self.error = self.rejecting, "", ""
        await self._read_again(ask_id)
        return rx.toast("Rejected")
