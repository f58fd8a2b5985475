"""What one checkpoint records, as plain values, and what its answer says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from engine.events import Event
from engine.store.lists import Ref
from engine.store.results import Delivery, Reply, Told
from engine.store.shards import Shard
from engine.store.starting import NewRun

Json = Any
WaitKind = Literal["timer", "retry", "ask", "call", "approval", "budget", "run", "limit"]
EndStatus = Literal["done", "failed", "cancelled"]


class StepRow(NamedTuple):
    """The present state of one node for one item ("" is the whole node). Times are milliseconds since 1970 UTC.

    A row that is done, failed, skipped or cancelled is never written again; one that is running or waiting may be.
    """

    node_id: str
    status: str
    item: str = ""
    attempt: int = 1
    output: Json = None
    input: Json = None
    error: Json = None
    counts: dict[str, int] | None = None
    log: list[Any] | None = None
    started_at: int | None = None
    finished_at: int | None = None
    scope: str = ""
    reused_from: str | None = None
    stand_in: Json = None


@dataclass(frozen=True, slots=True)
class AttemptEnd:
    """How a try of an effect ended: `done`, `failed` (it did not happen) or `unknown`."""

    node_id: str
    item: str
    number: int
    outcome: str
    error: Json = None
    scope: str = ""


@dataclass(frozen=True, slots=True)
class NewWait:
    """Something a step waits for. `due` in milliseconds since 1970 UTC, or None if only an answer ends it.

    `token_hash`: the fingerprint of the one-time address through which anybody may answer (`engine.doors`).
    """

    id: str
    node_id: str
    kind: WaitKind
    item: str = ""
    round: int = 0
    due: int | None = None
    detail: Json = None
    scope: str = ""
    token_hash: str | None = None


class Changes(NamedTuple):
    """What one checkpoint records. With `end` the run is over; with `park` the segment sleeps until a wait settles;
    with `pause` until the run is resumed, as a person wishes or because a wait of the kind `budget` asks one. `spent`:
    calls, dollars and milliseconds of work since the last checkpoint.

    `payloads` are the stored values that the rows name; they are on disk already. With `answer`, the run's output so
    far, whoever waits for the run hears of it before the end. `dropped`: how the paths of scopes begin, a `/` added, in
    which nothing is waited for any more. `renewed`: scopes that are tried again, with the number of the try that
    failed. `runs` are started with it. `shards` are queued beside this segment, and ended with `end_shards`; with
    `done` this segment, which is a shard, has nothing left to do, or `stuck`, cannot do it.
    """

    steps: Sequence[StepRow] = ()
    attempts: Sequence[AttemptEnd] = ()
    waits: Sequence[NewWait] = ()
    payloads: Sequence[Ref] = ()
    dropped: Sequence[str] = ()
    renewed: Sequence[tuple[str, int]] = ()
    runs: Sequence[NewRun] = ()
    end: EndStatus | None = None
    output: Json = None
    error: Json = None
    answer: Json = None
    park: bool = False
    pause: bool = False
    spent: tuple[int, float, int] = (0, 0.0, 0)
    shards: Sequence[Shard] = ()
    done: bool = False
    stuck: bool = False
    end_shards: bool = False


@dataclass(frozen=True, slots=True)
class Saved:
    """The answer to a checkpoint.

    `parked` is False if a wait settled meanwhile: read `history` and go on. `paused` is False if the run was resumed or
    cancelled meanwhile: look at `wanted`.
    """

    wanted: str | None
    wake: int
    seq: int
    parked: bool = False
    paused: bool = False
    events: tuple[Event, ...] = ()
    reply: Reply | None = None
    more: Told | None = None
    deliveries: tuple[Delivery, ...] = ()


@dataclass(frozen=True, slots=True)
class Attempted:
    """The answer to `begin_attempt`: the times, by the database's clock, between which the call may be under way."""

    started_at: int
    deadline: int
    wanted: str | None
