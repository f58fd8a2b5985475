"""The states of runs, segments, steps and waits, and every move between them that is allowed: one table.

Statements that set a status take their WHERE from here, so that a move that is not in the table cannot be written, and
docs/concepts/states.md is drawn from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

NONE = ""  # where a row comes from that did not exist


class IllegalMove(ValueError):
    """A statement names a state that does not exist, or a move that the table does not allow."""


@dataclass(frozen=True, slots=True)
class Move:
    """One allowed change of state, and what brings it about. `before` is empty for a row that comes into being."""

    before: str
    after: str
    why: str


@dataclass(frozen=True, slots=True)
class Machine:
    """The states of one kind of row, each with what it means, and the moves between them."""

    name: str
    states: Mapping[str, str]
    moves: tuple[Move, ...]

    @property
    def ended(self) -> tuple[str, ...]:
        """The states that nothing leaves."""
        left = {move.before for move in self.moves}
        return tuple(state for state in self.states if state not in left)

    @property
    def open(self) -> tuple[str, ...]:
        """The states that something leaves."""
        return tuple(state for state in self.states if state not in self.ended)

    def allows(self, before: str, after: str) -> bool:
        """Whether a row may go from one state to the other. Staying is no move, and allowed to rows that are open."""
        if before == after:
            return before in self.open
        return any(move.before == before and move.after == after for move in self.moves)

    def before(self, after: str) -> tuple[str, ...]:
        """The states from which a row may come to this one."""
        return tuple(state for state in self.states if state != after and self.allows(state, after))

    def becoming(self, after: str, *only: str) -> str:
        """SQL for the WHERE of a statement that sets this status: `status IN (…)`, or `status = …`.

        Args:
            only: the states in question, where not all from which the move is allowed are meant.

        Raises:
            IllegalMove: one of the moves is not in the table.
        """
        for state in only:
            if not self.allows(state, after):
                raise IllegalMove(f"A {self.name} never goes from {state!r} to {after!r}")
        states = only or self.before(after)
        # One state is compared by =, which is how the conditions of partial indexes are written.
        return f"status = '{states[0]}'" if len(states) == 1 else f"status IN {self.within(*states)}"

    def within(self, *states: str) -> str:
        """These states as an SQL list. Raises IllegalMove for one that does not exist."""
        for state in states:
            if state not in self.states:
                raise IllegalMove(f"A {self.name} is never {state!r}")
        return "(" + ", ".join(f"'{state}'" for state in states) + ")"


RUN = Machine(
    "run",
    {
        "queued": "recorded; no worker has taken it yet",
        "running": "a worker advances it, or the next one is about to, since the last stopped",
        "waiting": "all that is left waits for a time or an answer; it holds no worker and no memory",
        "paused": "a person stopped it for now, or its budget is used up; it holds no worker and no memory",
        "done": "it came to its end",
        "failed": "a step failed, and nothing was said to catch it",
        "cancelled": "a person ended it",
    },
    (
        Move(NONE, "queued", "start"),
        Move("queued", "running", "claim"),
        Move("queued", "paused", "pause"),
        Move("queued", "cancelled", "cancel"),
        Move("running", "waiting", "park"),
        Move("running", "paused", "pause, budget"),
        Move("running", "done", "end"),
        Move("running", "failed", "failure"),
        Move("running", "cancelled", "cancel"),
        Move("waiting", "queued", "a wait settles"),
        Move("waiting", "paused", "pause"),
        Move("waiting", "cancelled", "cancel"),
        Move("paused", "queued", "resume"),
        Move("paused", "cancelled", "cancel"),
    ),
)

SEGMENT = Machine(
    "segment",
    {
        "queued": "a worker may claim it",
        "running": "a worker holds its lease",
        "parked": "it sleeps until a wait of its run settles, or its shards are done",
        "paused": "it sleeps until its run is resumed, whatever settles",
        "done": "nothing is left to advance",
    },
    (
        Move(NONE, "queued", "start"),
        Move("queued", "running", "claim"),
        Move("queued", "paused", "pause"),
        Move("queued", "done", "the run ended"),
        Move("running", "queued", "given back, lease ran out"),
        Move("running", "parked", "park"),
        Move("running", "paused", "pause, budget"),
        Move("running", "done", "the run ended, or a shard's items are done"),
        Move("parked", "queued", "a wait settles, shards are done"),
        Move("parked", "paused", "pause"),
        Move("parked", "done", "the run ended"),
        Move("paused", "queued", "resume"),
        Move("paused", "done", "the run ended"),
    ),
)

_STEP_ENDS = {
    "done": "it has a result",
    "failed": "it has none, for good",
    "skipped": "it was not to run",
    "cancelled": "the run ended before it did",
}
STEP = Machine(
    "step",
    {"running": "under way", "waiting": "it waits for a time or an answer"} | _STEP_ENDS,
    (
        *(Move(NONE, state, "first recorded") for state in ("running", "waiting", *_STEP_ENDS)),
        Move("running", "waiting", "wait"),
        Move("waiting", "running", "go on"),
        *(Move("running", state, "end") for state in _STEP_ENDS),
        *(Move("waiting", state, "end") for state in _STEP_ENDS),
    ),
)

# A wait has no column of this name: it is settled once `settled_at` is set, and `outcome` says by what.
WAIT = Machine(
    "wait",
    {"open": "nothing has come yet", "settled": "answered, due, or dropped with its run; once, and for good"},
    (Move(NONE, "open", "a step waits"), Move("open", "settled", "answer, deadline, end of the run")),
)

MACHINES = (RUN, SEGMENT, STEP, WAIT)
