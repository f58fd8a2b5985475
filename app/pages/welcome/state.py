"""What the first start does: nothing while there is an owner; the first workflow once there is one."""

import reflex as rx

from app.services import accounts, unit, workflows
from app.session import SessionState, guarded, public


class Welcome(SessionState):
    """The first start."""

    @rx.event
    @public
    async def check(self) -> object:
        """Send on whoever comes here after the first start."""
        return rx.redirect("/") if await unit.ask(accounts.has_owner) else None

    @rx.event
    @guarded
    async def begin(self) -> object:
        """Open "Sort customer messages", which signing up has made."""
        found = await unit.ask(workflows.list_workflows, await self._actor())
        return rx.redirect(f"/w/{found[0].id}?first=1" if found else "/")
