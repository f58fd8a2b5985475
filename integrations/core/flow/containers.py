"""For each, Repeat and Try: groups of nodes with a scope of their own."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Annotated, Any, Literal, overload

from pydantic import Field

from engine.contract import (
    Expression,
    Guard,
    Inside,
    Items,
    Iterate,
    Output,
    Params,
    Port,
    Rounds,
    Select,
    Table,
    Whole,
    container,
)
from integrations.core.values import truth

_RESULT = "What each round gives, asked after its last step; empty: the output of the body's last step, or a record "
_RESULT += "by step if there are several"


class Batches(Sequence[list[Any]]):
    """A list cut into parts of a size, each read when it is asked for."""

    def __init__(self, items: Sequence[Any], size: int) -> None:
        self._items, self._size = items, size

    def __len__(self) -> int:
        return math.ceil(len(self._items) / self._size)

    @overload
    def __getitem__(self, at: int) -> list[Any]: ...
    @overload
    def __getitem__(self, at: slice) -> list[list[Any]]: ...
    def __getitem__(self, at: int | slice) -> list[Any] | list[list[Any]]:
        if isinstance(at, slice):
            return [self[number] for number in range(len(self))[at]]
        start = range(len(self))[at] * self._size
        return list(self._items[start : start + self._size])


class ForEach(Params):
    items: Annotated[Items[Any], Port(), Whole()] = Field(
        description="The list; each of its items makes a round", examples=[[{"id": 1}, {"id": 2}]]
    )
    mode: Annotated[Literal["parallel", "in_turn"], Select(options=("parallel", "in_turn"))] = Field(
        default="parallel",
        description="Several rounds at once, up to the node's limit, or one after the other",
        examples=["parallel"],
    )
    batch: int = Field(
        default=1, ge=1, le=100_000, description="Above 1, `item` is a list of up to so many", examples=[1]
    )
    on_failure: Annotated[Literal["stop", "collect"], Select(options=("stop", "collect"))] = Field(
        default="stop",
        description="Stop at the first round that fails, or let the others go on and give the failures out as a list",
        examples=["collect"],
    )
    result: Annotated[Any, Inside(), Expression()] = Field(
        default=None, description=_RESULT, examples=["{{ item.id }}"]
    )


@container(
    "flow.for_each",
    title="For each",
    icon="repeat",
    gives={"item": "items", "index": ""},
    outputs=(
        Output("main", "Results", "What the rounds gave, in the order of the items", passes="result", listed=True),
        Output("failures", "Failures", "Of each failed round index, item, message, kind, node and label", type=Table),
    ),
    subtitle="Steps for every item",
    keywords=("loop", "iterate", "batch", "split in batches", "foreach"),
)
def for_each(params: ForEach) -> Iterate:
    """Do the steps inside once for every item of a list, in parallel or one after the other.

    Inside, `{{ item }}` is the item and `{{ index }}` its place, counted from 0. The results come out in the order of
    the items. A round that waits for a time, a person or a call holds nothing up but itself.

    With a list: takes it whole; each item makes a round.
    """
    size = params.batch
    items = params.items if size == 1 else Batches(params.items, size)
    return Iterate(items, in_turn=params.mode == "in_turn", collect=params.on_failure == "collect")


class Repeat(Params):
    start: Annotated[Any, Port(), Whole()] = Field(
        default=None, description="What `previous` is in the first round", examples=[{"page": 1}]
    )
    until: Annotated[Any, Inside(), Expression()] = Field(
        default=False,
        description="Asked after each round: when it holds, the rounds are over; `result` is what the round gave",
        examples=["{{ result.next is none }}"],
    )
    times: int = Field(default=10, ge=1, le=100_000, description="How many rounds at most", examples=[10])
    at_limit: Annotated[Literal["stop", "go_on"], Select(options=("stop", "go_on"))] = Field(
        default="stop",
        description="What to do after the last round allowed: fail, or go on with its result",
        examples=["go_on"],
    )
    result: Annotated[Any, Inside(), Expression()] = Field(
        default=None, description=_RESULT, examples=["{{ previous + 1 }}"]
    )


@container(
    "flow.repeat",
    title="Repeat",
    icon="rotate-cw",
    gives={"previous": "start", "index": ""},
    outputs=(
        Output("main", "Result", "What the last round gave", passes="result"),
        Output("rounds", "Rounds", "How many rounds there were", type=int),
    ),
    subtitle="Until a condition holds",
    keywords=("loop", "while", "until", "poll", "paging"),
)
def repeat(params: Repeat) -> Rounds:
    """Do the steps inside again and again until a condition holds, so often at most.

    Inside, `{{ previous }}` is what the round before gave, in the first round the start value, and `{{ index }}` counts
    the rounds from 0.

    With a list: takes it whole, as one start value.
    """
    return Rounds(params.start, params.times, params.at_limit == "go_on", truth)


class Try(Params):
    result: Annotated[Any, Inside(), Expression()] = Field(
        default=None,
        description="What goes on when nothing failed; empty: the output of the last step inside",
        examples=["{{ send.id }}"],
    )


@container(
    "flow.try",
    title="Try",
    icon="shield-check",
    outputs=(
        Output("main", "Result", "What goes on when nothing inside failed", passes="result"),
        Output("caught", "Caught", "Otherwise message, kind, node, label, item and input of what failed", type=dict),
    ),
    subtitle="Catch what fails inside",
    keywords=("catch", "error", "exception", "handle", "fallback"),
)
def attempt(params: Try) -> Guard:
    """Do the steps inside once. If one of them fails, the others inside stop, and the error leaves through Caught.

    Exactly one of the two outputs fires. What was written outside before the failure stays written.

    With a list: runs once; steps inside run once per item as they do elsewhere.
    """
    return Guard()
