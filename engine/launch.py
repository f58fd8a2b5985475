"""Starting runs, waiting for their end, cancelling them: record, commit, then tell. Every door leads here."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import redis
import structlog

from engine.delivery.outbox import Outbox
from engine.delivery.replies import Replies, RunResult, read_results
from engine.delivery.room import Room
from engine.dispatch import Dispatcher
from engine.models import new_id
from engine.settings import settings
from engine.store import cancelling, pausing, settling, starting
from engine.store.db import Database, DatabaseUnavailable, database
from engine.store.results import Started, Woken
from engine.store.starting import NewRun, Taken
from engine.store.writer import Writer

LOOK_AGAIN_SECONDS = 2.0
DATABASE_AWAY_SECONDS = 1.0  # between two looks whether it is there

log = structlog.get_logger()


class Launcher:
    """A process's way to start and steer runs: its writer, and what follows a commit. Serves any event loop."""

    def __init__(self, data: Database, redis_url: str, died: Callable[[BaseException], None] | None = None) -> None:
        self.client = redis.Redis.from_url(redis_url)
        self._database = data
        self.room = Room()
        self._outbox = Outbox(self.client, self.room)
        self.writer = Writer(data, committed=self._committed, died=died)
        self.dispatcher = Dispatcher(self.client, data, self.writer, self.room)
        self._replies = Replies(data, redis_url)

    def start(self) -> None:
        """Starts the threads. Raises DatabaseUnavailable; an absent Redis only delays runs."""
        self.writer.start()
        self._outbox.start()
        self.dispatcher.start()

    async def start_with_database(self) -> None:
        """Starts the threads as soon as the database answers: it may need a while after a crash of its own."""
        while True:
            try:
                await asyncio.to_thread(self.start)
            except DatabaseUnavailable as error:
                log.warning("launcher.database_away", error=str(error))
                await asyncio.sleep(DATABASE_AWAY_SECONDS)
            else:
                return

    def _committed(self, results: Sequence[Any]) -> None:
        self._outbox.put(results)
        self.dispatcher.hear(results)

    def close(self) -> None:
        """Commits and sends what is queued, then ends the threads."""
        self.dispatcher.stop()
        self.writer.stop()
        self._outbox.stop()
        self._replies.stop()
        self.client.close()

    async def start_run(
        self,
        *,
        workspace_id: str,
        workflow_id: str,
        version_id: str,
        source: str,
        input: Mapping[str, Any],
        options: Mapping[str, Any] | None = None,
        started_by: str | None = None,
        idempotency_key: str | None = None,
        trigger_id: str | None = None,
        due: int | None = None,
        again_of: str | None = None,
        reply: bool = False,
        taken: Sequence[Taken] = (),
    ) -> Started:
        """Records a run and returns when that is durable; it is delivered to a worker right after.

        With `reply`, `wait_result` hears of the end at once. `due` is milliseconds since 1970 UTC. The same
        `idempotency_key` in one workspace gives the same run. `taken`: steps of ended runs that this one need not do.

        Raises:
            DatabaseUnavailable: nothing was started.
            EarlierRunGone: what is to be taken over is not there any more; nothing was started.
        """
        run_id = new_id()
        given = dict(options or {})
        if reply:
            given["reply_to"] = self._replies.expect(run_id)
        new = NewRun(
            id=run_id,
            workspace_id=workspace_id,
            workflow_id=workflow_id,
            version_id=version_id,
            source=source,
            input=input,
            options=given,
            started_by=started_by,
            idempotency_key=idempotency_key,
            trigger_id=trigger_id,
            due=due,
            again_of=again_of,
            reply=reply,
            taken=tuple(taken),
        )
        try:
            started: Started = await self.writer.submit(partial(starting.start, new=new, deliver=self.room.take()))
        except BaseException:
            self._replies.forget(run_id)
            raise
        if not started.created:
            self._replies.forget(run_id)
        return started

    async def wait_result(
        self,
        run_id: str,
        timeout: float,  # noqa: ASYNC109 - part of the result
        answer: bool = False,
    ) -> RunResult | None:
        """Waits at most `timeout` seconds for the run to end, and says how it stands; None if there is no such run.

        With `answer`, a Respond node's answer is enough, though the run goes on.
        """
        until = time.monotonic() + timeout
        expected = self._replies.expected(run_id)
        try:
            while True:
                left = until - time.monotonic()
                if expected is not None:
                    done, _ = await asyncio.wait({expected}, timeout=min(max(left, 0), LOOK_AGAIN_SECONDS))
                    if done and ((told := expected.result()).over or answer):
                        return told
                    expected = None if done else expected
                # Also when a reply was expected: Redis may have lost it.
                result = (await asyncio.to_thread(read_results, self._database, [run_id])).get(run_id)
                if result is None or result.over or (answer and result.answered) or left <= 0:
                    return result
                if expected is None:
                    await asyncio.sleep(min(0.2, max(left, 0)))
        finally:
            self._replies.forget(run_id)

    async def cancel(self, run_id: str) -> bool:
        """Wishes a run to end. At once if nobody advances it now; else its holder is told, and has 10 s.

        False if it is over. Whether it is the caller's run is for the caller to know.
        """
        woken: Woken = await self.writer.submit(partial(cancelling.cancel, run_id=run_id))
        return woken.done

    async def pause(self, run_id: str) -> bool:
        """Wishes a run to rest until it is resumed: what is under way finishes and is recorded, nothing new starts.

        False if it is over, rests already, or is to be cancelled.
        """
        woken: Woken = await self.writer.submit(partial(pausing.pause, run_id=run_id))
        return woken.done

    async def resume(self, run_id: str) -> bool:
        """Lets a paused run go on. False if it is not paused."""
        woken: Woken = await self.writer.submit(partial(pausing.resume, run_id=run_id))
        return woken.done

    async def raise_budget(self, run_id: str, wait_id: str, outcome: Any, budget: Mapping[str, Any]) -> bool:
        """Gives a run that used up its budget a higher one, and lets it go on. False if that was answered before."""
        raised = partial(pausing.raise_budget, run_id=run_id, wait_id=wait_id, outcome=outcome, budget=budget)
        woken: Woken = await self.writer.submit(raised)
        return woken.done

    async def end_budget(self, run_id: str, wait_id: str, outcome: Any) -> bool:
        """Ends a run that used up its budget. False if that was answered before."""
        ended = partial(pausing.end_budget, run_id=run_id, wait_id=wait_id, outcome=outcome)
        woken: Woken = await self.writer.submit(ended)
        return woken.done

    async def settle(self, wait_id: str, outcome: Any) -> bool:
        """Answers what a run waits for. False if that was answered before, its deadline is past, or the run is over."""
        answer = partial(
            settling.settle, wait_id=wait_id, outcome=outcome, early=True, in_time=True, deliver=self.room.take()
        )
        woken: Woken = await self.writer.submit(answer)
        return woken.done


_launchers: dict[tuple[int, str, str], Launcher] = {}
_opening = threading.Lock()


def launcher() -> Launcher:
    """The launcher of this process's settings, started on first use, and again should its writer have died."""
    key = (os.getpid(), settings().database_url, settings().redis_url)
    with _opening:
        made = _launchers.get(key)
        if made is None or not made.writer.alive:
            if made is not None:
                made.close()
            made = Launcher(database(), settings().redis_url)
            made.start()
            _launchers[key] = made
        return made


def dispose() -> None:
    """Ends the launchers of this process."""
    with _opening:
        for made in _launchers.values():
            made.close()
        _launchers.clear()


async def start_run(**values: Any) -> Started:
    """`Launcher.start_run` of this process."""
    return await launcher().start_run(**values)


async def wait_result(
    run_id: str,
    timeout: float,  # noqa: ASYNC109 - part of the result
    answer: bool = False,
) -> RunResult | None:
    """`Launcher.wait_result` of this process."""
    return await launcher().wait_result(run_id, timeout, answer)


async def cancel(run_id: str) -> bool:
    """`Launcher.cancel` of this process."""
    return await launcher().cancel(run_id)


async def pause(run_id: str) -> bool:
    """`Launcher.pause` of this process."""
    return await launcher().pause(run_id)


async def resume(run_id: str) -> bool:
    """`Launcher.resume` of this process."""
    return await launcher().resume(run_id)


async def raise_budget(run_id: str, wait_id: str, outcome: Any, budget: Mapping[str, Any]) -> bool:
    """`Launcher.raise_budget` of this process."""
    return await launcher().raise_budget(run_id, wait_id, outcome, budget)


async def end_budget(run_id: str, wait_id: str, outcome: Any) -> bool:
    """`Launcher.end_budget` of this process."""
    return await launcher().end_budget(run_id, wait_id, outcome)


async def settle(wait_id: str, outcome: Any) -> bool:
    """`Launcher.settle` of this process."""
    return await launcher().settle(wait_id, outcome)
