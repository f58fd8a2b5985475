"""Calls from outside that start runs."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.services import credentials, hooks, unit
from engine import lane
from tests.app.api.conftest import Caller
from tests.app.api.test_runs import published


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    """What other tests left in the cache of addresses is forgotten."""
    hooks._known.clear()


@pytest.fixture(autouse=True)
async def no_lane() -> AsyncIterator[None]:
    """Each test has an event loop and a launcher of its own."""
    yield
    await lane.close()


async def opened(who: Caller, params: dict[str, Any], *more: tuple[str, dict[str, Any]]) -> str:
    """The path of a webhook that is on."""
    nodes = {"hook": {"type": "trigger.webhook", "with": {"path": "call", **params}}, **dict(more)}
    path = await published(who, {"weft": 1, "name": "Hooked", "nodes": nodes})
    assert (await who.client.put(f"{path}/on", json={"on": True})).status_code == 204
    rows = (await who.client.get("/api/v1/workflows")).json()
    address: str = next(row for row in rows if row["id"] == path.rpartition("/")[2])["triggers"][0]["address"]
    return address[address.index("/hooks") :]


async def payload(who: Caller, answer: httpx.Response) -> dict[str, Any]:
    run = await who.client.get(f"/api/v1/runs/{answer.headers['weft-run']}")
    found: dict[str, Any] = run.json()["input"]["payload"]
    return found


async def test_a_call_is_taken_and_recorded(ada: Caller, anyone: httpx.AsyncClient) -> None:
    hook = await opened(ada, {})
    answer = await anyone.post(f"{hook}?a=1&b=2&b=3", json={"order": 7}, headers={"X-Shop": "north"})
    assert answer.status_code == 202
    assert answer.json() == {"run_id": answer.headers["weft-run"], "status": "queued"}
    given = await payload(ada, answer)
    assert given["body"] == {"order": 7}
    assert given["query"] == {"a": "1", "b": ["2", "3"]}
    assert (given["method"], given["path"], given["headers"]["x-shop"]) == ("POST", "call", "north")


async def test_bodies_of_every_kind(ada: Caller, anyone: httpx.AsyncClient) -> None:
    hook = await opened(ada, {})
    kinds: list[tuple[dict[str, Any], Any]] = [
        ({"content": b""}, None),
        ({"content": "plain \u2013 text"}, "plain \u2013 text"),
        ({"data": {"name": "Zoë & Co", "more": ["1", "2"]}}, {"name": "Zoë & Co", "more": ["1", "2"]}),
        ({"content": b"[1, 2]", "headers": {"Content-Type": "application/cloudevents+json"}}, [1, 2]),
    ]
    for sent, expected in kinds:
        answer = await anyone.post(hook, **sent)
        assert answer.status_code == 202, answer.text
        assert (await payload(ada, answer))["body"] == expected, sent
    binary = await payload(ada, await anyone.post(hook, content=b"\xff\x00", headers={"Content-Type": "image/x"}))
    assert (binary["body"]["media_type"], binary["body"]["size"]) == ("image/x", 2)
    form = {"files": {"photo": ("a.bin", b"\xff", "image/x")}, "data": {"name": "Ada"}}
    parts = (await payload(ada, await anyone.post(hook, **form)))["body"]
    assert (parts["name"], parts["photo"]["name"]) == ("Ada", "a.bin")
    content = await ada.client.get(f"/api/v1/files/{parts['photo']['$file']}")
    assert content.content == b"\xff"


async def test_what_is_refused(ada: Caller, anyone: httpx.AsyncClient) -> None:
    hook = await opened(ada, {})
    json = {"Content-Type": "application/json"}
    assert (await anyone.post(hook, content=b"{", headers=json)).status_code == 422
    assert (await anyone.post(hook, content=b"x" * (6 * 1024 * 1024))).status_code == 413
    for path in (hook + "/more", "/hooks/nobody/call", hook.replace("call", "Call"), "/hooks/", "/hooks//call"):
        answer = await anyone.post(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
    assert (await anyone.put(hook)).status_code == 404
    assert (await ada.client.get("/api/v1/runs")).json()["runs"] == []


async def test_secrets_do_not_reach_the_run(ada: Caller, anyone: httpx.AsyncClient) -> None:
    secret = {"name": "X-Shop-Key", "value": "s3cret"}
    account = await unit.ask(credentials.create, ada.actor, "Shop", "core.header", secret)
    hook = await opened(ada, {"auth": "header", "account": account.id})
    for headers in ({}, {"X-Shop-Key": "wrong"}, {"X-Shop-Key": ""}):
        assert (await anyone.post(hook, headers=headers)).status_code == 401
    sent = {"X-Shop-Key": "s3cret", "Authorization": "Bearer abc", "Cookie": "a=b"}
    answer = await anyone.post(hook, headers=sent)
    assert answer.status_code == 202
    assert not {"x-shop-key", "authorization", "cookie"} & (await payload(ada, answer))["headers"].keys()
    await unit.ask(credentials.delete, ada.actor, account.id, anyway=True)
    hooks._known.clear()
    for headers in ({}, {"X-Shop-Key": "s3cret"}):
        assert (await anyone.post(hook, headers=headers)).status_code == 401


async def test_a_repeated_delivery_is_one_run(ada: Caller, anyone: httpx.AsyncClient) -> None:
    hook = await opened(ada, {})
    sent = [await anyone.post(hook, headers={"Idempotency-Key": "delivery-1"}) for _ in range(3)]
    assert len({answer.headers["weft-run"] for answer in sent}) == 1


async def test_off_means_off(ada: Caller, anyone: httpx.AsyncClient) -> None:
    hook = await opened(ada, {"method": "ANY"})
    assert {(await anyone.request(method, hook)).status_code for method in ("GET", "PUT", "DELETE")} == {202}
    workflow_id = (await ada.client.get("/api/v1/workflows")).json()[0]["id"]
    await ada.client.put(f"/api/v1/workflows/{workflow_id}/on", json={"on": False})
    hooks._known.clear()
    assert (await anyone.get(hook)).status_code == 404


async def test_an_address_belongs_to_one_workflow(ada: Caller, bob: Caller) -> None:
    await opened(ada, {})
    nodes = {"hook": {"type": "trigger.webhook", "with": {"path": "call"}}}
    made = await ada.client.post("/api/v1/workflows", json={"weft": 1, "name": "Second", "nodes": nodes})
    refused = await ada.client.post(f"/api/v1/workflows/{made.json()['id']}/publish")
    assert (refused.status_code, "Hooked" in refused.json()["detail"]) == (409, True)
    assert await opened(bob, {}) != ""


@pytest.mark.usefixtures("worker")
async def test_the_answer_of_a_respond_node(ada: Caller, anyone: httpx.AsyncClient) -> None:
    respond = {
        "status": 201,
        "headers": {"X-Mine": "1", "Content-Type": "text/html", "Set-Cookie": "a=b"},
        "body": "<b>{{ hook.body }}</b>",
    }
    hook = await opened(ada, {"respond": "answer"}, ("answer", {"type": "flow.respond", "with": respond}))
    answer = await anyone.post(hook, content="hello", timeout=60)
    assert (answer.status_code, answer.text) == (201, "<b>hello</b>")
    assert (answer.headers["x-mine"], answer.headers["content-type"]) == ("1", "text/html; charset=utf-8")
    assert "set-cookie" not in answer.headers
    assert answer.headers["content-security-policy"] == "sandbox"


@pytest.mark.usefixtures("worker")
async def test_the_answer_of_a_run_that_fails(ada: Caller, anyone: httpx.AsyncClient) -> None:
    stop = {"type": "flow.stop", "with": {"message": "No lines in this order.", "value": "{{ hook.body }}"}}
    hook = await opened(ada, {"respond": "answer"}, ("stop", stop))
    answer = await anyone.post(hook, timeout=60)
    assert (answer.status_code, answer.json()["detail"]) == (500, "No lines in this order.")
    assert answer.headers["content-type"] == "application/problem+json"


async def test_a_workflow_that_only_computes_is_answered_without_any_worker(
    ada: Caller, anyone: httpx.AsyncClient
) -> None:
    respond = {"type": "flow.respond", "with": {"status": 201, "body": {"sum": "{{ hook.body.a + hook.body.b }}"}}}
    hook = await opened(ada, {"respond": "answer", "runs_in": "web"}, ("answer", respond))
    answer = await anyone.post(hook, json={"a": 1, "b": 2})
    assert (answer.status_code, answer.json()) == (201, {"sum": 3})
    run = (await ada.client.get(f"/api/v1/runs/{answer.headers['weft-run']}")).json()
    assert (run["row"]["status"], run["row"]["source"]) == ("done", "webhook")
    wrong = await anyone.post(hook, json={"a": 1, "b": {}})
    assert (wrong.status_code, wrong.json()["detail"]) == (500, "The run failed. Its page says why.")


@pytest.mark.usefixtures("worker")
async def test_one_that_reaches_outside_goes_to_a_worker_all_the_same(ada: Caller, anyone: httpx.AsyncClient) -> None:
    call = {"type": "http.request", "with": {"url": "http://127.0.0.1:1/"}, "on_error": "output"}
    hook = await opened(ada, {"respond": "answer", "runs_in": "web"}, ("call", call))
    answer = await anyone.post(hook, timeout=60)
    assert answer.status_code == 200, answer.text


async def test_a_form_that_is_none_is_refused(ada: Caller, anyone: httpx.AsyncClient) -> None:
    hook = await opened(ada, {})
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = await anyone.post(hook, content=b"--y\r\nnonsense", headers=headers)
    assert answer.status_code == 422, answer.text
    assert "form cannot be read" in answer.json()["detail"]
