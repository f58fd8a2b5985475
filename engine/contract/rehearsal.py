"""A client that sends nothing: for dry runs, which show the request that would have been sent."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from engine.contract.http import Answer, HttpClient, shown_request
from engine.contract.redaction import shown_body

LONGEST_BODY = 20_000


class NotSent(Exception):
    """Raised in the place of a call. `request` is what may be shown of it: method, url, headers, body.

    No NodeError, so that no node takes it for a failure of the service.
    """

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__("not sent: this is a dry run")
        self.request = request


class RehearsingClient(HttpClient):
    """Makes the request ready as its original does, and sends nothing."""

    def __init__(self, original: HttpClient) -> None:
        super().__init__(original._client, original._policy)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109  as the original has it
        max_bytes: int = 0,
        follow_redirects: bool = True,
        raise_errors: bool = True,
        **body: Any,
    ) -> Answer:
        """Raises NotSent, and BadParams where the request could not be made."""
        request = self._request(method, url, headers, secret_headers, query, body)
        secret = frozenset(name.lower() for name in secret_headers or ())
        shown = shown_request(request, secret)
        given = {name: value for name, value in shown["headers"].items() if not self._adds(name, value)}
        raise NotSent({**shown, "headers": given, "body": _shown_content(request)})

    def _adds(self, name: str, value: str) -> bool:
        """Whether every request of the client has this header, whatever the node gave."""
        return name in ("host", "content-length") or self._client.headers.get(name) == value


def _shown_content(request: httpx.Request) -> Any:
    """The body as far as it can be shown: JSON as it is, text cut where it is long, of bytes how many."""
    try:
        content = request.read()
    except RuntimeError:
        return "(a stream)"
    kind = request.headers.get("content-type", "").partition(";")[0]
    if not content:
        return None
    try:
        text = content.decode()
        return json.loads(text) if kind.endswith("json") and len(text) <= LONGEST_BODY else shown_body(text)
    except ValueError:
        return f"({len(content):,} bytes of {kind or 'unknown kind'})"
