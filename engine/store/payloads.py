"""Bytes found by their SHA-256, each workspace by itself, wherever they lie (engine.store.places).

A payload is durable before the row that names it is written, so a row never names what is not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO

from engine.contract.errors import OutputTooLarge
from engine.contract.values import File
from engine.store.places import HASH, Keep, Place

LARGEST_FILE_BYTES = 2 * 1024 * 1024 * 1024
READ_BYTES = 1024 * 1024


class Payloads:
    """The bytes in one place. Every call names the workspace, and finds only what that workspace stored.

    All of them may block, and raise StoreUnavailable.
    """

    def __init__(self, place: Place, largest_file: int = LARGEST_FILE_BYTES) -> None:
        self.place = place
        self._largest_file = largest_file

    def has(self, workspace_id: str, payload_id: str) -> bool:
        """Whether this workspace stored these bytes."""
        return bool(HASH.fullmatch(payload_id)) and self.place.size(workspace_id, payload_id) is not None

    def put_file(self, workspace_id: str, stream: BinaryIO | Iterable[bytes], name: str, media_type: str) -> File:
        """Stores the bytes of a stream, read piece by piece. Raises OutputTooLarge above the limit for one file."""
        digest = hashlib.sha256()
        size = 0
        with self.writing(workspace_id) as (file, keep):
            for piece in _pieces(stream):
                size += len(piece)
                if size > self._largest_file:
                    raise too_large(f"file {name}", size, self._largest_file)
                digest.update(piece)
                file.write(piece)
            keep(digest.hexdigest())
        return File.model_validate({"$file": digest.hexdigest(), "name": name, "media_type": media_type, "size": size})

    def open_file(self, workspace_id: str, file_id: str) -> BinaryIO:
        """The bytes of a stored file, open for reading. Raises NotFound if this workspace stored no such file."""
        return self.place.open(workspace_id, file_id)

    def put(self, workspace_id: str, data: bytes) -> str:
        """Stores bytes; the name they are found by."""
        name = hashlib.sha256(data).hexdigest()
        self.place.put(workspace_id, name, data)
        return name

    def read(self, workspace_id: str, payload_id: str) -> bytes:
        """All bytes of a payload. Raises NotFound if this workspace stored no such thing."""
        return self.place.read(workspace_id, payload_id)

    def read_part(self, workspace_id: str, payload_id: str, offset: int, length: int) -> bytes:
        """Some bytes of a payload. Raises NotFound if this workspace stored no such thing."""
        return self.place.read_part(workspace_id, payload_id, offset, length)

    def writing(self, workspace_id: str) -> AbstractContextManager[tuple[BinaryIO, Keep]]:
        """A new file, and the function that makes it durable under its name; not kept, it leaves nothing behind."""
        return self.place.writing(workspace_id)


def too_large(what: str, size: int, limit: int) -> OutputTooLarge:
    """The error of a value or file above a limit in bytes."""
    return OutputTooLarge(
        f"The {what} is too large to store: more than {limit // (1024 * 1024):,} MB ({size:,} bytes so far).",
        hint="Keep fewer fields or rows, or write the rows to a file in parts.",
    )


def _pieces(stream: BinaryIO | Iterable[bytes]) -> Iterator[bytes]:
    if isinstance(stream, Iterable) and not hasattr(stream, "read"):
        yield from stream
        return
    while piece := stream.read(READ_BYTES):
        yield piece
