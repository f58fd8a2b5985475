"""Accounts that nodes use: sealed, named, never shown."""

import pytest
from sqlalchemy import select
from sqlmodel import Session

from app.services import credentials, unit, workflows
from app.services.access import Actor
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from engine.models import Credential
from engine.store import vault
from tests.app.services.conftest import Tenants, person

SECRET = {"token": "s3cret-token"}


async def test_secrets_are_sealed_and_never_shown(ada: Actor) -> None:
    made = await unit.ask(credentials.create, ada, " Shop ", "core.bearer", SECRET)
    assert (made.name, made.type_title) == ("Shop", "Bearer token")

    def stored(db: Session) -> Credential:
        return db.scalars(select(Credential)).one()

    row = await unit.ask(stored)
    assert b"s3cret" not in row.sealed
    assert vault.vault().open(ada.workspace_id, row.id, row.sealed) == SECRET
    listed = await unit.ask(credentials.list_credentials, ada)
    assert "s3cret" not in repr(listed)
    await unit.ask(credentials.update, ada, made.id, "Shop 2", {"token": "new"})
    row = await unit.ask(stored)
    assert (row.name, vault.vault().open(ada.workspace_id, row.id, row.sealed)) == ("Shop 2", {"token": "new"})
    await unit.ask(credentials.update, ada, made.id, "Shop 3")
    assert vault.vault().open(ada.workspace_id, row.id, (await unit.ask(stored)).sealed) == {"token": "new"}


async def test_what_is_wrong_is_named_without_the_secret(ada: Actor) -> None:
    for type_id, fields in (
        ("core.bearer", {"wrong": "s3cret"}),
        ("core.bearer", {"token": ["s3cret"]}),
        ("odd", SECRET),
    ):
        with pytest.raises(Invalid) as refused:
            await unit.ask(credentials.create, ada, "Shop", type_id, fields)
        assert "s3cret" not in refused.value.message + repr(refused.value.problems)


async def test_an_account_in_use_is_not_removed_by_accident(ada: Actor) -> None:
    made = await unit.ask(credentials.create, ada, "Shop", "core.bearer", SECRET)
    call = {"type": "http.request", "with": {"url": "https://example.com", "account": made.id}}
    await unit.ask(workflows.create, ada, "Orders", {"weft": 1, "nodes": {"call": call}})
    (listed,) = await unit.ask(credentials.list_credentials, ada)
    assert [name for _, name in listed.used_by] == ["Orders"]
    with pytest.raises(Conflict, match="Orders"):
        await unit.ask(credentials.delete, ada, made.id)
    await unit.ask(credentials.delete, ada, made.id, anyway=True)
    assert await unit.ask(credentials.list_credentials, ada) == []


async def test_who_may(tenants: Tenants) -> None:
    made = await unit.ask(credentials.create, tenants.ada, "Shop", "core.bearer", SECRET)
    with pytest.raises(NotFound):
        await unit.ask(credentials.delete, tenants.bob, made.id)
    viewer = await unit.ask(person, "viewer", tenants.ada.workspace_id)
    with pytest.raises(Forbidden):
        await unit.ask(credentials.create, viewer, "Shop", "core.bearer", SECRET)


def test_the_kinds_of_accounts_have_forms() -> None:
    found = {one.id: one for one in credentials.types()}
    assert {"core.bearer", "core.basic", "core.header"} <= found.keys()
    assert set(found["core.header"].schema["properties"]) == {"name", "value"}


async def test_limits_are_kept_beside_the_secret_and_checked(tenants: Tenants) -> None:
    made = await unit.ask(credentials.create, tenants.ada, "Shop", "core.bearer", SECRET)
    assert made.limits == {}
    limited = await unit.ask(credentials.set_limits, tenants.ada, made.id, per_second=0.5, at_once=3)
    assert limited.limits == {"per_second": 0.5, "at_once": 3}
    await unit.ask(credentials.update, tenants.ada, made.id, "Shop", {"token": "new"})
    (listed,) = await unit.ask(credentials.list_credentials, tenants.ada)
    assert listed.limits == {"per_second": 0.5, "at_once": 3}
    with pytest.raises(Invalid, match="from 1 to 10,000"):
        await unit.ask(credentials.set_limits, tenants.ada, made.id, burst=0)
    with pytest.raises(NotFound):
        await unit.ask(credentials.set_limits, tenants.bob, made.id, at_once=1)
    viewer = unit.call(person, "viewer", tenants.ada.workspace_id)
    with pytest.raises(Forbidden):
        await unit.ask(credentials.set_limits, viewer, made.id)
    assert (await unit.ask(credentials.set_limits, tenants.ada, made.id)).limits == {}
