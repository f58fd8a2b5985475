"""HTTP request: call any service on the web."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, Field

from engine.contract import (
    Account,
    BadParams,
    Costs,
    Credentials,
    Effect,
    Files,
    Idempotency,
    KeyValue,
    OutputTooLarge,
    Params,
    Port,
    Select,
    ShowIf,
    Whole,
    action,
)
from engine.contract.http import Answer, HttpClient, same_origin
from engine.contract.redaction import shown_url, speaks_of_secret
from integrations.core.data.text import dump_json
from integrations.core.http.accounts import headers_of
from integrations.core.http.bodies import body_of, value_of
from integrations.core.http.paging import NEXT, items_of

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]
BodyKind = Literal["none", "json", "form", "multipart", "text", "file"]
_MEGABYTE = 1024 * 1024


class Request(Params):
    url: Annotated[str, Port()] = Field(
        min_length=1, description="The address to call", examples=["https://api.example.com/orders"]
    )
    method: Annotated[Method, Select(options=get_args(Method))] = Field(
        default="GET", description="What to do there", examples=["POST"]
    )
    query: Annotated[dict[str, Any], KeyValue(add="Add parameter", sent=True)] = Field(
        default_factory=dict, description="What is added to the address after ?", examples=[{"limit": 50}]
    )
    headers: Annotated[dict[str, str], KeyValue(add="Add header", sent=True)] = Field(
        default_factory=dict, description="Headers; secrets belong in an account", examples=[{"Accept": "text/plain"}]
    )
    account: Annotated[str, Account(types=("core.bearer", "core.basic", "core.header"))] = Field(
        default="", description="The account that proves who calls", examples=[""]
    )
    body_kind: Annotated[BodyKind, Select(options=get_args(BodyKind))] = Field(
        default="none", description="How the body is sent", examples=["json"]
    )
    body: Annotated[
        Any, Whole(), Port(), ShowIf(field="body_kind", values=("json", "form", "multipart", "text", "file"))
    ] = Field(
        default=None, description="What is sent; a record for a form, a file for a file", examples=[{"name": "Ada"}]
    )
    response: Literal["auto", "json", "text", "file"] = Field(
        default="auto", description="What to make of the answer's body; auto goes by its type", examples=["json"]
    )
    errors: Literal["fail", "return"] = Field(
        default="fail",
        description="Whether an answer of 400 and above is an error or an output like any other",
        examples=["return"],
    )
    paging: Annotated[Literal["none", "link", "page", "cursor"], Select(options=("none", "link", "page", "cursor"))] = (
        Field(
            default="none",
            description="How to get further pages: a link to the next, a page number, or a cursor from the answer",
            examples=["link"],
        )
    )
    items_path: Annotated[str, ShowIf(field="paging", values=("link", "page", "cursor"))] = Field(
        default="", description="Where a page's items are; none: the page itself is the list", examples=["data.items"]
    )
    next_path: Annotated[str, ShowIf(field="paging", values=("link", "cursor"))] = Field(
        default="",
        description="Where the link or cursor is; none: the Link header",
        examples=["meta.next"],
    )
    page_parameter: Annotated[str, ShowIf(field="paging", values=("page", "cursor"))] = Field(
        default="page", description="The name in the query that carries page or cursor", examples=["cursor"]
    )
    first_page: Annotated[int, ShowIf(field="paging", values=("page",))] = Field(
        default=1, ge=0, description="The number of the first page", examples=[0]
    )
    max_pages: Annotated[int, ShowIf(field="paging", values=("link", "page", "cursor"))] = Field(
        default=100, ge=1, le=10_000, description="Stop with an error after so many pages", examples=[20]
    )
    follow_redirects: bool = Field(default=True, description="Whether to go where the service points", examples=[True])
    send_idempotency_key: bool = Field(
        default=False,
        description="Send an Idempotency-Key, by which some services recognize a repeated call",
        examples=[True],
    )
    time_limit: float = Field(default=30, gt=0, le=3600, description="Seconds for one call", examples=[10])
    price: float = Field(
        default=0,
        ge=0,
        le=10_000,
        description="What one call costs in dollars: summed on the run, and held against its budget",
        examples=[0.002],
    )
    max_megabytes: float = Field(default=20, gt=0, le=500, description="The largest answer that is read", examples=[5])


class Response(BaseModel):
    """What the service answered."""

    status: int = Field(description="The HTTP status code", examples=[200])
    headers: dict[str, str] = Field(description="The headers, names in small letters")
    body: Any = Field(description="The body; with paging the list of all items")
    url: str = Field(
        description="The address that answered, after redirects; secrets in it are hidden",
        examples=["https://api.example.com"],
    )
    pages: int = Field(default=1, description="How many pages were read")


def _effect(params: Any) -> Effect:
    method = params.get("method", "GET") if isinstance(params, Mapping) else params.method
    return Effect.read if method in ("GET", "HEAD", "OPTIONS") else Effect.write


@action(
    "http.request",
    title="HTTP request",
    category="http",
    icon="globe",
    effect=_effect,
    spends=lambda params: params.price > 0,
    subtitle="Call any service",
    keywords=("api", "rest", "get", "post", "fetch", "webhook", "download", "curl"),
)
async def request(  # noqa: PLR0917  one parameter per service
    params: Request, http: HttpClient, credentials: Credentials, files: Files, idempotency: Idempotency, costs: Costs
) -> Response:
    """Call a service on the web and read its answer.

    GET, HEAD and OPTIONS read; every other method counts as a write. An answer of 400 and above is an error: too many
    requests and server errors are tried again by the node's retry setting, after as long as the service asks. Addresses
    that are not on the public internet are refused. An account's secret is sent to the address's own server only, never
    after a redirect to another.

    With a list: one call for each item; with a list in the body, the list is sent whole.
    """
    secret = headers_of(*await credentials.get(params.account)) if params.account else {}
    sent = await body_of(params.body_kind, params.body, files)
    headers = _headers(params, sent.pop("type", ""), idempotency)

    async def call(url: str, query: dict[str, Any]) -> Answer:
        home = same_origin(url, params.url)
        costs.add(params.price)
        return await http.send(
            params.method, url, query=query,
            headers=headers if home else {name: headers[name] for name in headers if not speaks_of_secret(name)},
            secret_headers=secret if home else {}, timeout=params.time_limit,
            max_bytes=int(params.max_megabytes * _MEGABYTE), follow_redirects=params.follow_redirects,
            raise_errors=params.errors == "fail", **sent,
        )  # fmt: skip

    if params.paging != "none":
        return await _pages(params, call, files)
    answer = await call(params.url, _flat(params.query))
    body = await value_of(answer, params.response, files)
    return _response(answer, body)


def _headers(params: Request, content_type: str, idempotency: Idempotency) -> dict[str, str]:
    """The headers as set, plus type and key where they do not say. Raises `BadParams` for odd characters."""
    headers = {name: value for name, value in params.headers.items() if name}
    known = {name.lower() for name in headers}
    if content_type and "content-type" not in known:
        headers["Content-Type"] = content_type
    if params.send_idempotency_key and "idempotency-key" not in known:
        headers["Idempotency-Key"] = idempotency.key
    for name, value in headers.items():
        if not (name.isascii() and name.isprintable() and value.isascii()) or any(sign in value for sign in "\r\n\0"):
            raise BadParams(
                f"“{name}” cannot be sent as a header.", field="headers", hint="Headers are one plain line."
            )
    return headers


async def _pages(params: Request, call: Any, files: Files) -> Response:
    query = _flat(params.query)
    if params.paging == "page":
        query = {**query, params.page_parameter: params.first_page}
    url, items = params.url, []
    for page in range(1, params.max_pages + 1):
        answer = await call(url, query)
        body = await value_of(answer, params.response, files)
        found = items_of(body, params)
        items.extend(found)
        following = NEXT[params.paging](params, answer, body, page, len(found))
        if following is None:
            return _response(answer, items, page)
        next_url, more = following
        if (next_url, more) == (url, {}) or (more and query == {**query, **more}):
            raise BadParams("The next page is the same as this one.", field="paging", hint="Check the paging settings.")
        url, query = (next_url, {}) if next_url else (params.url, {**query, **more})
    raise OutputTooLarge(
        f"There are more than {params.max_pages:,} pages.", hint="Raise the number of pages, or ask for less."
    )


def _response(answer: Answer, body: Any, pages: int = 1) -> Response:
    return Response(
        status=answer.status, headers=dict(answer.headers), body=body, url=shown_url(answer.url), pages=pages
    )


def _flat(query: Mapping[str, Any]) -> dict[str, Any]:
    """Query values as httpx takes them: lists repeat the name, nothing is left out."""
    return {
        name: value if isinstance(value, list) else _plain(value) for name, value in query.items() if value is not None
    }


def _plain(value: Any) -> Any:
    return dump_json(value) if isinstance(value, Mapping) else value
