"""What callers hear while the database is away: a 503 that says to come back, never where the database is."""

import pytest

from engine.settings import settings
from engine.store import db
from tests.app.api.conftest import Caller


@pytest.fixture
def away(ada: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on nothing answers where the database should be."""
    monkeypatch.setenv("DATABASE_URL", "postgresql://weft:hunter2@127.0.0.1:1/weft")
    settings.cache_clear()
    db.dispose()


@pytest.mark.usefixtures("away")
@pytest.mark.parametrize("path", ["/api/v1/workflows", "/hooks/somebody/call", "/metrics"])
async def test_the_outage_is_told_without_its_address(ada: Caller, path: str) -> None:
    answer = await ada.client.get(path)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
    assert (
        answer.json()["detail"] == "The database does not answer just now. Nothing was changed; try again in a moment."
    )
    assert "127.0.0.1" not in answer.text


async def test_a_full_disk_is_said() -> None:
    assert "disk of this server is full" in db.DatabaseUnavailable("SQLite: database or disk is full").told
