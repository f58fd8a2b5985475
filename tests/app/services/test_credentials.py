"""Accounts that nodes use: sealed, named, never shown."""

import pytest
from sqlalchemy import select
from sqlmodel import Session

from app.services import account_calls, credentials, unit, workflows
from app.services.access import Actor
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from engine.delivery.governor import Governor
from engine.delivery.rates import FAILURES_TO_OPEN, Limits
from engine.models import Credential
from engine.settings import settings
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
    assert (made.limits, made.in_force) == ({}, made.usual)
    assert made.usual == {"per_second": 50, "at_once": 20}
    limited = await unit.ask(credentials.set_limits, tenants.ada, made.id, {"per_second": 0.5, "at_once": 0})
    assert limited.limits == {"per_second": 0.5, "at_once": None}
    await unit.ask(credentials.update, tenants.ada, made.id, "Shop", {"token": "new"})
    (listed,) = await unit.ask(credentials.list_credentials, tenants.ada)
    assert (listed.limits, listed.in_force) == ({"per_second": 0.5, "at_once": None}, {"per_second": 0.5})
    for wrong in ({"burst": -1}, {"per_second": 0.0001}, {"per_day": 3}):
        with pytest.raises(Invalid, match="or 0 for no limit"):
            await unit.ask(credentials.set_limits, tenants.ada, made.id, wrong)
    with pytest.raises(NotFound):
        await unit.ask(credentials.set_limits, tenants.bob, made.id, {"at_once": 1})
    viewer = unit.call(person, "viewer", tenants.ada.workspace_id)
    with pytest.raises(Forbidden):
        await unit.ask(credentials.set_limits, viewer, made.id, {})
    assert (await unit.ask(credentials.set_limits, tenants.ada, made.id, {})).limits == {}


async def test_what_an_account_is_doing_is_said_in_words(tenants: Tenants, valkey_url: str) -> None:
    made = await unit.ask(credentials.create, tenants.ada, "Shop", "core.bearer", SECRET)
    await unit.ask(credentials.set_limits, tenants.ada, made.id, {"per_second": 0.1, "burst": 1, "at_once": 1})
    governor = Governor(valkey_url)
    limits = Limits(per_second=0.1, burst=1, at_once=1)
    await governor.enter(f"{made.id}:one.example.com", limits, "a")
    for _ in range(FAILURES_TO_OPEN):
        await governor.leave(f"{made.id}:two.example.com", "b", "failed", 0, 0.1)
    seen = await unit.ask(account_calls.now, tenants.ada, made.id)
    one, two = seen.hosts
    assert (seen.known, one.standing, one.under_way) == (True, "waiting", 1)
    assert one.says.startswith("Rate limit: one more call would wait 10")
    assert (two.standing, two.says) == ("closed", "Left alone for 15 s more after 10 failures in a row.")
    with pytest.raises(NotFound):
        await unit.ask(account_calls.now, tenants.bob, made.id)
    await governor.aclose()


async def test_while_redis_is_away_nothing_is_made_up(ada: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    made = await unit.ask(credentials.create, ada, "Shop", "core.bearer", SECRET)
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:9")
    settings.cache_clear()
    assert await unit.ask(account_calls.now, ada, made.id) == account_calls.AccountCalls(False, ())
