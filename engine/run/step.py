"""One call of one node: validate, call within the time limit, try again. Pure: it knows no table and no queue.

What it cannot do itself is handed in: `Hands` begins an attempt durably before an effect and gives the function the
services it asks for.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Protocol

from pydantic import BaseModel, ValidationError
from pydantic_core import to_jsonable_python

from engine import metrics
from engine.contract import (
    MAIN,
    Asking,
    BadParams,
    CircuitOpen,
    Effect,
    Fired,
    LongList,
    NodeError,
    NodeType,
    PermanentError,
    Postponed,
    Respond,
    RetryableError,
    TimedOut,
    Unavailable,
    UnknownOutcome,
    Waiting,
)
from engine.graph import Node, Retry
from engine.run.whole import brought, has_long, holds_long
from engine.telemetry import get_logger, hide_secrets

# Seconds of waiting for which a worker is held; a longer wait becomes a row (`Later`) and holds nothing.
LONGEST_HELD_WAIT = 1.0
NO_RETRY = Retry(times=0)
GENERATORS = (GeneratorType, AsyncGeneratorType)

log = get_logger(__name__)


@dataclass(slots=True)
class Call:
    """One call to be made: which item, its resolved params, and where in the sequence of tries it stands.

    `answer`: what settled the wait of a call that had asked.
    """

    item: str
    raw: Mapping[str, Any]
    now: datetime
    attempt: int = 1
    generation: int = 0
    put_off: int = 0
    answer: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """What leaves through each output that fired, as plain JSON. `answer` is for the run's synchronous caller.

    `failure`: why the node's fallback value stands here and no result.
    """

    fired: Mapping[str, Any]
    answer: Respond | None = None
    attempt: int = 1
    failure: NodeError | None = None


@dataclass(frozen=True, slots=True)
class Failed:
    """No result, for good."""

    error: NodeError
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Later:
    """To be tried again in `seconds`, as the given attempt: longer than a worker should be held for.

    `unknown`: what is waited for is the end of an attempt that a crash left open. `put_off`: how often the call was not
    made at all, since the limit of an account stood in the way; this counts as no try.
    """

    seconds: float
    error: NodeError
    attempt: int
    generation: int
    unknown: bool = False
    put_off: int = 0


@dataclass(frozen=True, slots=True)
class Asleep:
    """The node asked to park until then; `fired` is what leaves it afterwards."""

    until: datetime
    fired: Mapping[str, Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Asked:
    """The node asked somebody outside, and goes on with the answer. `early` leaves it meanwhile, by output."""

    asking: Asking
    early: Mapping[str, Any]
    attempt: int = 1


@dataclass(frozen=True, slots=True)
class Asks:
    """An effect may have happened or not, and a person shall say how to go on. The numbers are the next attempt's."""

    error: UnknownOutcome
    attempt: int
    generation: int


Outcome = Done | Failed | Later | Asleep | Asked | Asks


class Hands(Protocol):
    """What the executor does for a call."""

    def begin_attempt(self, call: Call, limit: float) -> Awaitable[None]:
        """Return once a row says durably that this attempt is about to have its effect."""
        ...

    def services(self, call: Call) -> dict[str, Any]:
        """What the function asks for, by parameter name."""
        ...

    def invoke_cpu(self, params: Any, services: dict[str, Any]) -> Awaitable[Any]:
        """Call the function in the process pool."""
        ...

    def keep(self, items: Iterator[Any] | AsyncIterator[Any]) -> Awaitable[Any]:
        """What a generator gives: a plain list while it is short, else a stored one."""
        ...

    def rehearse(self, params: Any, call: Call, limit: float) -> Awaitable[Done | None]:
        """In a dry run what stands for a call that would write, which is then not made; else None.

        Raises NodeError for settings that could not be used.
        """
        ...


async def run_node(node: Node, node_type: NodeType, call: Call, hands: Hands) -> Outcome:
    """Call the node's function until it has a result, has failed for good, or must wait for long.

    Never raises for what a node does; only cancellation passes through.
    """
    return or_fallback(node, await _tried(node, node_type, call, hands))


def or_fallback(node: Node, outcome: Outcome) -> Outcome:
    """The node's fallback value where a service stayed unavailable; every other outcome as it is."""
    if node.fallback is None or not isinstance(outcome, Failed) or not isinstance(outcome.error, RetryableError):
        return outcome
    return Done({MAIN.name: node.fallback.value}, attempt=outcome.attempt, failure=outcome.error)


async def _tried(node: Node, node_type: NodeType, call: Call, hands: Hands) -> Outcome:
    try:
        raw = call.raw
        if has_long(node_type, raw):
            raw = await asyncio.to_thread(brought, node, node_type, raw)
        params = validated(node, node_type, raw)
        effect = node_type.effect_for(params)
    except NodeError as error:
        return Failed(error, call.attempt)
    limit = node.time_limit or node_type.time_limit
    while True:
        try:
            if effect is Effect.write:
                if (rehearsed := await hands.rehearse(params, call, limit)) is not None:
                    return rehearsed
                await hands.begin_attempt(call, limit)
            result = await _within(limit, node_type, params, hands, call)
            return outcome_of(result, call.attempt)
        except NodeError as error:
            verdict = after_failure(error, effect, node, node_type, call)
        if isinstance(verdict, Later):
            metrics.RETRIES.labels(node_type.id).inc()
        if not isinstance(verdict, Later) or verdict.seconds > LONGEST_HELD_WAIT:
            return verdict
        await asyncio.sleep(verdict.seconds)
        call.attempt, call.generation, call.put_off = verdict.attempt, verdict.generation, verdict.put_off


async def run_batch(node: Node, node_type: NodeType, calls: list[Call], hands: Hands) -> list[Outcome]:
    """The same for a type that takes many params at once: one call for all, one outcome for each.

    An item that fails in a way that may pass is tried again alone, by `run_node`'s rules, with the batch's other
    failures of that kind.
    """
    outcomes: list[Outcome | None] = [None] * len(calls)
    ready: list[tuple[int, Any]] = []
    for index, call in enumerate(calls):
        try:
            ready.append((index, validated(node, node_type, call.raw)))
        except NodeError as error:
            outcomes[index] = Failed(error, call.attempt)
    limit = node.time_limit or node_type.time_limit
    while ready:
        results = await _batch_results(limit, node_type, [params for _, params in ready], hands, calls[ready[0][0]])
        again: list[tuple[int, Any]] = []
        pause = 0.0
        for (index, params), result in zip(ready, results, strict=True):
            call = calls[index]
            verdict = (
                after_failure(result, Effect.none, node, node_type, call)
                if isinstance(result, NodeError)
                else outcome_of(result, call.attempt)
            )
            if isinstance(verdict, Later) and verdict.seconds <= LONGEST_HELD_WAIT:
                call.attempt, call.generation, call.put_off = verdict.attempt, verdict.generation, verdict.put_off
                again.append((index, params))
                pause = max(pause, verdict.seconds)
            else:
                outcomes[index] = verdict
        ready = again
        if ready:
            await asyncio.sleep(pause)
    return [or_fallback(node, outcome) for outcome in outcomes if outcome is not None]


async def _batch_results(limit: float, node_type: NodeType, batch: list[Any], hands: Hands, call: Call) -> list[Any]:
    """As many results as params; a failure of the whole call is the result of each."""
    try:
        results = await _within(limit, node_type, batch, hands, call)
    except NodeError as error:
        return [error] * len(batch)
    if not isinstance(results, list) or len(results) != len(batch):
        return [_broken(node_type, f"it returned {type(results).__name__} for {len(batch)} items")] * len(batch)
    return results


def validated(node: Node, node_type: NodeType, raw: Mapping[str, Any]) -> Any:
    """The params model of one call.

    Raises:
        BadParams: names the field, what is wrong with it, never its value.
    """
    try:
        return node_type.params.model_validate(raw)
    except ValidationError as invalid:
        problems = invalid.errors(include_url=False, include_input=False, include_context=False)
        first = ".".join(str(part) for part in problems[0]["loc"])
        told = "; ".join(f"{'.'.join(map(str, p['loc'])) or 'the settings'}: {p['msg']}" for p in problems[:5])
        raise BadParams(
            f"“{node.title}” got settings that it cannot use. {told}.",
            field=first,
            hint="Open the step and look at what these fields refer to.",
        ) from None


async def _within(limit: float, node_type: NodeType, params: Any, hands: Hands, call: Call) -> Any:
    """Call the function; whatever goes wrong comes out as a NodeError."""
    clock: asyncio.Timeout | None = None
    try:
        services = hands.services(call) if node_type.services else {}
        pending: Awaitable[Any]
        if node_type.cpu:
            pending = hands.invoke_cpu(params, services)
        else:
            result = node_type.function(params, **services)
            if isinstance(result, GENERATORS):
                pending = hands.keep(result)
            elif hasattr(result, "__await__"):
                pending = result
            else:
                return result  # nothing is left that a limit could end
        async with asyncio.timeout(limit) as clock:
            return await pending
    except NodeError:
        raise
    except TimeoutError as error:
        if clock is None or not clock.expired():
            raise TimedOut(f"A service did not answer in time: {error}") from error
        raise TimedOut(
            f"The step did not finish within its time limit of {limit:g} s.",
            hint="Raise the time limit in the step's settings, or give it less to do at once.",
        ) from None
    except Exception as error:
        log.exception("a node raised something other than a NodeError", node_type=node_type.id)
        raise _broken(node_type, f"{type(error).__name__}: {error}") from error


def _broken(node_type: NodeType, what: str) -> PermanentError:
    return PermanentError(
        f"“{node_type.title}” stopped with an error that it does not explain: {hide_secrets(what)[:500]}",
        hint="Look at the step's settings and input. If they are right, this is a defect of the node: report it.",
    )


def outcome_of(result: Any, attempt: int) -> Outcome:
    """What a function's return value means."""
    if isinstance(result, Fired):
        return Done({result.output: plain(result.value)}, attempt=attempt)
    if isinstance(result, Waiting):
        return Asleep(result.until, {MAIN.name: plain(result.value)}, attempt)
    if isinstance(result, Asking):
        early = result.early
        return Asked(result, {} if early is None else {early.output: plain(early.value)}, attempt)
    if isinstance(result, Respond):
        answer = Respond(result.status, dict(result.headers), plain(result.body))
        return Done({MAIN.name: answer.body}, answer, attempt)
    if isinstance(result, tuple) and all(isinstance(part, Fired) for part in result):
        return Done({part.output: plain(part.value) for part in result}, attempt=attempt)
    return Done({MAIN.name: plain(result)}, attempt=attempt)


def plain(value: Any) -> Any:
    """The value as JSON: models become records, dates become text; a long list, also as a field, stays as it is."""
    if value is None or value.__class__ in (str, bool, int):
        return value
    if isinstance(value, LongList):
        return value
    held = vars(value) if value.__class__ is not dict and isinstance(value, BaseModel) else value
    if isinstance(held, dict) and holds_long(held):
        return {_alias(value, name): plain(inner) for name, inner in held.items()}
    return to_jsonable_python(value, by_alias=True, inf_nan_mode="null")


def _alias(value: Any, name: str) -> str:
    if not isinstance(value, BaseModel):
        return name
    info = type(value).model_fields[name]
    return info.serialization_alias or info.alias or name


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


def _retryable(error: NodeError, retry: Retry) -> bool:
    if not retry.on:
        return isinstance(error, RetryableError)
    return any(kind.__name__ in retry.on for kind in type(error).__mro__)


def pause_before(attempt: int, error: NodeError, retry: Retry) -> float:
    """Seconds to wait after the given attempt. A service's own Retry-After wins over the setting."""
    if isinstance(error, RetryableError) and error.retry_after is not None:
        return max(0.0, error.retry_after)
    wait = retry.wait * retry.growth ** (attempt - 1)
    return min(wait * (1 + retry.jitter * random.random()), 86_400.0)  # noqa: S311  spreading load, no secret
