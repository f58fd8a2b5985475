"""Child processes that run JavaScript, and how to talk to them: whatever a child does, the worker goes on.

A child serves one workspace: what a fault of V8 might leave behind in it meets no other's data. It is used again for
that workspace's next piece of code, in a fresh context, and killed when it does not answer in time.
"""

from __future__ import annotations

import atexit
import json
import os
import select
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, cast

_SCRIPT = Path(__file__).with_name("child.py")
_START_SECONDS = 20.0  # on a machine under heavy load
_GRACE_SECONDS = 1.0
_MOST_REPLY = 64 * 1024 * 1024


class Died(Exception):
    """The child ended without an answer."""


class Overdue(Exception):
    """The child did not answer in time and was killed."""


class Child:
    """One process; its owner calls it from one thread at a time, `kill` may come from any."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(  # noqa: S603  our own script
            [sys.executable, "-I", str(_SCRIPT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
            cwd="/",
            start_new_session=True,
        )
        self._to, self._from = cast(IO[bytes], self._process.stdin), cast(IO[bytes], self._process.stdout)
        os.set_blocking(self._to.fileno(), False)
        self._fresh = True

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ask(self, request: Mapping[str, Any], seconds: float) -> dict[str, Any]:
        """The child's reply. Raises Died or Overdue: then the child is gone."""
        content = json.dumps(request).encode()
        until = time.monotonic() + seconds + _GRACE_SECONDS + (_START_SECONDS if self._fresh else 0)
        self._fresh = False
        try:
            self._write(struct.pack("<I", len(content)) + content, until)
            (size,) = struct.unpack("<I", self._read(4, until))
            reply: dict[str, Any] = json.loads(self._read(min(size, _MOST_REPLY), until))
            return reply
        except (OSError, ValueError) as error:
            raise Died from error
        finally:
            if sys.exc_info()[0] is not None:
                self.kill()

    def _write(self, content: bytes, until: float) -> None:
        left = memoryview(content)
        while left:
            self._wait(self._to.fileno(), select.POLLOUT, until)
            left = left[os.write(self._to.fileno(), left[:65536]) :]

    def _read(self, size: int, until: float) -> bytes:
        parts: list[bytes] = []
        while size:
            self._wait(self._from.fileno(), select.POLLIN, until)
            part = os.read(self._from.fileno(), min(size, 1 << 20))
            if not part:
                raise Died
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    @staticmethod
    def _wait(fd: int, event: int, until: float) -> None:
        poll = select.poll()
        poll.register(fd, event)
        if not poll.poll(max(0.0, until - time.monotonic()) * 1000):
            raise Overdue

    def kill(self) -> None:
        """End the process at once, whatever it does."""
        self._process.kill()
        self._process.wait()
        self._to.close()
        self._from.close()


class Children:
    """At most `most` children: those idle kept by workspace, the longest idle ended when another is needed."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._idle: list[tuple[str, Child]] = []
        self._lock = threading.Lock()
        atexit.register(self.close)

    def take(self, workspace_id: str) -> tuple[Child, bool]:
        """A child for one request, to be given back or killed, and whether it was used before."""
        with self._lock:
            for i, (owner, child) in enumerate(self._idle):
                if owner == workspace_id and child.alive:
                    del self._idle[i]
                    return child, True
            ended = self._idle.pop(0)[1] if len(self._idle) >= self._most else None
        if ended is not None:
            ended.kill()
        return Child(), False

    def give_back(self, workspace_id: str, child: Child) -> None:
        """Keep a child that answered for the workspace's next request."""
        with self._lock:
            gone = [one for _, one in self._idle if not one.alive]
            self._idle = [(owner, one) for owner, one in self._idle if one not in gone]
            self._idle.append((workspace_id, child))
            if len(self._idle) > self._most:
                gone.append(self._idle.pop(0)[1])
        for one in gone:
            one.kill()

    def close(self) -> None:
        """End all idle children."""
        with self._lock:
            ended, self._idle = self._idle, []
        for _, child in ended:
            child.kill()
