"""/hooks/<workspace>/<path>: calls from outside, as plain ASGI because this is the busiest door."""

from io import BytesIO
from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.api.documents import read_limited
from app.api.problems import of_service_error, problem
from app.services import hooks
from app.services.errors import Invalid, NotFound, ServiceError
from app.services.hooks import Answer, Door

LARGEST_BODY: Final = 5 * 1024 * 1024
_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
_SECRETS: Final = frozenset({"authorization", "cookie", "proxy-authorization"})
# What a workflow may not set: they belong to the connection or to this server's other pages.
_OURS: Final = frozenset(
    {"connection", "content-length", "keep-alive", "set-cookie", "transfer-encoding", "upgrade", "clear-site-data"}
)
_FORM: Final = "application/x-www-form-urlencoded"
_MULTIPART: Final = "multipart/form-data"


async def webhooks(scope: Scope, receive: Receive, send: Send) -> None:
    """The ASGI application behind /hooks/."""
    request = Request(scope, receive)
    try:
        response = await _respond(request)
    except ServiceError as error:
        response = of_service_error(error, request.url.path)
    except (MultiPartException, HTTPException) as error:
        response = of_service_error(Invalid(f"The form cannot be read: {error}."), request.url.path)
    except ClientDisconnect:
        return
    await response(scope, receive, send)


async def _respond(request: Request) -> Response:
    slug, _, path = request.scope["path"].removeprefix("/hooks/").partition("/")
    if request.method not in _METHODS or not path:
        raise NotFound("webhook")
    door = await hooks.find(slug, request.method, path.strip("/"))
    verdict = hooks.count(door)
    verdict.need("This webhook is called too often. Slow down.")
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.scope["headers"]}
    hooks.check_secret(door, headers)
    call = {
        "body": await _body(request, door),
        "headers": _passed_on(door, headers),
        "query": _query(request.scope["query_string"]),
        "method": request.method,
        "path": path,
    }
    answer = await hooks.fire(door, call, headers.get("idempotency-key"))
    return _response(answer, {"Weft-Run": answer.run_id, **verdict.headers()})


def _response(answer: Answer, headers: dict[str, str]) -> Response:
    if answer.error:
        return problem(answer.status, answer.error, headers=headers)
    own = {name: value for name, value in answer.headers.items() if name.lower() not in _OURS}
    media_type = next((value for name, value in own.items() if name.lower() == "content-type"), None)
    headers |= {name: value for name, value in own.items() if name.lower() != "content-type"}
    if answer.status in (204, 304) or answer.body is None:
        return Response(None, answer.status, headers)
    if isinstance(answer.body, str):
        # Scripts in an answer must not act as our own pages.
        headers["Content-Security-Policy"] = "sandbox"
        return Response(answer.body, answer.status, headers, media_type or "text/plain; charset=utf-8")
    return Response(orjson.dumps(answer.body), answer.status, headers, media_type or "application/json")


def _passed_on(door: Door, headers: dict[str, str]) -> dict[str, str]:
    hidden = _SECRETS | ({door.secret[0].lower()} if door.secret else set())
    return {name: value for name, value in headers.items() if name not in hidden}


def _query(raw: bytes) -> dict[str, Any]:
    found = parse_qs(raw.decode("latin-1"), keep_blank_values=True, max_num_fields=1000) if raw else {}
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}


async def _body(request: Request, door: Door) -> Any:
    """JSON as its value, a form as a record, other text as text, and any other bytes as a stored file."""
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type == _MULTIPART:
        return await _parts(request, door)
    raw = await read_limited(request, LARGEST_BODY)
    if not raw:
        return None
    if media_type == "application/json" or media_type.endswith("+json"):
        try:
            return orjson.loads(raw)
        except orjson.JSONDecodeError as error:
            raise Invalid(f"The body is not JSON: {error}.") from None
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        return await hooks.keep_file(door, BytesIO(raw), "body", media_type or "application/octet-stream")
    return _query(text.encode("latin-1", "replace")) if media_type == _FORM else text


async def _parts(request: Request, door: Door) -> dict[str, Any]:
    length = request.headers.get("content-length", "")
    if not length.isdigit() or int(length) > LARGEST_BODY:
        raise Invalid(f"Send a form with files with its length, and at most {LARGEST_BODY // 1024 // 1024} MB.")
    found: dict[str, Any] = {}
    async with request.form(max_files=20, max_fields=1000) as form:
        for name, value in form.multi_items():
            kept = value
            if isinstance(value, UploadFile):
                kept = await hooks.keep_file(door, value.file, value.filename or "file", value.content_type or "")
            found[name] = [*found[name], kept] if isinstance(found.get(name), list) else kept
    return found
