"""When a round of a container must be over: its time limit, counted from its start, whatever worker walks it."""

from __future__ import annotations

import asyncio
from types import TracebackType

from engine.clock import now_ms
from engine.contract import TimedOut
from engine.graph import Node
from engine.run.control import Control


class Deadline:
    """Inside its block, halts a round whose time is over: as after a failure, only effects that have begun finish.

    `passed`: whether that happened. `at`: ms since 1970, or None without a limit.
    """

    def __init__(self, node: Node, began: int, control: Control) -> None:
        """`began`: when the round did, in ms since 1970."""
        self.at = None if node.time_limit is None else began + round(node.time_limit * 1000)
        self.passed = False
        self._node, self._control = node, control
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Deadline:
        if self.at is not None and not self.passed:
            left = (self.at - now_ms()) / 1000
            if left <= 0:
                self.over()
            else:
                self._timer = asyncio.get_running_loop().call_later(left, self.over)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def over(self) -> None:
        """The time is over."""
        self.passed = True
        self._control.halt("failed")

    @property
    def cut(self) -> bool:
        """Whether something else ended the round, and not its time."""
        return self._control.reason != "failed"

    @property
    def error(self) -> TimedOut:
        """Why the round failed."""
        return TimedOut(
            f"“{self._node.title}” did not finish within its time limit of {self._node.time_limit:g} s.",
            hint="Raise the time limit of the group, or look at which step inside of it takes so long.",
        )
