"""What the home page shows, and how it stays up to date."""

from typing import Any

import reflex as rx

from app.services import accounts, shown, templates, unit, workflows
from app.session import SessionState, guarded

ON_HOME = 8
CARDS = 6
# A browser that has not been told yet how screens should look takes over what the profile says.
LOOK = """() => {
  const look = "%s";
  if (localStorage.getItem("theme") !== "system") return;
  localStorage.setItem("theme", look);
  document.documentElement.classList.remove("light", "dark");
  document.documentElement.classList.add(look);
  document.documentElement.style.colorScheme = look;
}"""


class Home(SessionState):
    """The home page: one reading of the workflow list feeds all of it."""

    ready: bool = False
    name: str = ""
    summary: str = ""
    attention: list[dict[str, Any]] = []
    running: list[dict[str, Any]] = []
    workflows: list[dict[str, Any]] = []
    templates: list[dict[str, Any]] = []
    more: int = 0

    @rx.event
    @guarded
    async def load(self) -> object:
        """Read everything anew."""
        actor = await self._actor()
        profile = await unit.ask(accounts.profile, actor)
        rows = await unit.ask(workflows.list_workflows, actor)
        self.name = profile.name.split(" ")[0]
        self.attention = [card for row in rows for card in shown.attention(row)][:CARDS]
        records = [shown.workflow(row) for row in rows]
        self.running = [one for one in records if one["last_status"] in ("running", "queued", "waiting")][:CARDS]
        self.workflows, self.more = records[:ON_HOME], max(0, len(records) - ON_HOME)
        live = sum(row.enabled for row in rows)
        self.summary = " · ".join(
            [profile.workspace, f"{shown.count(live, 'workflow')} on", _needs(len(self.attention))]
        )
        if not self.templates:
            self.templates = [shown.template(one) for one in await unit.ask(templates.list_templates, actor)][:4]
        self.ready = True
        return None if profile.appearance == "system" else rx.call_function(LOOK % profile.appearance)


def _needs(number: int) -> str:
    if not number:
        return "nothing needs you"
    return f"{number} thing needs you" if number == 1 else f"{number} things need you"
