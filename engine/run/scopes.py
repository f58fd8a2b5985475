"""What the parts of a run's walk share: the segment that is advanced, and the scope that each body stands in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from engine.broadcast import NodeOutputs
from engine.run.budget import Budget
from engine.run.control import Control
from engine.run.days import Days, question
from engine.run.ledger import Ledger
from engine.run.linked import Linked
from engine.run.plan import Plan
from engine.run.plans import Plans
from engine.run.pool import Pool
from engine.run.results import Results
from engine.run.toolbox import Toolbox
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim
from engine.store.spending import DayBudget


async def alone() -> int:
    """How many workers there are where nobody says: this one."""
    return 1


@dataclass(frozen=True, slots=True)
class Tools:
    """What every run of this process shares. `workers` asks how many there are in the installation.

    `days`: what may be spent today; without it there are no budgets per day.
    """

    pool: Pool
    toolbox: Toolbox
    public_url: str = ""
    workers: Callable[[], Awaitable[int]] = alone
    days: Days | None = None


@dataclass(frozen=True, slots=True)
class Flow:
    """The workflow that a scope's nodes belong to: the run's own, or one that it called in line.

    `input`: {trigger, payload, inputs}, as in the run's row. `pins`: outputs that stand in for a node's call. `depth`:
    how many workflows, each called by the one before, stand around it.
    """

    workflow_id: str
    input: Mapping[str, Any]
    pins: Mapping[str, Any] = field(default_factory=dict)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Scope:
    """Where a walk's rows belong, and what its nodes see beside each other.

    `path` is empty at the top level, else `<container>.<index>` of each level joined by `/`. `outer`: the outputs of
    the nodes around that the body refers to. `extra`: what templates see beside, `trigger` and `item` for example.
    `again`: it was tried before, or one around it was; what was done then stands there.
    `is_flow`: the scope is a workflow's top level, so it has triggers, and gives results.
    """

    flow: Flow
    extra: Mapping[str, Any]
    path: str = ""
    outer: Mapping[str, NodeOutputs] = field(default_factory=dict)
    is_flow: bool = True
    again: bool = False

    def inside(self, node_id: str, index: int) -> str:
        """The path of one round of a container of this scope."""
        return f"{self.path}/{node_id}.{index}" if self.path else f"{node_id}.{index}"

    def steps_to(self, path: str) -> tuple[str, str] | None:
        """The container of this scope, and which of its rounds, that a deeper path leads through; None: it does not."""
        before = f"{self.path}/" if self.path else ""
        if len(path) <= len(before) or not path.startswith(before):
            return None
        node_id, _, index = path[len(before) :].partition("/")[0].rpartition(".")
        return node_id, index


@dataclass(frozen=True, slots=True)
class Ended:
    """How the walk of a scope ended for now.

    `failed`: `error` is the record of the node that failed, `given` what it was given, as rows hold it. `waiting`:
    nothing can go on before one of so many `waits` is settled. `halted`: cut short from outside.
    """

    kind: Literal["done", "failed", "waiting", "halted"]
    error: dict[str, Any] | None = None
    given: Any = None
    waits: int = 0


class Body(Protocol):
    """The walk of one scope, as a container sees it: `begin`, then `walk` until it is over or waits, then `close`."""

    outputs: dict[str, NodeOutputs]
    results: Results | None

    async def begin(self, begun: bool) -> None:
        """Take over what was done before; `begun` says whether the scope has rows at all."""
        ...

    async def walk(self) -> Ended:
        """Fire what can be fired."""
        ...

    async def close(self) -> None:
        """End what is still under way. The walk is not used after this."""
        ...

    async def load(self, node_ids: Sequence[str]) -> None:
        """Read the outputs of nodes that were over before."""
        ...

    def wake(self, settled: Sequence[Mapping[str, Any]]) -> None:
        """Heed waits that were settled, as their rows say, in this scope or deeper."""
        ...

    def is_settled(self, node_id: str, number: int) -> bool:
        """Whether the wait of a node that stands in this scope is settled; `number` is its round."""
        ...


class Live(Protocol):
    """A node that is being fired, as the watch sees it."""

    async def progress(self) -> None:
        """Record how far it is."""
        ...


@dataclass(frozen=True, slots=True)
class Top:
    """The run's own workflow, and what it gives back."""

    flow: Flow
    results: Results


@dataclass(slots=True, eq=False)
class Journey:
    """One segment's advance of its run: what all walks in it share.

    `top`: the run's own workflow. `linked`: what the run has from the one that it retries. `firing`: the nodes under
    way, in whatever scope. `error`: of the run as a whole.
    `spent_day`: the day's budget that a call found used up.
    """

    claim: Claim
    ledger: Ledger
    tools: Tools
    checkpoints: Checkpoints
    plans: Plans
    walk: Callable[[Journey, Plan, Scope, Control], Body]
    linked: Linked
    control: Control = field(default_factory=Control)
    top: Top | None = None
    firing: dict[Live, None] = field(default_factory=dict)
    error: dict[str, Any] | None = None
    budget: Budget | None = None
    spent_day: DayBudget | None = None

    async def hear_of_others(self) -> None:
        """Take note of what other segments of the run have spent."""
        if self.budget is not None and (self.claim.segment or self.ledger.has_shards):
            self.budget.hears(await self.checkpoints.spent(self.claim.run_id))
            self.mind_budget()

    def mind_budget(self) -> None:
        """Start nothing new once the run's budget is used up."""
        if self.budget is not None and self.budget.used_up() is not None:
            self.control.halt("pause")

    async def may_spend(self) -> bool:
        """Whether today's budgets have money left. If not, nothing new starts: the run pauses and asks."""
        days, claim = self.tools.days, self.claim
        if days is None or days.plenty(claim.workflow_id):
            return True
        await self.ledger.settle()  # what this run spent is to count
        self.spent_day = self.spent_day or await days.used_up(claim.workspace_id, claim.workflow_id)
        if self.spent_day is not None:
            self.control.halt("pause")
        return self.spent_day is None

    def spend(self, dollars: float) -> None:
        """Note what a call cost, for the run and for the day."""
        self.ledger.spent.spend(dollars)
        if self.tools.days is not None:
            self.tools.days.spent(self.claim.workflow_id, dollars)

    async def pause(self) -> bool:
        """Give the segment up until the run is resumed, see `Ledger.pause`; a budget that is used up asks first."""
        if self.spent_day is not None:
            return await self.ledger.pause(question(self.spent_day), due=self.spent_day.day.ends)
        return await self.ledger.pause(self.budget.used_up() if self.budget is not None else None)

    def fail(self, error: dict[str, Any]) -> None:
        """End the whole run as failed, whatever is around to catch it."""
        self.error = self.error or error
        self.control.halt("failed")
