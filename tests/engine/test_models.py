"""Identifiers sort by time; instants survive the database to the millisecond."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa
from sqlmodel import Session, SQLModel, create_engine

from engine.models import Workspace, from_ms, new_id, now, to_ms


def test_ids_are_ordered_by_time() -> None:
    ids = [new_id() for _ in range(1000)]
    assert ids == sorted(ids) and len(set(ids)) == 1000 and {len(i) for i in ids} == {32}


def test_an_instant_comes_back_as_it_went() -> None:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    made = now()
    with Session(engine) as db:
        db.add(Workspace(id="w", name="W", slug="w", created_at=made))
        db.commit()
        db.expire_all()
        assert db.get_one(Workspace, "w").created_at == made
        assert db.execute(sa.text("select created_at from workspace")).scalar_one() == to_ms(made)
    engine.dispose()
    assert from_ms(to_ms(made)) == made


def test_an_instant_without_a_zone_is_refused() -> None:
    engine = create_engine("sqlite://")
    SQLModel.metadata.create_all(engine)
    with Session(engine) as db, pytest.raises(sa.exc.StatementError, match="time zone"):
        db.add(Workspace(id="w", name="W", slug="w", created_at=datetime(2026, 1, 1)))
        db.commit()
    engine.dispose()


def test_every_table_names_its_workspace() -> None:
    without = {t.name for t in SQLModel.metadata.sorted_tables if "workspace_id" not in t.columns}
    assert without == {"user_account", "workspace"}
