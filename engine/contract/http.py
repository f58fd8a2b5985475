"""The client for calls to the outside: no private addresses, bounded in size and time, errors in a node's terms.

Built on httpx and httpx-secure. Proxies and credentials from the environment are not used. Nothing is kept between
calls but connections: cookies of one call never reach another.
"""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from ipaddress import ip_address
from typing import Any, Protocol

import anyio
import httpx
from httpx_secure import SSRFProtectionError, httpx_ssrf_protection

from engine.contract.addresses import AddressPolicy
from engine.contract.errors import (
    AuthExpired,
    BadParams,
    Forbidden,
    NodeError,
    NotFound,
    OutputTooLarge,
    PermanentError,
    RateLimited,
    TimedOut,
    Unavailable,
)
from engine.contract.redaction import blanked, secrets_of, shown_body, shown_headers, shown_url, speaks_of_secret

MOST_REDIRECTS = 10
_DEFAULT_BYTES = 50 * 1024 * 1024
_CONNECT_SECONDS = 10.0


@dataclass(frozen=True)
class Answer:
    """What came back, body read whole."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str
    encoding: str = "utf-8"
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def media_type(self) -> str:
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def text(self) -> str:
        return self.content.decode(self.encoding, errors="replace")

    def json(self) -> Any:
        """Raises `PermanentError` when the body is no JSON."""
        try:
            return json.loads(self.content)
        except (ValueError, RecursionError) as error:
            raise PermanentError(
                f"The answer of {shown_url(self.url)} is not valid JSON.",
                hint="Read it as text to see what came.",
                status=self.status,
                response={"status": self.status, "body": shown_body(self.text)},
            ) from error


class Gate(Protocol):
    """Decides when a request may be sent, and hears what came of it."""

    def passing(self, host: str) -> AbstractAsyncContextManager[Callable[[Answer], None]]:
        """Waits for the turn of a request to this host; what it gives is told the answer.

        Raises:
            Postponed: its turn comes later; nothing was sent.
            CircuitOpen: the host is left alone for a while; nothing was sent.
        """
        ...


class HttpClient:
    """Makes calls. One per process, for all workspaces; made by `open_client`."""

    def __init__(self, client: httpx.AsyncClient, policy: AddressPolicy, gate: Gate | None = None) -> None:
        self._client = client
        self._policy = policy
        self._gate = gate

    def governed(self, gate: Gate) -> HttpClient:
        """The same client for the calls of one node, on the same connections; its requests go through the gate."""
        return HttpClient(self._client, self._policy, gate)

    async def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
        query: Mapping[str, Any] | None = None,
        timeout: float = 30.0,  # noqa: ASYNC109  one limit for the whole exchange, redirects and body included
        max_bytes: int = _DEFAULT_BYTES,
        follow_redirects: bool = True,
        raise_errors: bool = True,
        **body: Any,
    ) -> Answer:
        """Send a request and read the answer whole.

        Args:
            secret_headers: sent to the first origin only, never after a redirect elsewhere, never shown.
            timeout: seconds for everything, redirects and body included.
            max_bytes: the largest body that is read, after decompression.
            raise_errors: raise for an answer of 400 and above.
            body: `content`, `data`, `files` or `json`, as httpx takes them.

        Raises:
            BadParams: the URL cannot be used, or leads to an address that is not public.
            Unavailable, TimedOut, RateLimited: worth trying again; `retry_after` is the service's wish.
            Postponed, CircuitOpen: nothing was sent, since a limit or a failing service stands in the way.
            AuthExpired, Forbidden, NotFound, PermanentError: the service refused.
            OutputTooLarge: the answer is larger than `max_bytes`.
        """
        request = self._request(method, url, headers, secret_headers, query, body)
        secret = frozenset(name.lower() for name in secret_headers or ())
        shown = shown_request(request, secret)
        passing = self._gate.passing(_host(request.url)) if self._gate else nullcontext(_unheard)
        async with passing as hear:
            with _translated(request, shown):
                async with asyncio.timeout(timeout):
                    answer = await self._exchange(request, secret, max_bytes, follow_redirects)
            hear(answer)
        if raise_errors and answer.status >= 400:
            raise refusal(answer, shown, secrets_of(request.headers, str(request.url), secret))
        return answer

    def _request(  # noqa: PLR0917
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        secret_headers: Mapping[str, str] | None,
        query: Mapping[str, Any] | None,
        body: Mapping[str, Any],
    ) -> httpx.Request:
        try:
            target = httpx.URL(url.strip())
            if query:
                target = target.copy_merge_params(httpx.QueryParams(query))
            merged = {**(headers or {}), **(secret_headers or {})}
            request = self._client.build_request(method, target, headers=merged, **body)
        except (httpx.InvalidURL, ValueError, TypeError) as error:
            raise BadParams(f"The request cannot be made: {error}.", field="url") from error
        if request.url.scheme not in ("http", "https") or not request.url.host:
            raise BadParams(
                f"“{shown_url(url)}” is not an address on the web.", field="url", hint="Begin with https:// or http://."
            )
        return request

    async def _exchange(self, request: httpx.Request, secrets: frozenset[str], max_bytes: int, follow: bool) -> Answer:
        origin = _origin(request.url)
        for _ in range(MOST_REDIRECTS + 1):
            if _origin(request.url) != origin:
                for name in {*secrets, *filter(speaks_of_secret, request.headers)}:
                    request.headers.pop(name, None)
            await self._refuse_private(request)
            response = await self._client.send(request, stream=True)
            try:
                if not (follow and response.next_request):
                    return await _read(response, max_bytes)
                request = response.next_request
            finally:
                await response.aclose()
        raise PermanentError(
            f"{shown_url(str(request.url))} redirects more than {MOST_REDIRECTS} times.",
            hint="The service seems to send callers in a circle.",
        )

    async def _refuse_private(self, request: httpx.Request) -> None:
        """Refuse a name that resolves to a private address before anything connects.

        httpx-secure decides on the address that a connection reached, so without this an open and a closed port of the
        inner network would give different errors. It still has the last word: a name may resolve elsewhere next time.
        """
        host, port = request.url.host, request.url.port or (443 if request.url.scheme == "https" else 80)
        try:
            found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError, OverflowError):
            return  # the call itself says what is wrong with the name
        for *_, address in found:
            if not self._policy.allows(host, ip_address(str(address[0]).partition("%")[0]), port):
                raise SSRFProtectionError(
                    "not a public address", request=request, hostname=host, ip_addr=None, port=port
                )

    async def aclose(self) -> None:
        """Close the kept connections."""
        await self._client.aclose()


@asynccontextmanager
async def open_client(allowed: Iterable[str] = ()) -> AsyncIterator[HttpClient]:
    """A client for as long as the block lasts. `allowed`: networks and hosts that may be reached although private."""
    client = make_client(allowed)
    try:
        yield client
    finally:
        await client.aclose()


def make_client(allowed: Iterable[str] = ()) -> HttpClient:
    """A client that the caller closes. `allowed`: networks and hosts that may be reached although private."""
    policy = AddressPolicy.of(allowed)
    client = httpx.AsyncClient(
        trust_env=False,
        timeout=httpx.Timeout(None, connect=_CONNECT_SECONDS),
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=50, keepalive_expiry=30),
        headers={"user-agent": "Weft/0.1"},
    )
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))
    httpx_ssrf_protection(client, check_globally_reachable=False, custom_validator=policy.allows, dns_cache_ttl=60)
    return HttpClient(client, policy)


def same_origin(one: str, other: str) -> bool:
    """Whether two addresses lead to the same server: scheme, host and port (RFC 6454)."""
    try:
        return _origin(httpx.URL(one.strip())) == _origin(httpx.URL(other.strip()))
    except httpx.InvalidURL:
        return False


def _host(url: httpx.URL) -> str:
    """Host, and port where it is not the usual one, as a person says it."""
    return url.host if url.port is None else f"{url.host}:{url.port}"


def _unheard(answer: Answer) -> None:
    """For calls that nobody governs."""


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


async def _read(response: httpx.Response, max_bytes: int) -> Answer:
    chunks, size = [], 0
    async for chunk in response.aiter_bytes():
        size += len(chunk)
        if size > max_bytes:
            raise OutputTooLarge(
                f"The answer is larger than {max_bytes / 1024 / 1024:,.1f} MB; it was not read.",
                hint="Raise the node's limit, or ask the service for less.",
                status=response.status_code,
            )
        chunks.append(chunk)
    links = {name: str(link.get("url", "")) for name, link in response.links.items() if name}
    return Answer(
        status=response.status_code,
        headers={name.lower(): value for name, value in response.headers.items()},
        content=b"".join(chunks),
        url=str(response.url),
        encoding=response.encoding or "utf-8",
        links=links,
    )


class _translated:
    """Turns what httpx raises into the errors of nodes."""

    def __init__(self, request: httpx.Request, shown: Mapping[str, Any]) -> None:
        self._where = shown_url(str(request.url.copy_with(query=None)))
        self._shown = shown

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, NodeError) and error.request is None:
            error.request = self._shown
        translated = self._translate(error)
        if translated:
            raise translated from error

    def _translate(self, error: BaseException | None) -> NodeError | None:
        if isinstance(error, SSRFProtectionError):
            return BadParams(
                f"{self._where} leads to an address that is not on the public internet.",
                field="url",
                hint="Private addresses are closed to workflows; whoever runs Weft can allow one "
                "with WEFT_ALLOW_PRIVATE_NETWORK.",
                request=self._shown,
            )
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            return TimedOut(f"{self._where} did not answer in time.", hint="Try again later.", request=self._shown)
        if isinstance(error, httpx.UnsupportedProtocol | httpx.InvalidURL):
            return BadParams(f"{self._where} leads to an address that is not on the web.", field="url")
        if isinstance(error, httpx.DecodingError):
            return PermanentError(f"The answer of {self._where} is damaged.", request=self._shown)
        if isinstance(error, httpx.RequestError):
            return Unavailable(
                f"{self._where} cannot be reached: {_reason(error)}.", hint="Check the address.", request=self._shown
            )
        return None


def _reason(error: httpx.RequestError) -> str:
    text = str(error).strip().rstrip(".")
    return text if text and len(text) < 200 else type(error).__name__


def shown_request(request: httpx.Request, secret: Collection[str]) -> dict[str, Any]:
    """What may be shown of a request: {method, url, headers}. `secret`: names of headers to hide, in small letters."""
    headers = shown_headers(request.headers, secret)
    return {"method": request.method, "url": shown_url(str(request.url)), "headers": headers}


def refusal(answer: Answer, request: Mapping[str, Any], secrets: Collection[str] = ()) -> NodeError:
    """The error that an answer of 400 and above stands for.

    `request`: what may be shown of the call. `secrets`: what it carried, which the answer may repeat.
    """
    what = f"{request['method']} {str(request['url']).partition('?')[0]}"
    details: dict[str, Any] = {
        "status": answer.status,
        "request": request,
        "response": {
            "status": answer.status,
            "headers": {name: blanked(held, secrets) for name, held in shown_headers(answer.headers).items()},
            "body": shown_body(blanked(answer.text, secrets)),
        },
    }
    if answer.status == 429:
        wait = retry_after(answer.headers)
        return RateLimited(f"{what}: too many requests.", retry_after=wait, hint="The service asks to wait.", **details)
    if answer.status >= 500 or answer.status in (408, 425):
        wait = retry_after(answer.headers)
        return Unavailable(
            f"{what} answered {answer.status}.",
            retry_after=wait,
            hint="The service has a problem; try again later.",
            **details,
        )
    kinds: dict[int, tuple[type[PermanentError], str, str]] = {
        401: (AuthExpired, "the account was not accepted", "Check the account, or connect it again."),
        403: (Forbidden, "the account may not do this", "Ask the service's owner for the right to do it."),
        404: (NotFound, "there is nothing at this address", "Check the address."),
        410: (NotFound, "what was there is gone", "Check the address."),
    }
    kind, why, hint = kinds.get(answer.status, (PermanentError, f"refused with {answer.status}", "See the answer."))
    return kind(f"{what}: {why}.", hint=hint, **details)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait by `Retry-After` (RFC 9110, 10.2.3): a number of seconds or a date."""
    value = headers.get("retry-after", "").strip()
    if value.isdigit():
        return float(value)
    try:
        moment = parsedate_to_datetime(value)
    except ValueError:
        return None
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())
