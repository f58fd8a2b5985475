"""What is known of a node from before: from earlier segments of the run, or from before it began to wait. Pure.

A finished call is never made again. What a crash left open is decided by the node's setting once the call can no
longer be under way: an effect that may have happened is repeated, failed, or put to a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from engine.contract import MAIN, NodeType, UnknownOutcome
from engine.graph import Node
from engine.run.outcome import Asks, Call, Done, Failed, Later
from engine.run.retry import unknown_rule

WaitKind = Literal["timer", "retry", "ask", "call", "approval", "run", "limit"]
ANSWERED: frozenset[WaitKind] = frozenset({"call", "approval"})


@dataclass(frozen=True, slots=True)
class OpenAttempt:
    """An effect that was begun and has no outcome. `deadline`: ms since 1970, when the call must have ended."""

    number: int
    generation: int
    deadline: int


@dataclass(frozen=True, slots=True)
class Waited:
    """The newest wait of one call. `outcome` is what settled it: a person's `choice`, or that it was `due`.

    `dropped`: it was given up, in a scope that is tried again.
    """

    kind: WaitKind
    round: int
    settled: bool
    detail: Mapping[str, Any] = field(default_factory=dict)
    outcome: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dropped(self) -> bool:
        return bool(self.outcome.get("cancelled"))


@dataclass(frozen=True, slots=True)
class Tried:
    """The last try of an effect in a scope that is tried again. `failed`: it had no effect, for sure."""

    number: int
    generation: int
    failed: bool


@dataclass(frozen=True, slots=True)
class Reused:
    """What an earlier run has of one item. `row`: the item's own row there, if it had one."""

    result: Done | Failed
    run_id: str
    row: Mapping[str, Any] | None = None


@dataclass(slots=True)
class Past:
    """One node's past, by item (empty for the whole node).

    Of a container, whose items are the rounds of its body: `begun` are those that were under way, `resting` those in
    which nothing could go on before one of so many waits is settled, `called` those of which one was settled since.
    `since`: when each of the rounds that are not over began, in ms since 1970, and `tries` at which try it is, from 1.
    `tried`: the last try of each effect, in a scope that is tried again.
    `rested`: the node as a whole had nothing left to do but wait. `reusable`: good results of the run that this one
    retries, by the path of the item. `parts`: of a long list, the parts that are
    done, by name, and what rows hold of each output.
    """

    finished: dict[str, Done | Failed] = field(default_factory=dict)
    asleep: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    waits: dict[str, Waited] = field(default_factory=dict)
    open: dict[str, OpenAttempt] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    resting: dict[str, int] = field(default_factory=dict)
    called: set[str] = field(default_factory=set)
    since: dict[str, int] = field(default_factory=dict)
    tries: dict[str, int] = field(default_factory=dict)
    tried: dict[str, Tried] = field(default_factory=dict)
    rested: bool = False
    reusable: Mapping[tuple[int, ...], Reused] = field(default_factory=dict)
    parts: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    started_at: int | None = None

    @property
    def open_waits(self) -> int:
        """How many waits are open that the node cannot go on without."""
        own = sum(not wait.settled for item, wait in self.waits.items() if item not in self.finished)
        return own + sum(waits for item, waits in self.resting.items() if item not in self.called)

    @property
    def woken(self) -> bool:
        """Whether something was settled and what waited for it has not gone on yet."""
        settled = (item for item, wait in self.waits.items() if wait.settled and not wait.dropped)
        return bool(self.called) or any(item not in self.finished for item in settled)

    @property
    def asleep_whole(self) -> bool:
        """Whether a node that comes back has nothing to do before something is settled."""
        return self.rested and not self.begun and not self.woken

    def next_round(self, item: str) -> int:
        """The number of the item's next wait."""
        return self.waits[item].round + 1 if item in self.waits else 0


@dataclass(frozen=True, slots=True)
class StillWaiting:
    """The call waits on: nothing to do until its wait is settled."""


Resumed = Call | Done | Failed | Later | Asks | StillWaiting


def resume(call: Call, node: Node, node_type: NodeType, past: Past, clock: int) -> Resumed:
    """What becomes of a call in view of its past: itself, as the right attempt, or already an outcome.

    Args:
        clock: ms since 1970, by the clock that set the deadlines of open attempts.
    """
    if (finished := past.finished.get(call.item)) is not None:
        return finished
    wait = past.waits.get(call.item)
    if wait is not None and not wait.dropped and (resumed := _after(wait, call, node, past)) is not None:
        return resumed
    attempt = past.open.get(call.item)
    if attempt is not None:
        return _left_open(call, node, node_type, attempt, clock)
    if (tried := past.tried.get(call.item)) is not None:
        return _in_another_try(call, node, node_type, tried)
    return call


def _after(wait: Waited, call: Call, node: Node, past: Past) -> Resumed | None:
    """What follows from the call's wait alone; None if an attempt may be open."""
    if not wait.settled:
        return StillWaiting()
    if wait.kind == "timer":
        return Done(past.asleep.get(call.item, {MAIN.name: None}), attempt=call.attempt)
    if wait.kind in ANSWERED:
        call.answer = wait.outcome
        return call
    call.attempt = int(wait.detail.get("attempt", call.attempt))
    call.generation = int(wait.detail.get("generation", call.generation))
    call.put_off = int(wait.detail.get("put_off", 0))
    return _answered(call, node, wait) if wait.kind == "ask" else None


def _answered(call: Call, node: Node, wait: Waited) -> Resumed:
    choice = wait.outcome.get("choice")
    if choice == "again":
        return call
    if choice == "done":
        return Done({MAIN.name: wait.outcome.get("value")}, attempt=call.attempt)
    return Failed(unknown_outcome(node), call.attempt)


def _left_open(
    call: Call, node: Node, node_type: NodeType, attempt: OpenAttempt, clock: int
) -> Call | Failed | Later | Asks:
    call.attempt, call.generation = attempt.number + 1, attempt.generation
    if (remaining := attempt.deadline - clock) > 0:
        # The worker that began the call may be alive after all, and its effect still under way.
        return Later(remaining / 1000, unknown_outcome(node), call.attempt, call.generation, unknown=True)
    return _in_doubt(call, node, node_type)


def _in_another_try(call: Call, node: Node, node_type: NodeType, tried: Tried) -> Call | Failed | Asks:
    """Its scope is tried again, so it has all its own tries anew; but what may have happened is not just repeated."""
    call.attempt, call.put_off, call.generation = tried.number + 1, tried.number, tried.generation
    if tried.failed:
        call.generation += 1
        return call
    return _in_doubt(call, node, node_type)


def _in_doubt(call: Call, node: Node, node_type: NodeType) -> Call | Failed | Asks:
    rule = unknown_rule(node, node_type)
    if rule == "again":
        return call
    if rule == "fail":
        return Failed(unknown_outcome(node), call.attempt - 1)
    return Asks(unknown_outcome(node), call.attempt, call.generation)


def unknown_outcome(node: Node) -> UnknownOutcome:
    """The error of an effect that a crash left open."""
    return UnknownOutcome(
        f"The worker stopped while “{node.title}” was having its effect, so nobody knows whether it happened.",
        hint="Look at the service itself. Then retry the step, treat it as done, or fail the run.",
    )
