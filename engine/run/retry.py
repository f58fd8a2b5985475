"""What follows a failed call: another try, and when; a question; the fallback value; or the failure itself. Pure."""

from __future__ import annotations

import random

from engine.contract import (
    MAIN,
    CircuitOpen,
    Effect,
    NodeError,
    NodeType,
    Postponed,
    RetryableError,
    TimedOut,
    Unavailable,
    UnknownOutcome,
)
from engine.graph import Node, Retry
from engine.run.outcome import Asks, Call, Done, Failed, Later, Outcome

NO_RETRY = Retry(times=0)


def or_fallback(node: Node, outcome: Outcome) -> Outcome:
    """The node's fallback value where a service stayed unavailable; every other outcome as it is."""
    if node.fallback is None or not isinstance(outcome, Failed) or not isinstance(outcome.error, RetryableError):
        return outcome
    return Done({MAIN.name: node.fallback.value}, attempt=outcome.attempt, failure=outcome.error)


def after_failure(error: NodeError, effect: Effect, node: Node, node_type: NodeType, call: Call) -> Outcome:
    """Whether to try again, when, and with which idempotency key; or to fail, or to ask.

    The key's generation stays after an unknown outcome, so that the service can recognize the repeat, and grows after a
    definite rejection, since the repeat is then a new request.
    """
    generation = call.generation
    if effect is Effect.write and outcome_unknown(error):
        rule = unknown_rule(node, node_type)
        unknown = UnknownOutcome(
            f"It is not known whether “{node.title}” had its effect: {error.message}",
            hint="Look at the service itself, then retry, treat it as done, or fail the run.",
            status=error.status, request=error.request, response=error.response,
        )  # fmt: skip
        if rule == "ask":
            return Asks(unknown, call.attempt + 1, generation)
        if rule == "fail":
            return Failed(unknown, call.attempt)
    else:
        generation += 1
    retry = node.retry or NO_RETRY
    if isinstance(error, Postponed):
        # No try was made, so it counts as none.
        return Later(error.retry_after or 0.0, error, call.attempt + 1, generation, put_off=call.put_off + 1)
    if call.attempt - call.put_off > retry.times or not _retryable(error, retry):
        return Failed(error, call.attempt)
    pause = pause_before(call.attempt - call.put_off, error, retry)
    return Later(pause, error, call.attempt + 1, generation, put_off=call.put_off)


def unknown_rule(node: Node, node_type: NodeType) -> str:
    """`again`, `fail` or `ask`: what to do where nobody knows whether the effect happened."""
    return node.on_unknown or ("again" if node_type.honors_idempotency else "ask")


def outcome_unknown(error: NodeError) -> bool:
    """Whether the effect may have happened although the call failed: no answer came, or a gateway's."""
    if isinstance(error, CircuitOpen):
        return False
    if isinstance(error, TimedOut | UnknownOutcome):
        return True
    return isinstance(error, Unavailable) and error.status in (None, 502, 504)


def pause_before_round(tries: int, error: NodeError, kind: type[NodeError], retry: Retry | None) -> float | None:
    """Seconds to wait before a round of a container is tried again that failed `tries` times; None: it is not.

    `kind` is that of the failure, which may have happened inside. An effect of which nobody knows whether it happened
    is for a person to judge.
    """
    if retry is None or tries > retry.times or issubclass(kind, UnknownOutcome) or not _may_pass(kind, retry):
        return None
    return pause_before(tries, error, retry)


def _retryable(error: NodeError, retry: Retry) -> bool:
    return _may_pass(type(error), retry)


def _may_pass(kind: type[NodeError], retry: Retry) -> bool:
    if not retry.on:
        return issubclass(kind, RetryableError)
    return any(each.__name__ in retry.on for each in kind.__mro__)


def pause_before(attempt: int, error: NodeError, retry: Retry) -> float:
    """Seconds to wait after the given attempt. A service's own Retry-After wins over the setting."""
    if isinstance(error, RetryableError) and error.retry_after is not None:
        return max(0.0, error.retry_after)
    wait = retry.wait * retry.growth ** (attempt - 1)
    return min(wait * (1 + retry.jitter * random.random()), 86_400.0)  # noqa: S311  spreading load, no secret
