"""Files: upload and download."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import PurePath
from typing import Annotated, Any, Final
from urllib.parse import quote

from fastapi import APIRouter, Path, Query, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from app.api.auth import SignedIn
from app.services import files, unit
from app.services.errors import Invalid
from app.services.files import Content

router = APIRouter(prefix="/files", tags=["Files"])

FileId = Annotated[str, Path(pattern=r"^[0-9a-f]{64}$", description="SHA-256 of the bytes, in hex")]
BYTES: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The bytes, always as an attachment",
        "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
    }
}
UPLOAD: Final[dict[str, Any]] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {"file": {"type": "string", "contentMediaType": "application/octet-stream"}},
                    "required": ["file"],
                }
            }
        },
    }
}
LARGEST_UPLOAD: Final = files.LARGEST + 64 * 1024
_PIECE: Final = 256 * 1024


@router.post("", status_code=201, openapi_extra=UPLOAD, max_body_size=LARGEST_UPLOAD)
async def upload_file(actor: SignedIn, request: Request) -> dict[str, Any]:
    """Store a file of up to 50 MB; the answer is the value to use for a file input.

    After a week it is removed if no workflow, run or stored value names it.
    """
    async with uploaded(request) as file:
        kept = await unit.ask(files.upload, actor, file.file, file.filename or "", file.content_type or "")
    return files.reference(kept)


@router.get("/{file_id}", responses=BYTES)
async def download_file(
    actor: SignedIn,
    file_id: FileId,
    name: Annotated[str | None, Query(max_length=255, description="The name to save it under")] = None,
) -> Response:
    """The bytes of a file that was uploaded or that a run made."""
    return attachment(await unit.ask(files.download, actor, file_id), name)


@asynccontextmanager
async def uploaded(request: Request) -> AsyncIterator[UploadFile]:
    """The part named ``file`` of a form; read in the route, after it is known who asks. Raises Invalid."""
    async with request.form(max_files=1, max_fields=10) as form:
        file = form.get("file")
        if not isinstance(file, UploadFile):
            raise Invalid.field(
                "file", "Send a form (multipart/form-data) with a part named file that has a file name."
            )
        yield file


def attachment(content: Content, name: str | None = None) -> Response:
    """A download that no browser ever opens as a page of ours (RFC 6266)."""
    shown = PurePath(name).name if name else content.name
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in shown)
    headers = {
        "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(shown, safe='')}",
        "Content-Length": str(content.size),
        "Content-Security-Policy": "sandbox; default-src 'none'",
        "Cache-Control": "private, max-age=3600",
    }
    media_type = content.media_type if content.media_type.isascii() else "application/octet-stream"
    return StreamingResponse(_pieces(content), media_type=media_type, headers=headers)


async def _pieces(content: Content) -> AsyncIterator[bytes]:
    try:
        while piece := await run_in_threadpool(content.stream.read, _PIECE):
            yield piece
    finally:
        content.stream.close()
