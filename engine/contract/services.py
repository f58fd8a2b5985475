"""What a node may ask for by annotating a parameter: the engine hands it in, a test hands in a small real one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol, runtime_checkable

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


@runtime_checkable
class Costs(Protocol):
    """What a call cost, in dollars: summed on the run, and held against its budget. Also when the call fails."""

    def add(self, dollars: float) -> None: ...


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


Scope = Literal["workflow", "workspace"]


@dataclass(frozen=True)
class Stored:
    """A stored value and when it was last changed."""

    value: Any
    updated_at: datetime


@runtime_checkable
class Store(Protocol):
    """Named values that outlive a run: the workflow's own, or (`scope="workspace"`) shared by all of its workspace.

    Trial runs of a draft have values of their own. Each change is atomic, also beside other runs, and is made once:
    the same call repeated after a crash gets what the first one got. So a node that changes values declares
    `effect=Effect.write` and `honors_idempotency=True`. Values are JSON up to 256 kB, at most 1,000 of them per scope.
    All raise `BadParams` for a name that holds something of another kind.
    """

    async def get(self, name: str, *, scope: Scope = "workflow") -> Stored | None:
        """What is stored, or None."""
        ...

    async def set(self, name: str, value: Any, *, scope: Scope = "workflow") -> None:
        """Raises `OutputTooLarge` above the limits."""
        ...

    async def increment(
        self, name: str, by: int | float = 1, *, start: int | float = 0, scope: Scope = "workflow"
    ) -> int | float:
        """The number after adding `by`; before the first time it is `start`."""
        ...

    async def add_if_new(
        self, name: str, keys: Sequence[str], *, keep: int, days: float | None = None, scope: Scope = "workflow"
    ) -> list[bool]:
        """For each key, whether it was not in the list of keys `name`; now it is.

        Kept are the `keep` keys seen last, and of these the ones seen within `days`. Raises `OutputTooLarge` for more
        different keys in one call than are kept.
        """
        ...

    async def delete(self, name: str, *, scope: Scope = "workflow") -> bool:
        """Whether there was such a value."""
        ...

    async def entries(self, *, scope: Scope = "workflow") -> Mapping[str, Stored]:
        """All values by name; of a list of keys, how many there are."""
        ...


@runtime_checkable
class Credentials(Protocol):
    """The workspace's accounts, opened for the time of a call."""

    async def get(self, credential_id: str) -> tuple[str, Mapping[str, Any]]:
        """Type and secret fields. Raises `NotFound` when the workspace has no such account."""
        ...
