"""What tests of services, API and pages share."""

import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator

import pytest

from app.processes import start_child, stop_child
from app.services import limits
from engine.settings import CHECKOUT


@pytest.fixture(autouse=True)
async def closed_limiter() -> AsyncIterator[None]:
    """Each test has an event loop of its own, and so a limiter of its own."""
    yield
    await limits.close()


@pytest.fixture
def worker(valkey_url: str, sqlite_url: str) -> Iterator[None]:
    """A worker process as ``./weft up`` starts it, on this test's database and Valkey."""
    command = [sys.executable, "-c", "from engine.workerprocess import main; main()"]
    child = start_child(command, env=os.environ, cwd=CHECKOUT, orphan_signal=signal.SIGKILL)
    yield
    stop_child(child, grace=10)
