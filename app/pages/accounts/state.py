"""The accounts of the workspace, and adding one. Secrets pass through handlers and are kept in no var."""

from collections.abc import Mapping
from typing import Any, Final

import reflex as rx

from app.services import credentials, shown, unit
from app.services.credentials import CredentialView
from app.services.errors import Conflict, Invalid
from app.session import SessionState, guarded

LIMITS: Final = ("per_second", "burst", "at_once")
NOT_SECRET: Final = frozenset({"username", "user", "header", "name", "host", "client_id", "email"})


class Accounts(SessionState):
    """The list."""

    ready: bool = False
    rows: list[dict[str, Any]] = []
    asked: dict[str, str] = {"id": "", "name": "", "uses": ""}

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read the list."""
        await self._read()

    async def _read(self) -> None:
        found = await unit.ask(credentials.list_credentials, await self._actor())
        self.rows = [_record(one) for one in found]
        self.ready = True

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


class AccountLimits(SessionState):
    """The dialog that limits what is sent with an account."""

    account: dict[str, str] = {"id": "", "name": "", "per_second": "", "burst": "", "at_once": ""}
    error: str = ""

    @rx.event
    @guarded
    async def ask(self, account_id: str) -> None:
        """Show the limits of an account; with an empty id: close."""
        found = await unit.ask(credentials.list_credentials, await self._actor())
        one = next((one for one in found if one.id == account_id), None)
        self.error = ""
        self.account = {"id": one.id if one else "", "name": one.name if one else ""} | {
            name: f"{one.limits[name]:g}" if one and name in one.limits else "" for name in LIMITS
        }

    @rx.event
    @guarded
    async def save(self, form: dict[str, Any]) -> object:
        """Set them."""
        try:
            given = {name: _number(name, str(form.get(name, ""))) for name in LIMITS}
            await unit.ask(credentials.set_limits, await self._actor(), self.account["id"], **given)
        except Invalid as refusal:
            self.error = refusal.message
            return None
        name = self.account["name"]
        self.account = {**self.account, "id": ""}
        await (await self.get_state(Accounts))._read()
        return rx.toast.success(f"The limits of “{name}” are saved")


def _number(name: str, text: str) -> Any:
    """What was typed as a number; None for nothing. Raises Invalid."""
    if not text.strip():
        return None
    try:
        return float(text) if name == "per_second" else int(text)
    except ValueError:
        raise Invalid.field(name, f"“{text[:20]}” is no number.") from None


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
        return rx.toast.success("The account is stored", description="Its secrets are sealed and never shown again.")


def _record(one: CredentialView) -> dict[str, Any]:
    uses = [{"name": name, "href": f"/w/{workflow_id}"} for workflow_id, name in one.used_by]
    names = ", ".join(f"“{use['name']}”" for use in uses)
    return {
        "id": one.id,
        "name": one.name,
        "type": one.type_title,
        "created_at": shown.ms(one.created_at),
        "used_at": shown.ms(one.last_used_at),
        "uses": uses,
        "limits": _limits(one.limits),
        "warning": f"Used by {names}. Without it they stop working." if uses else "No workflow uses it.",
    }


def _limits(limits: Mapping[str, float | int]) -> str:
    rate, burst, most = (limits.get(name) for name in LIMITS)
    parts = [
        f"{rate:g} calls a second" if rate else "",
        f"{burst} together" if rate and burst else "",
        f"{most} at once" if most else "",
    ]
    return ", ".join(part for part in parts if part)


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
