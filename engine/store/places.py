"""Where the bytes of payloads lie: the few things that a folder and a bucket both can do.

Everything above (values, lists, the collector) is the same for both. A payload is found by its workspace, which owns
it, and the SHA-256 of its bytes in hexadecimal; its bytes never change.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import BinaryIO, Protocol

from engine.contract.errors import NotFound, Unavailable

HASH = re.compile(r"[0-9a-f]{64}")
OWNER = re.compile(r"[0-9A-Za-z_-]{1,64}")
ASIDE = "aside"

Keep = Callable[[str], None]


class StoreUnavailable(Unavailable):
    """The payload store does not answer, refuses, or has no room.

    The message is for everybody and names no address. `cause` is for those who run Weft; it holds no secret.
    """

    def __init__(self, message: str, cause: str = "", **details: object) -> None:
        super().__init__(message, hint="Try again when those who run Weft have looked at its payload store.")
        self.cause = cause

    @property
    def told(self) -> str:
        """What a person reads who wanted something just now."""
        return f"{self.message} {self.hint}"


@dataclass(frozen=True, slots=True)
class Entry:
    """A payload as a listing shows it. `moment`: when it was last stored, or set aside, in seconds since 1970.

    `copy` is what the place needs to find it again if it is set aside.
    """

    name: str
    size: int
    moment: float
    copy: str = ""


class Place(Protocol):
    """A store of bytes. Each call that asks it may block, and raises StoreUnavailable.

    Survives pickling, so that the processes of the pool store in the same place.
    """

    ahead: int
    """How many bytes are best read at once where more will be wanted."""

    def size(self, owner: str, name: str) -> int | None:
        """How many bytes a payload has; None if it is not there."""

    def read(self, owner: str, name: str) -> bytes:
        """All bytes. Raises NotFound."""

    def read_part(self, owner: str, name: str, offset: int, length: int) -> bytes:
        """Some bytes, fewer at the end. Raises NotFound."""

    def open(self, owner: str, name: str) -> BinaryIO:
        """The bytes, to be read and sought in. Raises NotFound."""

    def put(self, owner: str, name: str, data: bytes) -> None:
        """Stores bytes. When it returns they are durable and count as stored now, also if they were there."""

    def writing(self, owner: str) -> AbstractContextManager[tuple[BinaryIO, Keep]]:
        """A new file, and the function that makes it durable under its name; not kept, it leaves nothing behind."""

    def check(self) -> None:
        """Asks for a sign of life. Raises StoreUnavailable."""

    def try_out(self) -> None:
        """Stores something, reads it and deletes it. Raises StoreUnavailable."""

    # --- what the collector does ---

    def owners(self) -> list[str]:
        """The workspaces that stored something."""

    def aside(self, owner: str) -> Iterator[Entry]:
        """What is set aside of a workspace's payloads."""

    def stored(self, owner: str) -> Iterator[Entry]:
        """What is in its place of a workspace's payloads."""

    def set_aside(self, owner: str, names: Sequence[str]) -> int:
        """Moves payloads to where they can still be read and count as aside from now on. Gives how many."""

    def put_back(self, owner: str, entries: Sequence[Entry], old: float) -> int:
        """Puts what is aside in its place again. Gives how many.

        A copy of what is in its place anyway may be dropped if it was set aside before the moment `old`.
        """

    def delete(self, owner: str, entries: Sequence[Entry]) -> list[Entry]:
        """Deletes for good what is aside; what is in its place stays. Gives what this call deleted."""

    def tidy(self, owner: str, before: float) -> None:
        """Removes what processes that were killed before that moment had begun to write."""


def missing() -> NotFound:
    """The error of a payload that is not there."""
    return NotFound("A stored value is missing.", hint="It may have been removed after its time of keeping.")


def checked(owner: str, name: str) -> None:
    """Raises NotFound for what can be no workspace and no payload, such as a path."""
    if not OWNER.fullmatch(owner) or not HASH.fullmatch(name):
        raise NotFound("There is no such stored value.")


def checked_owner(owner: str) -> None:
    """Raises NotFound for what can be no workspace."""
    if not OWNER.fullmatch(owner):
        raise NotFound("There is no such workspace.")
