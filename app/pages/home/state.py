"""What the home page shows, and how it stays up to date."""

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode

import reflex as rx

from app.deciding import Asks
from app.live import Watching
from app.services import accounts, alarms, shown, templates, unit, workflows
from app.session import guarded
from engine.events import Event

ON_HOME = 8
CARDS = 6
LONGEST_SEARCH = 200
# A browser that has not been told yet how screens should look takes over what the profile says.
LOOK = """() => {
  const look = "%s";
  if (localStorage.getItem("theme") !== "system") return;
  localStorage.setItem("theme", look);
  document.documentElement.classList.remove("light", "dark");
  document.documentElement.classList.add(look);
  document.documentElement.style.colorScheme = look;
}"""


class Home(Watching):
    """The home page: one reading of the workflow list feeds all of it."""

    ready: bool = False
    name: str = ""
    summary: str = ""
    attention: list[dict[str, Any]] = []
    running: list[dict[str, Any]] = []
    workflows: list[dict[str, Any]] = []
    templates: list[dict[str, Any]] = []
    more: int = 0
    _workspace: str = ""

    @rx.event
    @guarded
    async def load(self) -> object:
        """Read everything, and hear of runs from now on."""
        (await self.get_state(Asks)).rejecting = ""
        actor = await self._actor()
        profile = await unit.ask(accounts.profile, actor)
        self.name, self._workspace = profile.name.split(" ")[0], profile.workspace
        self.templates = [shown.template(one) for one in await unit.ask(templates.list_templates, actor)][:4]
        await self._read()
        self.ready = True
        self._watch_workspace(actor.workspace_id)
        return None if profile.appearance == "system" else rx.call_function(LOOK % profile.appearance)

    async def _read(self) -> None:
        rows = await unit.ask(workflows.list_workflows, await self._actor())
        held_up = [shown.alarm(one) for one in await unit.ask(alarms.list_alarms, await self._actor())]
        attention = [*held_up, *(card for row in rows for card in shown.attention(row))][:CARDS]
        asks = await self.get_state(Asks)
        await asks._read_mine()
        records = asks._marked([shown.workflow(row) for row in rows], "last_href", "last_status")
        on = shown.count(sum(row.enabled for row in rows), "workflow")
        self._put(
            attention=attention,
            running=[one for one in records if one["last_status"] in ("running", "queued", "waiting")][:CARDS],
            workflows=records[:ON_HOME],
            more=max(0, len(records) - ON_HOME),
            summary=" · ".join([self._workspace, f"{on} on", _needs(len(attention) + len(asks.mine))]),
        )

    @rx.event
    @guarded
    async def search(self, filled: dict[str, Any]) -> object:
        """Go to the workflows whose name contains what was typed."""
        text = str(filled.get("search") or "") if isinstance(filled, Mapping) else ""
        return rx.redirect(f"/workflows?{urlencode({'search': text[:LONGEST_SEARCH]})}")

    async def _heard(self, events: Sequence[Event]) -> None:
        await self._read()


def _needs(number: int) -> str:
    if not number:
        return "nothing needs you"
    return f"{number} thing needs you" if number == 1 else f"{number} things need you"
