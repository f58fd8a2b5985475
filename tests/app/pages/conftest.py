"""Tabs without a browser: the state tree of one tab, with the address and the cookie that its browser would send."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, TypeVar

import pytest
import reflex as rx
from reflex.istate.data import RouterData
from sqlmodel import Session

from app.services import secrets, unit
from app.services.access import Actor
from app.session import COOKIE
from engine.models import AuthSession, Run, Step, Workflow, WorkflowVersion, new_id, now
from tests.app.services.conftest import person

_State = TypeVar("_State", bound=rx.State)

DOCUMENT: dict[str, Any] = {
    "weft": 1,
    "name": "Sort messages",
    "nodes": {
        "messages": {"type": "flow.input", "with": {"name": "messages", "kind": "rows"}},
        "rows": {"type": "data.filter", "label": "Keep some", "with": {"rows": "{{ messages }}", "when": "{{ true }}"}},
        "out": {
            "type": "flow.output",
            "label": "Messages",
            "with": {"value": "{{ rows }}", "name": "messages", "show": "table", "review_below": 0.6},
        },
    },
}
ROWS = [
    {"Message": f"Message {i}", "Department": "Cards", "Confidence": 0.5 if i % 10 == 0 else 0.9} for i in range(120)
]


@dataclass
class Tab:
    """One tab of somebody's browser."""

    cookie: str = ""
    root: rx.State = field(default_factory=lambda: rx.State(_reflex_internal_init=True))

    def at(self, address: str) -> "Tab":
        """Go to an address within Weft."""
        data = {
            "pathname": address.partition("?")[0],
            "asPath": address,
            "query": {},
            "token": new_id(),
            "sid": "sid",
            "headers": {"cookie": f"{COOKIE}={self.cookie}"} if self.cookie else {},
            "ip": "192.0.2.1",
        }
        self.root.router = RouterData.from_router_data(data)
        return self

    async def state(self, kind: type[_State]) -> _State:
        """The tab's state of this class."""
        found: _State = await self.root.get_state(kind)
        return found


def sign_in(db: Session, actor: Actor) -> str:
    """A session token of that person."""
    token = secrets.new_token()
    row = AuthSession(
        workspace_id=actor.workspace_id,
        user_id=actor.user_id,
        token_hash=secrets.fingerprint(token),
        expires_at=now() + timedelta(days=1),
    )
    db.add(row)
    return token


@dataclass(frozen=True)
class Somebody:
    """A person who is signed in, and their tab."""

    actor: Actor
    tab: Tab


def somebody() -> Somebody:
    """A new person, owner of a workspace of their own, signed in."""
    actor = unit.call(person)
    return Somebody(actor, Tab(unit.call(sign_in, actor)))


@pytest.fixture
def ada(sqlite_url: str, valkey_url: str) -> Somebody:
    """The owner of a workspace, at home."""
    return somebody()


@pytest.fixture
def bob(ada: Somebody) -> Somebody:
    """The owner of another workspace."""
    return somebody()


def add_workflow(db: Session, actor: Actor, name: str = "Sort messages", published: bool = True) -> tuple[str, str]:
    """A workflow with one version; returns the ids of both."""
    document = {**DOCUMENT, "name": name}
    workflow = Workflow(workspace_id=actor.workspace_id, name=name, draft=document, created_by=actor.user_id)
    db.add(workflow)
    db.flush()
    version = WorkflowVersion(
        workspace_id=actor.workspace_id,
        workflow_id=workflow.id,
        number=1 if published else None,
        document=document,
        content_hash=new_id(),
    )
    db.add(version)
    db.flush()
    workflow.published_id = version.id if published else None
    return workflow.id, version.id


def add_run(db: Session, actor: Actor, ids: tuple[str, str], status: str = "done", **columns: Any) -> str:
    """A run as the workers would leave it, with its steps; returns its id."""
    moment = now()
    run = Run(
        workspace_id=actor.workspace_id,
        workflow_id=ids[0],
        version_id=ids[1],
        status=status,
        source="manual",
        started_by=actor.user_id,
        input={},
        seq=3,
        created_at=moment,
        started_at=moment,
        finished_at=None if status in ("queued", "running") else moment + timedelta(seconds=2),
        **columns,
    )
    db.add(run)
    db.flush()
    over = status == "done"
    states: Mapping[str, str] = {"messages": "done", "rows": "done" if over else status, "out": "done" if over else ""}
    for node_id, state in states.items():
        if state:
            db.add(
                Step(
                    run_id=run.id,
                    node_id=node_id,
                    workspace_id=actor.workspace_id,
                    status=state,
                    output={"main": {"v": ROWS, "o": []}} if state == "done" else None,
                    error=columns.get("error") if state == "failed" else None,
                    started_at=moment,
                    finished_at=moment if state != "running" else None,
                )
            )
    return run.id
