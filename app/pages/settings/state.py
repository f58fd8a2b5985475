"""What the settings page reads and changes. Passwords go to REST, never through here."""

from typing import Any

import reflex as rx

from app.services import accounts, api_keys, shown, status, unit
from app.services.errors import Invalid
from app.session import SessionState, guarded


class Profile(SessionState):
    """The person, the workspace, and how screens look."""

    ready: bool = False
    name: str = ""
    email: str = ""
    workspace: str = ""
    owner: bool = False
    appearance: str = "system"
    error: dict[str, str] = {"field": "", "message": ""}

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read the profile."""
        profile = await unit.ask(accounts.profile, await self._actor())
        self.name, self.email, self.workspace = profile.name, profile.email, profile.workspace
        self.owner, self.appearance, self.ready = profile.role == "owner", profile.appearance, True
        self.error = {"field": "", "message": ""}

    @rx.event
    @guarded
    async def save(self, form: dict[str, Any]) -> object:
        """Change name and e-mail."""
        name, email = str(form.get("name", "")), str(form.get("email", ""))
        return await self._try(accounts.update_profile, "Your profile is saved", name, email)

    @rx.event
    @guarded
    async def rename(self, form: dict[str, Any]) -> object:
        """Rename the workspace."""
        name = str(form.get("workspace", ""))
        return await self._try(accounts.rename_workspace, "The workspace is renamed", name, only="workspace")

    async def _try(self, service: Any, done: str, *args: str, only: str = "") -> object:
        try:
            await unit.ask(service, await self._actor(), *args)
        except Invalid as refusal:
            named = only or next((str(one.get("field", "")) for one in refusal.problems), "")
            self.error = {"field": named, "message": refusal.message}
            return None
        profile = await unit.ask(accounts.profile, await self._actor())
        self.name, self.email, self.workspace = profile.name, profile.email, profile.workspace
        self.error = {"field": "", "message": ""}
        return rx.toast.success(done)

    @rx.event
    @guarded
    async def choose(self, appearance: str) -> None:
        """Remember light, dark, or as the device has it."""
        await unit.ask(accounts.set_appearance, await self._actor(), str(appearance))
        self.appearance = str(appearance)


class Keys(SessionState):
    """API keys. A new one is shown once, then forgotten here too."""

    rows: list[dict[str, Any]] = []
    fresh: str = ""
    error: str = ""
    asked: dict[str, str] = {"id": "", "name": ""}

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read the keys."""
        self.fresh = self.error = ""
        await self._read()

    async def _read(self) -> None:
        found = await unit.ask(api_keys.list_keys, await self._actor())
        self.rows = [
            {
                "id": one.id,
                "name": one.name,
                "prefix": f"{one.prefix}…",
                "role": one.role,
                "created_at": shown.ms(one.created_at),
                "used_at": shown.ms(one.last_used_at),
            }
            for one in found
        ]

    @rx.event
    @guarded
    async def create(self, form: dict[str, Any]) -> None:
        """Make a key and show it once."""
        try:
            made = await unit.ask(api_keys.create, await self._actor(), str(form.get("key_name", "")))
        except Invalid as refusal:
            self.error = refusal.message
            return
        self.fresh, self.error = made[1], ""
        await self._read()

    @rx.event
    @guarded
    async def copied(self) -> object:
        """Forget the key that was shown."""
        self.fresh = ""
        return None

    @rx.event
    @guarded
    async def ask(self, key_id: str, name: str) -> None:
        """Ask before a key is revoked; with an empty id: ask no more."""
        self.asked = {"id": str(key_id), "name": str(name)[:120]}

    @rx.event
    @guarded
    async def revoke(self) -> object:
        """End the key that was asked about."""
        asked, self.asked = self.asked, {"id": "", "name": ""}
        await unit.ask(api_keys.revoke, await self._actor(), asked["id"])
        await self._read()
        return rx.toast.success(f"“{asked['name']}” is revoked", description="Whoever used it is refused from now on.")


class System(SessionState):
    """How the installation is."""

    facts: list[dict[str, Any]] = []

    @rx.event
    @guarded
    async def load(self) -> None:
        """Look at the database, the queue and the workers."""
        found = await unit.ask(status.facts, await self._actor())
        self.facts = [{"subject": one.subject, "well": one.well, "said": one.said} for one in found]
