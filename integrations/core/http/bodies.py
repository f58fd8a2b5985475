"""What goes into the body of a request, and what comes out of an answer."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import ValidationError

from engine.contract import BadParams, File, Files
from engine.contract.http import Answer
from integrations.core.data.text import dump_json
from integrations.core.values import kind, record

_TEXTS = ("text/", "application/xml", "application/javascript", "application/x-www-form-urlencoded", "application/yaml")


async def body_of(body_kind: str, body: Any, files: Files) -> dict[str, Any]:
    """The arguments for the client's `send`: content, form or parts. Raises `BadParams` when the value does not fit."""
    if body_kind == "none":
        return {}
    if body_kind == "json":
        return {"content": dump_json(body).encode(), "type": "application/json"}
    if body_kind == "form":
        return {"data": {name: _field(value) for name, value in record(body, "body").items()}}
    if body_kind == "multipart":
        return await _parts(record(body, "body"), files)
    if body_kind == "file":
        file = _file(body)
        return {"content": await _bytes(file, files), "type": file.media_type}
    if not isinstance(body, str):
        raise BadParams(
            f"The body must be a text, but it is {kind(body)}.", field="body", hint="Send it as JSON instead."
        )
    return {"content": body.encode(), "type": "text/plain; charset=utf-8"}


def _field(value: Any) -> Any:
    if isinstance(value, list):
        return [str(_field(item)) for item in value]
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else dump_json(value) if isinstance(value, Mapping) else str(value)


async def _parts(body: Mapping[str, Any], files: Files) -> dict[str, Any]:
    parts: list[tuple[str, tuple[str | None, bytes] | tuple[str, bytes, str]]] = []
    for name, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, Mapping) and "$file" in item:
                file = _file(item)
                parts.append((name, (file.name, await _bytes(file, files), file.media_type)))
            else:
                parts.append((name, (None, str(_field(item)).encode())))
    return {"files": parts}


def _file(value: Any) -> File:
    try:
        return File.model_validate(value)
    except ValidationError as error:
        raise BadParams(f"The body must be a file, but it is {kind(value)}.", field="body") from error


async def _bytes(file: File, files: Files) -> bytes:
    def read() -> bytes:
        with files.open(file) as stream:
            return stream.read()

    return await asyncio.to_thread(read)


async def value_of(answer: Answer, wanted: str, files: Files) -> Any:
    """The answer's body as JSON, text or file. Auto goes by its media type; an empty body is null."""
    if wanted == "auto":
        wanted = _looks_like(answer)
    if wanted == "json":
        return answer.json() if answer.content.strip() else None
    if wanted == "text":
        return answer.text
    if not answer.content:
        return None
    media_type = answer.media_type or "application/octet-stream"
    saved = await asyncio.to_thread(files.save, _name(answer), media_type, answer.content)
    return saved.model_dump(by_alias=True)


def _looks_like(answer: Answer) -> str:
    media_type = answer.media_type
    if media_type == "application/json" or media_type.endswith("+json"):
        return "json"
    if media_type.startswith(_TEXTS) or media_type.endswith("+xml"):
        return "text"
    if media_type:
        return "file" if answer.content else "json"
    try:
        json.loads(answer.content or b"null")
    except (ValueError, RecursionError):
        return "text"
    return "json"


def _name(answer: Answer) -> str:
    """From Content-Disposition, else from the path. Only the last part counts, so no name leads to another folder."""
    disposition = answer.headers.get("content-disposition", "")
    _, _, quoted = disposition.partition("filename=")
    name = quoted.split(";")[0].strip().strip('"') or unquote(urlsplit(answer.url).path)
    return PurePosixPath(name.replace("\\", "/")).name[:200] or "answer"
