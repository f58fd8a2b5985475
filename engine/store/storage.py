"""The payload store: big values and files on disk, found by the SHA-256 of their bytes, each workspace by itself.

    home/payloads/<workspace>/aa/<sha256>

A payload is on disk, flushed, before the row that names it is written, so a row never names what is not there.
A list is kept as lines, each a JSON array of some of its items, beside a manifest that says where each line lies: a
page of 50 out of 100,000 items reads a few lines only.
"""

from __future__ import annotations

import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from engine.contract.errors import NotFound, OutputTooLarge
from engine.contract.values import File
from engine.settings import settings

INLINE_BYTES = 64 * 1024
LINE_BYTES = 64 * 1024
LARGEST_VALUE_BYTES = 256 * 1024 * 1024
LARGEST_FILE_BYTES = 2 * 1024 * 1024 * 1024
READ_BYTES = 1024 * 1024
LIST_MARK = b"weft-list\n"  # no JSON text begins like this
HASH = re.compile(r"[0-9a-f]{64}")
OWNER = re.compile(r"[0-9A-Za-z_-]{1,64}")


@dataclass(frozen=True, slots=True)
class Ref:
    """A stored value: the id it is found by, the number of items if it is a list (else None), the size in bytes."""

    hash: str
    count: int | None
    size: int


class Storage:
    """Payloads under one folder. Every call names the workspace, and finds only what that workspace stored."""

    def __init__(self, home: Path, largest_value: int = LARGEST_VALUE_BYTES, largest_file: int = LARGEST_FILE_BYTES):
        self._root = home / "payloads"
        self._largest_value = largest_value
        self._largest_file = largest_file

    def put_json(self, workspace_id: str, value: Any) -> Ref:
        """Stores a JSON value, whatever its size. Raises OutputTooLarge above the limit for one value."""
        if isinstance(value, list):
            return self._put_list(workspace_id, value)
        data = orjson.dumps(value, option=orjson.OPT_NON_STR_KEYS)
        if len(data) > self._largest_value:
            raise _too_large("value", len(data), self._largest_value)
        return Ref(self._put(workspace_id, data), None, len(data))

    def get_json(self, workspace_id: str, payload_id: str) -> Any:
        """The stored value. Raises NotFound if this workspace stored no such thing."""
        data = self._read(workspace_id, payload_id)
        if data.startswith(LIST_MARK):
            return self._items(workspace_id, data, 0, None)
        return orjson.loads(data)

    def page(self, workspace_id: str, payload_id: str, start: int, stop: int) -> list[Any]:
        """The items `start` to `stop` (not included) of a stored list, reading no more than the lines that hold them.

        Raises NotFound if this workspace stored no such thing, ValueError if it is not a list.
        """
        data = self._read(workspace_id, payload_id)
        if not data.startswith(LIST_MARK):
            raise ValueError("only a list has pages")
        return self._items(workspace_id, data, max(0, start), stop)

    def _items(self, workspace_id: str, manifest_data: bytes, start: int, stop: int | None) -> list[Any]:
        manifest = orjson.loads(manifest_data[len(LIST_MARK) :])
        items: list[Any] = []
        first = 0
        with self._open(workspace_id, manifest["lines"]) as file:
            for offset, length, count in manifest["index"]:
                if stop is not None and first >= stop:
                    break
                if first + count > start:
                    file.seek(offset)
                    line = orjson.loads(file.read(length))
                    items += line[max(0, start - first) : None if stop is None else stop - first]
                first += count
        return items

    def put_file(self, workspace_id: str, stream: BinaryIO | Iterable[bytes], name: str, media_type: str) -> File:
        """Stores the bytes of a stream, read piece by piece. Raises OutputTooLarge above the limit for one file."""
        digest = hashlib.sha256()
        size = 0
        with self._writing(workspace_id) as (file, keep):
            for piece in _pieces(stream):
                size += len(piece)
                if size > self._largest_file:
                    raise _too_large(f"file {name}", size, self._largest_file)
                digest.update(piece)
                file.write(piece)
            keep(digest.hexdigest())
        return File.model_validate({"$file": digest.hexdigest(), "name": name, "media_type": media_type, "size": size})

    def open_file(self, workspace_id: str, file_id: str) -> BinaryIO:
        """The bytes of a stored file, open for reading. Raises NotFound if this workspace stored no such file."""
        return self._open(workspace_id, file_id)

    def has(self, workspace_id: str, payload_id: str) -> bool:
        """Whether this workspace stored these bytes."""
        return bool(HASH.fullmatch(payload_id)) and self._path(workspace_id, payload_id).exists()

    def _put_list(self, workspace_id: str, items: list[Any]) -> Ref:
        digest = hashlib.sha256()
        index: list[tuple[int, int, int]] = []
        size = 0
        with self._writing(workspace_id) as (file, keep):
            for line, count in _lines(items):
                index.append((size, len(line), count))
                size += len(line)
                if size > self._largest_value:
                    raise _too_large(f"list of {len(items):,} items", size, self._largest_value)
                digest.update(line)
                file.write(line)
            keep(digest.hexdigest())
        manifest = LIST_MARK + orjson.dumps({"lines": digest.hexdigest(), "index": index})
        return Ref(self._put(workspace_id, manifest), len(items), size)

    def _put(self, workspace_id: str, data: bytes) -> str:
        name = hashlib.sha256(data).hexdigest()
        if not self._path(workspace_id, name).exists():
            with self._writing(workspace_id) as (file, keep):
                file.write(data)
                keep(name)
        return name

    def _path(self, workspace_id: str, payload_id: str) -> Path:
        if not OWNER.fullmatch(workspace_id) or not HASH.fullmatch(payload_id):
            raise NotFound("There is no such stored value.")
        return self._root / workspace_id / payload_id[:2] / payload_id

    def _open(self, workspace_id: str, payload_id: str) -> BinaryIO:
        try:
            return self._path(workspace_id, payload_id).open("rb")
        except FileNotFoundError:
            raise NotFound(
                "A stored value is missing.", hint="It may have been removed after its time of keeping."
            ) from None

    def _read(self, workspace_id: str, payload_id: str) -> bytes:
        with self._open(workspace_id, payload_id) as file:
            return file.read()

    @contextmanager
    def _writing(self, workspace_id: str) -> Iterator[tuple[BinaryIO, Any]]:
        """A new file, and the function that flushes it and gives it its name; not kept, it leaves nothing behind."""
        if not OWNER.fullmatch(workspace_id):
            raise NotFound("There is no such workspace.")
        folder = self._root / workspace_id
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


def is_large(data: bytes) -> bool:
    """Whether the JSON text of a value is above the limit up to which rows hold values themselves."""
    return len(data) > INLINE_BYTES


@lru_cache(maxsize=4)
def _opened(home: Path) -> Storage:
    return Storage(home)


def storage() -> Storage:
    """The payload store of this process's settings."""
    return _opened(settings().home)


def _lines(items: list[Any]) -> Iterator[tuple[bytes, int]]:
    """Cuts a list into JSON arrays of about LINE_BYTES each."""
    texts: list[bytes] = []
    size = 0
    for item in items:
        text = orjson.dumps(item, option=orjson.OPT_NON_STR_KEYS)
        texts.append(text)
        size += len(text) + 1
        if size >= LINE_BYTES:
            yield b"[" + b",".join(texts) + b"]\n", len(texts)
            texts, size = [], 0
    if texts:
        yield b"[" + b",".join(texts) + b"]\n", len(texts)


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


def _too_large(what: str, size: int, limit: int) -> OutputTooLarge:
    return OutputTooLarge(
        f"The {what} is too large to store: more than {limit // (1024 * 1024):,} MB ({size:,} bytes so far).",
        hint="Keep fewer fields or rows, or write the rows to a file in parts.",
    )
