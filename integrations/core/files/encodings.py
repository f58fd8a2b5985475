"""How the characters of a text file are stored."""

from __future__ import annotations

import io
from typing import Any, BinaryIO

_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def find_encoding(stream: BinaryIO) -> str:
    """By the byte order mark; else UTF-8 if the whole file is, else what old Windows programs write."""
    start = stream.read(4)
    stream.seek(0)
    for mark, name in _BOMS.items():
        if start.startswith(mark):
            return name
    if start[1:2] == b"\0" or start[:1] == b"\0":
        return "utf-16-le" if start[1:2] == b"\0" else "utf-16-be"
    decoder = io.TextIOWrapper(io.BufferedReader(_Kept(stream)), encoding="utf-8")
    try:
        while decoder.read(1 << 20):
            pass
        found = "utf-8"
    except UnicodeDecodeError:
        found = "windows-1252"
    finally:
        stream.seek(0)
    return found


class _Kept(io.RawIOBase):
    """Reads through to a stream without closing it."""

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        chunk = self._stream.read(len(buffer))
        buffer[: len(chunk)] = chunk
        return len(chunk)
