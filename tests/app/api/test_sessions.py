"""Signing in over REST: cookies, tokens, and what other sites' pages may do."""

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey
from sqlalchemy import update
from sqlmodel import Session

from app.services import tokens, unit
from app.services.checked import forget
from engine.models import Workflow
from engine.settings import settings
from tests.app.api.conftest import Caller, client_of

OWNER = {"name": "Ada Lovelace", "email": "ada@example.com", "password": "correct horse 42"}
SIGN_IN = {"email": OWNER["email"], "password": OWNER["password"]}


@pytest.fixture
async def browser(anyone: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser in which the first owner has just signed up."""
    answer = await anyone.post("/api/v1/owner", json=OWNER)
    assert answer.status_code == 201, answer.text
    return anyone


async def test_the_first_owner_starts_with_a_workflow_that_can_run(browser: httpx.AsyncClient) -> None:
    me = (await browser.get("/api/v1/me")).json()
    assert (me["name"], me["role"], me["workspace_slug"], me["via"]) == ("Ada Lovelace", "owner", "main", "session")
    rows = (await browser.get("/api/v1/workflows")).json()
    assert [row["name"] for row in rows] == ["Sort customer messages"]
    path = f"/api/v1/workflows/{rows[0]['id']}"
    problems = (await browser.get(f"{path}/problems")).json()["problems"]
    assert [problem for problem in problems if problem["severity"] == "error"] == []
    inputs = [node for node in (await browser.get(path)).json()["nodes"].values() if node["type"] == "flow.input"]
    (file,) = [node["with"]["default"] for node in inputs if node["with"]["kind"] == "file"]
    content = await browser.get(f"/api/v1/files/{file['$file']}")
    assert (len(content.content), content.headers["content-disposition"][:10]) == (file["size"], "attachment")
    again = await browser.post("/api/v1/owner", json=OWNER)
    assert again.status_code == 409


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.post("/api/v1/owner", json=OWNER)
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith("weft_session=")
    for part in ("HttpOnly", "SameSite=lax", "Path=/", "Max-Age=2592000"):
        assert part in cookie
    assert "Secure" not in cookie


async def test_over_https_the_cookie_is_secure(browser: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://weft.example.com")
    settings.cache_clear()
    answer = await browser.post("/api/v1/session", json=SIGN_IN)
    assert "Secure" in answer.headers["set-cookie"]


async def test_signing_in_and_out(browser: httpx.AsyncClient) -> None:
    assert (await browser.delete("/api/v1/session")).status_code == 204
    assert (await browser.get("/api/v1/me")).status_code == 401
    assert (await browser.post("/api/v1/session", json={**SIGN_IN, "password": "wrong"})).status_code == 401
    assert (await browser.post("/api/v1/session", json=SIGN_IN)).status_code == 204
    assert (await browser.get("/api/v1/me")).status_code == 200


async def test_other_sites_pages_change_nothing(browser: httpx.AsyncClient) -> None:
    workflow = (await browser.get("/api/v1/workflows")).json()[0]["id"]
    for origin in ("https://evil.example", "null", "http://weft.test.evil.example", "http://weft.test:1"):
        answer = await browser.delete(f"/api/v1/workflows/{workflow}", headers={"Origin": origin})
        assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json"), origin
    assert (await browser.get(f"/api/v1/workflows/{workflow}")).status_code == 200
    assert (
        await browser.delete(f"/api/v1/workflows/{workflow}", headers={"Origin": "http://weft.test"})
    ).status_code == 204


async def test_a_token_for_programs(browser: httpx.AsyncClient) -> None:
    answer = await browser.post("/api/v1/tokens", json=SIGN_IN)
    assert (answer.json()["token_type"], answer.json()["expires_in"]) == ("Bearer", 900)
    token = answer.json()["access_token"]
    async with client_of(token) as program:
        assert (await program.get("/api/v1/me")).json()["via"] == "jwt"
        new = {"old": OWNER["password"], "new": "another horse 43"}
        assert (await browser.put("/api/v1/me/password", json=new)).status_code == 204
        assert (await program.get("/api/v1/me")).status_code == 401
    assert (await browser.get("/api/v1/me")).status_code == 200


@pytest.mark.parametrize("change", ["", "x", "none", "other-key", "late", "no-expiry"])
async def test_tokens_that_are_not_ours(
    browser: httpx.AsyncClient, change: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = (await browser.post("/api/v1/tokens", json=SIGN_IN)).json()["access_token"]
    head, body, signature = token.split(".")
    forged = {
        "": f"{head}.{body}.",
        "x": f"{head}.{body}.{signature[:-3]}AAA",
        "none": f"eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.{body}.",
    }
    if change in forged:
        token = forged[change]
    else:
        key = tokens._key(settings().secret_key)
        claims = dict(jwt.decode(token, key).claims)
        if change == "late":
            claims["exp"] = claims["iat"] - 1
        elif change == "no-expiry":
            del claims["exp"]
        else:
            key = OctKey.generate_key(256)
        token = jwt.encode({"alg": "HS256"}, claims, key)
    async with client_of(token) as program:
        assert (await program.get("/api/v1/me")).status_code == 401


async def test_wrong_fields_are_named_and_secrets_not_repeated(anyone: httpx.AsyncClient) -> None:
    answer = await anyone.post("/api/v1/owner", json={**OWNER, "password": "x" * 2000, "email": 7})
    assert answer.status_code == 422
    assert {problem["field"] for problem in answer.json()["problems"]} == {"email", "password"}
    assert "xxx" not in answer.text
    short = await anyone.post("/api/v1/owner", json={**OWNER, "password": "short"})
    assert short.json()["problems"] == [{"field": "password", "message": "Use at least 10 characters."}]


async def test_profile(browser: httpx.AsyncClient) -> None:
    assert (await browser.patch("/api/v1/me", json={"appearance": "dark"})).status_code == 204
    assert (await browser.patch("/api/v1/me", json={"name": "Ada L."})).status_code == 204
    me = (await browser.get("/api/v1/me")).json()
    assert (me["name"], me["email"], me["appearance"]) == ("Ada L.", "ada@example.com", "dark")


async def test_rate_limits_are_told_and_kept(ada: Caller) -> None:
    answer = await ada.client.get("/api/v1/me")
    assert answer.headers["ratelimit-policy"] == '"requests";q=1200;w=60'
    assert answer.headers["ratelimit"].startswith('"requests";r=1199')


async def test_trying_proof_after_proof_is_stopped(anyone: httpx.AsyncClient) -> None:
    codes = []
    for number in range(70):
        answer = await anyone.get("/api/v1/me", headers={"Authorization": f"Bearer weft_guess{number}"})
        codes.append(answer.status_code)
    assert codes[:60] == [401] * 60
    assert codes[-1] == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert answer.headers["content-type"] == "application/problem+json"


async def test_health(anyone: httpx.AsyncClient) -> None:
    assert (await anyone.get("/healthz")).json() == {"status": "ok"}
    assert (await anyone.get("/readyz")).json() == {"database": "ok", "redis": "ok", "payloads": "ok"}


async def test_the_description_and_its_page_need_nothing_from_elsewhere(anyone: httpx.AsyncClient) -> None:
    described = (await anyone.get("/api/v1/openapi.json")).json()
    assert described["openapi"].startswith("3.1")
    page = await anyone.get("/api/docs")
    assert page.status_code == 200
    assert "//" not in page.text.replace("http://www.w3.org", "").partition("</head>")[0].replace("<!--", "")
    for asset in ("swagger-ui-bundle.js", "swagger-ui.css"):
        assert f'/api/docs/assets/{asset}"' in page.text
        assert (await anyone.get(f"/api/docs/assets/{asset}")).status_code == 200


async def test_a_fault_of_ours_shows_nothing_of_the_inside(ada: Caller) -> None:
    made = await ada.client.post("/api/v1/workflows", json={"weft": 1, "nodes": {}})

    def damage(db: Session) -> None:
        db.execute(update(Workflow).values(draft={"weft": "hunter2"}))

    await unit.ask(damage)
    forget(made.json()["id"])
    answer = await ada.client.get(f"/api/v1/workflows/{made.json()['id']}")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")
    assert "hunter2" not in answer.text
    assert "Traceback" not in answer.text
