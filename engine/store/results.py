"""What an operation did: for its caller, and for what is put on the queue or told once it is committed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.events import Event


@dataclass(frozen=True, slots=True)
class Delivery:
    """A segment that must be put on the queue: what an RQ job's id says."""

    run_id: str
    segment: int
    epoch: int


@dataclass(frozen=True, slots=True)
class Reply:
    """Somebody waits for the end of a run: `to` names the list that the process of that somebody reads."""

    to: str
    run_id: str
    status: str

    @classmethod
    def of(cls, run_id: str, status: str, options: dict[str, Any]) -> Reply | None:
        """The reply that a run's options ask for, if they do."""
        return cls(options["reply_to"], run_id, status) if "reply_to" in options else None


@dataclass(frozen=True, slots=True)
class Found:
    """Segments that must be put on the queue again."""

    deliveries: tuple[Delivery, ...]


@dataclass(frozen=True, slots=True)
class Swept:
    """The segments that a sweep put back into the backlog: their lease ran out, or nobody took what was delivered."""

    expired: tuple[Delivery, ...]
    forgotten: tuple[Delivery, ...]

    @property
    def held(self) -> bool:
        """Whether the backlog has grown."""
        return bool(self.expired or self.forgotten)


@dataclass(frozen=True, slots=True)
class Started:
    """A recorded run. `created` is False if an earlier run has the same idempotency key, or fire of a schedule.

    `held`: it waits in the backlog for its turn.
    """

    run_id: str
    created: bool
    status: str = "queued"
    deliveries: tuple[Delivery, ...] = ()
    events: tuple[Event, ...] = ()
    held: bool = False


@dataclass(frozen=True, slots=True)
class Woken:
    """What settling or cancelling did: whether it took effect, the segments to be enqueued, the run to be nudged.

    `held`: the run waits in the backlog for its turn. `more`: what it means for other runs.
    """

    run_id: str
    done: bool
    deliveries: tuple[Delivery, ...] = ()
    events: tuple[Event, ...] = ()
    reply: Reply | None = None
    nudge: str | None = None
    held: bool = False
    more: Told | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be done in Redis for other runs than the one in question: those it started, or that wait for it."""

    deliveries: tuple[Delivery, ...] = ()
    events: tuple[Event, ...] = ()
    replies: tuple[Reply, ...] = ()
    nudges: tuple[str, ...] = ()
    held: bool = False

    @classmethod
    def of(cls, results: Sequence[Started | Woken]) -> Told:
        """All that these say, and what they say of further runs."""
        woken = [result for result in results if isinstance(result, Woken)]
        own = cls(
            tuple(delivery for result in results for delivery in result.deliveries),
            tuple(event for result in results for event in result.events),
            tuple(result.reply for result in woken if result.reply),
            tuple(result.nudge for result in woken if result.nudge),
            any(result.held for result in results),
        )
        return cls.joined([own, *(result.more for result in woken)]) or own

    @classmethod
    def joined(cls, parts: Sequence[Told | None]) -> Told | None:
        """All that these say; None if they say nothing."""
        found = [part for part in parts if part is not None]
        if not found:
            return None
        return cls(
            tuple(delivery for part in found for delivery in part.deliveries),
            tuple(event for part in found for event in part.events),
            tuple(reply for part in found for reply in part.replies),
            tuple(nudge for part in found for nudge in part.nudges),
            any(part.held for part in found),
        )


@dataclass(frozen=True, slots=True)
class Ended:
    """The runs that were ended without their holder's doing. `more`: what that means for other runs."""

    run_ids: tuple[str, ...]
    events: tuple[Event, ...]
    replies: tuple[Reply, ...]
    more: Told | None = None
