"""Workflows over REST, in JSON and YAML."""

import httpx

from tests.app.api.conftest import Caller, caller
from tests.size_it import SIZE_IT

YAML = {"Content-Type": "application/yaml"}


async def make(who: Caller, document: object = SIZE_IT) -> str:
    answer = await who.client.post("/api/v1/workflows", json=document)
    assert answer.status_code == 201, answer.text
    found: str = answer.json()["id"]
    assert answer.headers["location"] == f"/api/v1/workflows/{found}"
    return found


async def test_a_document_comes_back_as_it_went_in(ada: Caller) -> None:
    workflow_id = await make(ada)
    answer = await ada.client.get(f"/api/v1/workflows/{workflow_id}")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == '"0"'
    assert answer.json()["nodes"] == SIZE_IT["nodes"]


async def test_yaml_keeps_its_comments(ada: Caller) -> None:
    text = "weft: 1\nname: Small\nnodes:\n  # where it starts\n  hand: {type: trigger.manual}\n"
    answer = await ada.client.post("/api/v1/workflows", content=text, headers=YAML)
    assert answer.status_code == 201, answer.text
    path = answer.headers["location"]
    shown = await ada.client.get(path, headers={"Accept": "application/yaml"})
    assert shown.headers["content-type"].startswith("application/yaml")
    assert "# where it starts" in shown.text
    again = await ada.client.put(path, content=shown.text, headers=YAML)
    assert again.json()["seq"] == 1


async def test_what_cannot_be_read_is_refused_with_its_line(ada: Caller) -> None:
    text = "weft: 1\nname: Bad\nnodes:\n  a: {type: data.set}\n  a: {type: data.set}\n"
    answer = await ada.client.post("/api/v1/workflows", content=text, headers=YAML)
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["problems"][0]["line"] == 5


async def test_bodies_that_are_no_document(ada: Caller) -> None:
    for content, kind in (
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"a", "text/plain"),
        (b"\xff", "text/yaml"),
    ):
        answer = await ada.client.post("/api/v1/workflows", content=content, headers={"Content-Type": kind})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), kind
    huge = b"{" + b" " * (8 * 1024 * 1024) + b"}"
    answer = await ada.client.post("/api/v1/workflows", content=huge, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


async def test_replacing_only_what_was_read(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}"
    changed = {**SIZE_IT, "name": "Size it better"}
    assert (await ada.client.put(path, json=changed, headers={"If-Match": '"0"'})).json()["seq"] == 1
    late = await ada.client.put(path, json=SIZE_IT, headers={"If-Match": '"0"'})
    assert late.status_code == 409
    assert (await ada.client.get(path)).json()["name"] == "Size it better"


async def test_publishing_and_versions(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}"
    first = await ada.client.post(f"{path}/publish", json={"note": "First"})
    assert (first.status_code, first.json()["number"], first.json()["note"]) == (201, 1, "First")
    same = await ada.client.post(f"{path}/publish")
    assert same.json()["number"] == 1
    changed = {**SIZE_IT, "nodes": {key: node for key, node in SIZE_IT["nodes"].items() if key != "answer"}}
    await ada.client.put(path, json=changed)
    assert (await ada.client.post(f"{path}/publish")).json()["number"] == 2
    listed = (await ada.client.get(f"{path}/versions")).json()
    assert [(one["number"], one["current"]) for one in listed] == [(2, True), (1, False)]
    assert "answer" in (await ada.client.get(f"{path}/versions/1")).json()["nodes"]
    assert (await ada.client.post(f"{path}/versions/1/restore")).status_code == 200
    assert "answer" in (await ada.client.get(path)).json()["nodes"]
    assert (await ada.client.get(f"{path}/versions/3")).status_code == 404


async def test_switching_on_needs_a_published_version(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}"
    refused = await ada.client.put(f"{path}/on", json={"on": True})
    assert (refused.status_code, "Publish" in refused.json()["detail"]) == (409, True)
    await ada.client.post(f"{path}/publish")
    assert (await ada.client.put(f"{path}/on", json={"on": True})).status_code == 204
    row = (await ada.client.get("/api/v1/workflows")).json()[0]
    assert row["enabled"] is True
    assert row["triggers"][0]["address"].endswith("/size")


async def test_deleting_hides_a_workflow(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}"
    assert (await ada.client.delete(path)).status_code == 204
    assert (await ada.client.get(path)).status_code == 404
    assert (await ada.client.get("/api/v1/workflows")).json() == []
    assert [row["name"] for row in (await ada.client.get("/api/v1/workflows/trash")).json()] == ["Size it"]
    assert (await ada.client.post(f"{path}/undelete")).status_code == 204
    assert (await ada.client.get(path)).status_code == 200


async def test_a_viewer_reads_and_changes_nothing(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}"
    viewer = await caller("viewer", ada.actor.workspace_id)
    async with viewer.client as client:
        assert (await client.get(path)).status_code == 200
        for method, suffix, body in (
            ("PUT", "", SIZE_IT),
            ("DELETE", "", None),
            ("POST", "/publish", {}),
            ("PUT", "/on", {"on": False}),
            ("POST", "/runs", {"use": "draft"}),
        ):
            answer = await client.request(method, path + suffix, json=body)
            assert answer.status_code == 403, (method, suffix, answer.text)


async def test_the_schema_of_documents_is_served(ada: Caller) -> None:
    answer = await ada.client.get("/api/v1/workflows/schema")
    assert answer.json()["$schema"].endswith("2020-12/schema")


async def test_problem_details_for_unknown_addresses_and_methods(anyone: httpx.AsyncClient) -> None:
    for path in ("/api/nothing", "/api/v1/nothing", "/hooks/main/nothing", "/hooks"):
        answer = await anyone.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    answer = await anyone.delete("/api/v1/runs")
    assert (answer.status_code, answer.headers["allow"]) == (405, "GET")


async def test_cards_without_a_place_do_not_lie_on_one_another(ada: Caller) -> None:
    nodes = {"a": {"type": "trigger.manual"}, "b": {"type": "flow.no_op", "with": {"value": "{{ a }}"}}}
    workflow_id = await make(ada, {"weft": 1, "name": "Placed", "nodes": nodes})
    found = (await ada.client.get(f"/api/v1/workflows/{workflow_id}")).json()
    assert len({tuple(place) for place in found["layout"].values()}) == 2
    kept = {"weft": 1, "name": "Placed", "nodes": nodes, "layout": {"a": [5, 6], "b": [700, 8]}}
    await ada.client.put(f"/api/v1/workflows/{workflow_id}", json=kept)
    assert (await ada.client.get(f"/api/v1/workflows/{workflow_id}")).json()["layout"] == kept["layout"]


async def test_a_note_is_no_step_of_a_run(ada: Caller) -> None:
    nodes = {"hand": {"type": "trigger.manual"}, "note": {"type": "flow.note", "with": {"text": "Hello"}}}
    workflow_id = await make(ada, {"weft": 1, "name": "Noted", "nodes": nodes})
    run = await ada.client.post(f"/api/v1/workflows/{workflow_id}/runs", json={"use": "draft", "trigger": "hand"})
    steps = (await ada.client.get(f"/api/v1/runs/{run.json()['id']}/steps")).json()
    assert [step["node_id"] for step in steps] == ["hand"]
