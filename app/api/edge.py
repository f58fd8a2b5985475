"""What every answer of REST and webhooks passes: rate-limit headers, no caching, and no stack trace to the outside."""

from collections.abc import Iterable
from typing import Final

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import problem
from app.services.errors import DatabaseUnavailable, StoreUnavailable
from app.services.limits import Verdict
from engine.models import new_id

PREFIXES: Final = ("/api/", "/hooks/", "/c/", "/healthz", "/readyz", "/metrics")
RETRY_SECONDS: Final = "5"
_log = structlog.get_logger(__name__)


class Edge:
    """ASGI middleware around the REST application; other paths pass untouched."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PREFIXES):
            await self._app(scope, receive, send)
            return
        begun = False

        async def outgoing(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message = {**message, "headers": [*message["headers"], *_added(scope, message["headers"])]}
            await send(message)

        try:
            await self._app(scope, receive, outgoing)
        except (DatabaseUnavailable, StoreUnavailable) as error:
            _log.warning("store away", error=str(error), cause=getattr(error, "cause", ""))
            if begun:
                raise
            answer = problem(503, error.told, instance=scope["path"], headers={"Retry-After": RETRY_SECONDS})
            await answer(scope, receive, outgoing)
        except Exception:
            reference = new_id()
            _log.exception("a request failed", reference=reference, method=scope["method"], path=scope["path"])
            if begun:
                raise
            detail = f"Something broke on our side. The server's log tells more under {reference}."
            await problem(500, detail, instance=scope["path"])(scope, receive, outgoing)


def _added(scope: Scope, present: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    names = {name.lower() for name, _ in present}
    added = []
    verdict: Verdict | None = scope.get("weft.limit")
    if verdict is not None:
        added = [(name.lower().encode(), value.encode()) for name, value in verdict.headers().items()]
    if b"cache-control" not in names:
        added.append((b"cache-control", b"no-store"))
    return [(name, value) for name, value in added if name not in names]
