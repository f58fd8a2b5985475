"""What the first start does: nothing while there is an owner; the first workflow once there is one."""

import reflex as rx

from app.services import accounts, templates, unit, workflows
from app.session import SessionState, guarded, public

FIRST_TEMPLATE = "sort-customer-messages"


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
        """Open "Sort customer messages", made from its template when there is no workflow yet."""
        actor = await self._actor()
        found = await unit.ask(workflows.list_workflows, actor)
        if found:
            return rx.redirect("/")
        workflow_id = await unit.ask(templates.use, actor, FIRST_TEMPLATE)
        return rx.redirect(f"/w/{workflow_id}?first=1")
