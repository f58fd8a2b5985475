"""The hub: which tab hears of what, from a real stream. Tabs stand in for browsers; e2e tests have real ones."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import redis
import reflex as rx

from app import live
from app.live import Hub, Watching
from app.services.errors import SignedOut
from engine.events import Event, publish
from tests.app.pages.conftest import Tab


class Listener(Watching):
    """Remembers what it heard."""

    _told: list[Any] = []
    _refuse: bool = False

    async def _heard(self, events: Sequence[Event]) -> None:
        if self._refuse:
            raise SignedOut
        self._told = [*self._told, [(event.seq, event.status) for event in events]]


class Tabs:
    """The tabs that are connected to a server."""

    def __init__(self) -> None:
        self.open: dict[str, Tab] = {}
        self.event_namespace = SimpleNamespace(token_to_sid=self.open)

    async def add(self, hub: Hub, topic: str, path: str = "/runs/1") -> Listener:
        """One more tab that watches a topic."""
        tab = Tab().at(path)
        state = await tab.state(Listener)
        self.open[state.router.session.client_token] = tab
        state._watched_on = path
        hub.watch(state.router.session.client_token, Listener, topic)
        return state

    @asynccontextmanager
    async def modify_state(self, token: rx.BaseStateToken) -> AsyncIterator[rx.State]:
        yield self.open[token.ident].root


@pytest.fixture
async def tabs() -> Tabs:
    return Tabs()


@pytest.fixture
async def hub(valkey_url: str, tabs: Tabs, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Hub]:
    """A hub that runs."""
    monkeypatch.setattr(live, "REREAD_SECONDS", 0.3)
    made = Hub()
    async with made.running(tabs):  # type: ignore[arg-type]
        yield made


Tell = Callable[..., None]


@pytest.fixture
def tell(valkey_url: str) -> Iterator[Tell]:
    """Tells events as a worker does."""
    client = redis.Redis.from_url(valkey_url)

    def publish_now(*told: Event) -> None:
        with client.pipeline(transaction=False) as pipe:
            publish(pipe, told)
            pipe.execute()

    yield publish_now
    client.close()


def _event(run_id: str, seq: int, status: str = "running") -> Event:
    return Event(run_id, "w1", seq, "step", status, 1, node_id="n")


def _heard(state: Listener) -> list[Any]:
    return [one for batch in state._told for one in batch]


async def _until(state: Listener, count: int) -> None:
    async with asyncio.timeout(10):
        while len(_heard(state)) < count:
            await asyncio.sleep(0.02)


async def test_tabs_hear_of_what_they_watch_and_of_nothing_else(hub: Hub, tabs: Tabs, tell: Tell) -> None:
    first, second = await tabs.add(hub, "run:a"), await tabs.add(hub, "run:a")
    other = await tabs.add(hub, "run:b")
    tell(_event("a", 1), _event("a", 2, "done"))
    await _until(first, 2)
    await _until(second, 2)
    assert _heard(first) == [(1, "running"), (2, "done")]
    assert _heard(other) == []


async def test_rows_are_read_again_every_few_seconds(hub: Hub, tabs: Tabs) -> None:
    state = await tabs.add(hub, "run:a")
    async with asyncio.timeout(10):
        while len(state._told) < 2:
            await asyncio.sleep(0.02)
    assert all(batch == [] for batch in state._told)


async def test_a_tab_that_is_gone_or_elsewhere_is_forgotten(hub: Hub, tabs: Tabs) -> None:
    gone, elsewhere = await tabs.add(hub, "run:a"), await tabs.add(hub, "run:b")
    signed_out = await tabs.add(hub, "run:c")
    signed_out._refuse = True
    tabs.open.pop(gone.router.session.client_token)
    elsewhere._watched_on = "/runs/9"
    async with asyncio.timeout(10):
        while hub._topics:
            await asyncio.sleep(0.02)
    assert not elsewhere._told


async def test_a_tab_watches_one_thing_at_a_time(hub: Hub, tabs: Tabs, tell: Tell) -> None:
    state = await tabs.add(hub, "run:a")
    hub.watch(state.router.session.client_token, Listener, "run:b")
    assert set(hub._topics) == {"run:b"}
    tell(_event("a", 1), _event("b", 7))
    await _until(state, 1)
    assert _heard(state) == [(7, "running")]
