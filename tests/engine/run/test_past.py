"""What a resumed call becomes: itself, a later attempt, or an outcome that is known already."""

from datetime import UTC, datetime
from typing import Any

import pytest

from engine.contract import Effect, NodeType, Params, action
from engine.graph import Node
from engine.run.outcome import Asks, Call, Done, Failed, Later
from engine.run.past import OpenAttempt, Past, StillWaiting, Waited, resume

NOW = datetime(2026, 11, 23, tzinfo=UTC)
CLOCK = 1_000_000


class Empty(Params):
    pass


def write(honors: bool = False) -> NodeType:
    async def body(params: Empty) -> None: ...

    return action(
        "test.write", title="Write", category="test", icon="x", effect=Effect.write, honors_idempotency=honors
    )(body)


def resumed(past: Past, honors: bool = False, **options: Any) -> Any:
    return resume(Call("", {}, NOW), Node(id="send", type="test.write", **options), write(honors), past, CLOCK)


def test_a_finished_call_is_never_made_again() -> None:
    done = Done({"main": 1})
    assert resumed(Past(finished={"": done})) is done


def test_a_call_without_a_past_is_made() -> None:
    assert isinstance(resumed(Past()), Call)


def test_an_open_attempt_is_waited_out() -> None:
    later = resumed(Past(open={"": OpenAttempt(1, 0, CLOCK + 4_000)}))
    assert isinstance(later, Later)
    assert (later.seconds, later.unknown) == (4.0, True)


@pytest.mark.parametrize(
    ("setting", "honors", "expected"),
    [(None, False, Asks), (None, True, Call), ("again", False, Call), ("fail", True, Failed), ("ask", True, Asks)],
)
def test_then_the_setting_decides(setting: str | None, honors: bool, expected: type) -> None:
    outcome = resumed(Past(open={"": OpenAttempt(3, 1, CLOCK)}), honors, on_unknown=setting)
    assert isinstance(outcome, expected)
    if isinstance(outcome, Call):
        assert (outcome.attempt, outcome.generation) == (4, 1)


@pytest.mark.parametrize(("choice", "expected"), [("again", Call), ("done", Done), ("fail", Failed)])
def test_a_person_decides(choice: str, expected: type) -> None:
    asked = Waited("ask", 0, True, {"attempt": 2, "generation": 1}, {"choice": choice})
    outcome = resumed(Past(waits={"": asked}))
    assert isinstance(outcome, expected)
    if isinstance(outcome, Call):
        assert (outcome.attempt, outcome.generation) == (2, 1)


def test_a_timer_passes_its_value_on_once_settled() -> None:
    past = Past(asleep={"": {"main": "value"}}, waits={"": Waited("timer", 0, False)})
    assert isinstance(resumed(past), StillWaiting)
    assert past.open_waits == 1
    past.waits[""] = Waited("timer", 0, True)
    assert resumed(past) == Done({"main": "value"})
    assert past.next_round("") == 1


def test_a_retry_goes_on_as_the_next_attempt() -> None:
    outcome = resumed(Past(waits={"": Waited("retry", 0, True, {"attempt": 3, "generation": 2})}))
    assert (outcome.attempt, outcome.generation) == (3, 2)
