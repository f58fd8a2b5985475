"""The payload store is away while a step has something to store or to read: nothing is lost, nothing is done twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.catalog import catalog
from engine.delivery.queue import job_id
from engine.models import Segment
from engine.run import packing
from engine.store import s3, settling
from engine.store.results import Delivery
from engine.store.storage import storage
from engine.store.sweeping import sweep
from engine.worker import Segments
from tests.engine import lab
from tests.engine.bench import Bench, opened
from tests.servers import S3Server


@pytest.fixture
async def bench(sqlite_url: str, tmp_path: Path, bucket: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    lab.install(monkeypatch)
    monkeypatch.setattr(s3, "PATIENCE", timedelta(seconds=0.1))
    monkeypatch.setattr(packing, "STORE_PAUSE_SECONDS", 0.1)
    async with opened(sqlite_url, tmp_path / "home") as bench:
        bench.storage = storage()
        bench.executor = bench.another()
        yield bench
    catalog.cache_clear()


def nodes(log: Path) -> dict[str, Any]:
    """A step that writes, whose result is too large for a row, and one that reads it."""
    return {
        "start": {"type": "trigger.manual", "with": {}},
        "write": {"type": "lab.write", "with": {"value": "{{ start.text }}{{ start.text }}", "path": str(log)}},
        "size": {"type": "data.template", "with": {"text": "{{ write | length }}"}},
    }


GIVEN = {"trigger": "start", "payload": {"text": "y" * 50_000}}


async def test_a_result_waits_for_the_store_and_its_step_is_not_called_again(
    bench: Bench, s3_server: S3Server, bucket: str, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    run_id = await bench.start(nodes(log), input=GIVEN)
    s3_server.ask("fail", bucket=bucket, status="503", code="SlowDown")
    finishing = asyncio.create_task(bench.finish(run_id))
    while not log.exists():
        await asyncio.sleep(0.05)
    await asyncio.sleep(0.5)
    assert bench.row(run_id).status == "running"
    s3_server.ask("heal", bucket=bucket)
    ran = await finishing
    assert (ran.run.status, ran.output("size")) == ("done", "100000")
    assert len(log.read_text().splitlines()) == 1


@pytest.mark.parametrize(
    ("status", "code", "said"), [("507", "StorageFull", "has no room left"), ("403", "AccessDenied", "refuses")]
)
async def test_a_store_that_stays_away_ends_the_run_with_a_sentence(
    bench: Bench,
    s3_server: S3Server,
    bucket: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    status: str,
    code: str,
    said: str,
) -> None:
    monkeypatch.setattr(packing, "STORE_PATIENCE_SECONDS", 0.2)
    s3_server.ask("fail", bucket=bucket, status=status, code=code)
    ran = await bench.run(nodes(tmp_path / "log"), input=GIVEN)
    assert ran.run.status == "failed"
    assert said in ran.run.error["message"]
    assert ran.run.error["node"] == "write"
    assert bucket not in str(ran.run.error)
    assert len((tmp_path / "log").read_text().splitlines()) == 1


async def test_a_resumed_run_whose_values_cannot_be_read_is_taken_up_again(
    bench: Bench, s3_server: S3Server, bucket: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packing, "STORE_PATIENCE_SECONDS", 0.2)
    doze = {"doze": {"type": "lab.doze", "with": {"value": "{{ write }}", "seconds": 2}}}
    sized = {"size": {"type": "data.template", "with": {"text": "{{ doze | length }}"}}}
    run_id = await bench.start({**nodes(tmp_path / "log"), **doze, **sized}, input=GIVEN)
    assert await bench.advance(run_id) == "waiting"
    s3_server.ask("fail", bucket=bucket, status="503", code="SlowDown")
    await asyncio.sleep(2.1)
    for wait_id in await bench.writer.submit(partial(settling.due_waits, limit=10)):
        await bench.settle(wait_id, {})
    job = job_id(Delivery(run_id, 0, bench.segment(run_id).epoch))
    await Segments(bench.leases, bench.checkpoints, bench.executor).execute(job)
    assert bench.row(run_id).status == "running"
    s3_server.ask("heal", bucket=bucket)
    with bench.database.transaction() as session:
        session.execute(sa.update(Segment).values(lease_until=0))
    assert (await bench.writer.submit(partial(sweep, patience=60_000))).expired
    ran = await bench.finish(run_id)
    assert (ran.run.status, ran.output("size")) == ("done", "100000")
    assert len((tmp_path / "log").read_text().splitlines()) == 1
