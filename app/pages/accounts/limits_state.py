"""The dialog that limits what is sent with an account."""

from collections.abc import Mapping
from typing import Any, Final

import reflex as rx

from app.pages.accounts.state import Accounts
from app.services import credentials, unit
from app.services.errors import Invalid
from app.session import SessionState, guarded

LIMITS: Final = credentials.LIMITS
NONE: Final = {"id": "", "name": ""} | dict.fromkeys(LIMITS, "") | {f"usual_{name}": "" for name in LIMITS}


class AccountLimits(SessionState):
    """The limits of one account, as they are being edited."""

    account: dict[str, str] = NONE
    error: str = ""

    @rx.event
    @guarded
    async def ask(self, account_id: str) -> None:
        """Show the limits of an account; with an empty id: close."""
        found = await unit.ask(credentials.list_credentials, await self._actor())
        one = next((one for one in found if one.id == account_id), None)
        self.error, self.account = "", NONE
        if one:
            own = {name: _shown(one.limits, name) for name in LIMITS}
            usual = {f"usual_{name}": _usual(one.usual, name) for name in LIMITS}
            self.account = {"id": one.id, "name": one.name} | own | usual

    @rx.event
    @guarded
    async def save(self, form: dict[str, Any]) -> object:
        """Set them: what is left empty is as usual for its kind, 0 is no limit."""
        try:
            typed = {name: str(form.get(name, "")).strip() for name in LIMITS}
            given = {name: _number(name, text) for name, text in typed.items() if text}
            await unit.ask(credentials.set_limits, await self._actor(), self.account["id"], given)
        except Invalid as refusal:
            self.error = refusal.message
            return None
        name = self.account["name"]
        self.account = NONE
        await (await self.get_state(Accounts))._read()
        return rx.toast.success(f"The limits of “{name}” are saved")


def _shown(limits: Mapping[str, float | int | None], name: str) -> str:
    return f"{limits[name] or 0:g}" if name in limits else ""


def _usual(usual: Mapping[str, float | int], name: str) -> str:
    if name in usual:
        return f"{usual[name]:g}, as usual"
    return "a second's worth" if name == "burst" else "no limit"


def _number(name: str, text: str) -> float | int:
    """What was typed as a number. Raises Invalid."""
    try:
        return float(text) if name == "per_second" else int(text)
    except ValueError:
        raise Invalid.field(name, f"“{text[:20]}” is no number.") from None
