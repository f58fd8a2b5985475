"""The calls of a mapped node: a window of them in flight, never all at once, in batches if the type takes batches."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from itertools import islice

DEFAULT_WINDOW = 10
LONGEST_TURN = 0.005  # seconds that one node keeps the event loop to itself


async def run_window(
    indexes: Iterable[int],
    *,
    window: int,
    batch: int,
    perform: Callable[[list[int]], Awaitable[None]],
    halted: Callable[[], bool],
) -> None:
    """Perform every index once, at most `window` batches at a time, starting nothing once `halted` says so.

    Memory is bounded by the window: there are that many tasks, each of which takes the next batch when it has done
    one. A task that is cancelled from outside (a halt cancels what has no effect under way) does not touch the others.

    Raises:
        BaseException: the first thing that `perform` raised, after all tasks have ended.
    """
    source = _batches(iter(indexes), max(1, batch))
    first = list(islice(source, window))
    waiting = iter(first)

    def next_batch() -> list[int] | None:
        return next(waiting, None) or next(source, None)

    async def worker() -> None:
        turn = time.monotonic()
        while not halted() and (group := next_batch()) is not None:
            await perform(group)
            if (now := time.monotonic()) - turn > LONGEST_TURN:
                await asyncio.sleep(0)
                turn = now

    tasks = [asyncio.create_task(worker()) for _ in first]
    if not tasks:
        return
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise
    for task in tasks:
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


def _batches(indexes: Iterator[int], size: int) -> Iterator[list[int]]:
    while group := list(islice(indexes, size)):
        yield group


class Chunks:
    """Which fixed ranges of a list are complete, so that each can be recorded as one row."""

    SIZE = 256

    def __init__(self, length: int, known: Iterable[int] = ()) -> None:
        self._missing = {start: len(self.part(start, length)) for start in range(0, length, self.SIZE)}
        for index in known:
            self.settle(index)

    @classmethod
    def part(cls, start: int, length: int) -> range:
        """The indexes of the chunk that begins there, in a list of that length."""
        return range(start, min(start + cls.SIZE, length))

    def settle(self, index: int) -> int | None:
        """Note that one more index has its result; the start of its chunk if that is complete now."""
        start = index - index % self.SIZE
        self._missing[start] -= 1
        return start if not self._missing[start] else None

    @classmethod
    def name(cls, part: range) -> str:
        """The `item` of the chunk's row, such as `0-255`."""
        return f"{part.start}-{part.stop - 1}"
