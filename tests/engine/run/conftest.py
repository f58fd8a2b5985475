"""What the tests of a run's walk stand on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.catalog import catalog
from tests.engine import lab
from tests.engine.bench import Bench, opened


@pytest.fixture
async def bench(any_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    """A bench on each database in turn, with the lab's nodes."""
    lab.install(monkeypatch)
    async with opened(any_database, tmp_path / "home") as bench:
        yield bench
    catalog.cache_clear()
