"""People in two workspaces, for tests that ask services."""

import itertools
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlmodel import Session

from app.services import unit
from app.services.access import Actor, Role
from engine import launch
from engine.catalog import catalog
from engine.models import Membership, User, Workspace
from tests.engine import lab
from tests.engine.bench import Bench, opened
from tests.engine.outside import Outside

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Tenants:
    """Two workspaces that must never see anything of each other."""

    ada: Actor
    bob: Actor


def person(db: Session, role: Role = "owner", workspace_id: str | None = None) -> Actor:
    """A new person with that role, in a workspace of their own unless one is named. They have no usable password."""
    number = next(_numbers)
    if workspace_id is None:
        workspace = Workspace(name=f"Workspace {number}", slug=f"workspace-{number}")
        db.add(workspace)
        db.flush()
        workspace_id = workspace.id
    user = User(email=f"person{number}@example.com", name=f"Person {number}", password_hash="!")
    db.add(user)
    db.flush()
    db.add(Membership(workspace_id=workspace_id, user_id=user.id, role=role))
    return Actor(user.id, workspace_id, role, user.name, user.email)


@pytest.fixture
def tenants(any_database: str) -> Tenants:
    """Ada and Bob, each the owner of a workspace, on both databases."""
    return Tenants(unit.call(person), unit.call(person))


@pytest.fixture
def ada(tenants: Tenants) -> Actor:
    """The owner of one workspace."""
    return tenants.ada


@pytest.fixture
async def bench(
    tenants: Tenants, any_database: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bench]:
    """Runs what services start, in this process and on their database."""
    lab.install(monkeypatch)
    async with opened(any_database, tmp_path / "home") as bench:
        yield bench
    launch.dispose()
    catalog.cache_clear()


@pytest.fixture
def outside(tmp_path: Path) -> Outside:
    """What the runs of this test send, and what refuses them."""
    return Outside(tmp_path)
