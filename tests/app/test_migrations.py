from pathlib import Path

import pytest

from app import migrations
from engine.store import db


def test_a_migrated_database_is_current(any_database: str) -> None:
    state = migrations.state(any_database)
    assert state.up_to_date
    assert state.newest == migrations.newest()
    assert migrations.is_current(any_database)


def test_upgrading_again_changes_nothing(any_database: str) -> None:
    before = migrations.state(any_database)
    migrations.upgrade(any_database)
    assert migrations.state(any_database) == before


def test_a_new_database_is_not_current(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    assert not migrations.is_current(url)
    assert not (tmp_path / "new.db").exists()
    migrations.upgrade(url)
    assert migrations.is_current(url)


def test_a_server_that_does_not_answer_is_named() -> None:
    with pytest.raises(db.DatabaseUnavailable, match="127\\.0\\.0\\.1"):
        migrations.upgrade("postgresql://weft:hunter2@127.0.0.1:1/weft")
