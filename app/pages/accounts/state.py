"""The accounts of the workspace, and adding one. Secrets pass through handlers and are kept in no var."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import reflex as rx

from app.live import Watching
from app.services import account_calls, credentials, shown, unit
from app.services.account_calls import AccountCalls
from app.services.credentials import CredentialView
from app.services.errors import Conflict, Invalid
from app.session import SessionState, guarded
from engine.events import Event

NOT_SECRET: Final = frozenset({"username", "user", "header", "name", "host", "client_id", "email"})


class Accounts(Watching):
    """The list, and what is sent with each account while the page is open."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    asked: dict[str, str] = {"id": "", "name": "", "uses": ""}

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read the list, and go on looking while the page is open."""
        self.asked = {"id": "", "name": "", "uses": ""}
        await self._shut(NewAccount)
        await self._read()
        self._watch_workspace((await self._actor()).workspace_id)

    async def _heard(self, events: Sequence[Event]) -> None:
        await self._read()

    async def _read(self) -> None:
        actor = await self._actor()
        found = await unit.ask(credentials.list_credentials, actor)
        calls = await unit.ask(account_calls.of_all, actor)
        self._put(ready=True, rows=[_record(one, calls.get(one.id)) for one in found])

    @rx.event
    @guarded
    async def ask(self, account_id: str) -> None:
        """Ask before an account is deleted; with an empty id: ask no more."""
        one = next((row for row in self.rows if row["id"] == account_id), None)
        self.asked = {"id": "", "name": "", "uses": ""}
        if one:
            self.asked = {"id": one["id"], "name": one["name"], "uses": one["warning"]}

    @rx.event
    @guarded
    async def delete(self) -> object:
        """Delete the account that was asked about."""
        asked, self.asked = self.asked, {"id": "", "name": "", "uses": ""}
        await unit.ask(credentials.delete, await self._actor(), asked["id"], anyway=True)
        await self._read()
        return rx.toast.success(f"“{asked['name']}” is deleted")


class NewAccount(SessionState):
    """The dialog that adds an account."""

    open: bool = False
    types: list[dict[str, str]] = []
    type_id: str = ""
    about: str = ""
    fields: list[dict[str, Any]] = []
    error: str = ""

    @rx.event
    @guarded
    async def show(self, open: bool) -> None:
        """Open or close the dialog."""
        self.open, self.error = bool(open), ""
        self.types = [{"value": one.id, "label": one.title} for one in credentials.types()]
        if self.types and not self.type_id:
            self._choose(self.types[0]["value"])

    @rx.event
    @guarded
    async def choose(self, type_id: str) -> None:
        """Show the fields of another kind of account."""
        self._choose(str(type_id))

    def _choose(self, type_id: str) -> None:
        one = next((one for one in credentials.types() if one.id == type_id), None)
        if one:
            self.type_id, self.about, self.error = one.id, one.description, ""
            self.fields = _fields(one.schema)

    @rx.event
    @guarded
    async def add(self, form: dict[str, Any]) -> object:
        """Seal and store what was filled in."""
        values = {field["name"]: str(form.get(field["name"], "")) for field in self.fields}
        given = {name: value for name, value in values.items() if value != ""}
        try:
            await unit.ask(
                credentials.create, await self._actor(), str(form.get("account_name", "")), self.type_id, given
            )
        except (Invalid, Conflict) as refusal:
            self.error = refusal.message
            return None
        self.open, self.error = False, ""
        accounts = await self.get_state(Accounts)
        await accounts._read()
        return rx.toast.success("The account is stored", description="Its secrets are encrypted and never shown again.")


def _record(one: CredentialView, calls: AccountCalls | None) -> dict[str, Any]:
    uses = [{"name": name, "href": f"/w/{workflow_id}"} for workflow_id, name in one.used_by]
    names = ", ".join(f"“{use['name']}”" for use in uses)
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type_title,
        "created_at": shown.ms(one.created_at),
        "used_at": shown.ms(one.last_used_at),
        "uses": uses,
        "limits": _limits(one.in_force) + (", as usual for this kind" if one.in_force and not one.limits else ""),
        "calls": _calls(calls),
        "warning": f"Used by {names}. Without it they stop working." if uses else "No workflow uses it.",
    }


def _limits(limits: Mapping[str, float | int]) -> str:
    words = (
        ("per_second", "calls a second"),
        ("burst", "together"),
        ("per_minute", "a minute"),
        ("at_once", "at once"),
    )
    return ", ".join(f"{limits[name]:,g} {what}" for name, what in words if name in limits)


def _calls(calls: AccountCalls | None) -> list[dict[str, str]]:
    """The hosts whose next call would not go at once, or that have calls under way."""
    hosts = calls.hosts if calls else ()
    return [
        {"host": one.host, "says": one.says, "tone": "bad" if one.standing == "closed" else ""}
        for one in hosts
        if one.standing != "free" or one.under_way
    ]


def _fields(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = set(schema.get("required", ()))
    return [
        {
            "name": name,
            "label": str(field.get("title") or name.replace("_", " ").capitalize()),
            "help": str(field.get("description") or ""),
            "type": "text" if name in NOT_SECRET else "password",
            "required": name in required,
            "value": str(field.get("default") or ""),
        }
        for name, field in dict(schema.get("properties", {})).items()
    ]
