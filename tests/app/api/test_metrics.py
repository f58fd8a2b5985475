"""`/metrics`: the figures of all processes, for those who may see them."""

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from engine import launch
from engine.presence import telling
from engine.settings import settings
from tests.app.api.conftest import Caller, caller
from tests.app.api.test_runs import BOTH, published


def samples(text: str) -> dict[str, float]:
    """The values by name, for samples that no two processes share."""
    return {one.name: one.value for family in text_string_to_metric_families(text) for one in family.samples}


async def test_an_owner_reads_what_waits_and_what_each_process_counted(ada: Caller, valkey_url: str) -> None:
    workflow = await published(ada, BOTH)
    started = await ada.client.post(f"{workflow}/runs", json={"inputs": {"given": 1}})
    assert started.status_code == 202, started.text
    async with telling("web", valkey_url) as me:
        answer = await ada.client.get("/metrics")
        while me.id not in answer.text:
            answer = await ada.client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = samples(answer.text)
    assert (found["weft_queue_depth"], found["weft_leases"], found["weft_schedules_overdue"]) == (1, 0, 0)
    assert 'weft_runs{status="queued"} 1.0' in answer.text
    assert found["weft_process_up"] == 1
    assert f'part="web",process="{me.id}"' in answer.text
    assert answer.text.count("# TYPE weft_commit_operations histogram") == 1
    launch.dispose()


async def test_others_than_owners_are_refused(ada: Caller, anyone: httpx.AsyncClient) -> None:
    editor = await caller("editor", ada.actor.workspace_id)
    assert (await anyone.get("/metrics")).status_code == 401
    assert (await editor.client.get("/metrics")).status_code == 403


async def test_a_scraper_has_a_token_of_its_own(
    ada: Caller, anyone: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEFT_METRICS_TOKEN", "scrape-me")
    settings.cache_clear()
    for token, status in (("scrape-me", 200), ("scrape-mE", 401)):
        answer = await anyone.get("/metrics", headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == status
