"""A visitor's form: what is filled in, and what became of it. Nobody is signed in; the token is the permission."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import reflex as rx

from app.live import Watching
from app.services import form_view, forms, unit
from app.services.errors import Invalid, NotFound, ServiceError
from app.session import SessionState, public
from engine.events import Event

ENDED: Final = frozenset({"done", "failed", "cancelled"})
MOST_ROWS: Final = 200
COUNT_MARK: Final = "{count}"
# The run's id goes into the address, so that reloading the page finds its result again.
SHOW_OUTCOME: Final = """() => {
  history.replaceState(history.state, "", location.pathname + "?run=%s");
  document.getElementById("outcome")?.scrollIntoView({behavior: "smooth"});
}"""


class Form(SessionState):
    """The form's fields. What is typed stays in the browser until it is submitted."""

    ready: bool = False
    missing: bool = False
    busy: bool = False
    title: str = ""
    workspace: str = ""
    description: str = ""
    takes: str = ""
    token: str = ""
    button: str = ""
    fields: list[dict[str, Any]] = []
    errors: dict[str, str] = {}
    error: str = ""
    _words: str = ""
    _files: dict[str, Any] = {}
    _next_row: int = 1000

    @rx.event
    @public
    async def load(self) -> None:
        """Open the form that the address names."""
        self.reset()  # type: ignore[no-untyped-call]
        self.token = self.router.url.path.strip("/").rpartition("/")[2]
        try:
            shown = await unit.ask(form_view.page, self.token)
        except ServiceError:
            self.ready = self.missing = True
            return
        self.title, self.workspace, self.description = shown["title"], shown["workspace"], shown["description"]
        self.takes, self._words = shown["takes"], shown["button"]
        self._files = {one["name"]: one.pop("default") for one in shown["fields"]}
        self.fields = shown["fields"]
        self._say_button()
        self.ready = True
        run_id = self.router.url.query_parameters.get("run", "")
        if run_id:
            outcome = await self.get_state(Outcome)
            await outcome._begin(self.token, run_id)

    def _say_button(self) -> None:
        rows = next((one["file"]["rows"] for one in self.fields if one["file"]["rows"]), 0)
        self.button = " ".join(self._words.replace(COUNT_MARK, f"{rows:,}" if rows else "").split())

    def _replace(self, name: str, **changes: Any) -> None:
        self.fields = [{**one, **changes} if one["name"] == name else one for one in self.fields]

    def _field(self, name: str) -> dict[str, Any] | None:
        return next((one for one in self.fields if one["name"] == name), None)

    @rx.event
    @public
    async def take_file(self, name: str, reference: dict[str, Any]) -> None:
        """Remember an uploaded file and say what it holds."""
        if self._field(str(name)) is None or not isinstance(reference, Mapping) or "$file" not in reference:
            return
        facts = await unit.ask(form_view.file_facts, self.token, reference)
        if facts["name"]:
            self._files = {**self._files, str(name): dict(reference)}
            self._replace(str(name), file=facts)
            self.errors = {key: value for key, value in self.errors.items() if key != name}
            self._say_button()

    @rx.event
    @public
    async def add_row(self, name: str) -> None:
        """One more empty row in an input of rows."""
        field = self._field(str(name))
        if field is None or len(field["rows"]) >= MOST_ROWS:
            return
        self._next_row += 1
        cells = [{**column, "value": ""} for column in field["columns"]]
        self._replace(field["name"], rows=[*field["rows"], {"id": str(self._next_row), "title": "", "cells": cells}])

    @rx.event
    @public
    async def remove_row(self, name: str, row_id: str) -> None:
        """Take a row out of an input of rows."""
        field = self._field(str(name))
        if field is not None:
            self._replace(field["name"], rows=[row for row in field["rows"] if row["id"] != row_id])

    @rx.event
    @public
    async def submit(self, filled: dict[str, Any]) -> Any:
        """Start the run with what was filled in."""
        if self.busy or not isinstance(filled, Mapping):
            return
        self.busy, self.error, self.errors = True, "", {}
        yield
        try:
            values = {one["name"]: self._value(one, filled) for one in self.fields}
            address = self.router.session.client_ip
            run_id = await forms.submit(
                self.token, {name: value for name, value in values.items() if value is not None}, address
            )
            outcome = await self.get_state(Outcome)
            await outcome._begin(self.token, run_id)
            yield rx.call_function(SHOW_OUTCOME % run_id)
        except Invalid as refusal:
            known = {one["name"] for one in self.fields}
            at_fields = {str(one.get("field")): str(one["message"]) for one in refusal.problems}
            self.errors = {name: message for name, message in at_fields.items() if name in known}
            self.error = "" if self.errors else refusal.message
        except ServiceError as refusal:
            self.error = refusal.message
        finally:
            self.busy = False

    def _value(self, field: Mapping[str, Any], filled: Mapping[str, Any]) -> Any:
        name, kind = field["name"], field["kind"]
        if kind == "file":
            held = self._files.get(name)
            return dict(held) if held else None
        if kind == "rows":
            return [_row(field, row, filled) for row in field["rows"]]
        raw = filled.get(name)
        if kind == "boolean":
            return raw in (True, "on", "true")
        text = str(raw or "").strip()
        if kind == "number" and text:
            return _number(text)
        return text or None


def _row(field: Mapping[str, Any], row: Mapping[str, Any], filled: Mapping[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for cell in row["cells"]:
        text = str(filled.get(f"{field['name']}.{row['id']}.{cell['name']}", cell["value"]) or "").strip()
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        values[cell["name"]] = lines if cell["kind"] == "list" else _number(text) if cell["kind"] == "number" else text
    return values


def _number(text: str) -> int | float | str | None:
    try:
        return int(text) if text.lstrip("-").isdigit() else float(text)
    except ValueError:
        return text or None


class Outcome(Watching):
    """What became of the visitor's run: progress, then the results."""

    status: str = ""
    percent: float = 0
    left: str = ""
    took: int = 0
    error: str = ""
    shown: list[dict[str, Any]] = []
    download: dict[str, str] = {"href": "", "name": ""}
    _token: str = ""
    _run_id: str = ""

    async def _begin(self, token: str, run_id: str) -> None:
        self.reset()  # type: ignore[no-untyped-call]
        self._token, self._run_id = token, run_id
        try:
            await unit.ask(form_view.progress, token, run_id)
        except NotFound:
            return
        self.status = "queued"
        self._watch_run(run_id)
        await self._heard(())

    async def _heard(self, events: Sequence[Event]) -> None:
        if self.status in ENDED:
            self._unwatch()
            return
        try:
            found = await unit.ask(form_view.progress, self._token, self._run_id)
        except NotFound:
            self._unwatch()
            return
        self.percent, self.left, self.error = found["percent"], found["left"], found["error"]
        self.took = round(found["seconds"] * 1000)
        if found["status"] == "done":
            results = await unit.ask(form_view.results, self._token, self._run_id)
            file = next((one["view"] for one in results if one["kind"] == "file"), None)
            if file:
                self.download = {"href": file["file_href"], "name": file["file_name"]}
            self.shown = [one for one in results if not file or one["view"] is not file]
        self.status = found["status"]

    @rx.event
    @public
    async def turn(self, node_id: str, start: int) -> None:
        """Show another page of a table."""
        await self._show_page(str(node_id), start)

    @rx.event
    @public
    async def narrow(self, node_id: str, only_doubtful: bool) -> None:
        """Show all rows of a table, or those that should be checked."""
        self.shown = [
            {**one, "only_doubtful": bool(only_doubtful)} if one["node_id"] == node_id else one for one in self.shown
        ]
        await self._show_page(str(node_id), 0)

    async def _show_page(self, node_id: str, start: int) -> None:
        one = next((one for one in self.shown if one["node_id"] == node_id), None)
        if one is None or not isinstance(start, int | float):
            return
        page = await unit.ask(
            form_view.table_page,
            self._token,
            self._run_id,
            node_id,
            start=int(start),
            only_doubtful=one["only_doubtful"],
        )
        self.shown = [{**each, "view": page} if each["node_id"] == node_id else each for each in self.shown]
