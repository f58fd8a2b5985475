"""A walk over every route: nobody gets in unasked, and nobody sees what is another workspace's."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from sqlmodel import Session

from app.api.main import api
from app.services import credentials, forms, stored_values, unit
from app.services.access import Actor
from engine.models import Wait
from tests.app.api.conftest import Caller, caller, client_of
from tests.app.api.test_runs import BOTH, published

PUBLIC = {
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("POST", "/api/v1/owner"),
    ("POST", "/api/v1/session"),
    ("DELETE", "/api/v1/session"),
    ("POST", "/api/v1/tokens"),
    ("GET", "/c/{token}"),
    ("POST", "/c/{token}"),
    ("GET", "/api/v1/forms/{token}"),
    ("POST", "/api/v1/forms/{token}/files"),
    ("POST", "/api/v1/forms/{token}/runs"),
    ("GET", "/api/v1/forms/{token}/runs/{run_id}"),
    ("GET", "/api/v1/forms/{token}/runs/{run_id}/results/{node_id}"),
    ("GET", "/api/v1/forms/{token}/runs/{run_id}/files/{file_id}"),
}
BODIES: dict[tuple[str, str], Any] = {
    ("PUT", "/api/v1/workflows/{workflow_id}"): BOTH,
    ("PUT", "/api/v1/workflows/{workflow_id}/on"): {"on": True},
    ("PUT", "/api/v1/workflows/{workflow_id}/limits"): {"runs_at_once": 2},
    ("PUT", "/api/v1/limits"): {"runs_at_once": 2},
    ("PUT", "/api/v1/workflows/{workflow_id}/budget"): {"steps": 10},
    ("PUT", "/api/v1/workflows/{workflow_id}/retention"): {"days": 10},
    ("PUT", "/api/v1/storage/retention"): {"days": 10},
    ("PUT", "/api/v1/accounts/{account_id}/limits"): {"at_once": 2},
    ("POST", "/api/v1/workflows/{workflow_id}/runs"): {"inputs": {"given": 1}},
    ("POST", "/api/v1/forms/{token}/runs"): {"inputs": {}},
    ("POST", "/api/v1/approvals/{approval_id}"): {"choice": "fail"},
    ("POST", "/api/v1/runs/{run_id}/retry"): {"mode": "whole"},
    ("PUT", "/api/v1/workflows/{workflow_id}/pins/{node_id}"): {"outputs": {"main": 1}},
    ("PUT", "/api/v1/workflows/{workflow_id}/values/{value_name}"): {"value": 1},
}


def routes() -> Iterator[tuple[str, str]]:
    for path, item in api.openapi()["paths"].items():
        for method in item:
            yield method.upper(), path


def filled(path: str, values: dict[str, str]) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: values[found.group(1)], path)


UNKNOWN = {
    "workflow_id": "0" * 32,
    "run_id": "0" * 32,
    "key_id": "0" * 32,
    "account_id": "0" * 32,
    "approval_id": "0" * 32,
    "node_id": "made",
    "number": "1",
    "file_id": "0" * 64,
    "token": "nobody",
    "value_name": "kept",
}


@dataclass(frozen=True)
class Belongings:
    """What Ada has, by the names of path parameters."""

    ids: dict[str, str]


def ask_something(db: Session, actor: Actor, run_id: str) -> str:
    """A question as the engine leaves it after a crash."""
    question = Wait(workspace_id=actor.workspace_id, run_id=run_id, node_id="made", kind="ask")
    db.add(question)
    return question.id


@pytest.fixture
async def belongings(ada: Caller, anyone: httpx.AsyncClient) -> Belongings:
    path = await published(ada)
    workflow_id = path.rpartition("/")[2]
    run = await ada.client.post(f"{path}/runs", json={"inputs": {"given": 1}})
    key = await anyone.post("/api/v1/keys", json={"name": "Mine"}, headers=ada.cookie)
    file = await ada.client.post("/api/v1/files", files={"file": ("a.txt", b"mine", "text/plain")})
    token = await unit.ask(forms.publish_form, ada.actor, workflow_id)
    account = await unit.ask(credentials.create, ada.actor, "Mine", "core.bearer", {"token": "abc"})
    await unit.ask(stored_values.put, ada.actor, workflow_id, "kept", 1)
    return Belongings(
        {
            "workflow_id": workflow_id,
            "run_id": run.json()["id"],
            "key_id": key.json()["info"]["id"],
            "account_id": account.id,
            "approval_id": await unit.ask(ask_something, ada.actor, run.json()["id"]),
            "node_id": "made",
            "number": "1",
            "file_id": file.json()["$file"],
            "token": token,
            "value_name": "kept",
        }
    )


def closed_routes() -> list[tuple[str, str]]:
    return [route for route in routes() if route not in PUBLIC]


def test_the_list_of_public_routes_names_routes() -> None:
    assert set(routes()) >= PUBLIC


@pytest.mark.parametrize(("method", "path"), closed_routes(), ids=str)
async def test_nobody_gets_in_without_a_proof(anyone: httpx.AsyncClient, method: str, path: str) -> None:
    address = filled(path, UNKNOWN)
    for headers in (
        {},
        {"Authorization": "Bearer weft_wrong"},
        {"Authorization": "Basic YTpi"},
        {"Cookie": "weft_session=x"},
    ):
        answer = await anyone.request(method, address, headers=headers, json=BODIES.get((method, path)))
        assert answer.status_code == 401, (headers, answer.text)
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["www-authenticate"].startswith("Bearer")


async def test_nothing_of_another_workspace_is_found(ada: Caller, bob: Caller, belongings: Belongings) -> None:
    for method, path in closed_routes():
        if "{" not in path:
            continue
        body = BODIES.get((method, path))
        foreign = await bob.client.request(method, filled(path, belongings.ids), json=body)
        unknown = await bob.client.request(method, filled(path, UNKNOWN), json=body)
        assert (foreign.status_code, unknown.status_code) == (404, 404), (method, path, foreign.text)
        assert foreign.json()["detail"] == unknown.json()["detail"], (method, path)


async def test_lists_hold_nothing_of_another_workspace(bob: Caller, belongings: Belongings) -> None:
    foreign = set(belongings.ids.values()) - {"made", "1", "kept"}
    for method, path in closed_routes():
        if method == "GET" and "{" not in path:
            answer = await bob.client.get(path)
            assert answer.status_code == 200, path
            assert not [one for one in foreign if one in answer.text], path


async def test_what_is_ones_own_is_found(ada: Caller, belongings: Belongings) -> None:
    for method, path in closed_routes():
        if method == "GET" and "/events" not in path:
            answer = await ada.client.get(filled(path, belongings.ids))
            assert answer.status_code == 200, (path, answer.text)


async def test_a_form_shows_only_what_it_started_itself(
    ada: Caller, belongings: Belongings, anyone: httpx.AsyncClient
) -> None:
    ids = belongings.ids
    token = ids["token"]
    assert (await anyone.get(f"/api/v1/forms/{token}")).status_code == 200
    for path in (
        f"/api/v1/forms/{token}/runs/{ids['run_id']}",
        f"/api/v1/forms/{token}/runs/{ids['run_id']}/results/shown",
        f"/api/v1/forms/{token}/runs/{ids['run_id']}/files/{ids['file_id']}",
        "/api/v1/forms/nobody",
    ):
        assert (await anyone.get(path)).status_code == 404, path
    submitted = await anyone.post(f"/api/v1/forms/{token}/runs", json={"inputs": {"given": 1}})
    assert submitted.status_code == 202
    mine = f"/api/v1/forms/{token}/runs/{submitted.json()['run_id']}"
    assert (await anyone.get(mine)).json()["status"] == "queued"
    await unit.ask(forms.unpublish_form, ada.actor, ids["workflow_id"])
    assert (await anyone.get(mine)).status_code == 404


async def test_a_revoked_key_is_worth_nothing(ada: Caller, anyone: httpx.AsyncClient) -> None:
    body = {"name": "Soon gone", "role": "viewer"}
    made = (await anyone.post("/api/v1/keys", json=body, headers=ada.cookie)).json()
    assert made["info"]["prefix"] == made["key"][:12]
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert (await ada.client.get("/api/v1/me", headers=headers)).json()["role"] == "viewer"
    assert (await ada.client.delete(f"/api/v1/keys/{made['info']['id']}")).status_code == 204
    assert (await ada.client.get("/api/v1/me", headers=headers)).status_code == 401
    assert (await ada.client.delete(f"/api/v1/keys/{made['info']['id']}")).status_code == 404


async def test_nobody_gives_more_than_they_have(ada: Caller) -> None:
    editor = await caller("editor", ada.actor.workspace_id)
    async with editor.client, client_of() as browser:
        refused = await browser.post("/api/v1/keys", json={"name": "More", "role": "owner"}, headers=editor.cookie)
        assert refused.status_code == 403
        made = await browser.post("/api/v1/keys", json={"name": "Mine"}, headers=editor.cookie)
        assert made.status_code == 201
        assert (await editor.client.post("/api/v1/keys", json={"name": "A key's key"})).status_code == 403


async def test_what_a_crash_left_open_is_decided_once(ada: Caller, belongings: Belongings) -> None:
    path = "/api/v1/approvals"
    (ask,) = (await ada.client.get(path, params={"run": belongings.ids["run_id"]})).json()
    assert (ask["kind"], ask["label"], ask["node_id"], ask["mine"]) == ("unknown", "Made", "made", True)
    assert ask["choices"] == ["again", "done", "fail"]
    for wrong in ("maybe", "approve"):
        assert (await ada.client.post(f"{path}/{ask['id']}", json={"choice": wrong})).status_code == 422
    codes = [(await ada.client.post(f"{path}/{ask['id']}", json={"choice": "done"})).status_code for _ in range(2)]
    assert codes == [204, 409]
    assert (await ada.client.get(path)).json() == []
