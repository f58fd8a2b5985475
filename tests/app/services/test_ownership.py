"""A walk over all services: asked by one workspace with the ids of another, none finds, changes or shows anything.

Beside what they return, every SQL statement is looked at: those that read or change many rows must name the workspace.
"""

import importlib
import inspect
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any, Final

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlmodel import SQLModel

import app.services
from app.services import api_keys, credentials, files, forms, runs, unit, workflows
from app.services.access import Actor
from app.services.errors import ServiceError
from engine import launch
from engine.store.db import database
from tests.app.services.conftest import Tenants
from tests.app.services.test_drafts import SMALL

# Looked up by a secret that only its holder knows, before it is known whose workspace it is; or a person's own.
BY_SECRET: Final = {"auth_session", "api_key", "form_link"}
SECRET: Final = re.compile(r"\.(token_hash|key_hash|token|user_id) = ")
# What everybody may change: what is their own, whatever their role.
OWN: Final = {
    "accounts.update_profile",
    "accounts.set_appearance",
    "accounts.sign_out_everywhere",
    "api_keys.revoke",
    "api_keys.note_use",
}
TENANT_TABLES: Final = {name for name, table in SQLModel.metadata.tables.items() if "workspace_id" in table.columns}


def services() -> Iterator[tuple[str, Callable[..., Any]]]:
    """Every function whose first parameters are ``db`` and ``actor``."""
    for info in pkgutil.iter_modules(app.services.__path__):
        module = importlib.import_module(f"app.services.{info.name}")
        for name, function in inspect.getmembers(module, inspect.isfunction):
            names = list(inspect.signature(function).parameters)
            if function.__module__ == module.__name__ and names[:2] == ["db", "actor"] and not name.startswith("_"):
                yield f"{info.name}.{name}", function


SERVICES: Final = dict(services())


class Statements:
    """The SQL that is sent, and which of it names no workspace."""

    def __init__(self) -> None:
        self.unowned: list[str] = []

    def __call__(self, _connection: Any, _cursor: Any, sql: str, *_rest: Any) -> None:
        flat = " ".join(sql.split())
        tables = set(re.findall(r"(?:FROM|JOIN|UPDATE) \"?(\w+)\"?", flat)) & TENANT_TABLES
        flushed = re.search(r"^(UPDATE|DELETE) .* WHERE \w+\.id = \S+$", flat)
        by_secret = bool(tables & BY_SECRET) and SECRET.search(flat)
        if tables and not re.search(r"\.workspace_id = ", flat) and not flushed and not by_secret:
            self.unowned.append(flat)


@pytest.fixture
def statements(tenants: Tenants) -> Iterator[Statements]:
    seen = Statements()
    engines: list[sa.Engine] = [database()._writes, database()._reads]
    for engine in engines:
        event.listen(engine, "before_cursor_execute", seen)
    yield seen
    for engine in engines:
        event.remove(engine, "before_cursor_execute", seen)


@pytest.fixture
async def of_ada(tenants: Tenants, valkey_url: str) -> Mapping[str, Any]:
    """What belongs to Ada, by the names of the services' parameters."""
    ada = tenants.ada
    workflow_id = await unit.ask(workflows.create, ada, "", SMALL)
    version = await unit.ask(workflows.publish, ada, workflow_id)
    started = await runs.start(ada, workflow_id, use="draft", trigger="hand")
    launch.dispose()
    key, _ = await unit.ask(api_keys.create, ada, "Ada's")
    account = await unit.ask(credentials.create, ada, "Ada's", "core.bearer", {"token": "ada's"})
    file = await unit.ask(files.keep, ada, BytesIO(b"ada's"), "ada.txt", "text/plain")
    return {
        "workflow_id": workflow_id,
        "version_id": version.id,
        "run_id": started.run_id,
        "key_id": key.id,
        "credential_id": account.id,
        "file_id": file.id,
        "template_id": "nothing",
        "node_id": "first",
        "number": 1,
    }


def arguments(function: Callable[..., Any], ids: Mapping[str, Any]) -> dict[str, Any] | None:
    """Values for a service's parameters: the other workspace's ids, or something harmless. None: cannot be made up."""
    made_up = {"str": "first", "int": 0, "bool": True, "Sequence[Op]": [{"op": "set_name", "name": "x"}]}
    found: dict[str, Any] = {}
    for name, parameter in list(inspect.signature(function).parameters.items())[2:]:
        annotation = str(parameter.annotation).replace("typing.", "")
        kind = getattr(parameter.annotation, "__name__", annotation)
        if name in ids:
            found[name] = ids[name]
        elif parameter.default is not inspect.Parameter.empty:
            continue
        elif name in ("ops", "source", "fields", "email"):
            found[name] = {
                "ops": [{"op": "set_name", "name": "x"}],
                "source": SMALL,
                "fields": {"token": "x"},
                "email": "x@example.com",
            }[name]
        elif kind in made_up:
            found[name] = made_up[kind]
        else:
            return None
    return found


# Parameters are rows or drawings that the caller has found by a service of this list.
BY_OBJECT: Final = {name for name, function in SERVICES.items() if arguments(function, {}) is None}


def test_the_walk_covers_the_services() -> None:
    assert len(SERVICES) - len(BY_OBJECT) > 40
    assert {
        "workflows.get",
        "runs.get",
        "run_data.items",
        "credentials.delete",
        "drafts.edit",
    } <= SERVICES.keys() - BY_OBJECT


async def test_nothing_crosses(tenants: Tenants, of_ada: Mapping[str, Any], statements: Statements) -> None:
    before = await snapshot(tenants.ada)
    for name in sorted(SERVICES.keys() - BY_OBJECT):
        function = SERVICES[name]
        given = arguments(function, of_ada)
        assert given is not None
        result = await answer(name, tenants.bob, given)
        shown = repr(result)
        leaked = [one for one in of_ada.values() if len(str(one)) > 20 and str(one) in shown]
        assert not leaked, (name, leaked)
        assert not statements.unowned, (name, statements.unowned)
    assert await snapshot(tenants.ada) == before


async def test_nothing_is_changed_by_a_viewer(tenants: Tenants, of_ada: Mapping[str, Any]) -> None:
    viewer = Actor(tenants.ada.user_id, tenants.ada.workspace_id, "viewer")
    before = await snapshot(tenants.ada)
    for name in sorted(SERVICES.keys() - BY_OBJECT - OWN):
        given = arguments(SERVICES[name], of_ada)
        assert given is not None
        await answer(name, viewer, given)
    assert await snapshot(tenants.ada) == before


async def answer(name: str, actor: Actor, given: Mapping[str, Any]) -> Any:
    """What the service returns, or None if it refuses."""
    try:
        result = await unit.ask(SERVICES[name], actor, **given)
    except ServiceError:
        return None
    if isinstance(result, files.Content):
        result.stream.close()
    return result


async def snapshot(actor: Actor) -> dict[str, Sequence[Any]]:
    """All rows of the actor's workspace."""

    def rows(db: Any) -> dict[str, Sequence[Any]]:
        found = {}
        for name in sorted(TENANT_TABLES):
            table = SQLModel.metadata.tables[name]
            mine = sa.select(table).where(table.c.workspace_id == actor.workspace_id)
            found[name] = sorted(map(repr, db.execute(mine)))
        return found

    return await unit.ask(unit.reads(rows))


def test_forms_are_reached_by_their_token_alone() -> None:
    for name, function in inspect.getmembers(forms, inspect.isfunction):
        if function.__module__ == forms.__name__ and not name.startswith("_"):
            names = list(inspect.signature(function).parameters)
            if names == ["workflow"]:  # reads a row that somebody else was allowed to fetch
                continue
            assert names[0] == "token" or names[1] in ("actor", "token"), name
