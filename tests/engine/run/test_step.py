"""One call: settings refused, retries, time limits, unknown outcomes, results of every kind."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel, Field

from engine.contract import (
    Effect,
    Fired,
    Log,
    NodeError,
    NodeType,
    Params,
    RateLimited,
    Respond,
    TimedOut,
    Unavailable,
    UnknownOutcome,
    Waiting,
    action,
)
from engine.graph import Node, Retry
from engine.run.outcome import Asks, Asleep, Call, Done, Failed, Later
from engine.run.retry import pause_before
from engine.run.step import run_batch, run_node

NOW = datetime(2026, 11, 23, tzinfo=UTC)


class Number(Params):
    number: int = Field(default=1)


class Hands:
    """Begins attempts in a list and hands out no services."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, int, int]] = []

    async def begin_attempt(self, call: Call, limit: float) -> None:
        self.begun.append((call.item, call.attempt, call.generation))

    def services(self, call: Call) -> dict[str, Any]:
        return {"log": object()}

    async def invoke_cpu(self, params: Any, services: dict[str, Any]) -> Any:
        raise NotImplementedError

    async def rehearse(self, params: Any, call: Call, limit: float) -> None:
        """This is no dry run."""


def declared(function: Callable[[Number], Any], **options: Any) -> NodeType:
    """A node type around what `function` does."""

    async def body(params: Number) -> Any:
        result = function(params)
        return await result if asyncio.iscoroutine(result) else result

    return action("test.body", title="Body", category="test", icon="x", **options)(body)


def failing(*errors: NodeError) -> Callable[[Number], str]:
    """Raises one after the other, then succeeds."""
    left = list(errors)

    def function(_: Number) -> str:
        if left:
            raise left.pop(0)
        return "at last"

    return function


async def run(node_type: NodeType, raw: dict[str, Any] | None = None, **options: Any) -> tuple[Any, Hands]:
    hands = Hands()
    node = Node(id="body", type=node_type.id, **options)
    return await run_node(node, node_type, Call("", raw or {}, NOW), hands), hands


class Model(BaseModel):
    when: datetime


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (1, Done({"main": 1})),
        (Model(when=NOW), Done({"main": {"when": "2026-11-23T00:00:00Z"}})),
        (Fired("yes", [1]), Done({"yes": [1]})),
        ((Fired("a", 1), Fired("b", 2)), Done({"a": 1, "b": 2})),
        (float("nan"), Done({"main": None})),
        (Respond(201, {"X": "1"}, {"ok": True}), Done({"main": {"ok": True}}, Respond(201, {"X": "1"}, {"ok": True}))),
        (Waiting(NOW, "later"), Asleep(NOW, {"main": "later"})),
    ],
)
async def test_what_a_function_returns(result: Any, expected: Any) -> None:
    outcome, _ = await run(declared(lambda _: result))
    assert outcome == expected


async def test_wrong_settings_name_the_field_and_not_its_value() -> None:
    outcome, _ = await run(declared(lambda _: 1), {"number": "hunter2"})
    assert outcome.error.kind == "BadParams"
    assert outcome.error.field == "number"
    assert "number" in outcome.error.message
    assert "hunter2" not in outcome.error.message


async def test_an_unexpected_exception_is_told_without_a_trace() -> None:
    def broken(_: Number) -> None:
        raise ZeroDivisionError("division by zero")

    outcome, _ = await run(declared(broken))
    assert isinstance(outcome, Failed)
    assert outcome.error.kind == "PermanentError"
    assert "ZeroDivisionError: division by zero" in outcome.error.message
    assert "Traceback" not in outcome.error.message


async def test_a_call_is_tried_again_as_often_as_the_node_says() -> None:
    retry = Retry(times=2, wait=0)
    outcome, _ = await run(declared(failing(Unavailable("a", status=503), Unavailable("b", status=503))), retry=retry)
    assert outcome == Done({"main": "at last"}, attempt=3)
    outcome, _ = await run(declared(failing(*[Unavailable("a", status=503)] * 3)), retry=retry)
    assert (outcome.error.message, outcome.attempt) == ("a", 3)


async def test_only_the_errors_named_are_tried_again() -> None:
    retry = Retry(times=3, wait=0, on=("RateLimited",))
    outcome, _ = await run(declared(failing(Unavailable("down"))), retry=retry)
    assert isinstance(outcome, Failed)
    outcome, _ = await run(declared(failing(RateLimited("slow"))), retry=retry)
    assert isinstance(outcome, Done)


async def test_a_long_wait_is_handed_back_and_retry_after_wins() -> None:
    outcome, _ = await run(declared(failing(RateLimited("slow", retry_after=30))), retry=Retry(times=1, wait=0))
    assert isinstance(outcome, Later)
    assert (outcome.seconds, outcome.attempt) == (30, 2)


def test_waits_grow_and_are_spread() -> None:
    retry = Retry(times=5, wait=2, growth=3, jitter=0.5)
    for attempt, base in ((1, 2), (2, 6), (3, 18)):
        assert base <= pause_before(attempt, Unavailable("x"), retry) <= base * 1.5


async def test_the_time_limit_ends_a_call() -> None:
    outcome, _ = await run(declared(lambda _: asyncio.sleep(60)), time_limit=0.01)
    assert isinstance(outcome.error, TimedOut)
    assert "0.01 s" in outcome.error.message


async def test_every_try_of_an_effect_is_announced_and_a_rejection_makes_a_new_request() -> None:
    body = declared(failing(Unavailable("503", status=503)), effect=Effect.write)
    outcome, hands = await run(body, retry=Retry(times=1, wait=0))
    assert isinstance(outcome, Done)
    assert hands.begun == [("", 1, 0), ("", 2, 1)]


@pytest.mark.parametrize(
    ("setting", "honors", "expected"),
    [(None, False, Asks), (None, True, Done), ("again", False, Done), ("fail", True, Failed), ("ask", True, Asks)],
)
async def test_an_unknown_outcome_is_decided_by_the_setting(setting: str | None, honors: bool, expected: type) -> None:
    body = declared(failing(TimedOut("no answer")), effect=Effect.write, honors_idempotency=honors)
    outcome, hands = await run(body, retry=Retry(times=1, wait=0), on_unknown=setting)
    assert isinstance(outcome, expected)
    if expected is Done:
        assert hands.begun == [("", 1, 0), ("", 2, 0)], "the service must be able to recognize the repeat"
    if expected is Failed:
        assert isinstance(outcome.error, UnknownOutcome)


async def test_a_batch_gives_one_outcome_per_item_and_tries_only_the_failed_again() -> None:
    asked: list[list[int]] = []

    async def body(params: list[Number]) -> list[int | NodeError]:
        asked.append([p.number for p in params])
        first = len(asked) == 1
        return [Unavailable("busy") if first and p.number == 2 else p.number * 10 for p in params]

    node_type = action("test.batch", title="Batch", category="test", icon="x", batch=10)(body)
    node = Node(id="batch", type="test.batch", retry=Retry(times=1, wait=0))
    calls = [Call(str(i), {"number": n}, NOW) for i, n in enumerate((1, 2, "x", 4))]
    outcomes = await run_batch(node, node_type, calls, Hands())
    assert asked == [[1, 2, 4], [2]]
    assert [o.fired["main"] if isinstance(o, Done) else o.error.kind for o in outcomes] == [10, 20, "BadParams", 40]


async def test_a_batch_of_the_wrong_length_fails_every_item() -> None:
    async def body(params: list[Number]) -> list[int]:
        return []

    node_type = action("test.batch", title="Batch", category="test", icon="x", batch=10)(body)
    outcomes = await run_batch(Node(id="batch", type="test.batch"), node_type, [Call("0", {}, NOW)], Hands())
    assert isinstance(outcomes[0], Failed)


async def test_services_reach_the_function_by_name() -> None:
    async def body(params: Number, log: Log) -> str:
        return type(log).__name__

    node_type = action("test.services", title="Services", category="test", icon="x")(body)
    outcome, _ = await run(node_type)
    assert outcome == Done({"main": "object"})


async def test_sleeping_far_ahead_keeps_its_moment() -> None:
    until = datetime.now(UTC) + timedelta(days=90)
    outcome, _ = await run(declared(lambda _: Waiting(until)))
    assert outcome == Asleep(until, {"main": None})
