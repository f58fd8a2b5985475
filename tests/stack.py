"""The whole of Weft, started as a user starts it, in a home and on a port of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.processes import free_port, start_child, stop_child
from engine.settings import CHECKOUT

OWNER_EMAIL = "owner@example.com"
OWNER_PASSWORD = "a long enough password"
READY_SECONDS = 120.0


class StackFailed(AssertionError):
    """The stack did not come up, or did not end; the message holds what it printed."""


@dataclass
class Stack:
    """`./weft up` in `home`.

    Attributes:
        home: folder of all its data.
        settings: further settings, as in the environment.
    """

    home: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where its pages are."""
        return f"http://localhost:{self.port}"

    @property
    def process_id(self) -> int:
        """The process id of the supervisor."""
        assert self.process is not None
        return self.process.pid

    @property
    def output(self) -> str:
        """Everything that it printed so far."""
        return (self.home / "printed.log").read_text()

    def launch(self) -> "Stack":
        """Start it and do not wait."""
        self.home.mkdir(parents=True, exist_ok=True)
        ours = {"PORT": str(self.port), "WEFT_HOME": str(self.home), **self.settings}
        kept = {
            name: held for name, held in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL")
        }
        with (self.home / "printed.log").open("wb") as output:
            command = [sys.executable, "-m", "app.cli", "up"]
            self.process = start_child(command, env={**kept, **ours}, cwd=CHECKOUT, output=output)
        return self

    def start(self) -> "Stack":
        """Start it and wait until it says that it is ready."""
        self.launch()
        self.wait_for("Weft is ready")
        return self

    def wait_for(self, sentence: str, seconds: float = READY_SECONDS) -> None:
        """Wait until it has printed `sentence`."""
        assert self.process is not None
        until = time.monotonic() + seconds
        while sentence not in self.output:
            if self.process.poll() is not None or time.monotonic() > until:
                raise StackFailed(f"Waited for {sentence!r} in vain:\n{self.output}")
            time.sleep(0.05)

    def get(self, path: str) -> bytes:
        """What a GET of this path answers."""
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            body: bytes = answer.read()
            return body

    def stop(self, sign: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop, wait until it has, and give its exit code."""
        assert self.process is not None
        return stop_child(self.process, grace=40, sign=sign)

    def reap(self) -> None:
        """Take note that it has ended, if it has."""
        if self.process is not None:
            self.process.poll()
