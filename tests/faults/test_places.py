"""A worker that dies in a call gives its place among the calls at once back, as soon as its lease is over."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import redis

from engine.delivery.governor import Governor
from engine.delivery.rates import Limits
from engine.delivery.standing import now_of
from engine.launch import Launcher
from engine.models import Credential, Run, new_id
from engine.settings import settings
from engine.store import vault
from engine.store.db import Database
from tests.engine import lab
from tests.engine.seed import Seed, seed
from tests.faults.workers import Workers

LEASE_SECONDS = 3
LIMITS = Limits(at_once=1)


class Service:
    """Takes calls, and answers each when it is told to."""

    def __init__(self) -> None:
        self.taken = 0
        self.answer = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.taken += 1
        await self.answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\ntrue")
        await writer.drain()
        writer.close()


def account(database: Database, workspace_id: str) -> str:
    """An account that allows one call at once."""
    sealed_for = new_id()
    sealed, key_id = vault.seal(workspace_id, sealed_for, {"token": "abc123"})
    row = Credential(
        id=sealed_for, workspace_id=workspace_id, name="Shop", type="core.bearer", sealed=sealed, key_id=key_id,
        limits={"at_once": 1},
    )  # fmt: skip
    with database.transaction() as session:
        session.add(row)
    return sealed_for


DOCUMENT: dict[str, Any] = {
    "weft": 1,
    "name": "Calls",
    "nodes": {
        "start": {"type": "trigger.manual", "with": {}},
        "call": {"type": "http.request", "with": {"url": "{{ start.url }}", "account": "{{ start.account }}"}},
    },
}


@pytest.fixture
async def stack(
    sqlite_url: str, valkey_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Database, Launcher, Workers]]:
    lab.install(monkeypatch)
    monkeypatch.setenv("WEFT_ALLOW_PRIVATE_NETWORK", "127.0.0.0/8")
    settings.cache_clear()
    database = Database(sqlite_url)
    launcher = Launcher(database, settings().redis_url)
    launcher.start()
    workers = Workers(tmp_path / "workers.log", LEASE_SECONDS)
    yield database, launcher, workers
    workers.stop()
    await asyncio.to_thread(launcher.close)
    database.close()


async def until(what: Any, longest: float) -> float:
    """How many seconds it took until `what()` held."""
    began = time.monotonic()
    async with asyncio.timeout(longest):
        while not what():
            await asyncio.sleep(0.05)
    return time.monotonic() - began


@pytest.mark.timeout(60)
async def test_a_killed_workers_place_is_free_when_its_lease_is_over(
    stack: tuple[Database, Launcher, Workers], valkey_url: str
) -> None:
    database, launcher, workers = stack
    service, place = Service(), seed(database, DOCUMENT)
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    who = account(database, place.workspace_id)
    client, governor = redis.Redis.from_url(valkey_url), Governor(valkey_url)
    key = f"{who}:{host}:{port}"
    workers.start()
    run = await start(launcher, place, {"url": f"http://{host}:{port}/", "account": who})
    await until(lambda: service.taken == 1, 20)
    await asyncio.sleep(LEASE_SECONDS + 1)
    assert (await governor.enter(key, LIMITS, "other")).why == "busy", "a call that lasts loses its place"

    workers.kill_one()
    taken = 0.0
    while now_of(client, {who: LIMITS})[who][0].under_way and taken < 30:
        await asyncio.sleep(0.05)
        taken += 0.05
    assert taken <= LEASE_SECONDS + 2
    service.answer.set()
    await until(lambda: status(database, run) == "done", 30)
    assert (await governor.enter(key, LIMITS, "other")).why == "go", "the end of a call did not give its place back"
    await governor.aclose()
    client.close()
    server.close()


async def start(launcher: Launcher, place: Seed, payload: dict[str, str]) -> str:
    started = await launcher.start_run(
        workspace_id=place.workspace_id,
        workflow_id=place.workflow_id,
        version_id=place.version_id,
        source="api",
        input={"trigger": "start", "payload": payload, "inputs": {}},
    )
    return started.run_id


def status(database: Database, run_id: str) -> str:
    with database.transaction(write=False) as session:
        row = session.get(Run, run_id)
        return row.status if row else ""
