"""Every refusal as RFC 9457 problem details (``application/problem+json``)."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from app.services import errors

MEDIA_TYPE: Final = "application/problem+json"

_STATUS: Final[dict[type[errors.ServiceError], int]] = {
    errors.SignedOut: 401,
    errors.Forbidden: 403,
    errors.NotFound: 404,
    errors.Conflict: 409,
    errors.Gone: 410,
    errors.TooLarge: 413,
    errors.Invalid: 422,
    errors.TooMany: 429,
}


class Problem(BaseModel):
    """Problem details as in RFC 9457, with ``problems`` as an extension that names fields, nodes and lines."""

    type: str = Field(description="A URN that names the kind of problem", examples=["urn:weft:problem:not-found"])
    title: str = Field(description="The kind of problem in words", examples=["Not Found"])
    status: int = Field(description="The HTTP status", examples=[404])
    detail: str = Field(description="What happened and what to do")
    instance: str | None = Field(default=None, description="The path that was asked for")
    problems: list[dict[str, Any]] = Field(
        default_factory=list, description="One record per fault: message, and field, node, line where known"
    )


def problem(
    status: int,
    detail: str,
    *,
    instance: str | None = None,
    problems: list[dict[str, Any]] | None = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A response that carries problem details."""
    title = HTTPStatus(status).phrase
    body: dict[str, Any] = {
        "type": f"urn:weft:problem:{title.lower().replace(' ', '-')}",
        "title": title,
        "status": status,
        "detail": detail,
    }
    if instance:
        body["instance"] = instance
    if problems:
        body["problems"] = problems
    return Response(orjson.dumps(body, default=str), status, headers, MEDIA_TYPE)


def of_service_error(error: errors.ServiceError, path: str) -> Response:
    """The response for what a service refused."""
    status = next((code for kind, code in _STATUS.items() if isinstance(error, kind)), 400)
    headers: dict[str, str] = {}
    if isinstance(error, errors.TooMany):
        headers["Retry-After"] = str(max(1, round(error.retry_after + 0.5)))
    if isinstance(error, errors.SignedOut):
        headers["WWW-Authenticate"] = 'Bearer realm="weft"'
    problems = error.problems if isinstance(error, errors.Invalid | errors.NeedsConfirmation) else None
    return problem(status, error.message, instance=path, problems=problems, headers=headers)


def install(api: FastAPI) -> None:
    """Make the application answer every refusal with problem details."""

    @api.exception_handler(errors.ServiceError)
    async def service(request: Request, error: errors.ServiceError) -> Response:
        return of_service_error(error, request.url.path)

    @api.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        detail = _DETAILS.get(error.status_code) or str(error.detail)
        return problem(error.status_code, detail, instance=request.url.path, headers=error.headers)

    @api.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        faults = [_fault(fault) for fault in error.errors()]
        where = ", ".join(fault["field"] for fault in faults if fault["field"])
        detail = f"The request is not as described: look at {where}." if where else "The request is not as described."
        return problem(422, detail, instance=request.url.path, problems=faults)


_DETAILS: Final = {
    404: "There is nothing at this address.",
    405: "This address does not take this method. The Allow header names those it takes.",
}


def _fault(fault: Mapping[str, Any]) -> dict[str, Any]:
    place, *path = fault["loc"]
    return {"in": place, "field": ".".join(map(str, path)), "message": fault["msg"]}
