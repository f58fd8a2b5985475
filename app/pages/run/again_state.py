"""Running the run on this page again: whole, or what failed, after asking where something would be written twice."""

from typing import Any

import reflex as rx

from app.services import reruns, rewrites, unit
from app.services.errors import NeedsConfirmation
from app.services.orders import Use
from app.session import SessionState, guarded


class Again(SessionState):
    """What would be repeated, while that is asked."""

    repeats: list[dict[str, Any]] = []
    asked: bool = False
    whole: bool = False
    _use: Use | None = None

    def _run_id(self) -> str:
        return self.router.url.path.strip("/").rpartition("/")[2]

    @rx.event
    @guarded
    async def again(self) -> object:
        """Start the same version with the same input, and open that run; ask first if something was written in it."""
        self.repeats = await unit.ask(rewrites.of_whole, await self._actor(), self._run_id())
        if self.repeats:
            self.asked = self.whole = True
            return None
        return await self._start_whole()

    @rx.event
    @guarded
    async def retry(self) -> object:
        """Do again what failed, and open that run; ask first if something would be written twice."""
        return await self._start(None, [])

    @rx.event
    @guarded
    async def retry_draft(self) -> object:
        """The same with the drawing as it is now: what was changed since is done again as well."""
        return await self._start("draft", [])

    @rx.event
    @guarded
    async def confirm(self) -> object:
        """Yes, write these again."""
        if self.whole:
            return await self._start_whole()
        return await self._start(self._use, [str(one["node"]) for one in self.repeats])

    @rx.event
    @guarded
    async def close(self) -> None:
        """Leave it."""
        self.asked, self.whole, self.repeats = False, False, []

    async def _start_whole(self) -> object:
        started = await reruns.whole(await self._actor(), self._run_id())
        self.asked, self.whole, self.repeats = False, False, []
        return rx.redirect(f"/runs/{started.run_id}")

    async def _start(self, use: Use | None, repeat: list[str]) -> object:
        try:
            started = await reruns.rerun(await self._actor(), self._run_id(), "failed_items", use=use, repeat=repeat)
        except NeedsConfirmation as question:
            self.repeats, self.asked, self.whole, self._use = question.problems, True, False, use
            return None
        self.asked, self.repeats = False, []
        return rx.redirect(f"/runs/{started.run_id}")
