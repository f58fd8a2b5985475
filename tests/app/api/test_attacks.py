"""Input that breaks servers: on both databases each is refused in the usual words, and none is a fault of ours."""

from collections.abc import AsyncIterator

import httpx
import pytest

from tests.app.api.conftest import Caller, caller
from tests.app.api.test_runs import published

JSON = {"Content-Type": "application/json"}
YAML = {"Content-Type": "application/yaml"}
ODD = ["%00", "%ff", "a%00b", "..%2f..%2fetc%2fpasswd", "'%20OR%201=1--", "%F0%9F%92%A3", "x" * 3000, "%0d%0aX-Evil:1"]


@pytest.fixture
async def eve(any_database: str, valkey_url: str) -> AsyncIterator[Caller]:
    """Somebody with a key, on both databases."""
    found = await caller()
    async with found.client:
        yield found


def is_refused(answer: httpx.Response) -> bool:
    return 400 <= answer.status_code < 500 and answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/workflows/{odd}",
        "/api/v1/workflows/{odd}/versions",
        "/api/v1/workflows/{odd}/versions/99999999999999999999",
        "/api/v1/runs/{odd}",
        "/api/v1/runs/{odd}/events",
        "/api/v1/runs/{odd}/steps/{odd}/items",
        "/api/v1/runs?cursor={odd}",
        "/api/v1/runs?cursor=99999999999999-{odd}",
        "/api/v1/files/{odd}",
        "/api/v1/forms/{odd}",
        "/api/v1/forms/{odd}/runs/{odd}",
        "/hooks/{odd}/{odd}",
        "/{odd}/../api/v1/nothing",
    ],
)
async def test_odd_addresses(eve: Caller, path: str) -> None:
    for odd in ODD:
        answer = await eve.client.get(path.replace("{odd}", odd))
        empty_page = answer.status_code == 200 and answer.json() == {"runs": [], "cursor": ""}
        assert is_refused(answer) or empty_page, (odd, answer.status_code, answer.text[:300])


@pytest.mark.parametrize("text", [r"a\u0000b", r"\ud800", r"\u202e\u0007"])
async def test_odd_characters_in_values(eve: Caller, text: str) -> None:
    path = await published(eve)
    run = f"{path}/runs"
    bodies = [
        ("PATCH", "/api/v1/me", f'{{"name": "{text}"}}'),
        ("POST", "/api/v1/session", f'{{"email": "{text}", "password": "{text}"}}'),
        ("POST", f"{path}/publish", f'{{"note": "{text}"}}'),
        ("POST", run, f'{{"inputs": {{"given": 1, "{text}": 1}}}}'),
        ("POST", run, f'{{"inputs": {{"given": 1}}, "trigger": "{text}"}}'),
        ("POST", run, f'{{"inputs": {{"given": 1}}, "payload": "{text}"}}'),
        ("POST", "/api/v1/workflows", f'{{"weft": 1, "name": "{text}", "nodes": {{}}}}'),
    ]
    for method, address, body in bodies:
        answer = await eve.client.request(method, address, content=body, headers=JSON)
        assert answer.status_code < 500, (method, address, answer.text[:300])
        listed = await eve.client.get("/api/v1/workflows")
        assert listed.status_code == 200, (method, address)


@pytest.mark.parametrize("depth", [200, 900, 5_000, 100_000])
async def test_deep_values(eve: Caller, depth: int) -> None:
    path = await published(eve)
    deep = "[" * depth + "]" * depth
    for address, body in (
        (f"{path}/runs", f'{{"inputs": {{"given": 1}}, "payload": {deep}}}'),
        ("/api/v1/workflows", f'{{"weft": 1, "nodes": {{"a": {{"type": "data.set", "with": {{"record": {deep}}}}}}}}}'),
        ("/api/v1/workflows/validate", f'{{"weft": {deep}}}'),
    ):
        answer = await eve.client.post(address, content=body, headers=JSON)
        assert answer.status_code < 500, (address, answer.status_code, answer.text[:300])
    text = f"weft: 1\nnodes:\n  a: {{type: data.set, with: {{record: {deep}}}}}\n"
    answer = await eve.client.post("/api/v1/workflows/validate", content=text, headers=YAML)
    assert answer.status_code < 500, answer.text[:300]


@pytest.mark.parametrize("number", ["1e999", "-1e999", "NaN", "9" * 400, "1" * 25])
async def test_odd_numbers(eve: Caller, number: str) -> None:
    path = await published(eve)
    for address, body in (
        (f"{path}/runs", f'{{"inputs": {{"given": {number}}}}}'),
        (f"{path}/runs", f'{{"inputs": {{"given": 1}}, "payload": {number}}}'),
        (
            "/api/v1/workflows",
            f'{{"weft": 1, "nodes": {{"a": {{"type": "flow.wait", "with": {{"amount": {number}}}}}}}}}',
        ),
    ):
        answer = await eve.client.post(address, content=body, headers=JSON)
        assert answer.status_code < 500, (address, answer.text[:300])
        if answer.status_code == 202:
            assert (await eve.client.get(f"/api/v1/runs/{answer.json()['id']}")).status_code == 200


async def test_a_yaml_bomb(eve: Caller) -> None:
    lines = ["a0: &a0 [x]", *(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 12))]
    answer = await eve.client.post("/api/v1/workflows/validate", content="\n".join(lines), headers=YAML)
    assert is_refused(answer)


async def test_yaml_makes_no_objects(eve: Caller) -> None:
    text = "weft: 1\nname: !!python/object/apply:os.system ['true']\nnodes: {}\n"
    answer = await eve.client.post("/api/v1/workflows/validate", content=text, headers=YAML)
    assert is_refused(answer) or answer.status_code == 200
    assert "object/apply" not in (await eve.client.get("/api/v1/workflows")).text


async def test_a_file_cannot_become_a_page_of_ours(eve: Caller) -> None:
    name = 'x".html\r\nX-Evil: 1\r\n\r\n<script>'
    for media_type in ("text/html", "image/svg+xml", "te\x01xt", "text/html; charset=é"):
        sent = {"file": (name, b"<script>alert(1)</script>", media_type)}
        made = await eve.client.post("/api/v1/files", files=sent)
        if made.status_code == 201:
            got = await eve.client.get(f"/api/v1/files/{made.json()['$file']}", params={"name": name})
            assert got.headers["content-disposition"].startswith("attachment")
            assert "x-evil" not in got.headers
            assert got.headers["x-content-type-options"] == "nosniff"
            assert "sandbox" in got.headers["content-security-policy"]
        else:
            assert is_refused(made)
