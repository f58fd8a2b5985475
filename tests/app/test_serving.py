"""What stands in front of pages and routes."""

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from app.serving import guarded, same_place


async def anything(request: Request) -> Response:
    headers = {"cache-control": "no-store"} if request.url.path == "/own" else None
    return PlainTextResponse("ok", 404 if request.url.path == "/missing" else 200, headers)


async def echo(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client() -> TestClient:
    inner = Starlette(
        routes=[
            WebSocketRoute("/_event/", echo),
            Route("/{path:path}", anything, methods=["GET", "POST"]),
        ]
    )
    return TestClient(guarded("https://weft.example.com")(inner), base_url="http://localhost:8400")


@pytest.mark.parametrize(
    ("origin", "host", "allowed"),
    [
        ("http://localhost:8400", "localhost:8400", True),
        ("http://localhost:8400", "127.0.0.1:8400", True),
        ("http://[::1]:8400", "localhost:8400", True),
        ("https://box.lan", "box.lan:443", True),
        ("http://BOX.lan", "box.lan", True),
        ("https://weft.example.com", "10.0.0.7:8400", True),
        ("http://localhost:8401", "localhost:8400", False),
        ("http://weft.example.com", "localhost:8400", False),
        ("https://weft.example.com.evil.example", "localhost:8400", False),
        ("https://evil.example", "localhost:8400", False),
        ("null", "localhost:8400", False),
        ("", "localhost:8400", False),
    ],
)
def test_an_origin_is_ours_by_host_and_port(origin: str, host: str, allowed: bool) -> None:
    assert same_place(origin, host, "https://weft.example.com") is allowed


def test_a_socket_opens_for_our_page_and_for_programs(client: TestClient) -> None:
    for headers in ({"origin": "http://127.0.0.1:8400"}, {}):
        with client.websocket_connect("ws://localhost:8400/_event/", headers=headers) as socket:
            assert socket.receive_text() == "hello"


def test_a_socket_stays_closed_for_another_sites_page(client: TestClient) -> None:
    with (
        pytest.raises(WebSocketDisconnect) as refused,
        client.websocket_connect("ws://localhost:8400/_event/", headers={"origin": "https://evil.example"}),
    ):
        pass
    assert refused.value.code == 1008


def test_another_sites_page_cannot_write_with_our_cookie(client: TestClient) -> None:
    headers = {"origin": "https://evil.example", "cookie": "weft_session=x"}
    refused = client.post("/api/v1/runs", headers=headers)
    assert refused.status_code == 403
    assert refused.headers["content-type"] == "application/problem+json"
    assert "PUBLIC_URL" in refused.json()["detail"]
    assert client.post("/api/v1/runs", headers={**headers, "origin": "http://localhost:8400"}).status_code == 200
    assert client.post("/hooks/orders", headers={"origin": "https://evil.example"}).status_code == 200
    # Nobody's cookie counts at a one-time address, and its own page tells no origin.
    assert client.post("/c/token", headers={**headers, "origin": "null"}).status_code == 200


def test_hashed_assets_are_kept_and_pages_are_asked_for_again(client: TestClient) -> None:
    assert client.get("/assets/app-1a2b.js").headers["cache-control"] == "public, max-age=31536000, immutable"
    assert client.get("/runs").headers["cache-control"] == "no-cache"
    assert "cache-control" not in client.get("/missing").headers
    assert "cache-control" not in client.get("/api/v1/runs").headers
    assert client.get("/own").headers.get_list("cache-control") == ["no-store"]


def test_pages_may_load_nothing_from_elsewhere(client: TestClient) -> None:
    page = client.get("/runs").headers
    assert "default-src 'self'" in page["content-security-policy"]
    assert page["x-content-type-options"] == "nosniff"
    assert "content-security-policy" not in client.get("/api/docs").headers
