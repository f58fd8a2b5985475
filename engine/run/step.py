"""One call of one node: validate, call within the time limit, try again. Pure: it knows no table and no queue.

What it cannot do itself is handed in: `Hands` begins an attempt durably before an effect and gives the function the
services it asks for.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping
from types import AsyncGeneratorType, GeneratorType
from typing import Any, Protocol

from pydantic import ValidationError

from engine import metrics
from engine.contract import (
    BadParams,
    Effect,
    NodeError,
    NodeType,
    PermanentError,
    Postponed,
    TimedOut,
)
from engine.graph import Node
from engine.run.outcome import Call, Done, Failed, Later, Outcome, outcome_of
from engine.run.retry import after_failure, or_fallback
from engine.run.whole import brought, has_long
from engine.telemetry import get_logger, hide_secrets

# Seconds of waiting for which a worker is held; a longer wait becomes a row (`Later`) and holds nothing.
LONGEST_HELD_WAIT = 1.0
GENERATORS = (GeneratorType, AsyncGeneratorType)

log = get_logger(__name__)


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
        _count_retry(verdict, node_type)
        if not isinstance(verdict, Later) or verdict.seconds > LONGEST_HELD_WAIT:
            return verdict
        await asyncio.sleep(verdict.seconds)
        call.attempt, call.generation, call.put_off = verdict.attempt, verdict.generation, verdict.put_off


def _count_retry(verdict: Outcome, node_type: NodeType) -> None:
    """A call that was put off was not made, so making it later is no retry."""
    if isinstance(verdict, Later) and not isinstance(verdict.error, Postponed):
        metrics.RETRIES.labels(node_type.id).inc()


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
            _count_retry(verdict, node_type)
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
