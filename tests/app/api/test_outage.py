"""What callers hear while the database is away: a 503 that says to come back, never where the database is."""

from datetime import timedelta

import pytest

from engine.settings import settings
from engine.store import db, s3
from tests.app.api.conftest import Caller
from tests.servers import S3Server


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


async def test_a_payload_store_that_refuses_is_told_and_pages_still_open(
    ada: Caller, bucket: str, s3_server: S3Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "PATIENCE", timedelta(seconds=0.2))
    file = {"file": ("notes.txt", b"some text", "text/plain")}
    stored = (await ada.client.post("/api/v1/files", files=file)).json()
    s3_server.ask("fail", bucket=bucket, status="503", code="SlowDown")
    for answer in (
        await ada.client.post("/api/v1/files", files={"file": ("other.txt", b"other text", "text/plain")}),
        await ada.client.get(f"/api/v1/files/{stored['$file']}"),
    ):
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5"), answer.text
        assert answer.json()["detail"].startswith("The payload store does not answer.")
        assert bucket not in answer.text and "not to be shown" not in answer.text
    ready = await ada.client.get("/readyz")
    assert (ready.status_code, ready.json()["payloads"]) == (200, "The payload store does not answer.")
    s3_server.ask("heal", bucket=bucket)
    assert (await ada.client.get(f"/api/v1/files/{stored['$file']}")).content == b"some text"
    assert (await ada.client.get("/readyz")).json()["payloads"] == "ok"
