"""Signing up, in and out."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select, update
from sqlmodel import Session

from app.services import accounts, secrets, unit
from app.services.errors import Conflict, Invalid, SignedOut, TooMany
from engine.models import AuthSession, User, Workspace, now

PASSWORD = "correct horse 42"

pytestmark = pytest.mark.usefixtures("valkey_url")


async def sign_up() -> str:
    return await accounts.sign_up_owner("Ada Lovelace", "Ada@Example.com", PASSWORD)


async def test_first_owner_gets_a_workspace_and_a_session(any_database: str) -> None:
    assert not await unit.ask(accounts.has_owner)
    actor = await accounts.actor_of_session(await sign_up())
    assert actor is not None
    assert (actor.name, actor.email, actor.role, actor.via) == ("Ada Lovelace", "ada@example.com", "owner", "session")
    profile = await unit.ask(accounts.profile, actor)
    assert (profile.workspace, profile.workspace_slug) == ("Ada's workspace", "main")
    assert await unit.ask(accounts.has_owner)


async def test_there_is_only_one_first_owner(any_database: str) -> None:
    results = await asyncio.gather(*(sign_up() for _ in range(3)), return_exceptions=True)
    assert sorted(type(result).__name__ for result in results) == ["Conflict", "Conflict", "str"]
    with pytest.raises(Conflict, match="Sign in instead"):
        await sign_up()

    def count(db: Session) -> int:
        return len(db.scalars(select(Workspace)).all())

    assert await unit.ask(count) == 1


@pytest.mark.parametrize(
    ("name", "email", "password", "field"),
    [
        (" ", "ada@example.com", PASSWORD, "name"),
        ("Ada", "ada", PASSWORD, "email"),
        ("Ada", "ada@example.com", "short", "password"),
        ("Ada", "ada@example.com", "a" * 20, "password"),
        ("Ada", "ada@example.com", "abcd" * 100, "password"),
    ],
)
async def test_sign_up_says_which_field_is_wrong(
    sqlite_url: str, name: str, email: str, password: str, field: str
) -> None:
    with pytest.raises(Invalid) as refused:
        await accounts.sign_up_owner(name, email, password)
    assert [problem["field"] for problem in refused.value.problems] == [field]


async def test_sign_in_needs_the_right_password(any_database: str) -> None:
    await sign_up()
    token = await accounts.sign_in(" ADA@example.com ", PASSWORD, "192.0.2.1")
    assert await accounts.actor_of_session(token) is not None
    with pytest.raises(SignedOut) as wrong:
        await accounts.sign_in("ada@example.com", "wrong", "192.0.2.1")
    with pytest.raises(SignedOut) as unknown:
        await accounts.sign_in("eve@example.com", "wrong", "192.0.2.1")
    assert wrong.value.message == unknown.value.message


async def test_only_hashes_of_secrets_are_stored(any_database: str) -> None:
    token = await sign_up()

    def stored(db: Session) -> tuple[str, str]:
        user, session = db.scalars(select(User)).one(), db.scalars(select(AuthSession)).one()
        return user.password_hash, session.token_hash

    password_hash, token_hash = await unit.ask(stored)
    assert password_hash.startswith("$argon2id$")
    assert token_hash == secrets.fingerprint(token) != token


async def test_too_many_wrong_passwords_lock_the_pair_of_address_and_email(sqlite_url: str) -> None:
    await sign_up()
    for _ in range(10):
        with pytest.raises(SignedOut):
            await accounts.sign_in("ada@example.com", "wrong", "192.0.2.7")
    with pytest.raises(TooMany) as locked:
        await accounts.sign_in("ada@example.com", PASSWORD, "192.0.2.7")
    assert 0 < locked.value.retry_after <= 900
    assert await accounts.sign_in("ada@example.com", PASSWORD, "192.0.2.8")


async def test_a_right_password_forgives_the_wrong_ones_before(sqlite_url: str) -> None:
    await sign_up()
    for _ in range(2):
        for _ in range(9):
            with pytest.raises(SignedOut):
                await accounts.sign_in("ada@example.com", "wrong", "192.0.2.7")
        await accounts.sign_in("ada@example.com", PASSWORD, "192.0.2.7")


async def test_signing_out_ends_this_session_only(any_database: str) -> None:
    first = await sign_up()
    second = await accounts.sign_in("ada@example.com", PASSWORD, "192.0.2.1")
    await unit.ask(accounts.sign_out, first)
    assert await accounts.actor_of_session(first) is None
    assert await accounts.actor_of_session(second) is not None


async def test_a_session_ends_after_30_days_unless_it_is_used(any_database: str) -> None:
    token = await sign_up()

    def age(db: Session, left: timedelta) -> None:
        db.execute(update(AuthSession).values(expires_at=now() + left))

    def expiry(db: Session) -> timedelta:
        return db.scalars(select(AuthSession)).one().expires_at - now()

    await unit.ask(age, timedelta(days=3))
    assert await accounts.actor_of_session(token) is not None
    assert await unit.ask(expiry) > timedelta(days=29)
    await unit.ask(age, timedelta(seconds=-1))
    assert await accounts.actor_of_session(token) is None


async def test_a_new_password_signs_out_everywhere(any_database: str) -> None:
    old = await sign_up()
    actor = await accounts.actor_of_session(old)
    assert actor is not None
    with pytest.raises(Invalid, match="not your current password"):
        await accounts.change_password(actor, "wrong", "another horse 43")
    new = await accounts.change_password(actor, PASSWORD, "another horse 43")
    assert await accounts.actor_of_session(old) is None
    assert await accounts.actor_of_session(new) is not None
    assert await accounts.sign_in("ada@example.com", "another horse 43", "192.0.2.1")
    with pytest.raises(SignedOut):
        await accounts.sign_in("ada@example.com", PASSWORD, "192.0.2.1")


async def test_profile_can_be_changed_but_not_to_somebody_elses_email(any_database: str) -> None:
    actor = await accounts.actor_of_session(await sign_up())
    assert actor is not None

    def another(db: Session) -> None:
        db.add(User(email="bob@example.com", name="Bob", password_hash="!"))

    await unit.ask(another)
    await unit.ask(accounts.update_profile, actor, "Ada L.", "ada.l@example.com")
    await unit.ask(accounts.set_appearance, actor, "dark")
    await unit.ask(accounts.rename_workspace, actor, "Support")
    profile = await unit.ask(accounts.profile, actor)
    assert (profile.name, profile.email, profile.appearance, profile.workspace) == (
        "Ada L.",
        "ada.l@example.com",
        "dark",
        "Support",
    )
    with pytest.raises(Invalid, match="Another person"):
        await unit.ask(accounts.update_profile, actor, "Ada", "bob@example.com")
    with pytest.raises(Invalid):
        await unit.ask(accounts.set_appearance, actor, "pink")


async def test_a_member_who_left_is_signed_out(any_database: str) -> None:
    token = await sign_up()

    def leave(db: Session) -> None:
        db.delete(db.scalars(select(accounts.Membership)).one())

    await unit.ask(leave)
    assert await accounts.actor_of_session(token) is None
