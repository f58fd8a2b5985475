"""The main job: real messages sorted through the published form and by REST, with the same result."""

import asyncio
import csv
import io
from typing import Any

import httpx
import pytest

from app.services import forms, templates, unit
from engine.settings import CHECKOUT
from tests.app.api.conftest import Caller

SAMPLE = CHECKOUT / "templates" / "samples" / "messages.csv"
SOME = 40


def some_messages() -> bytes:
    with SAMPLE.open(newline="") as file:
        rows = list(csv.reader(file))
    out = io.StringIO()
    csv.writer(out).writerows([rows[0], *rows[1 :: len(rows) // SOME]])
    return out.getvalue().encode()


async def opened(who: Caller) -> tuple[str, str]:
    """The path of the published workflow, and the token of its form."""
    workflow_id = await unit.ask(templates.use, who.actor, templates.FIRST)
    path = f"/api/v1/workflows/{workflow_id}"
    published = await who.client.post(f"{path}/publish")
    assert published.status_code == 201, published.text
    return path, await unit.ask(forms.publish_form, who.actor, workflow_id)


async def ended(client: httpx.AsyncClient, address: str) -> dict[str, Any]:
    for _ in range(600):
        found: dict[str, Any] = (await client.get(address)).json()
        if found["status"] in ("done", "failed", "cancelled"):
            return found
        await asyncio.sleep(0.1)
    raise AssertionError(found)


async def test_what_a_form_asks(ada: Caller, anyone: httpx.AsyncClient) -> None:
    _, token = await opened(ada)
    form = (await anyone.get(f"/api/v1/forms/{token}")).json()
    assert form["workflow"] == "Sort customer messages"
    assert form["button"] == "Sort 3,080 messages"
    kinds = {one["name"]: one["kind"] for one in form["inputs"]}
    assert (kinds["messages"], kinds["departments"]) == ("file", "rows")


async def test_what_a_form_refuses(ada: Caller, anyone: httpx.AsyncClient) -> None:
    path, token = await opened(ada)
    foreign = {"$file": "0" * 64, "name": "a.csv", "media_type": "text/csv", "size": 1}
    for inputs in ({"departments": "x"}, {"messages": "x"}, {"messages": foreign}, {"more": 1}):
        answer = await anyone.post(f"/api/v1/forms/{token}/runs", json={"inputs": inputs})
        assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json"), inputs
    upload = f"/api/v1/forms/{token}/files"
    assert (await anyone.post(upload, data={"file": "no file"})).status_code == 422
    assert (await anyone.post(upload, content=b"x", headers={"Content-Type": "text/plain"})).status_code == 422
    huge = {"file": ("a.csv", b"x" * (51 * 1024 * 1024), "text/csv")}
    assert (await anyone.post(upload, files=huge)).status_code == 413
    codes = {(await anyone.post(upload, files={"file": ("a.csv", b"x", "text/csv")})).status_code for _ in range(31)}
    assert codes == {201, 429}
    assert (await ada.client.get("/api/v1/runs")).json()["runs"] == []
    await ada.client.delete(path)
    assert (await anyone.get(f"/api/v1/forms/{token}")).status_code == 404


@pytest.mark.usefixtures("worker")
async def test_form_and_rest_give_the_same_result(ada: Caller, anyone: httpx.AsyncClient) -> None:
    path, token = await opened(ada)
    file = {"file": ("mine.csv", some_messages(), "text/csv")}
    uploaded = (await anyone.post(f"/api/v1/forms/{token}/files", files=file)).json()
    submitted = await anyone.post(f"/api/v1/forms/{token}/runs", json={"inputs": {"messages": uploaded}})
    assert submitted.status_code == 202, submitted.text
    mine = f"/api/v1/forms/{token}/runs/{submitted.json()['run_id']}"
    result = await ended(anyone, mine)
    assert result["status"] == "done", result
    by_form = {one["name"]: one for one in result["results"]}

    body = {"inputs": {"messages": (await ada.client.post("/api/v1/files", files=file)).json()}}
    by_rest = (await ada.client.post(f"{path}/runs?wait=60", json=body, timeout=90)).json()
    assert by_rest["status"] == "done", by_rest
    assert by_form.keys() == by_rest["outputs"].keys()
    for name, one in by_form.items():
        if one["show"] != "file":
            assert one["value"] == by_rest["outputs"][name], name

    (table,) = [one for one in by_form.values() if one["show"] == "table" and one["total"] and one["total"] >= SOME]
    assert {"Message", "Department", "Urgent", "Confidence"} <= table["value"][0].keys()
    page = (await anyone.get(f"{mine}/results/{table['node_id']}?start=5&stop=8")).json()
    assert page["items"] == table["value"][5:8]
    (workbook,) = [one for one in by_form.values() if one["show"] == "file"]
    content = await anyone.get(f"{mine}/files/{workbook['value']['$file']}")
    assert content.content[:2] == b"PK"
    assert content.headers["content-disposition"].startswith("attachment")
    hidden = await anyone.get(f"{mine}/files/{uploaded['$file']}")
    assert hidden.status_code == 404
