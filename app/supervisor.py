"""Runs the parts of a stack: starts them in order, restarts what crashes, stops them in the opposite order."""

import contextlib
import errno
import os
import select
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.failures import Failure, last_words
from app.processes import signal_group, start_child, stop_child

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
CHECK_SECONDS = 0.05
FIRST_BACK_OFF = 1.0
LONGEST_BACK_OFF = 30.0
STEADY_SECONDS = 60.0  # a part that ran this long has recovered: its next crash starts at the first back-off again
LARGEST_LOG = 20 * 2**20


class PartFailed(Failure):
    """A part did not come up. The message is fit to be shown, with the end of the part's log."""


class StopRequested(Exception):
    """Somebody asked us to stop while something was still starting."""


@dataclass(frozen=True)
class Part:
    """One process of the stack.

    Attributes:
        name: what it is called on screen and in the name of its log.
        command: program and arguments.
        env: its whole environment.
        ready: given its process id, whether it does its work already.
        ready_seconds: how long it may take to become ready.
        grace: seconds it gets for an orderly stop.
    """

    name: str
    command: Sequence[str]
    env: Mapping[str, str]
    ready: Callable[[int], bool]
    ready_seconds: float = 60.0
    grace: float = 10.0


@dataclass
class _Running:
    part: Part
    log: Path
    process: subprocess.Popen[bytes]
    started: float
    back_off: float = FIRST_BACK_OFF
    restart_at: float | None = None


class StopSignals:
    """Turns SIGINT, SIGTERM and SIGHUP into a question, and wakes a waiting loop at once, also when a child ends."""

    def __init__(self) -> None:
        self.asked = False

    @contextlib.contextmanager
    def listening(self) -> Iterator["StopSignals"]:
        """Take the signals over for the length of the block."""
        self._reader, writer = socket.socketpair()
        with self._reader, writer:
            self._reader.setblocking(False)
            writer.setblocking(False)
            before = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
            handlers = {sign: signal.signal(sign, self._ask) for sign in STOP_SIGNALS}
            handlers[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda *_: None)
            try:
                yield self
            finally:
                for sign, handler in handlers.items():
                    signal.signal(sign, handler)
                signal.set_wakeup_fd(before)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def wait(self, seconds: float) -> bool:
        """Wait for a signal of any kind, at most this long; whether it is time to stop."""
        if not self.asked:
            select.select([self._reader], [], [], seconds)
            with contextlib.suppress(BlockingIOError):
                self._reader.recv(4096)
        return self.asked


@dataclass
class Supervisor:
    """Starts parts, watches over them, stops them.

    Attributes:
        logs: folder of the parts' logs, one file each; above 20 MB a file goes on anew, and the one before is kept.
        say: told in one sentence what happens to a part.
    """

    logs: Path
    say: Callable[[str], None]
    signals: StopSignals
    _parts: list[_Running] = field(default_factory=list)

    def start(self, part: Part) -> None:
        """Start a part without waiting for it."""
        self.logs.mkdir(parents=True, exist_ok=True)
        log = self.logs / f"{part.name}.log"
        self._parts.append(_Running(part, log, self._spawn(part, log), time.monotonic()))

    def _spawn(self, part: Part, log: Path) -> subprocess.Popen[bytes]:
        with log.open("ab") as output:
            return start_child(part.command, env=part.env, output=output)

    def wait_ready(self) -> None:
        """Wait until every part that was started does its work.

        Raises:
            PartFailed: one ended, or took too long.
            StopRequested: a signal came first.
        """
        for running in self._parts:
            until = time.monotonic() + running.part.ready_seconds
            while not running.part.ready(running.process.pid):
                if running.process.poll() is not None or time.monotonic() > until:
                    raise PartFailed(self._account(running))
                if self.signals.wait(CHECK_SECONDS):
                    raise StopRequested

    def _account(self, running: _Running) -> str:
        code = running.process.poll()
        what = "did not become ready" if code is None else f"ended with {_how(code)}"
        return f"{running.part.name} {what}; its log is {running.log}.\n{last_words(running.log)}"

    def watch(self) -> None:
        """Keep every part alive until a signal asks us to stop."""
        while not self.signals.wait(self._seconds_to_next_restart()):
            now = time.monotonic()
            for running in self._parts:
                _keep_short(running.log)
                if running.restart_at is None:
                    self._notice_crash(running, now)
                elif now >= running.restart_at:
                    self._restart(running, now)

    def _seconds_to_next_restart(self) -> float:
        due = [running.restart_at for running in self._parts if running.restart_at is not None]
        return max(0.0, min([*due, time.monotonic() + 5.0]) - time.monotonic())

    def _notice_crash(self, running: _Running, now: float) -> None:
        code = running.process.poll()
        if code is None:
            return
        signal_group(running.process, signal.SIGKILL)  # what a crashed server leaves of its own children
        if now - running.started > STEADY_SECONDS:
            running.back_off = FIRST_BACK_OFF
        running.restart_at = now + running.back_off
        self.say(
            f"{running.part.name} ended with {_how(code)} and is started again in {running.back_off:.0f} s; "
            f"its log is {running.log}."
        )
        running.back_off = min(2 * running.back_off, LONGEST_BACK_OFF)

    def _restart(self, running: _Running, now: float) -> None:
        try:
            running.process = self._spawn(running.part, running.log)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EAGAIN, errno.ENOMEM):
                raise
            running.restart_at = now + running.back_off
            self.say(f"{running.part.name} cannot be started ({error.strerror}); trying again.")
            return
        running.started, running.restart_at = now, None

    def stop(self) -> None:
        """Stop all parts, the last started first, and leave nothing behind."""
        while self._parts:
            running = self._parts[-1]
            stop_child(running.process, running.part.grace)
            self._parts.pop()


def _keep_short(log: Path) -> None:
    if log.stat().st_size > LARGEST_LOG:
        shutil.copyfile(log, log.with_suffix(".old.log"))
        os.truncate(log, 0)  # the part goes on writing to the same file, at its end


def _how(code: int) -> str:
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
