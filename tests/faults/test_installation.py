"""The short form of benchmarks/chaos.py: every part of an installation is killed or stands still under load."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest

from engine.catalog import catalog
from engine.launch import Launcher
from engine.settings import settings
from engine.store.db import Database
from tests.engine import lab
from tests.faults.installation import LEASE_SECONDS, Installation
from tests.faults.load import EFFECTS, Load, account, left_over, prepare

RUNS = 100
AT_ONCE = 40


async def break_everything(there: Installation, load: Load) -> None:
    """One fault after the other, spread over the work: each part is killed twice, and a worker stands still once."""
    faults = [there.parts[number % len(there.parts)] for number in range(2 * len(there.parts))]
    for number, part in enumerate(faults):
        while load.effects() < RUNS * EFFECTS * number / (len(faults) + 1):
            await asyncio.sleep(0.02)
        await asyncio.to_thread(there.kill, part)
    await asyncio.to_thread(there.suspend_worker, LEASE_SECONDS + 1.5)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
async def test_nothing_is_lost_repeated_or_written_late(
    kind: Literal["sqlite", "postgresql"], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.install(monkeypatch)
    with Installation(tmp_path / "all", kind).running(monkeypatch.setenv) as there:
        database = Database(settings().database_url)
        launcher = Launcher(database, settings().redis_url)
        launcher.start()
        log = tmp_path / "effects"
        load = Load(there.url, database, launcher, prepare(database, log), log)
        answering = asyncio.create_task(load.answer_questions())
        calling = asyncio.create_task(load.call_all(RUNS, AT_ONCE))
        await break_everything(there, load)
        await calling
        await load.until_over(longest=90)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        found = account(load)
        left = left_over(load)
        await asyncio.to_thread(launcher.close)
        database.close()
    catalog.cache_clear()
    assert not found.breaches, found
    assert sum(found.runs.values()) == RUNS
    assert left == 0
    assert all(there.killed[part] == 2 for part in there.parts)
