"""One call of a node, and what may come of it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from engine.contract import MAIN, Asking, Fired, LongList, NodeError, Respond, UnknownOutcome, Waiting
from engine.run.whole import holds_long


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
