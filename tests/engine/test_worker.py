"""What the queue's job does: real workflows through claim, execution and record, with the sweep and nudges beside."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select
from sqlmodel import col

from engine import launch, worker
from engine.delivery.queue import job_id
from engine.delivery.replies import RunResult
from engine.models import Run, Segment, Wait
from engine.scheduler import Clockwork
from engine.settings import settings
from engine.store.db import database
from engine.store.results import Started
from engine.worker import Segments
from tests.engine.seed import Seed, seed

GREETING = {
    "weft": 1,
    "name": "Greeting",
    "nodes": {
        "start": {"type": "trigger.manual", "with": {}},
        "text": {"type": "data.template", "with": {"text": "Hello {{ start.name }}"}},
        "shown": {"type": "flow.output", "with": {"name": "text", "value": "{{ text }}"}},
    },
}
WAITING = {
    "weft": 1,
    "name": "Waiting",
    "nodes": {
        "start": {"type": "trigger.manual", "with": {}},
        "pause": {"type": "flow.wait", "with": {"amount": 1, "unit": "hours"}, "after": ["{{ start }}"]},
        "text": {"type": "data.template", "with": {"text": "later"}, "after": ["{{ pause }}"]},
    },
}


@pytest.fixture
async def segments(any_database: str, valkey_url: str) -> AsyncIterator[Segments]:
    async with worker.opened(settings()) as segments:
        yield segments
    await asyncio.to_thread(launch.dispose)


async def start(rows: Seed, payload: Any = None) -> Started:
    return await launch.start_run(
        workspace_id=rows.workspace_id,
        workflow_id=rows.workflow_id,
        version_id=rows.version_id,
        source="manual",
        input={"trigger": "start", "payload": payload, "inputs": {}},
    )


async def result(run_id: str) -> RunResult:
    found = await launch.wait_result(run_id, 0)
    assert found is not None
    return found


def row(model: Any, key: Any) -> Any:
    with database().transaction(write=False) as session:
        return session.get(model, key)


async def test_a_segment_is_run_to_its_end_and_only_once(segments: Segments) -> None:
    started = await start(seed(database(), GREETING), {"name": "Ada"})
    name = job_id(started.deliveries[0])
    await asyncio.gather(*(segments.execute(name) for _ in range(3)))
    ended = await result(started.run_id)
    assert ended.status == "done", ended.error
    assert "Hello Ada" in str(ended.output)
    assert row(Segment, (started.run_id, 0)).epoch == 1
    await segments.execute(name)
    assert row(Segment, (started.run_id, 0)).epoch == 1


async def test_a_waiting_run_holds_no_segment_and_goes_on_when_its_time_has_come(segments: Segments) -> None:
    started = await start(seed(database(), WAITING))
    await segments.execute(job_id(started.deliveries[0]))
    assert (await result(started.run_id)).status == "waiting"
    assert row(Segment, (started.run_id, 0)).status == "parked"
    with database().transaction() as session:
        wait = session.scalars(select(Wait).where(col(Wait.run_id) == started.run_id)).one()
        wait.due = wait.created_at
    await Clockwork(launch.launcher(), database()).tick()
    await segments.execute(f"{started.run_id}-0-1")
    ended = await result(started.run_id)
    assert ended.status == "done", ended.error


async def test_a_draining_worker_gives_its_segments_back(segments: Segments) -> None:
    slow = {
        "weft": 1,
        "name": "Slow",
        "nodes": {
            "start": {"type": "trigger.manual", "with": {}},
            "long": {
                "type": "code.python",
                "with": {"code": "total = 0\nfor n in range(10**9):\n    total += n\nreturn total"},
                "after": ["{{ start }}"],
            },
        },
    }
    started = await start(seed(database(), slow))
    running = asyncio.create_task(segments.execute(job_id(started.deliveries[0])))
    while row(Segment, (started.run_id, 0)).status != "running":
        await asyncio.sleep(0.02)
    segments.drain()
    async with asyncio.timeout(30):
        await running
    segment = row(Segment, (started.run_id, 0))
    assert (segment.status, segment.epoch, segment.owner) == ("queued", 1, None)


async def test_a_version_that_is_gone_fails_its_run_in_words(segments: Segments) -> None:
    broken = {"weft": 1, "name": "Broken", "nodes": {"a": {"type": "no.such_type", "with": {}}}}
    started = await start(seed(database(), broken))
    await segments.execute(job_id(started.deliveries[0]))
    ended = await result(started.run_id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert ended.error["message"]


async def test_a_run_that_ends_its_workers_is_given_up(segments: Segments) -> None:
    started = await start(seed(database(), GREETING), {"name": "Ada"})
    with database().transaction() as session:
        segment = session.get(Segment, (started.run_id, 0))
        assert segment is not None
        segment.epoch = worker.CLAIMS_WITHOUT_PROGRESS
    await segments.execute(f"{started.run_id}-0-{worker.CLAIMS_WITHOUT_PROGRESS}")
    ended = await result(started.run_id)
    assert ended.status == "failed"
    assert ended.error is not None
    assert "none got any further" in ended.error["message"]
    assert row(Run, started.run_id).finished_at is not None


def test_a_worker_loads_no_screen() -> None:
    program = (
        "import sys, engine.workerprocess, engine.scheduler\n"
        "from engine.catalog import catalog\n"
        "catalog()\n"
        "print([name for name in ('reflex', 'fastapi', 'starlette', 'granian') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
