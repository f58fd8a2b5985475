"""Runs in the process that was asked: equal to a worker's in every row, bounded, and found again if it dies."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlmodel import select

from engine import lane, launch
from engine.catalog import catalog
from engine.document import load
from engine.lane import Lane
from engine.models import Segment, Step
from engine.run.compiling import compiled
from engine.settings import settings
from engine.store.db import database
from engine.worker import opened as worker
from tests.engine import lab
from tests.engine.seed import Seed, seed
from tests.size_it import SIZE_IT

CALL = {"body": {"value": 7, "name": "bench"}, "headers": {}, "query": {}, "method": "POST", "path": "size"}


@pytest.fixture
async def here(any_database: str, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Lane]:
    lab.install(monkeypatch)
    yield await lane.lane()
    await lane.close()
    launch.dispose()
    catalog.cache_clear()


def values(made: Seed, trigger: str | None = "hook", **more: Any) -> dict[str, Any]:
    ids = {"workspace_id": made.workspace_id, "workflow_id": made.workflow_id, "version_id": made.version_id}
    return {**ids, "source": "webhook", "input": {"trigger": trigger, "payload": CALL, "inputs": {}}, **more}


def slow_for(seconds: float) -> dict[str, Any]:
    return {"weft": 1, "name": "Slow", "nodes": {"slow": {"type": "lab.sleep", "with": {"seconds": seconds}}}}


def rows(run_id: str) -> dict[tuple[str, str], tuple[Any, ...]]:
    """What the run left, but for its times and its id."""
    with database().transaction(write=False) as session:
        found = session.exec(select(Step).where(Step.run_id == run_id)).all()
        return {(one.node_id, one.item): (one.status, one.output, one.input, one.error, one.attempt) for one in found}


async def test_a_run_leaves_the_same_rows_and_gives_the_same_result_as_in_a_worker(here: Lane) -> None:
    made = seed(database(), SIZE_IT)
    started, mine = await here.run(**values(made))
    async with worker(settings()) as segments:
        other = await launch.start_run(**values(made), reply=True)
        await segments.execute(f"{other.run_id}-0-0")
        theirs = await launch.wait_result(other.run_id, 10)
    assert mine is not None
    assert theirs is not None
    assert (mine.run_id, mine.status) == (started.run_id, "done")
    assert (mine.output, mine.error) == (theirs.output, theirs.error)
    assert rows(started.run_id) == rows(other.run_id)


async def test_a_second_call_with_the_same_key_starts_nothing(here: Lane) -> None:
    made = seed(database(), SIZE_IT)
    first, _ = await here.run(**values(made, idempotency_key="k"))
    again, result = await here.run(**values(made, idempotency_key="k"))
    assert (again.run_id, again.created, result) == (first.run_id, False, None)


async def test_what_takes_too_long_goes_on_in_a_worker(here: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "SECONDS", 0.1)
    made = seed(database(), slow_for(1))
    started, result = await here.run(**values(made, None))
    assert result is None
    with database().transaction(write=False) as session:
        segment = session.get(Segment, (started.run_id, 0))
        assert segment is not None
        assert (segment.status, segment.owner) == ("queued", None)
    async with worker(settings()) as segments:
        await segments.execute(f"{started.run_id}-0-1")
        ended = await launch.wait_result(started.run_id, 10)
    assert ended is not None
    assert ended.status == "done"


@pytest.mark.parametrize(
    ("node", "fits"),
    [
        ({"type": "data.template", "with": {"text": "a"}}, True),
        ({"type": "http.request", "with": {"url": "http://x.test"}}, False),
        ({"type": "code.python", "with": {"code": "1"}}, True),
        ({"type": "ai.categorize", "with": {"text": "a", "categories": []}}, False),
        ({"type": "flow.for_each", "with": {"items": []}}, False),
    ],
)
def test_only_what_computes_in_the_process_itself_fits(node: dict[str, Any], fits: bool) -> None:
    plan = compiled(load({"weft": 1, "name": "One", "nodes": {"one": node}}), catalog())
    assert lane.fits(plan) is fits


async def test_there_is_room_for_so_many_at_once(here: Lane, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane, "AT_ONCE", 1)
    quick, slow = seed(database(), SIZE_IT), seed(database(), slow_for(0.3))
    assert await here.takes(quick.version_id)
    running = asyncio.create_task(here.run(**values(slow, None)))
    await asyncio.sleep(0.05)
    assert not await here.takes(quick.version_id)
    assert (await running)[1] is not None
    assert await here.takes(quick.version_id)
