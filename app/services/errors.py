"""How a service refuses, in words that a person can act on.

ServiceError
├─ SignedOut     nobody is signed in, or the proof has expired
├─ Forbidden     signed in, but the role does not allow it
├─ NotFound      unknown, or somebody else's: the two are never told apart
├─ Invalid       the input is wrong; carries the problems field by field
├─ Conflict      the thing has changed in the meantime, or exists already
├─ Gone          it was there, and is over for good
│  └─ NeedsConfirmation   good effects would happen again; carries which
├─ TooLarge      more bytes than this door takes
└─ TooMany       asked too often; carries the seconds to wait
"""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.run.reuse import Repeat
from engine.store import db, places

# Not refusals: what any service raises while database or payload store are away. Their `told` is fit for a screen.
DatabaseUnavailable = db.DatabaseUnavailable
StoreUnavailable = places.StoreUnavailable


class ServiceError(Exception):
    """Base of all refusals. ``str(error)`` is fit for a screen."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class SignedOut(ServiceError):
    """Nobody is signed in."""

    def __init__(self, message: str = "Sign in to go on.") -> None:
        super().__init__(message)


class Forbidden(ServiceError):
    """The role of the person who asks does not allow this."""


class NotFound(ServiceError):
    """No such thing for the person who asks."""

    def __init__(self, what: str) -> None:
        super().__init__(f"This {what} does not exist, or you have no access to it.")
        self.what = what


class Invalid(ServiceError):
    """The input cannot be accepted.

    ``problems`` are JSON records with at least ``message``, and ``node``, ``field``, ``line`` where known.
    """

    def __init__(self, message: str, problems: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.problems = [dict(problem) for problem in problems]

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        """One problem with one field."""
        return cls(message, [{"field": field, "message": message}])


class Conflict(ServiceError):
    """What is asked for contradicts what is there now."""


class NeedsConfirmation(Conflict):
    """Steps whose effects happened once would have them again. ``problems`` has ``node``, ``message`` and ``times``."""

    def __init__(self, repeats: Sequence[Repeat]) -> None:
        labels = ", ".join(f"“{one.label}”" for one in repeats)
        super().__init__(f"{labels} would write again what was written once. Confirm that, or leave it.")
        self.problems = [
            {"node": one.node, "label": one.label, "times": one.times, "message": _would_repeat(one)} for one in repeats
        ]


def _would_repeat(one: Repeat) -> str:
    times = "once more" if one.times == 1 else f"{one.times:,} times more"
    return f"“{one.label}” would write {times}: {one.why}."


class Gone(ServiceError):
    """It was there, and is over for good: used, expired, not needed any more."""


class TooLarge(ServiceError):
    """More bytes than allowed here."""


class TooMany(ServiceError):
    """Asked too often. ``retry_after`` is in seconds."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after
