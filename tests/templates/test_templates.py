"""Every template runs on what it ships with and gives what its card says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.templates.kit import Kit, opened


@pytest.fixture
async def kit(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Kit]:
    async with opened(sqlite_url, tmp_path / "home") as kit:
        yield kit


async def test_sort_customer_messages(kit: Kit) -> None:
    ran = await kit.run_template("sort_customer_messages")
    assert ran.run.error is None
    assert set(ran.statuses.values()) == {"done"}
    table = await kit.value(ran, "table")
    assert len(table) == 3080
    assert list(table[0]) == ["Message", "Department", "Urgent", "Confidence"]
