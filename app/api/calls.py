"""/c/<token>: one-time addresses. GET shows a page with a button, since mail scanners follow links; POST counts."""

from typing import Any, Final
from urllib.parse import parse_qs

import orjson
from fastapi import APIRouter, Request, Response

from app.api import call_page
from app.api.auth import address_of
from app.api.documents import read_limited
from app.api.problems import of_service_error
from app.services import calls
from app.services.errors import Invalid, NotFound, ServiceError

LARGEST_BODY: Final = 256 * 1024
_FORM: Final = "application/x-www-form-urlencoded"
_TITLES: Final = {
    404: "Nothing here",
    410: "Nothing left to do",
    413: "Too much",
    422: "Not understood",
    429: "Slow down",
}

router = APIRouter(prefix="/c", tags=["One-time addresses"])


@router.get("/{token}", response_class=Response)
async def open_address(request: Request, token: str) -> Response:
    """The page of a one-time address. Looking at it changes nothing."""
    try:
        page = await calls.look(token, address_of(request))
    except ServiceError as refusal:
        return _refusal(request, refusal)
    if not _wants_page(request):
        told = {"title": page.title, "message": page.message, "expires": page.expires}
        return Response(orjson.dumps(told), 200, call_page.PRIVATE, "application/json")
    expires = page.expires.strftime("%B %-d, %Y, %H:%M UTC") if page.expires else ""
    return call_page.asking(page.title, page.message, page.button, page.workspace, expires)


@router.post("/{token}", response_class=Response)
async def call_address(request: Request, token: str) -> Response:
    """Call a one-time address. The first call counts; its JSON body, form or query is what the run goes on with."""
    try:
        await calls.call(token, await _payload(request), address_of(request))
    except ServiceError as refusal:
        return _refusal(request, refusal)
    if _wants_page(request):
        return call_page.saying(200, "Thank you", "It has arrived. You can close this page.")
    return Response(b'{"status":"taken"}', 200, call_page.PRIVATE, "application/json")


def _refusal(request: Request, refusal: ServiceError) -> Response:
    answer = of_service_error(refusal, "/c/")
    if _wants_page(request):
        words = refusal.message if not isinstance(refusal, NotFound) else "There is nothing at this address."
        answer = call_page.saying(answer.status_code, _TITLES.get(answer.status_code, "Not possible"), words)
    answer.headers.update(call_page.PRIVATE)
    return answer


def _wants_page(request: Request) -> bool:
    return "text/html" in request.headers.get("accept", "")


async def _payload(request: Request) -> Any:
    """JSON as its value, a form as a record, other text as text; without a body, the query as a record.

    Raises Invalid, and TooLarge above 256 KiB.
    """
    raw = await read_limited(request, LARGEST_BODY)
    if not raw:
        return _record(request.url.query)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    try:
        text = raw.decode()
        if media_type == "application/json" or media_type.endswith("+json"):
            return orjson.loads(text)
    except (UnicodeDecodeError, orjson.JSONDecodeError) as error:
        raise Invalid(f"The body cannot be read: {error}.") from None
    if media_type == "multipart/form-data":
        raise Invalid("Files cannot be sent here. Send JSON, or a form without files.")
    return _record(text) if media_type == _FORM else text


def _record(query: str) -> dict[str, Any]:
    try:
        found = parse_qs(query, keep_blank_values=True, max_num_fields=1000)
    except ValueError as error:
        raise Invalid(f"The fields cannot be read: {error}.") from None
    return {name: values[0] if len(values) == 1 else values for name, values in found.items()}
