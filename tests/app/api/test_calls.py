"""One-time addresses: looking changes nothing, the first call counts, and nothing tells more than it must."""

import asyncio
import logging
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from sqlmodel import col

from engine.doors import token_of
from engine.models import Wait
from engine.store.db import database
from tests.app.api.conftest import Caller
from tests.app.api.test_runs import ended, published

PAGE = {"accept": "text/html,application/xhtml+xml"}
CONFIRM: dict[str, Any] = {
    "weft": 1,
    "name": "Confirm",
    "nodes": {
        "call": {
            "type": "flow.wait_for_call",
            "with": {"title": "Confirm <4411>", "message": "We ship it.", "button": "Yes"},
        },
        "shown": {"type": "flow.output", "with": {"name": "result", "value": "{{ call.called }}"}},
    },
}


def wait_of(run_id: str) -> Wait | None:
    with database().transaction(write=False) as session:
        return session.scalar(select(Wait).where(col(Wait.run_id) == run_id))


async def opened(who: Caller, **settings: Any) -> tuple[str, str]:
    """A run that waits for a call; its id and the address."""
    call = CONFIRM["nodes"]["call"]
    nodes = {**CONFIRM["nodes"], "call": {**call, "with": {**call["with"], **settings}}}
    path = await published(who, {**CONFIRM, "nodes": nodes})
    run_id: str = (await who.client.post(f"{path}/runs", json={})).json()["id"]
    for _ in range(200):
        if (wait := await asyncio.to_thread(wait_of, run_id)) is not None:
            return run_id, f"/c/{token_of(wait.id)}"
        await asyncio.sleep(0.05)
    raise AssertionError("no address was opened")


@pytest.mark.usefixtures("worker")
async def test_looking_changes_nothing_and_the_first_call_counts(ada: Caller, anyone: httpx.AsyncClient) -> None:
    run_id, address = await opened(ada)
    for _ in range(3):
        page = await anyone.get(address, headers=PAGE)
        assert page.status_code == 200
        assert "Confirm &lt;4411&gt;" in page.text and "<button" in page.text and ">Yes<" in page.text
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert (await anyone.head(address)).status_code in (200, 405)
    assert (await ada.client.get(f"/api/v1/runs/{run_id}")).json()["row"]["status"] != "done"
    answers = await asyncio.gather(*(anyone.post(address, json={"n": n}) for n in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200, 410, 410, 410, 410]
    taken = next(n for n, answer in enumerate(answers) if answer.status_code == 200)
    assert (await ended(ada, run_id))["row"]["status"] == "done"
    results = (await ada.client.get(f"/api/v1/runs/{run_id}/results")).json()
    assert results[0]["value"] == {"n": taken}
    for answer in (await anyone.get(address, headers=PAGE), await anyone.post(address, headers=PAGE)):
        assert answer.status_code == 410
        assert "has been used" in answer.text


@pytest.mark.usefixtures("worker")
@pytest.mark.parametrize(
    ("sent", "payload"),
    [
        ({"json": [1, {"a": None}]}, [1, {"a": None}]),
        ({"data": {"name": "Ada", "tags": ["x", "y"]}}, {"name": "Ada", "tags": ["x", "y"]}),
        ({"params": {"answer": "yes"}}, {"answer": "yes"}),
        ({"content": b"just text", "headers": {"content-type": "text/plain"}}, "just text"),
        ({}, {}),
    ],
)
async def test_what_a_call_brings(ada: Caller, anyone: httpx.AsyncClient, sent: Any, payload: Any) -> None:
    run_id, address = await opened(ada)
    assert (await anyone.post(address, **sent)).json() == {"status": "taken"}
    await ended(ada, run_id)
    assert (await ada.client.get(f"/api/v1/runs/{run_id}/results")).json()[0]["value"] == payload


@pytest.mark.usefixtures("worker")
async def test_what_cannot_be_taken_leaves_the_address_open(ada: Caller, anyone: httpx.AsyncClient) -> None:
    _, address = await opened(ada)
    refused = {
        413: {"content": b"x" * 300_000},
        422: {"content": b"{", "headers": {"content-type": "application/json"}},
    }
    for status, sent in refused.items():
        assert (await anyone.post(address, **sent)).status_code == status  # type: ignore[arg-type]
    assert (await anyone.post(address, files={"f": b"x"})).status_code == 422
    assert (await anyone.put(address)).status_code == 405
    assert (await anyone.post(address)).status_code == 200


@pytest.mark.usefixtures("worker")
async def test_expired_and_cancelled_say_so(ada: Caller, anyone: httpx.AsyncClient) -> None:
    _, late = await opened(ada, amount=0, unit="seconds")
    for answer in (await anyone.post(late), await anyone.get(late, headers=PAGE)):
        assert answer.status_code == 410
        assert "expired" in answer.text
    run_id, address = await opened(ada)
    await ada.client.post(f"/api/v1/runs/{run_id}/cancel")
    await ended(ada, run_id)
    answer = await anyone.post(address)
    assert (answer.status_code, "not needed any more" in answer.text) == (410, True)


async def test_an_unknown_address_tells_nothing(anyone: httpx.AsyncClient) -> None:
    told = set()
    for token in ("not-a-token", "A" * 43, "A" * 44, token_of("0" * 32), "ü" * 43):
        for answer in (await anyone.get(f"/c/{token}"), await anyone.post(f"/c/{token}", json={})):
            told.add((answer.status_code, answer.json()["detail"]))
            assert token not in answer.text
    assert told == {(404, "This address does not exist, or you have no access to it.")}
    page = await anyone.get("/c/" + "A" * 43, headers=PAGE)
    assert (page.status_code, "There is nothing at this address." in page.text) == (404, True)


async def test_who_tries_address_after_address_is_slowed_down(anyone: httpx.AsyncClient) -> None:
    answers = [(await anyone.get("/c/" + "A" * 43)).status_code for _ in range(70)]
    assert answers[0] == 404
    assert answers[-1] == 429


@pytest.mark.usefixtures("worker")
async def test_a_page_of_another_site_may_call_and_no_log_shows_the_token(
    ada: Caller, anyone: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _, address = await opened(ada)
    answer = await anyone.post(address, headers={"origin": "null", "cookie": "weft_session=x"})
    assert answer.status_code == 200
    ours = [record for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]
    assert not [record for record in ours if address in record.getMessage()]
