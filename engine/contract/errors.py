"""Why a node could not do its work.

NodeError
├── RetryableError        trying again later may help
│   ├── RateLimited       the service asked us to slow down
│   │   └── Postponed     the limit of an account lets the call be made later; nothing was sent
│   ├── Unavailable       the service did not answer, or answered 5xx
│   │   └── CircuitOpen   the service failed again and again, so it is left alone for a while; nothing was sent
│   └── TimedOut          our own time limit ran out
└── PermanentError        the same call will fail again
    ├── BadParams         a field holds what the node cannot use
    ├── AuthExpired       the account must be reconnected
    ├── Forbidden         the account may not do this
    ├── NotFound          the thing asked for is not there
    ├── Stopped           the workflow itself said stop
    ├── Expired           nobody answered before the deadline
    ├── OutputTooLarge    the result passes a limit
    ├── ListLengthMismatch  two lists that should pair have different lengths
    └── UnknownOutcome    a crash left open whether the effect happened
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class NodeError(Exception):
    """A failure in words a person can act on.

    `message` says what happened, `hint` what to do. `request` and `response` are what was sent and what came back,
    already free of secrets: they are stored and shown.
    """

    def __init__(
        self,
        message: str,
        *,
        hint: str = "",
        status: int | None = None,
        request: Mapping[str, Any] | None = None,
        response: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.status = status
        self.request = request
        self.response = response

    @property
    def kind(self) -> str:
        """The error's name as retry settings and the error output use it, for example `RateLimited`."""
        return type(self).__name__

    def __reduce__(self) -> tuple[Any, ...]:
        """Cross the process pool with every attribute: Exception's own pickling would pass the message alone."""
        return _rebuild, (type(self), str(self), dict(self.__dict__))


def _rebuild(kind: type[NodeError], text: str, attributes: dict[str, Any]) -> NodeError:
    error = kind.__new__(kind, text)
    error.args = (text,)
    error.__dict__.update(attributes)
    return error


class RetryableError(NodeError):
    """Trying again later may help. `retry_after` (seconds) is the service's wish and wins over the setting."""

    def __init__(self, message: str, *, retry_after: float | None = None, **details: Any) -> None:
        super().__init__(message, **details)
        self.retry_after = retry_after


class RateLimited(RetryableError):
    """The service asked us to slow down."""


class Postponed(RateLimited):
    """The limit of an account or a host lets the call be made in `retry_after` seconds; nothing was sent."""


class Unavailable(RetryableError):
    """The service did not answer, or answered that it cannot right now."""


class CircuitOpen(Unavailable):
    """The service failed again and again, so it is left alone for `retry_after` seconds; nothing was sent."""


class TimedOut(RetryableError):
    """The node's time limit ran out."""


class PermanentError(NodeError):
    """The same call will fail again; only a change helps."""


class BadParams(PermanentError):
    """`field` holds what the node cannot use."""

    def __init__(self, message: str, *, field: str = "", **details: Any) -> None:
        super().__init__(message, **details)
        self.field = field


class AuthExpired(PermanentError):
    """The account must be reconnected."""


class Forbidden(PermanentError):
    """The account may not do this."""


class NotFound(PermanentError):
    """The thing asked for is not there."""


class Stopped(PermanentError):
    """The workflow itself said stop."""


class Expired(PermanentError):
    """Nobody answered before the deadline."""


class OutputTooLarge(PermanentError):
    """The result passes a limit; nothing was cut."""


class ListLengthMismatch(PermanentError):
    """Two lists that should pair item by item have different lengths. `lengths` maps field to length."""

    def __init__(self, message: str, *, lengths: Mapping[str, int], **details: Any) -> None:
        super().__init__(message, **details)
        self.lengths = dict(lengths)


class UnknownOutcome(PermanentError):
    """A crash left open whether the effect happened, and the node is set not to repeat it."""
