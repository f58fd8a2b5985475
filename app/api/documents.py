"""Workflow documents in JSON or YAML, as the Content-Type and Accept headers say (RFC 9110, section 12)."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

import orjson
from fastapi import Depends, Request, Response
from starlette.requests import ClientDisconnect

from app.services.errors import Invalid, TooLarge

YAML: Final = "application/yaml"  # RFC 9512
JSON: Final = "application/json"
_YAML_NAMES: Final = (YAML, "text/yaml", "application/x-yaml", "text/x-yaml")
_LARGEST: Final = 8 * 1024 * 1024

BODY: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "description": "A workflow document. Its JSON Schema is at /api/v1/workflows/schema.",
        "content": {JSON: {"schema": {"type": "object"}}, YAML: {"schema": {"type": "string"}}},
    }
}
ANSWER: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The document, as JSON or as YAML if the Accept header asks for application/yaml",
        "content": {JSON: {"schema": {"type": "object"}}, YAML: {"schema": {"type": "string"}}},
    }
}


async def body_of(request: Request) -> str | Mapping[str, Any]:
    """The document that was sent: text if it is YAML. Raises Invalid and TooLarge."""
    raw = await read_limited(request, _LARGEST)
    media_type = request.headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if media_type in _YAML_NAMES:
        try:
            return raw.decode()
        except UnicodeDecodeError:
            raise Invalid("YAML is sent in UTF-8.") from None
    if media_type != JSON and not media_type.endswith("+json"):
        raise Invalid(f"Send {JSON} or {YAML}, not {media_type}.")
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise Invalid(f"This is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise Invalid("A workflow document is a JSON object.")
    return value


async def read_limited(request: Request, largest: int) -> bytes:
    """The request's body; raises TooLarge as soon as it is longer than ``largest`` bytes, ClientDisconnect."""
    pieces, size, more = [], 0, True
    while more:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > largest:
            raise TooLarge(f"The body is larger than {largest // 1024:,} KiB.")
        more = message.get("more_body", False)
    return b"".join(pieces)


def wants_yaml(request: Request) -> bool:
    """Whether the Accept header names YAML before JSON."""
    for part in request.headers.get("accept", "").lower().split(","):
        name = part.partition(";")[0].strip()
        if name in _YAML_NAMES:
            return True
        if name == JSON:
            return False
    return False


def answer(content: Mapping[str, Any] | str, headers: Mapping[str, str] | None = None) -> Response:
    """YAML for a text, JSON for anything else."""
    if isinstance(content, str):
        return Response(content, media_type=f"{YAML}; charset=utf-8", headers=headers)
    return Response(orjson.dumps(content), media_type=JSON, headers=headers)


Document = Annotated[str | Mapping[str, Any], Depends(body_of)]
