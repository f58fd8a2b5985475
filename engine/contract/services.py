"""What a node may ask for by annotating a parameter: the engine hands it in, a test hands in a small real one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Protocol, runtime_checkable

from engine.contract.values import File


@runtime_checkable
class Log(Protocol):
    """Lines that a person reads beside the step. Secrets are masked before a line is stored."""

    def info(self, message: str) -> None: ...

    def warning(self, message: str) -> None: ...


@runtime_checkable
class Files(Protocol):
    """The workspace's stored bytes. Blocking: a node that reads much declares `cpu=True` and runs beside the loop."""

    def open(self, file: File) -> BinaryIO:
        """Raises `NotFound` when this workspace holds no such bytes."""
        ...

    def save(self, name: str, media_type: str, content: bytes | Path | BinaryIO) -> File:
        """Raises `OutputTooLarge` above the workspace's limit."""
        ...


@runtime_checkable
class Lists(Protocol):
    """Where a node puts a list that may be long, as it comes about. Blocking, like `Files`."""

    def keep(self, items: Iterable[Any]) -> Sequence[Any]:
        """The items: a plain list while they are few, else stored as they come. Raises `OutputTooLarge`."""
        ...


@runtime_checkable
class Progress(Protocol):
    """How far a long call is, shown live on the node."""

    def report(self, done: int, total: int | None = None) -> None: ...


@dataclass(frozen=True)
class Idempotency:
    """The key under which a service can recognize a repeated request: `run:node:item:generation`."""

    key: str


@dataclass(frozen=True)
class RunInfo:
    """Where a call stands. `now` is recorded with the step, so that a replay sees the same time.

    `scope`: the round of a container, if the node stands in one.
    """

    run_id: str
    workflow_id: str
    workspace_id: str
    node_id: str
    item: str
    attempt: int
    now: datetime
    public_url: str = ""
    scope: str = ""


@runtime_checkable
class Credentials(Protocol):
    """The workspace's accounts, opened for the time of a call."""

    async def get(self, credential_id: str) -> tuple[str, Mapping[str, Any]]:
        """Type and secret fields. Raises `NotFound` when the workspace has no such account."""
        ...
