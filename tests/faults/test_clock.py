"""A worker whose clock is minutes ahead of or behind the database's, as Debian's `faketime` makes it for a process."""

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlmodel import col, select

from app.processes import start_child, stop_child
from engine import launch
from engine.models import Run, Wait, to_ms
from engine.settings import CHECKOUT
from engine.store.db import database
from tests.engine.seed import seed

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
REST_SECONDS = 3
DOCUMENT = {
    "weft": 1,
    "name": "Rest",
    "nodes": {
        "rest": {"type": "flow.wait", "with": {"amount": REST_SECONDS, "unit": "seconds"}},
        "told": {"type": "flow.output", "with": {"name": "told", "value": "{{ rest }}"}},
    },
}


@pytest.fixture(params=["+5m", "-5m"])
def worker(request: pytest.FixtureRequest, postgres_url: str, valkey_url: str) -> Iterator[None]:
    """Workers with a wrong clock, and a scheduler with the right one.

    Two of them: on a busy machine a process under `faketime` may stand still as it starts threads, and loses its claim.
    """
    skew = {"LD_PRELOAD": str(LIBRARY), "FAKETIME": request.param, "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    children = [
        start_child(
            [sys.executable, "-m", "app.cli", name], env=os.environ | more, cwd=CHECKOUT, orphan_signal=signal.SIGKILL
        )
        for name, more in (("worker", skew), ("worker", skew), ("scheduler", {}))
    ]
    yield
    for child in children:
        stop_child(child, grace=10)
    launch.dispose()


@pytest.mark.skipif(not LIBRARY.exists(), reason="Debian's faketime is not installed")
@pytest.mark.usefixtures("worker")
async def test_a_rest_is_as_long_as_it_was_meant_to_be() -> None:
    made = seed(database(), DOCUMENT)
    started = await launch.start_run(
        workspace_id=made.workspace_id,
        workflow_id=made.workflow_id,
        version_id=made.version_id,
        source="api",
        input={"trigger": None, "payload": None, "inputs": {}},
    )
    ended = await launch.wait_result(started.run_id, 100)
    assert ended is not None
    assert ended.status == "done"
    with database().transaction(write=False) as session:
        (wait,) = session.exec(select(Wait).where(col(Wait.run_id) == started.run_id)).all()
        run = session.get(Run, started.run_id)
    assert run is not None
    assert run.started_at is not None
    assert wait.due is not None
    rest = (to_ms(wait.due) - to_ms(run.started_at)) / 1000
    assert REST_SECONDS - 1 < rest < REST_SECONDS + 30, "the wait's end is told by the database's clock"
