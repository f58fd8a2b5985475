"""Whose turn it is to write to a SQLite file: a queue that no process can starve in."""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path


class Turnstile:
    """The right to write to one SQLite file, handed out in the order of asking, across threads and processes.

    flock queues its waiters, and the kernel takes the lock back from a process that died.
    """

    def __init__(self, path: Path) -> None:
        self._gate, self._write = f"{path}-gate", f"{path}-write"
        self._local = threading.local()

    def enter(self) -> None:
        """Waits for the turn. Raises RuntimeError if this thread has it already, which would wait for ever."""
        if getattr(self._local, "inside", False):
            raise RuntimeError("A write transaction was opened inside another one; hand the open session on instead")
        if not hasattr(self._local, "files"):
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            self._local.files = (
                _Closing(os.open(self._gate, flags, 0o600)),
                _Closing(os.open(self._write, flags, 0o600)),
            )
        gate, write = self._local.files
        fcntl.flock(gate.number, fcntl.LOCK_EX)
        try:
            fcntl.flock(write.number, fcntl.LOCK_EX)
        finally:
            fcntl.flock(gate.number, fcntl.LOCK_UN)
        self._local.inside = True

    def leave(self) -> None:
        """Gives the turn to whoever waits at the gate; does nothing if this thread has no turn."""
        if not getattr(self._local, "inside", False):
            return
        self._local.inside = False
        fcntl.flock(self._local.files[1].number, fcntl.LOCK_UN)


class _Closing:
    """A file descriptor that is closed with the thread that used it."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.close(self.number)
