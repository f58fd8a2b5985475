"""When a run, or a body inside it, must come to an end: what may go on, what is cut short. Pure bookkeeping."""

from __future__ import annotations

import asyncio
from typing import Literal

Reason = Literal["failed", "cancel", "pause", "drain", "lost"]

# A stronger reason replaces a weaker one: a run that failed is no longer handed to another worker.
STRENGTH: dict[Reason, int] = {"pause": 0, "drain": 1, "failed": 2, "cancel": 3, "lost": 4}


class Control:
    """Which calls of a scope are under way, and whether new ones may start. What halts a scope halts all inside it.

    A pause lets every call finish. Failing, cancelling and draining let only those finish whose effect has begun, since
    their outcome must be recorded. A lost lease cuts everything: nothing could be recorded any more.
    """

    def __init__(self, around: Control | None = None) -> None:
        """`around`: the control of the scope that this one stands in; `leave` when it is over."""
        self.reason: Reason | None = around.reason if around is not None else None
        self._calls: dict[asyncio.Task[object], bool] = {}
        self._inside: set[Control] = set()
        self._around = around
        if around is not None:
            around._inside.add(self)

    @property
    def halted(self) -> bool:
        """Whether nothing new may start."""
        return self.reason is not None

    def leave(self) -> None:
        """The scope is over."""
        if self._around is not None:
            self._around._inside.discard(self)

    def calling(self) -> Calling:
        """The present task makes a call inside this block, and may be cancelled there."""
        return Calling(self._calls)

    def effect_begins(self) -> None:
        """From here the present call is no longer cut short."""
        self._calls[_this_task()] = True

    def halt(self, reason: Reason) -> None:
        """Start nothing new, and cut short what may be, here and in every scope inside."""
        if self.reason is not None and STRENGTH[reason] <= STRENGTH[self.reason]:
            return
        self.reason = reason
        for inner in list(self._inside):
            inner.halt(reason)
        if reason == "pause":
            return
        for task, in_effect in list(self._calls.items()):
            if reason == "lost" or not in_effect:
                task.cancel()


class Calling:
    """See `Control.calling`."""

    def __init__(self, calls: dict[asyncio.Task[object], bool]) -> None:
        self._calls, self._task = calls, _this_task()

    def __enter__(self) -> None:
        self._calls[self._task] = False

    def __exit__(self, *raised: object) -> None:
        self._calls.pop(self._task, None)


def _this_task() -> asyncio.Task[object]:
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("calls are made in tasks")
    return task
