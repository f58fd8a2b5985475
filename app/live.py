"""Live pages: one reader of the events per server process, and patches to the tabs that watch.

A State class that wants to know derives from ``Watching`` and calls ``_watch_run`` or ``_watch_workspace`` from a
guarded handler that has checked the owner. Its ``_heard`` is called with what changed, at most every 100 ms (of a
workspace: every second), and with an empty list every five seconds: then it reads the rows again, which are the truth.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import reflex as rx
import structlog

from app.services.errors import SignedOut
from app.session import SessionState
from engine.events import Event, Follower
from engine.settings import settings

WINDOW_SECONDS: Final = 0.1
LIST_SECONDS: Final = 1.0  # a list of a busy workspace is read anew no more often than this
REREAD_SECONDS: Final = 5.0

log = structlog.get_logger()


class Watching(SessionState):
    """Base of the states that follow runs. Each follows one run, or its whole workspace, while its page is open."""

    _watched_on: str = ""

    def _watch_run(self, run_id: str) -> None:
        self._watched_on = self.router.url.path
        hub().watch(self.router.session.client_token, type(self), f"run:{run_id}")

    def _watch_workspace(self, workspace_id: str) -> None:
        self._watched_on = self.router.url.path
        hub().watch(self.router.session.client_token, type(self), f"ws:{workspace_id}")

    def _unwatch(self) -> None:
        hub().unwatch(self.router.session.client_token, type(self))

    def _put(self, **values: Any) -> None:
        """Set vars, but only those that differ: what is set is sent to the browser, whether it changed or not."""
        for name, value in values.items():
            if getattr(self, name) != value:
                setattr(self, name, value)

    async def _heard(self, events: Sequence[Event]) -> None:
        """Apply what changed; an empty list means: read the rows again."""
        raise NotImplementedError


@dataclass
class _Topic:
    """A stream that somebody watches: its watchers, what waits to be told, and the task that reads it."""

    watchers: set[tuple[str, type[Watching]]] = field(default_factory=set)
    pending: list[Event] = field(default_factory=list)
    reader: asyncio.Task[None] | None = None
    told_at: float = 0.0


class Hub:
    """Which tab watches what, in this process."""

    def __init__(self) -> None:
        self._topics: dict[str, _Topic] = {}
        self._follower: Follower | None = None
        self._app: rx.App | None = None

    def watch(self, token: str, state: type[Watching], topic: str) -> None:
        """Let this tab's state hear of a topic, and of no other from now on."""
        self.unwatch(token, state)
        found = self._topics.setdefault(topic, _Topic())
        found.watchers.add((token, state))
        if found.reader is None and self._follower is not None:
            found.reader = asyncio.create_task(self._read(topic, found), name=f"live {topic}")

    def unwatch(self, token: str, state: type[Watching]) -> None:
        """Let this tab's state hear no more."""
        for topic in [topic for topic, one in self._topics.items() if (token, state) in one.watchers]:
            self._drop(topic, (token, state))

    def _drop(self, topic: str, watcher: tuple[str, type[Watching]]) -> None:
        found = self._topics[topic]
        found.watchers.discard(watcher)
        if not found.watchers:
            if found.reader:
                found.reader.cancel()
            del self._topics[topic]

    async def _read(self, topic: str, found: _Topic) -> None:
        kind, _, key = topic.partition(":")
        if self._follower is None:
            return
        stream = self._follower.subscribe(key) if kind == "run" else self._follower.subscribe_workspace(key)
        async with aclosing(stream) as events:  # type: ignore[type-var]
            async for event in events:
                found.pending.append(event)

    @asynccontextmanager
    async def running(self, app: rx.App) -> AsyncIterator[None]:
        """The lifespan of the process: read and tell until it ends."""
        self._app, self._follower = app, Follower(settings().redis_url)
        await self._follower.start()
        tasks = [asyncio.create_task(self._tell_changes()), asyncio.create_task(self._tell_to_reread())]
        try:
            yield
        finally:
            readers = [one.reader for one in self._topics.values() if one.reader]
            for task in (*tasks, *readers):
                task.cancel()
            await asyncio.gather(*tasks, *readers, return_exceptions=True)
            await self._follower.stop()

    async def _tell_changes(self) -> None:
        while True:
            await asyncio.sleep(WINDOW_SECONDS)
            for topic, found in list(self._topics.items()):
                if found.pending and self._is_time(topic, found):
                    events, found.pending = found.pending, []
                    await self._tell(topic, found, events)

    @staticmethod
    def _is_time(topic: str, found: _Topic) -> bool:
        return topic.startswith("run:") or time.monotonic() - found.told_at >= LIST_SECONDS

    async def _tell_to_reread(self) -> None:
        while True:
            await asyncio.sleep(REREAD_SECONDS)
            for topic, found in list(self._topics.items()):
                await self._tell(topic, found, [])

    async def _tell(self, topic: str, found: _Topic, events: Sequence[Event]) -> None:
        found.told_at = time.monotonic()
        for watcher in list(found.watchers):
            if not await self._reach(watcher, events) and watcher in found.watchers:
                self._drop(topic, watcher)

    async def _reach(self, watcher: tuple[str, type[Watching]], events: Sequence[Event]) -> bool:
        """Hand the events to one tab's state; False when the tab is gone."""
        token, kind = watcher
        namespace = self._app.event_namespace if self._app else None
        if self._app is None or namespace is None or token not in namespace.token_to_sid:
            return False
        try:
            async with self._app.modify_state(rx.BaseStateToken(ident=token, cls=kind)) as tree:
                state = await tree.get_state(kind)
                if state.router.url.path != state._watched_on:
                    return False  # the tab has gone to another page
                await state._heard(events)
        except SignedOut:
            return False
        except Exception:
            # One broken tab must not silence all others.
            log.exception("live.not_told", state=kind.__name__)
        return True


_hub = Hub()


def hub() -> Hub:
    """The hub of this process."""
    return _hub


def follow(app: rx.App) -> Any:
    """The lifespan task of the app."""

    @asynccontextmanager
    async def live() -> AsyncIterator[None]:
        async with _hub.running(app):
            yield

    return live
