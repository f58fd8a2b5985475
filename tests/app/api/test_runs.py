"""Runs over REST, executed by a real worker."""

import asyncio
from typing import Any

import orjson
import pytest

from tests.app.api.conftest import Caller
from tests.app.api.test_workflows import make
from tests.size_it import SIZE_IT

BOTH: dict[str, Any] = {
    "weft": 1,
    "name": "Double",
    "nodes": {
        "given": {"type": "flow.input", "with": {"name": "given", "kind": "number", "required": True}},
        "made": {"type": "data.set", "with": {"record": {}, "fields": {"doubled": "{{ given * 2 }}"}}},
        "shown": {"type": "flow.output", "with": {"name": "result", "value": "{{ made }}"}},
    },
}
LONG: dict[str, Any] = {
    "weft": 1,
    "name": "Long",
    "nodes": {
        "rest": {"type": "flow.wait", "with": {"amount": 1, "unit": "hours"}},
        "shown": {"type": "flow.output", "with": {"name": "result", "value": "{{ rest }}"}},
    },
}


async def published(who: Caller, document: dict[str, Any] = BOTH) -> str:
    path = f"/api/v1/workflows/{await make(who, document)}"
    answer = await who.client.post(f"{path}/publish")
    assert answer.status_code == 201, answer.text
    return path


async def ended(who: Caller, run_id: str) -> dict[str, Any]:
    for _ in range(200):
        found: dict[str, Any] = (await who.client.get(f"/api/v1/runs/{run_id}")).json()
        if found["row"]["status"] in ("done", "failed", "cancelled"):
            return found
        await asyncio.sleep(0.05)
    raise AssertionError(found)


@pytest.mark.usefixtures("worker")
async def test_waiting_for_the_result(ada: Caller) -> None:
    path = await published(ada)
    answer = await ada.client.post(f"{path}/runs?wait=30", json={"inputs": {"given": 21}})
    assert answer.status_code == 200, answer.text
    assert answer.json()["outputs"] == {"result": {"doubled": 42}}
    assert answer.json()["status"] == "done"


@pytest.mark.usefixtures("worker")
async def test_a_run_from_start_to_its_items(ada: Caller) -> None:
    path = await published(ada)
    answer = await ada.client.post(f"{path}/runs", json={"inputs": {"given": 3}})
    assert (answer.status_code, answer.json()["created"]) == (202, True)
    run_id = answer.json()["id"]
    assert answer.headers["location"] == f"/api/v1/runs/{run_id}"
    detail = await ended(ada, run_id)
    assert (detail["row"]["status"], detail["row"]["version"], detail["row"]["source"]) == ("done", 1, "api")
    steps = (await ada.client.get(f"/api/v1/runs/{run_id}/steps")).json()
    assert [(step["node_id"], step["status"]) for step in steps] == [
        ("given", "done"),
        ("made", "done"),
        ("shown", "done"),
    ]
    items = (await ada.client.get(f"/api/v1/runs/{run_id}/steps/made/items")).json()
    assert items == {"items": [{"doubled": 6}], "start": 0, "total": None}
    results = (await ada.client.get(f"/api/v1/runs/{run_id}/results")).json()
    assert [(one["name"], one["value"]) for one in results] == [("result", {"doubled": 6})]
    again = await ada.client.post(f"/api/v1/runs/{run_id}/again")
    assert again.status_code == 202
    assert (await ended(ada, again.json()["id"]))["again_of"] == run_id


async def test_inputs_are_checked_before_anything_starts(ada: Caller) -> None:
    path = await published(ada)
    for inputs, message in (({}, "fill this in"), ({"given": "x"}, "a number"), ({"given": 1, "more": 2}, "no input")):
        answer = await ada.client.post(f"{path}/runs", json={"inputs": inputs})
        assert answer.status_code == 422
        assert message in answer.json()["detail"]
    assert (await ada.client.get("/api/v1/runs")).json() == {"runs": [], "cursor": ""}


async def test_the_same_key_gives_the_same_run(ada: Caller) -> None:
    path, headers = await published(ada), {"Idempotency-Key": "order-7"}
    first = await ada.client.post(f"{path}/runs", json={"inputs": {"given": 1}}, headers=headers)
    same = await ada.client.post(f"{path}/runs", json={"inputs": {"given": 1}}, headers=headers)
    assert first.json()["id"] == same.json()["id"]
    assert (first.json()["created"], same.json()["created"]) == (True, False)
    other = await ada.client.post(f"{path}/runs", json={"inputs": {"given": 2}}, headers=headers)
    assert (other.status_code, "Idempotency-Key" in other.json()["detail"]) == (409, True)
    assert len((await ada.client.get("/api/v1/runs")).json()["runs"]) == 1


async def test_the_same_key_at_the_same_moment(ada: Caller) -> None:
    path, headers = await published(ada), {"Idempotency-Key": "order-8"}
    send = [ada.client.post(f"{path}/runs", json={"inputs": {"given": 1}}, headers=headers) for _ in range(8)]
    answers = await asyncio.gather(*send)
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert sum(answer.json()["created"] for answer in answers) == 1


async def test_keys_of_two_workspaces_do_not_meet(ada: Caller, bob: Caller) -> None:
    headers = {"Idempotency-Key": "order-9"}
    ids = set()
    for who in (ada, bob):
        answer = await who.client.post(f"{await published(who)}/runs", json={"inputs": {"given": 1}}, headers=headers)
        ids.add(answer.json()["id"])
    assert len(ids) == 2


async def test_listing_by_pages_and_filters(ada: Caller) -> None:
    path = await published(ada)
    made = []
    for number in range(5):
        answer = await ada.client.post(f"{path}/runs", json={"inputs": {"given": number}})
        made.append(answer.json()["id"])
    seen, cursor = [], ""
    while True:
        page = (await ada.client.get("/api/v1/runs", params={"limit": 2, "cursor": cursor})).json()
        seen += [run["id"] for run in page["runs"]]
        cursor = page["cursor"]
        if not cursor:
            break
    assert seen == made[::-1]
    queued = await ada.client.get("/api/v1/runs", params={"status": ["queued", "running"], "source": "api"})
    assert len(queued.json()["runs"]) == 5
    assert (await ada.client.get("/api/v1/runs", params={"status": "failed"})).json()["runs"] == []
    assert (await ada.client.get("/api/v1/runs", params={"workflow": "nothing"})).json()["runs"] == []
    for wrong in ({"status": "odd"}, {"cursor": "odd"}, {"limit": 0}):
        answer = await ada.client.get("/api/v1/runs", params=wrong)
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), wrong


@pytest.mark.usefixtures("worker")
async def test_cancelling_a_run_that_waits(ada: Caller) -> None:
    path = await published(ada, LONG)
    run_id = (await ada.client.post(f"{path}/runs")).json()["id"]
    assert (await ada.client.post(f"/api/v1/runs/{run_id}/cancel")).status_code == 202
    assert (await ended(ada, run_id))["row"]["status"] == "cancelled"
    assert (await ada.client.post(f"/api/v1/runs/{run_id}/cancel")).status_code == 409


async def test_nothing_published_nothing_to_run(ada: Caller) -> None:
    workflow_id = await make(ada, BOTH)
    answer = await ada.client.post(f"/api/v1/workflows/{workflow_id}/runs", json={"inputs": {"given": 1}})
    assert (answer.status_code, "Publish" in answer.json()["detail"]) == (409, True)
    draft = await ada.client.post(
        f"/api/v1/workflows/{workflow_id}/runs", json={"inputs": {"given": 1}, "use": "draft"}
    )
    assert draft.status_code == 202
    again = await ada.client.post(
        f"/api/v1/workflows/{workflow_id}/runs", json={"inputs": {"given": 1}, "use": "draft"}
    )
    versions = [
        (await ada.client.get(f"/api/v1/runs/{one.json()['id']}")).json()["version_id"] for one in (draft, again)
    ]
    assert versions[0] == versions[1]
    assert (await ada.client.get(f"/api/v1/workflows/{workflow_id}/versions")).json() == []


def frames(text: str) -> list[tuple[int, str, dict[str, Any]]]:
    found = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
        if fields:
            found.append((int(fields.get("id", -1)), fields["event"], orjson.loads(fields["data"])))
    return found


@pytest.mark.usefixtures("worker")
async def test_following_a_run_to_its_end_and_resuming(ada: Caller) -> None:
    path = await published(ada)
    run_id = (await ada.client.post(f"{path}/runs", json={"inputs": {"given": 4}})).json()["id"]
    answer = await ada.client.get(f"/api/v1/runs/{run_id}/events", timeout=60)
    assert answer.headers["content-type"].startswith("text/event-stream")
    told = frames(answer.text)
    assert told[-1][1] == "end"
    numbers = [number for number, kind, _ in told if kind != "end"]
    assert numbers == sorted(set(numbers))
    assert [data["status"] for _, kind, data in told if kind == "run"][-1] == "done"
    assert {data["node_id"] for _, kind, data in told if kind == "step" and data["status"] == "done"} == {
        "given",
        "made",
        "shown",
    }
    resumed = await ada.client.get(f"/api/v1/runs/{run_id}/events", headers={"Last-Event-ID": str(numbers[0])})
    assert min(number for number, kind, _ in frames(resumed.text) if kind != "end") > numbers[0]
    after_all = await ada.client.get(f"/api/v1/runs/{run_id}/events", headers={"Last-Event-ID": str(numbers[-1])})
    assert [kind for _, kind, _ in frames(after_all.text)] == ["end"]


@pytest.mark.usefixtures("worker")
async def test_a_webhook_answers_with_the_result(ada: Caller) -> None:
    path = await published(ada, SIZE_IT)
    await ada.client.put(f"{path}/on", json={"on": True})
    address = (await ada.client.get("/api/v1/workflows")).json()[0]["triggers"][0]["address"]
    hook = address[address.index("/hooks") :]
    small = await ada.client.post(hook, json={"value": 2})
    assert (small.status_code, small.json()["doubled"]) == (200, 4)
    big = await ada.client.post(hook, json={"value": 20})
    assert (big.json()["size"], big.json()["doubled"]) == ("big", 40)
    run = (await ada.client.get(f"/api/v1/runs/{big.headers['weft-run']}")).json()
    assert run["row"]["source"] == "webhook"
    assert "authorization" not in run["input"]["payload"]["headers"]
    assert (await ada.client.get(hook)).status_code == 404


@pytest.mark.usefixtures("worker")
async def test_pausing_and_resuming(ada: Caller, bob: Caller) -> None:
    path = await published(ada, LONG)
    run_id = (await ada.client.post(f"{path}/runs", json={})).json()["id"]
    here = f"/api/v1/runs/{run_id}"
    for _ in range(200):
        if (await ada.client.get(here)).json()["row"]["status"] == "waiting":
            break
        await asyncio.sleep(0.05)
    assert (await bob.client.post(f"{here}/pause")).status_code == 404
    assert (await ada.client.post(f"{here}/resume")).status_code == 409
    assert (await ada.client.post(f"{here}/pause")).status_code == 202
    assert (await ada.client.get(here)).json()["row"]["status"] == "paused"
    assert (await ada.client.post(f"{here}/pause")).status_code == 409
    assert (await bob.client.post(f"{here}/resume")).status_code == 404
    assert (await ada.client.post(f"{here}/resume")).status_code == 202
    assert (await ada.client.get(here)).json()["row"]["status"] in ("queued", "running", "waiting")
    assert (await ada.client.post(f"{here}/cancel")).status_code == 202
    assert (await ended(ada, run_id))["row"]["status"] == "cancelled"
    assert (await ada.client.post(f"{here}/pause")).status_code == 409
