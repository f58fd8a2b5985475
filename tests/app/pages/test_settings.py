"""Settings and accounts: what is kept, what is shown once, what is never shown."""

from app.pages.accounts.limits_state import AccountLimits
from app.pages.accounts.state import Accounts, NewAccount
from app.pages.settings.state import Keys, Profile, System
from app.services import api_keys, credentials, unit
from engine.delivery.governor import Governor
from engine.delivery.rates import FAILURES_TO_OPEN
from tests.app.pages.conftest import Somebody

SECRET = "s3cret-token-of-orders"


async def test_a_profile_is_saved_and_a_wrong_address_is_told_at_its_field(ada: Somebody) -> None:
    page = await ada.tab.at("/settings").state(Profile)
    await page.load()
    await page.save({"name": "Ada Lovelace", "email": "ada@example.org"})
    assert (page.name, page.email) == ("Ada Lovelace", "ada@example.org")
    await page.save({"name": "Ada", "email": "nonsense"})
    assert page.error["field"] == "email"
    assert page.email == "ada@example.org"
    await page.rename({"workspace": "Support"})
    assert page.workspace == "Support"
    assert "Choose system" in str(await page.choose("pink"))
    await page.choose("dark")
    assert page.appearance == "dark"


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(ada: Somebody, bob: Somebody) -> None:
    page = await ada.tab.at("/settings").state(Keys)
    await page.load()
    await page.create({"key_name": "Nightly import"})
    key = page.fresh
    assert unit.call(api_keys.actor_for_api_key, key)
    await page.load()
    assert not page.fresh
    assert key not in str(page.rows)
    other = await bob.tab.at("/settings").state(Keys)
    await other.load()
    assert not other.rows
    await page.ask(page.rows[0]["id"], "Nightly import")
    await page.revoke()
    assert not page.rows
    assert unit.call(api_keys.actor_for_api_key, key) is None


async def test_a_key_without_a_name_is_refused(ada: Somebody) -> None:
    page = await ada.tab.at("/settings").state(Keys)
    await page.create({})
    assert "name" in page.error
    assert not page.fresh


async def test_an_account_is_stored_and_its_secret_is_in_no_state(ada: Somebody, bob: Somebody) -> None:
    new = await ada.tab.at("/accounts").state(NewAccount)
    await new.show(True)
    assert {"bearer", "basic"} <= {one["value"].rpartition(".")[2] for one in new.types} or len(new.types) >= 3
    first = next(one["value"] for one in new.types if "bearer" in one["value"])
    await new.choose(first)
    names = [field["name"] for field in new.fields]
    await new.add({"account_name": "Orders API"})
    assert new.error
    await new.add({"account_name": "Orders API", **dict.fromkeys(names, SECRET)})
    assert not new.open
    assert not new.error
    page = await ada.tab.state(Accounts)
    assert [row["name"] for row in page.rows] == ["Orders API"]
    assert SECRET not in str(ada.tab.root.dict())
    other = await bob.tab.at("/accounts").state(Accounts)
    await other.load()
    assert not other.rows
    await page.ask(page.rows[0]["id"])
    await page.delete()
    assert not page.rows


async def test_the_system_is_told_without_addresses(ada: Somebody, valkey_url: str) -> None:
    page = await ada.tab.at("/settings").state(System)
    await page.load()
    told = {fact["subject"]: fact for fact in page.facts}
    assert told["Database"]["well"]
    assert told["Workers"]["well"] is False
    assert valkey_url not in str(page.facts)


async def test_the_limits_of_an_account_are_set_and_said(ada: Somebody, valkey_url: str) -> None:
    made = unit.call(credentials.create, ada.actor, "Shop", "core.bearer", {"token": SECRET})
    dialog = await ada.tab.at("/accounts").state(AccountLimits)
    await dialog.ask(made.id)
    assert (dialog.account["name"], dialog.account["per_second"]) == ("Shop", "")
    assert (dialog.account["usual_per_second"], dialog.account["usual_per_minute"]) == ("50, as usual", "no limit")
    await dialog.save({"per_second": "many"})
    assert "is no number" in dialog.error
    page = await ada.tab.at("/accounts").state(Accounts)
    await page.load()
    assert page.rows[0]["limits"] == "50 calls a second, 20 at once, as usual for this kind"
    await dialog.save({"per_second": "2.5", "burst": "", "per_minute": "100", "at_once": "0"})
    assert dialog.account["id"] == ""
    await dialog.ask(made.id)
    assert [dialog.account[name] for name in ("per_second", "burst", "per_minute", "at_once")] == [
        "2.5",
        "",
        "100",
        "0",
    ]
    assert page.rows[0]["limits"] == "2.5 calls a second, 100 a minute"
    assert page.rows[0]["calls"] == []
    governor = Governor(valkey_url)
    for _ in range(FAILURES_TO_OPEN):
        await governor.leave(f"{made.id}:shop.example.com", "x", "failed", 0, 0.1)
    await page._heard([])
    (calls,) = page.rows[0]["calls"]
    assert (calls["host"], calls["tone"]) == ("shop.example.com", "bad")
    assert "after 10 failures in a row" in calls["says"]
    await governor.aclose()
