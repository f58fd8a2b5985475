"""Worker processes as `./weft worker` starts them, to be killed at will."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from subprocess import Popen

from app.processes import start_child, stop_child
from tests.engine import lab

ROOT = Path(__file__).parents[2]


class Workers:
    """So many workers on the settings of this process's environment; `log` takes what they print."""

    def __init__(self, log: Path, lease_seconds: int = 3) -> None:
        self._log = log
        more = {"WEFT_INTEGRATIONS": str(lab.FOLDER), "WEFT_LEASE_SECONDS": str(lease_seconds)}
        self._environment = {**os.environ, **more}
        self._running: list[Popen[bytes]] = []
        self.killed = 0

    def start(self, count: int = 1) -> None:
        """Start more of them."""
        with self._log.open("ab") as output:
            for _ in range(count):
                command = [sys.executable, "-m", "app.cli", "worker"]
                self._running.append(start_child(command, env=self._environment, cwd=ROOT, output=output))

    def kill_one(self) -> None:
        """kill -9 the one that runs longest, and start another."""
        victim = self._running.pop(0)
        assert victim.poll() is None, f"a worker ended by itself:\n{self._log.read_text()[-3000:]}"
        victim.kill()
        victim.wait()
        self.killed += 1
        self.start()

    def stop(self) -> None:
        """Ask all of them to stop."""
        for process in self._running:
            stop_child(process, grace=15)
        self._running.clear()
