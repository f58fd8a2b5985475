"""What `./weft doctor` says when not everything is well; tests/app/test_stack.py has it look at a running stack."""

import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli, doctor
from engine.models import Trigger, from_ms
from engine.settings import Settings, settings
from engine.store import s3
from engine.store.db import database
from engine.store.storage import folder_of
from tests.engine.seed import seed
from tests.servers import S3Server


def said_of(subject: str, config: Settings) -> doctor.Finding:
    (found,) = [finding for finding in doctor.examine(config) if finding.subject == subject]
    return found


def test_a_new_home_has_notes_but_nothing_wrong(tmp_path: Path) -> None:
    found = doctor.examine(settings())
    assert doctor.healthy(found)
    assert said_of("Home", settings()).mark == "note"
    assert said_of("Database", settings()).mark == "note"
    assert not (tmp_path / "home").exists()


def test_a_database_without_its_tables_is_out_of_date(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty.db").touch()
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/empty.db")
    settings.cache_clear()
    found = said_of("Migrations", settings())
    assert found.mark == "wrong"
    assert found.said.endswith("run ./weft migrate")


def test_a_migrated_database_is_well(any_database: str) -> None:
    assert said_of("Database", settings()).mark == "ok"
    assert said_of("Migrations", settings()).mark == "ok"


def test_servers_that_do_not_answer_are_wrong_and_their_passwords_stay_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://weft:hunter2@127.0.0.1:1/weft")
    monkeypatch.setenv("REDIS_URL", "redis://weft:hunter2@127.0.0.1:1/0")
    settings.cache_clear()
    found = doctor.examine(settings())
    assert not doctor.healthy(found)
    assert {finding.subject for finding in found if finding.mark == "wrong"} == {"Database", "Valkey"}
    assert "hunter2" not in doctor.report(found)


def test_a_secret_key_that_others_can_read_is_wrong() -> None:
    assert settings().secret_key
    assert said_of("Secret key", settings()).mark == "ok"
    settings().secret_key_file.chmod(0o644)
    assert said_of("Secret key", settings()).mark == "wrong"


def test_a_schedule_whose_time_has_passed_is_wrong(any_database: str, valkey_url: str) -> None:
    assert said_of("Schedules", settings()).mark == "ok"
    assert said_of("Scheduler", settings()).said == "none is alive; ./weft up starts it"
    made = seed(database())
    late = Trigger(
        workspace_id=made.workspace_id,
        workflow_id=made.workflow_id,
        version_id=made.version_id,
        node_id="daily",
        kind="schedule",
        enabled=True,
        next_due=from_ms(1_000),
    )
    with database().transaction() as session:
        session.add(late)
    found = said_of("Schedules", settings())
    assert found.mark == "wrong"
    assert found.said.startswith("1 on, 1 overdue")


def test_an_old_file_that_cannot_shrink_is_told_until_it_is_compacted(sqlite_url: str, valkey_url: str) -> None:
    path = sqlite_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.executescript("PRAGMA auto_vacuum=NONE; VACUUM")
    assert "./weft compact" in said_of("Disk space", settings()).said
    result = CliRunner().invoke(cli.app, ["compact"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("The database had ")
    assert not [finding for finding in doctor.examine(settings()) if finding.subject == "Disk space"]


def test_a_bucket_is_tried_and_what_still_lies_on_disk_is_told(
    bucket: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PATIENCE", timedelta(seconds=0.2))
    found = said_of("Payloads", settings())
    assert (found.mark, found.said) == ("ok", f"s3://{bucket}/some/prefix at {s3_server.url}")
    assert {method for method, *_ in s3_server.ask("requests", bucket=bucket)} >= {"PUT", "GET", "POST"}
    folder_of(settings()).put("one", "a" * 64, b"x")
    said = [finding for finding in doctor.examine(settings()) if finding.subject == "Payloads"]
    assert [finding.mark for finding in said] == ["ok", "note"]
    assert "./weft payloads copy" in said[1].said
    s3_server.ask("fail", bucket=bucket, status="403", code="AccessDenied")
    found = said_of("Payloads", settings())
    assert found.mark == "wrong"
    assert "AccessDenied" in found.said and "not to be shown" not in found.said
