"""Bytes on disk, found by their SHA-256, each workspace by itself.

    home/payloads/<workspace>/aa/<sha256>
    home/payloads/<workspace>/aside/<sha256>    no row named it when it was looked for (engine.store.collector)

A payload is on disk, flushed, before the row that names it is written, so a row never names what is not there. Its
time of change is when it was last stored: what was stored a moment ago is about to be named.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from engine.contract.errors import NotFound, OutputTooLarge
from engine.contract.values import File

LARGEST_FILE_BYTES = 2 * 1024 * 1024 * 1024
READ_BYTES = 1024 * 1024
HASH = re.compile(r"[0-9a-f]{64}")
ASIDE = "aside"
OWNER = re.compile(r"[0-9A-Za-z_-]{1,64}")

Keep = Callable[[str], None]


class Payloads:
    """The bytes under one folder. Every call names the workspace, and finds only what that workspace stored."""

    def __init__(self, home: Path, largest_file: int = LARGEST_FILE_BYTES) -> None:
        self.root = home / "payloads"
        self._largest_file = largest_file

    def has(self, workspace_id: str, payload_id: str) -> bool:
        """Whether this workspace stored these bytes."""
        return bool(HASH.fullmatch(payload_id)) and self._size(workspace_id, payload_id) is not None

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
        return self._open(workspace_id, file_id)

    def put(self, workspace_id: str, data: bytes) -> str:
        """Stores bytes; the name they are found by."""
        name = hashlib.sha256(data).hexdigest()
        try:
            os.utime(self._path(workspace_id, name))
        except FileNotFoundError:
            with self.writing(workspace_id) as (file, keep):
                file.write(data)
                keep(name)
        return name

    def read(self, workspace_id: str, payload_id: str) -> bytes:
        """All bytes of a payload. Raises NotFound if this workspace stored no such thing."""
        with self._open(workspace_id, payload_id) as file:
            return file.read()

    def read_part(self, workspace_id: str, payload_id: str, offset: int, length: int) -> bytes:
        """Some bytes of a payload. Raises NotFound if this workspace stored no such thing."""
        with self._open(workspace_id, payload_id) as file:
            file.seek(offset)
            return file.read(length)

    @contextmanager
    def writing(self, workspace_id: str) -> Iterator[tuple[BinaryIO, Keep]]:
        """A new file, and the function that flushes it and gives it its name; not kept, it leaves nothing behind."""
        if not OWNER.fullmatch(workspace_id):
            raise NotFound("There is no such workspace.")
        folder = self.root / workspace_id
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f".{secrets.token_hex(16)}"

        def keep(name: str) -> None:
            file.flush()
            os.fsync(file.fileno())
            target = self._path(workspace_id, name)
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                _flush_folder(folder)
            draft.rename(target)
            _flush_folder(target.parent)

        with draft.open("xb") as file:
            try:
                yield file, keep
            finally:
                draft.unlink(missing_ok=True)

    def _path(self, workspace_id: str, payload_id: str) -> Path:
        if not OWNER.fullmatch(workspace_id) or not HASH.fullmatch(payload_id):
            raise NotFound("There is no such stored value.")
        return self.root / workspace_id / payload_id[:2] / payload_id

    def _places(self, workspace_id: str, payload_id: str) -> Iterator[Path]:
        """Where a payload may be, in this order: the last again, since it may be put back between two looks."""
        path = self._path(workspace_id, payload_id)
        yield path
        yield self.root / workspace_id / ASIDE / payload_id
        yield path

    def _size(self, workspace_id: str, payload_id: str) -> int | None:
        for path in self._places(workspace_id, payload_id):
            with suppress(FileNotFoundError):
                return path.stat().st_size
        return None

    def _open(self, workspace_id: str, payload_id: str) -> BinaryIO:
        for path in self._places(workspace_id, payload_id):
            with suppress(FileNotFoundError):
                file = path.open("rb")
                if path.parent.name == ASIDE:
                    # Who reads it may be about to name it: it stays for another while.
                    os.utime(path)
                return file
        raise NotFound("A stored value is missing.", hint="It may have been removed after its time of keeping.")


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


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
