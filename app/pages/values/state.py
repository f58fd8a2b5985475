"""The stored values of one workflow, and changing one."""

import json
from typing import Any, Final

import reflex as rx

from app.services import drafts, shown, stored_values, unit
from app.services.errors import Conflict, Invalid, NotFound
from app.services.stored_values import Scope, ValueView
from app.session import SessionState, guarded

_LONGEST_SHOWN: Final = 200
_NOBODY: Final = {"name": "", "scope": "workflow"}


class Values(SessionState):
    """Both lists: the workflow's own values and those that the workspace shares."""

    ready: bool = False
    missing: bool = False
    name: str = ""
    href: str = ""
    here: str = ""
    trial: bool = False
    own: list[dict[str, Any]] = []
    shared: list[dict[str, Any]] = []
    asked: dict[str, str] = _NOBODY
    _workflow_id: str = ""

    @rx.event
    @guarded
    async def load(self) -> None:
        """Read what the address names; with ``?runs=trial`` the values of trial runs."""
        await self._shut(ValueForm)
        self._workflow_id = self.router.url.path.rstrip("/").split("/")[-2]
        self.trial = self.router.url.query_parameters.get("runs", "") == "trial"
        self.asked = _NOBODY
        await self._read()

    async def _read(self) -> None:
        actor = await self._actor()
        try:
            workflow = await unit.ask(drafts.find, actor, self._workflow_id)
        except NotFound:
            self.missing, self.ready = True, True
            return
        self.name, self.href, self.here = workflow.name, f"/w/{workflow.id}", f"/workflows/{workflow.id}/values"
        own = await unit.ask(stored_values.list_values, actor, self._workflow_id, trial=self.trial)
        shared = await unit.ask(
            stored_values.list_values, actor, self._workflow_id, scope="workspace", trial=self.trial
        )
        self.own, self.shared = [_row(one) for one in own], [_row(one) for one in shared]
        self.missing, self.ready = False, True

    @rx.event
    @guarded
    async def ask(self, name: str, scope: str) -> None:
        """Ask before a value is forgotten; with an empty name: ask no more."""
        self.asked = {"name": str(name), "scope": _scope(scope)}

    @rx.event
    @guarded
    async def forget(self) -> object:
        """Forget the value that was asked about."""
        asked, self.asked = self.asked, _NOBODY
        scope = _scope(asked["scope"])
        await unit.ask(
            stored_values.delete, await self._actor(), self._workflow_id, asked["name"], scope=scope, trial=self.trial
        )
        await self._read()
        return rx.toast.success(f"“{asked['name']}” is forgotten")


class ValueForm(SessionState):
    """The dialog that adds or changes a value."""

    open: bool = False
    new: bool = True
    name: str = ""
    text: str = ""
    scope: str = "workflow"
    error: str = ""

    @rx.event
    @guarded
    async def begin(self, name: str, scope: str) -> None:
        """Open the dialog for a value, or with an empty name for a new one."""
        page = await self.get_state(Values)
        self.name, self.scope, self.new, self.error, self.text = str(name), _scope(scope), not name, "", ""
        if name:
            found = await unit.ask(
                stored_values.get,
                await self._actor(),
                page._workflow_id,
                self.name,
                scope=_scope(scope),
                trial=page.trial,
            )
            self.text = found.value if _is_plain(found.value) else json.dumps(found.value, ensure_ascii=False, indent=2)
        self.open = True

    @rx.event
    @guarded
    async def close(self) -> None:
        """Leave everything as it is."""
        self.open = False

    @rx.event
    @guarded
    async def save(self, form: dict[str, Any]) -> object:
        """Store what was filled in."""
        page = await self.get_state(Values)
        name = self.name or str(form.get("value_name", "")).strip()
        self.text = str(form.get("value_text", ""))
        scope = _scope(str(form.get("value_scope", self.scope)) if self.new else self.scope)
        try:
            await unit.ask(
                stored_values.put,
                await self._actor(),
                page._workflow_id,
                name,
                _value(self.text),
                scope=scope,
                trial=page.trial,
            )
        except (Invalid, Conflict) as refusal:
            self.error = refusal.message
            return None
        self.open, self.error = False, ""
        await page._read()
        return rx.toast.success(f"“{name}” is stored")


def _scope(given: str) -> Scope:
    return "workspace" if given == "workspace" else "workflow"


def _value(text: str) -> Any:
    """JSON as its value; anything else is a text."""
    try:
        return json.loads(text, parse_constant=lambda _word: text)
    except (ValueError, RecursionError):
        return text


def _is_plain(value: Any) -> bool:
    """Whether a text stands for itself in the field."""
    return isinstance(value, str) and _value(value) == value and not value.startswith('"')


def _row(one: ValueView) -> dict[str, Any]:
    keys = one.kind == "keys"
    text = shown.count(one.value, "item seen", "items seen") if keys else json.dumps(one.value, ensure_ascii=False)
    return {
        "name": one.name,
        "keys": keys,
        "value": text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 1] + "…",
        "updated_at": shown.ms(one.updated_at),
        "run": f"/runs/{one.run_id}" if one.run_id else "",
    }
