"""What stands in front of every page and route: who may ask, how long to keep it, what a browser may do with it."""

import json
from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"localhost", "127.0.0.1", "[::1]"})
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
ONE_TIME = "/c/"
REST_PREFIXES = ("/api/", "/hooks/", "/healthz", "/readyz")
A_YEAR = b"public, max-age=31536000, immutable"
# Reflex starts its pages by inline scripts and runs `rx.call_script` through eval; nothing comes from elsewhere.
CONTENT_POLICY = "; ".join(
    [
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "font-src 'self' data:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    ]
)
EVERYWHERE = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]
ON_PAGES = [
    (b"content-security-policy", CONTENT_POLICY.encode()),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=()"),
]


def _header(scope: Scope, name: bytes) -> str:
    for key, value in scope["headers"]:
        if key == name:
            text: str = value.decode("latin-1")
            return text
    return ""


def _place(netloc: str, scheme: str) -> tuple[str, str]:
    """Host and port of an address, with the two names of this machine's loopback as one."""
    host, colon, port = netloc.rpartition(":")
    if not colon or netloc.endswith("]"):
        host, port = netloc, ""
    default = "443" if scheme in ("https", "wss") else "80"
    host = host.lower()
    return ("localhost" if host in LOOPBACK else host, port or default)


def same_place(origin: str, host: str, public_url: str) -> bool:
    """Whether a page at `origin` may talk to us, who were asked for as `host`: it is our own page.

    Behind a proxy that changes `Host`, PUBLIC_URL says what our pages' address is (RFC 6454 for origins).
    """
    parts = urlsplit(origin)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        return False
    public = urlsplit(public_url)
    here = _place(parts.netloc, parts.scheme)
    return here in (_place(host, parts.scheme), _place(public.netloc, public.scheme))


def _needs_own_page(scope: Scope) -> bool:
    """A browser sends our cookie along with these, whoever's page asks for them."""
    if scope["type"] == "websocket":
        return True
    if scope["path"].startswith("/_"):
        return True
    if scope["path"].startswith(ONE_TIME):
        return False  # whoever calls it, the token decides and the cookie says nothing
    return scope["method"] not in SAFE_METHODS and bool(_header(scope, b"cookie"))


async def _refuse(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": "Another site's page may not connect."})
        return
    body = json.dumps(
        {
            "type": "about:blank",
            "title": "Forbidden",
            "status": 403,
            "detail": "This request came from another site's page. If that site is this Weft, set PUBLIC_URL.",
        }
    ).encode()
    headers = [(b"content-type", b"application/problem+json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 403, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _caching(path: str) -> bytes:
    return A_YEAR if path.startswith("/assets/") else b"no-cache"


def guarded(public_url: str) -> Callable[[ASGIApp], ASGIApp]:
    """An ASGI wrapper, for `rx.App(api_transformer=…)`: refuses other sites' pages, adds headers to answers."""

    def wrap(inner: ASGIApp) -> ASGIApp:
        async def outer(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] not in ("http", "websocket"):
                await inner(scope, receive, send)
                return
            origin = _header(scope, b"origin")
            if origin and _needs_own_page(scope) and not same_place(origin, _header(scope, b"host"), public_url):
                await _refuse(scope, receive, send)
                return
            await inner(scope, receive, send if scope["type"] == "websocket" else _with_headers(scope, send))

        return outer

    return wrap


def _with_headers(scope: Scope, send: Send) -> Send:
    path = scope["path"]
    on_page = not path.startswith(REST_PREFIXES)

    async def sending(message: Message) -> None:
        if message["type"] == "http.response.start":
            present = {name.lower() for name, _ in message["headers"]}
            wanted = EVERYWHERE + ON_PAGES * on_page
            if on_page and message["status"] in (200, 304):
                wanted = [*wanted, (b"cache-control", _caching(path))]
            added = [(name, value) for name, value in wanted if name not in present]
            message = {**message, "headers": [*message["headers"], *added]}
        await send(message)

    return sending
