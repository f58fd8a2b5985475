"""Secrets at rest: opened by the right key for the right row, and by nothing else."""

import os
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from engine.contract.errors import AuthExpired, NotFound
from engine.models import Credential, new_id
from engine.settings import settings
from engine.store.db import Database, database
from engine.store.vault import Accounts, CannotOpen, Vault, rewrap_all, seal, sealed_otherwise, vault
from tests.engine.seed import seed

SECRET = {"token": "s3cr3t-token", "user": "ü"}


@pytest.fixture
def mine() -> Vault:
    return Vault(os.urandom(32))


def test_what_was_sealed_opens(mine: Vault) -> None:
    sealed = mine.seal("w", "c", SECRET)
    assert mine.open("w", "c", sealed) == SECRET
    assert b"s3cr3t" not in sealed
    assert mine.seal("w", "c", SECRET) != sealed


@pytest.mark.parametrize(("workspace", "credential"), [("x", "c"), ("w", "x"), ("w:", "c")])
def test_another_row_does_not_open_it(mine: Vault, workspace: str, credential: str) -> None:
    with pytest.raises(CannotOpen):
        mine.open(workspace, credential, mine.seal("w", "c", SECRET))


def test_every_changed_byte_is_noticed(mine: Vault) -> None:
    sealed = mine.seal("w", "c", {"a": 1})
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(CannotOpen):
            mine.open("w", "c", bytes(changed))
    for length in (0, 1, 20, 80, len(sealed) - 1):
        with pytest.raises(CannotOpen):
            mine.open("w", "c", sealed[:length])


def test_another_key_opens_nothing_until_it_is_wrapped_anew(mine: Vault) -> None:
    other = Vault(os.urandom(32))
    sealed = mine.seal("w", "c", SECRET)
    with pytest.raises(CannotOpen):
        other.open("w", "c", sealed)
    wrapped = other.rewrap("w", "c", sealed, mine)
    assert other.open("w", "c", wrapped) == SECRET
    with pytest.raises(CannotOpen):
        mine.open("w", "c", wrapped)


def test_a_vault_tells_nothing_of_its_key(mine: Vault) -> None:
    assert repr(mine) == f"Vault(key_id='{mine.key_id}')"


def stored(data: Database, name: str = "Mail") -> Credential:
    rows = seed(data)
    credential_id = new_id()
    sealed, key_id = seal(rows.workspace_id, credential_id, SECRET)
    row = Credential(
        id=credential_id, workspace_id=rows.workspace_id, name=name, type="bearer", sealed=sealed, key_id=key_id
    )
    with data.transaction() as session:
        session.add(row)
    return row


async def test_a_node_gets_an_account_of_its_workspace_only(any_database: str) -> None:
    data = database()
    row = stored(data)
    assert await Accounts(data, row.workspace_id).get(row.id) == ("bearer", SECRET)
    with pytest.raises(NotFound):
        await Accounts(data, new_id()).get(row.id)
    assert "s3cr3t" not in repr(row)


async def test_a_lost_key_is_said_in_words(any_database: str) -> None:
    data = database()
    row = stored(data)
    with data.transaction() as session:
        kept = session.get(Credential, row.id)
        assert kept is not None
        kept.sealed = Vault(os.urandom(32)).seal(row.workspace_id, row.id, SECRET)
    with pytest.raises(AuthExpired, match="“Mail” cannot be opened"):
        await Accounts(data, row.workspace_id).get(row.id)


def test_all_accounts_are_wrapped_anew(any_database: str) -> None:
    data = database()
    rows = [stored(data, f"Account {number}") for number in range(3)]
    present = Vault(os.urandom(32))
    assert sealed_otherwise(data, present) == 3
    assert rewrap_all(data, vault(), present) == 3
    assert sealed_otherwise(data, present) == 0
    assert rewrap_all(data, vault(), present) == 0
    with data.transaction(write=False) as session:
        for row in rows:
            kept = session.get(Credential, row.id)
            assert kept is not None
            assert kept.key_id == present.key_id
            assert present.open(kept.workspace_id, kept.id, kept.sealed) == SECRET


def test_the_command_takes_over_from_the_former_key(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_SECRET_KEY", "the former key, thirty-two characters or more")
    settings.cache_clear()
    row = stored(database())
    monkeypatch.setenv("WEFT_SECRET_KEY", "the present key, thirty-two characters or more")
    settings.cache_clear()
    former = tmp_path / "former.key"
    wrong = CliRunner().invoke(cli.app, ["rotate-key", str(tmp_path / "absent.key")])
    assert "cannot be read" in wrong.output
    former.write_text("quite another key, thirty-two characters or more")
    assert CliRunner().invoke(cli.app, ["rotate-key", str(former)]).exit_code == 1
    former.write_text("the former key, thirty-two characters or more\n")
    done = CliRunner().invoke(cli.app, ["rotate-key", str(former)])
    assert (done.exit_code, done.output) == (0, "1 accounts are sealed with the present key.\n")
    with database().transaction(write=False) as session:
        kept = session.get(Credential, row.id)
        assert kept is not None
        assert vault().open(kept.workspace_id, kept.id, kept.sealed) == SECRET
