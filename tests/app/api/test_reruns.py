"""Retries and kept outputs over REST, executed by a real worker."""

from typing import Any

import pytest

from tests.app.api.conftest import Caller
from tests.app.api.test_runs import ended, published

FLAKY: dict[str, Any] = {
    "weft": 1,
    "name": "Flaky",
    "nodes": {
        "hand": {"type": "trigger.manual", "with": {}},
        "given": {"type": "flow.input", "with": {"name": "given", "kind": "number", "required": True}},
        "half": {"type": "data.template", "with": {"text": "{{ 10 / given }}"}},
        "shown": {"type": "flow.output", "with": {"name": "result", "value": "{{ half }}"}},
    },
}


@pytest.mark.usefixtures("worker")
async def test_a_retry_is_linked_and_takes_over_what_was_good(ada: Caller) -> None:
    path = await published(ada, FLAKY)
    first = (await ada.client.post(f"{path}/runs", json={"inputs": {"given": 0}, "trigger": "hand"})).json()["id"]
    assert (await ended(ada, first))["row"]["status"] == "failed"
    answer = await ada.client.post(f"/api/v1/runs/{first}/retry")
    assert answer.status_code == 202, answer.text
    second = answer.json()["id"]
    assert answer.headers["location"] == f"/api/v1/runs/{second}"
    found = await ended(ada, second)
    assert (found["row"]["status"], found["again_of"], found["failed"]) == ("failed", first, 1)
    assert (await ended(ada, first))["followed_by"] == [second]
    steps = {one["node_id"]: one for one in (await ada.client.get(f"/api/v1/runs/{second}/steps")).json()}
    assert (steps["given"]["reused_from"], steps["half"]["reused_from"]) == (first, None)


@pytest.mark.usefixtures("worker")
async def test_kept_outputs_and_what_is_stale(ada: Caller) -> None:
    path = await published(ada, FLAKY)
    assert (await ada.client.get(f"{path}/stale")).json() == {}
    run = (await ada.client.post(f"{path}/runs", json={"inputs": {"given": 5}, "use": "draft"})).json()["id"]
    await ended(ada, run)
    kept = await ada.client.put(f"{path}/pins/half", json={"run": run})
    assert kept.status_code == 200, kept.text
    assert kept.json()["outputs"] == {"main": "2"}
    await ada.client.put(f"{path}/pins/half", json={"outputs": {"main": "7"}})
    assert [one["outputs"] for one in (await ada.client.get(f"{path}/pins")).json()] == [{"main": "7"}]
    stale = (await ada.client.get(f"{path}/stale?run={run}")).json()
    assert stale["half"] == {"stale": True, "reason": "Another output is kept for it"}
    again = await ada.client.post(f"/api/v1/runs/{run}/retry", json={"mode": "stale", "use": "draft"})
    assert (await ended(ada, again.json()["id"]))["output"]["outputs"]["result"]["v"] == "7"
    assert (await ada.client.delete(f"{path}/pins/half")).status_code == 204
    assert (await ada.client.get(f"{path}/pins")).json() == []
    wrong = await ada.client.put(f"{path}/pins/half", json={})
    assert wrong.status_code == 422


@pytest.mark.usefixtures("worker")
async def test_a_refusal_names_the_field(ada: Caller) -> None:
    path = await published(ada, FLAKY)
    run = (await ada.client.post(f"{path}/runs", json={"inputs": {"given": 5}})).json()["id"]
    await ended(ada, run)
    nothing = await ada.client.post(f"/api/v1/runs/{run}/retry")
    assert (nothing.status_code, nothing.json()["detail"][:14]) == (409, "Nothing failed")
    nobody = await ada.client.post(f"/api/v1/runs/{run}/retry", json={"mode": "from_node", "node": "nobody"})
    assert (nobody.status_code, nobody.json()["problems"][0]["field"]) == (422, "node")


@pytest.mark.usefixtures("worker")
async def test_a_dry_run_shows_what_it_would_send(ada: Caller) -> None:
    nodes = {
        "post": {
            "type": "http.request",
            "with": {"method": "POST", "url": "http://127.0.0.1:9/never", "body": {"a": 1}},
        },
    }
    path = await published(ada, {"weft": 1, "name": "Post", "nodes": nodes})
    run = (await ada.client.post(f"{path}/runs", json={"dry": True})).json()["id"]
    found = await ended(ada, run)
    assert (found["row"]["status"], found["dry"]) == ("done", True)
    (step,) = (await ada.client.get(f"/api/v1/runs/{run}/steps")).json()
    assert step["stand_in"]["sends"]["url"] == "http://127.0.0.1:9/never"
    assert step["stand_in"]["by"] == "example"
    refused = await ada.client.post(f"/api/v1/runs/{run}/retry")
    assert (refused.status_code, "dry run" in refused.json()["detail"]) == (409, True)
