"""The templates, and making a workflow from one."""

from typing import Any

import reflex as rx

from app.services import shown, templates, unit
from app.session import SessionState, guarded


class Templates(SessionState):
    """The gallery; one of them may be open."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    chosen: dict[str, Any] = {}
    busy: bool = False

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read the gallery; ``?open=<id>`` opens one of them."""
        self.rows = [shown.template(one) for one in await unit.ask(templates.list_templates, await self._actor())]
        wanted = self.router.url.query_parameters.get("open", "")
        self.chosen = next((row for row in self.rows if row["id"] == wanted), {})
        self.ready, self.busy = True, False

    @rx.event
    @guarded
    async def close(self) -> object:
        """Close the template that is open."""
        self.chosen = {}
        return rx.redirect("/templates", replace=True)

    @rx.event
    @guarded
    async def use(self, template_id: str) -> Any:
        """Make a workflow from the template and open it."""
        if self.busy:
            return
        self.busy = True
        yield
        try:
            workflow_id = await unit.ask(templates.use, await self._actor(), str(template_id))
        finally:
            self.busy = False
        self.chosen = {}
        yield rx.redirect(f"/w/{workflow_id}")
