"""What a node that the engine itself runs asks of it: the function of a container returns one of these."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Iterate:
    """Walk the body once for each of `items`, its `item`; with `in_turn` one after the other.

    With `collect` a failed round leaves through `failures` and the others go on; else the first failure fails the node.
    """

    items: Sequence[Any]
    in_turn: bool = False
    collect: bool = False


@dataclass(frozen=True)
class Rounds:
    """Walk the body again and again, each time with the last result as `previous`, until `over` says so.

    `over` judges the field `until`, asked in the body after each round. After `times` rounds the node fails, or with
    `go_on` passes the last result on.
    """

    start: Any
    times: int
    go_on: bool = False
    over: Callable[[Any], bool] = field(default=bool, repr=False)


@dataclass(frozen=True)
class Guard:
    """Walk the body once; a failure inside leaves through `caught` instead of failing the run."""


@dataclass(frozen=True)
class CallWorkflow:
    """Run the published version of another workflow of the workspace with these inputs, by the Input nodes' names.

    `in_line`: as a part of this run. `child`: as a run of its own, which is waited for. `detached`: likewise, not
    waited for.
    """

    workflow: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    mode: Literal["in_line", "child", "detached"] = "in_line"


@dataclass(frozen=True)
class FirstOf:
    """Go on as soon as `count` of what the field `values` refers to is there, whichever comes first."""

    count: int = 1
