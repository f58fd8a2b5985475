"""Payloads as files in a folder.

    root/<workspace>/aa/<sha256>
    root/<workspace>/aside/<sha256>    no row named it when it was looked for (engine.store.collector)

A file is flushed, with its folder, before its name is told to anybody. Its time of change is when it was last stored:
what was stored a moment ago is about to be named. Each move is one rename and each deletion one unlink.
"""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from engine.store.places import ASIDE, HASH, OWNER, Entry, Keep, StoreUnavailable, checked, checked_owner, missing

AHEAD_BYTES = 64 * 1024
DRAWER = 2  # characters of a name that its folder is called by
NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


class Folder:
    """A place on disk (`engine.store.places.Place`)."""

    ahead = AHEAD_BYTES

    def __init__(self, root: Path) -> None:
        self.root = root

    def __str__(self) -> str:
        return str(self.root)

    def size(self, owner: str, name: str) -> int | None:
        for path in self._places(owner, name):
            with suppress(FileNotFoundError):
                return path.stat().st_size
        return None

    def read(self, owner: str, name: str) -> bytes:
        with self.open(owner, name) as file:
            return file.read()

    def read_part(self, owner: str, name: str, offset: int, length: int) -> bytes:
        with self.open(owner, name) as file:
            file.seek(offset)
            return file.read(length)

    def open(self, owner: str, name: str) -> BinaryIO:
        for path in self._places(owner, name):
            with suppress(FileNotFoundError):
                file = path.open("rb")
                if path.parent.name == ASIDE:
                    # Who reads it may be about to name it: it stays for another while.
                    os.utime(path)
                return file
        raise missing()

    def put(self, owner: str, name: str, data: bytes) -> None:
        try:
            os.utime(self._path(owner, name))
        except FileNotFoundError:
            with self.writing(owner) as (file, keep):
                file.write(data)
                keep(name)

    @contextmanager
    def writing(self, owner: str) -> Iterator[tuple[BinaryIO, Keep]]:
        checked_owner(owner)
        folder = self.root / owner
        draft = folder / f".{secrets.token_hex(16)}"

        def keep(name: str) -> None:
            file.flush()
            os.fsync(file.fileno())
            target = self._path(owner, name)
            if not target.parent.exists():
                target.parent.mkdir(exist_ok=True)
                _flush_folder(folder)
            if draft.exists() or not target.exists():  # else it was kept already, by a call that failed after this
                draft.rename(target)
            _flush_folder(target.parent)

        with _room():
            folder.mkdir(parents=True, exist_ok=True)
            with draft.open("xb") as file:
                try:
                    yield file, keep
                finally:
                    draft.unlink(missing_ok=True)

    def check(self) -> None:
        folder = next(path for path in (self.root, *self.root.parents) if path.exists())
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StoreUnavailable("The payload store cannot be written to.", f"{folder} is not writable")

    def try_out(self) -> None:
        self.check()

    def owners(self) -> list[str]:
        with suppress(FileNotFoundError):
            return sorted(path.name for path in self.root.iterdir() if path.is_dir() and OWNER.fullmatch(path.name))
        return []

    def aside(self, owner: str) -> Iterator[Entry]:
        checked_owner(owner)
        return self._entries(self.root / owner / ASIDE)

    def stored(self, owner: str) -> Iterator[Entry]:
        checked_owner(owner)
        with suppress(FileNotFoundError):
            for drawer in [path for path in (self.root / owner).iterdir() if len(path.name) == DRAWER]:
                yield from self._entries(drawer)

    def set_aside(self, owner: str, names: Sequence[str]) -> int:
        moved = 0
        aside = self.root / owner / ASIDE
        aside.mkdir(exist_ok=True)
        for name in names:
            path = self._path(owner, name)
            with suppress(FileNotFoundError):
                # First the time from which on it is aside: killed in between, it only stays the longer.
                os.utime(path)
                path.replace(aside / name)
                moved += 1
        return moved

    def put_back(self, owner: str, entries: Sequence[Entry], old: float) -> int:
        moved = 0
        for entry in entries:
            path = self._path(owner, entry.name)
            path.parent.mkdir(exist_ok=True)
            with suppress(FileNotFoundError):
                (self.root / owner / ASIDE / entry.name).replace(path)
                moved += 1
        return moved

    def delete(self, owner: str, entries: Sequence[Entry]) -> list[Entry]:
        gone = []
        for entry in entries:
            with suppress(FileNotFoundError):
                (self.root / owner / ASIDE / entry.name).unlink()
                gone.append(entry)
        return gone

    def tidy(self, owner: str, before: float) -> None:
        for path in [*(self.root / owner).glob(".*")]:
            with suppress(FileNotFoundError):
                if path.is_file() and path.stat().st_mtime < before:
                    path.unlink()

    def _path(self, owner: str, name: str) -> Path:
        checked(owner, name)
        return self.root / owner / name[:DRAWER] / name

    def _places(self, owner: str, name: str) -> Iterator[Path]:
        """Where a payload may be, in this order: the last again, since it may be put back between two looks."""
        path = self._path(owner, name)
        yield path
        yield self.root / owner / ASIDE / name
        yield path

    @staticmethod
    def _entries(folder: Path) -> Iterator[Entry]:
        with suppress(FileNotFoundError):
            for found in [*os.scandir(folder)]:
                with suppress(FileNotFoundError):
                    if HASH.fullmatch(found.name):
                        seen = found.stat()
                        yield Entry(found.name, seen.st_size, seen.st_mtime)


@contextmanager
def _room() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in NO_ROOM:
            raise
        raise StoreUnavailable("The disk of the payload store is full.", os.strerror(error.errno)) from error


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
