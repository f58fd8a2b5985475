"""The rounds of a container's body: so many under way at once, each recorded as one item of the container."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.clock import now_ms
from engine.models import new_id
from engine.run.callrows import CallRows
from engine.run.outcome import Done, Failed
from engine.store.changes import NewWait, StepRow


class Window:
    """Performs rounds, a bounded number at a time. A round that is called back goes before those that never began.

    Memory is bounded by the window: a task for each round under way, none for those that wait or are still to come.
    """

    def __init__(self, size: int, perform: Callable[[int], Awaitable[None]], halted: Callable[[], bool]) -> None:
        self._size, self._perform, self._halted = size, perform, halted
        self._called: deque[int] = deque()
        self._todo: Iterable[int] = ()
        self._tasks: set[asyncio.Task[None]] = set()
        self._error: BaseException | None = None
        self._over = asyncio.Event()

    async def run(self, todo: Iterable[int]) -> None:
        """Return when nothing is under way and nothing can start. Raises the first thing that a round raised."""
        self._todo = iter(todo)
        self._fill()
        try:
            await self._over.wait()
        except asyncio.CancelledError:
            self._todo = ()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            raise
        if self._error is not None:
            raise self._error

    def call(self, index: int) -> None:
        """A round that waited can go on."""
        self._called.append(index)
        self._fill()

    def _next(self) -> int | None:
        return self._called.popleft() if self._called else next(iter(self._todo), None)

    def _fill(self) -> None:
        while len(self._tasks) < self._size and self._error is None and not self._halted():
            if (index := self._next()) is None:
                break
            task = asyncio.ensure_future(self._perform(index))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        if not self._tasks:
            self._over.set()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._error = self._error or error
        self._fill()


def limit_number(tries: int) -> int:
    """The round of the wait for the end of a try's time; the one before it is for its beginning."""
    return 2 * tries


@dataclass(slots=True)
class RoundRows(CallRows):
    """The rows of a container, whose items are the rounds of its body."""

    def begins(self, index: int) -> int:
        """Note that a round is under way: only of such a round can there be rows. When that was, in ms since 1970."""
        item = str(index)
        at = self.past.since.setdefault(item, now_ms())
        self.ledger.note(self._open("running", item))
        return at

    def tries(self, index: int) -> int:
        """At which try a round is, from 1."""
        return self.past.tries.get(str(index), 1)

    async def again(self, index: int, scope: str) -> None:
        """Have a round begin again with what was done in it. Return when that is durable."""
        item, failed = str(index), self.tries(index)
        self.past.since[item], self.past.tries[item] = now_ms(), failed + 1
        self.past.begun.add(item)
        self.ledger.note(self._open("running", item))
        self.ledger.renew(scope, failed)
        await self.ledger.settle()

    def _open(self, status: str, item: str, waits: int = 0) -> StepRow:
        """The row of a round that is not over."""
        since, tries = self.past.since[item], self.past.tries.get(item, 1)
        told = {"waits": waits} if waits else {}
        if tries > 1:
            # The row says when the first try began, for good.
            told["since"] = since
        return self.row(status, item, tries, told=told or None, started_at=since)

    async def ends(self, index: int, result: Done | Failed, started_at: int, given: Any = None) -> None:
        """Note what a round came to. Raises NodeError if it cannot be stored."""
        item = str(index)
        self.past.since.pop(item, None)
        tries = self.past.tries.pop(item, 1)
        if isinstance(result, Failed):
            record = self.record(result.error, item)
            self.ledger.note(self.row("failed", item, tries, error=record, held=given, started_at=started_at))
            if self.stops and self.error is None:
                self.error, self.given = record, given
        else:
            packed = await self.ledger.packed_ports(result.fired)
            self.ledger.note(self.row("done", item, tries, output=packed, started_at=started_at))
        self.keep(index, result)

    def rests(self, index: int, waits: int, scope: str, until: int | None) -> None:
        """Note that nothing in a round can go on before one of so many waits is settled, or its time is over.

        Args:
            scope: that of the round. Its time is a wait that stands there: what gives up the others gives it up.
            until: when its time is over, in ms since 1970; None: it has as much as it likes.
        """
        item = str(index)
        limits = []
        if until is not None:
            waits += 1
            number = limit_number(self.tries(index))
            limits.append(NewWait(new_id(), self.planned.id, "limit", round=number, due=until, scope=scope))
        self.past.resting[item] = waits
        self.ledger.note(self._open("waiting", item, waits), waits=limits)

    def rests_before(self, index: int, scope: str, pause: float) -> None:
        """Note that a round is tried again in `pause` seconds."""
        item = str(index)
        due = self.past.since[item] = now_ms() + math.ceil(pause * 1000)
        number = limit_number(self.tries(index)) - 1
        self.past.begun.discard(item)
        self.past.resting[item] = 1
        wait = NewWait(new_id(), self.planned.id, "retry", round=number, due=due, scope=scope)
        self.ledger.note(self._open("waiting", item, 1), waits=[wait])

    def drop(self, prefix: str) -> None:
        """Note that nothing is waited for any more in the scopes whose path begins like this."""
        if self.ledger.has_waits:
            self.ledger.drop(prefix)

    def last_done(self) -> Mapping[str, Any] | None:
        """What the last round gave, if there was one."""
        last = self.results[-1] if self.results else None
        return last.fired if isinstance(last, Done) else None
