"""Stored values over REST: set, read, forgotten; trial runs and the workspace have their own; roles and bounds."""

from engine.store import values
from engine.store.db import transaction
from engine.store.values import Place
from tests.app.api.conftest import Caller, caller
from tests.app.api.test_workflows import make


async def test_a_value_is_stored_read_and_forgotten(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}/values"
    assert (await ada.client.get(path)).json() == []
    for value in ({"id": 7, "tags": ["a"]}, 1000, None, "text"):
        assert (await ada.client.put(f"{path}/last order", json={"value": value})).status_code == 204
        (found,) = (await ada.client.get(path)).json()
        assert (found["name"], found["value"], found["kind"], found["run_id"]) == ("last order", value, "value", None)
    assert (await ada.client.get(f"{path}/last order")).json()["value"] == "text"
    assert (await ada.client.delete(f"{path}/last order")).status_code == 204
    for method in ("GET", "DELETE"):
        assert (await ada.client.request(method, f"{path}/last order")).status_code == 404


async def test_trial_runs_and_the_workspace_have_their_own(ada: Caller) -> None:
    path, other = [f"/api/v1/workflows/{await make(ada)}/values" for _ in range(2)]
    for where in ("", "?trial=true", "?scope=workspace", "?scope=workspace&trial=true"):
        await ada.client.put(f"{path}/v{where}", json={"value": where})
    for where in ("", "?trial=true", "?scope=workspace", "?scope=workspace&trial=true"):
        assert (await ada.client.get(f"{path}/v{where}")).json()["value"] == where
    assert (await ada.client.get(f"{other}/v?scope=workspace")).json()["value"] == "?scope=workspace"
    assert (await ada.client.get(f"{other}/v")).status_code == 404


async def test_what_cannot_be_stored_is_refused_in_words(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}/values"
    answer = await ada.client.put(f"{path}/v", json={"value": "x" * 262_144})
    assert answer.status_code == 422 and "262,146 bytes" in answer.json()["detail"]
    answer = await ada.client.put(f"{path}/%20", json={"value": 1})
    assert answer.status_code == 422 and "name has 1 to 120" in answer.json()["detail"]
    assert (await ada.client.put(f"{path}/{'x' * 121}", json={"value": 1})).status_code == 422
    assert (await ada.client.put(f"{path}/v", json={"val": 1})).status_code == 422


async def test_items_seen_can_be_forgotten_not_set(ada: Caller) -> None:
    workflow_id = await make(ada)
    with transaction() as session:
        place = Place(ada.actor.workspace_id, workflow_id)
        values.add_keys(session, place, "seen", ["a", "b"], "call", 10, None)
    path = f"/api/v1/workflows/{workflow_id}/values/seen"
    found = (await ada.client.get(path)).json()
    assert (found["kind"], found["value"]) == ("keys", 2)
    assert (await ada.client.put(path, json={"value": 1})).status_code == 409
    assert (await ada.client.delete(path)).status_code == 204


async def test_a_viewer_looks_and_changes_nothing(ada: Caller) -> None:
    path = f"/api/v1/workflows/{await make(ada)}/values/v"
    await ada.client.put(path, json={"value": 1})
    viewer = await caller("viewer", ada.actor.workspace_id)
    async with viewer.client:
        assert (await viewer.client.get(path)).json()["value"] == 1
        assert (await viewer.client.put(path, json={"value": 2})).status_code == 403
        assert (await viewer.client.delete(path)).status_code == 403
