"""REST in this process, asked through HTTP messages without a socket; databases and Valkey are real."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import httpx
import pytest

from app.api.main import api
from app.services import accounts, api_keys, unit
from app.services.access import Actor
from app.serving import guarded
from engine import launch
from tests.app.services.conftest import person


@dataclass(frozen=True)
class Caller:
    """A person with an API key and a client that sends it, and with the cookie of a signed-in browser."""

    actor: Actor
    key: str
    client: httpx.AsyncClient
    cookie: dict[str, str]


def client_of(key: str | None = None) -> httpx.AsyncClient:
    """A client of the whole of REST, behind what stands in front of it in the server."""
    app = guarded("http://weft.test")(api)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False, client=("192.0.2.50", 4000))
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    return httpx.AsyncClient(transport=transport, base_url="http://weft.test", headers=headers)


async def caller(role: str = "owner", workspace_id: str | None = None) -> Caller:
    """A new person, in a workspace of their own unless one is named."""
    actor = await unit.ask(person, role, workspace_id)
    _, key = await unit.ask(api_keys.create, actor, "Tests", actor.role)
    token = await unit.ask(accounts._open_session, actor.user_id)
    return Caller(actor, key, client_of(key), {"Cookie": f"weft_session={token}"})


@pytest.fixture(autouse=True)
def closed_launcher() -> AsyncIterator[None]:
    """Each test has a database of its own, and so a launcher of its own."""
    yield
    launch.dispose()


@pytest.fixture
async def anyone(sqlite_url: str, valkey_url: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client that proves nothing."""
    async with client_of() as client:
        yield client


@pytest.fixture
async def ada(sqlite_url: str, valkey_url: str) -> AsyncIterator[Caller]:
    """The owner of a workspace."""
    found = await caller()
    async with found.client:
        yield found


@pytest.fixture
async def bob(ada: Caller) -> AsyncIterator[Caller]:
    """The owner of another workspace."""
    found = await caller()
    async with found.client:
        yield found
