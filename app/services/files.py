"""Files that people upload and runs produce: rows here, bytes in the payload store, found only by their workspace."""

from dataclasses import dataclass
from typing import Any, BinaryIO, Final

from sqlalchemy import select
from sqlmodel import Session, col

from app.services.access import Actor, owned
from app.services.errors import Invalid, NotFound, TooLarge
from app.services.unit import reads
from engine.contract import File
from engine.contract import NotFound as GoneFromStore
from engine.models import StoredFile
from engine.store import storage

LARGEST: Final = 50 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Content:
    """An open file to be read and closed by the caller."""

    name: str
    media_type: str
    size: int
    stream: BinaryIO


def upload(db: Session, actor: Actor, stream: BinaryIO, name: str, media_type: str) -> File:
    """Store a file and give the reference that travels on wires. Raises TooLarge above 50 MB."""
    actor.need("editor")
    return keep(db, actor, stream, name, media_type)


def keep(db: Session, actor: Actor, stream: BinaryIO, name: str, media_type: str) -> File:
    """The same for a visitor of a form, who has no role."""
    size = stream.seek(0, 2)
    stream.seek(0)
    if size > LARGEST:
        raise TooLarge(f"This file has {size / 1e6:.0f} MB. Up to {LARGEST // 1024 // 1024} MB can be uploaded.")
    file = storage.storage().put_file(actor.workspace_id, stream, _name(name), media_type or "application/octet-stream")
    db.add(
        StoredFile(
            workspace_id=actor.workspace_id,
            hash=file.id,
            name=file.name,
            media_type=file.media_type,
            size=file.size,
            created_by=actor.user_id or None,
        )
    )
    return file


@reads
def download(db: Session, actor: Actor, file_id: str, name: str | None = None) -> Content:
    """The bytes with this SHA-256 if the workspace has them; raises NotFound."""
    query = select(StoredFile).where(owned(StoredFile, actor), col(StoredFile.hash) == file_id)
    if name is not None:
        query = query.where(col(StoredFile.name) == name)
    row = db.scalar(query.order_by(col(StoredFile.created_at).desc()).limit(1))
    if row is None:
        raise NotFound("file")
    try:
        stream = storage.storage().open_file(actor.workspace_id, file_id)
    except GoneFromStore:
        raise NotFound("file") from None
    return Content(row.name, row.media_type, row.size, stream)


def reference(file: File) -> dict[str, Any]:
    """The file as it stands in JSON."""
    return file.model_dump(by_alias=True)


def _name(name: str) -> str:
    name = name.replace("\\", "/").rpartition("/")[2].strip()
    cleaned = "".join(character for character in name if character.isprintable())[:255]
    if not cleaned or cleaned in (".", ".."):
        raise Invalid.field("file", "The file needs a name.")
    return cleaned
