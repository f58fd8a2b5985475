"""The disk of the database and of the payload store fills up under load, and is given room again."""

import asyncio
import contextlib
import errno
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.catalog import catalog
from engine.launch import Launcher
from engine.settings import settings
from engine.store.db import Database
from tests.engine import lab
from tests.faults.installation import Installation
from tests.faults.load import EFFECTS, Load, account, left_over, prepare

RUNS = 60
AT_ONCE = 20
MEGABYTES = 64
FULL_SECONDS = 10.0  # longer than a writer waits for its database


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={MEGABYTES}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


@contextlib.contextmanager
def filled(folder: Path) -> Iterator[None]:
    """Within the block the file system has no byte left."""
    filler = folder / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while True:
                stream.write(bytes(4096))
        except OSError as error:
            assert error.errno == errno.ENOSPC
    yield
    filler.unlink()


@pytest.mark.timeout(150)
async def test_runs_wait_for_room_and_callers_are_told(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.install(monkeypatch)
    with Installation(small_disk / "all", "sqlite", workers=1).running(monkeypatch.setenv) as there:
        database = Database(settings().database_url)
        launcher = Launcher(database, settings().redis_url)
        launcher.start()
        load = Load(there.url, database, launcher, prepare(database, tmp_path / "effects"), tmp_path / "effects")
        answering = asyncio.create_task(load.answer_questions())
        calling = asyncio.create_task(load.call_all(RUNS, AT_ONCE))
        while load.effects() < RUNS * EFFECTS / 3:
            await asyncio.sleep(0.05)
        with filled(small_disk):
            async with httpx.AsyncClient(base_url=there.url, timeout=30) as client:
                # A small call may still find room in the write-ahead log as it is.
                large = {"number": -1, "text": "x" * 4_000_000}
                refused = await client.post(f"/hooks/{load.place.slug}/load", json=large)
            await asyncio.sleep(FULL_SECONDS)
        await calling
        await load.until_over(longest=60)
        answering.cancel()
        await asyncio.gather(answering, return_exceptions=True)
        found, left = account(load), left_over(load)
        await asyncio.to_thread(launcher.close)
        database.close()
    catalog.cache_clear()
    assert refused.status_code == 503
    assert "disk" in refused.json()["detail"]
    assert not found.breaches, found
    assert left == 0
