"""What a run may spend in all: seconds of work, steps, money. Over it the run pauses, and a person is asked."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.store.claim import Claim

WORDS = {"seconds": "{:,g} s of work", "steps": "{:,g} steps", "money": "${:,g}"}


@dataclass(slots=True)
class Spent:
    """What a segment has used so far; `taken` of it stands in the run's row already, or is on its way there.

    Time counts while a worker holds the run, not while it waits. A step is one call of a node: each item counts.
    """

    steps: int = 0
    cost: float = 0.0
    begun: float = field(default_factory=time.monotonic)
    _steps: int = 0
    _cost: float = 0.0
    _worked: int = 0

    @property
    def sent(self) -> tuple[int, float, int]:
        """Steps, dollars and milliseconds that the run's row has of this segment, or is about to have."""
        return self._steps, self._cost, self._worked

    @property
    def worked(self) -> int:
        """Milliseconds."""
        return int((time.monotonic() - self.begun) * 1000)

    @property
    def owes(self) -> bool:
        """Whether the run's row lacks dollars."""
        return self.cost > self._cost

    def spend(self, dollars: float) -> None:
        """Note what something cost."""
        self.cost += max(0.0, dollars)

    def rest(self) -> tuple[int, float, int]:
        """Steps, dollars and milliseconds that the run's row does not have yet."""
        worked = self.worked
        left = (self.steps - self._steps, self.cost - self._cost, worked - self._worked)
        self._steps, self._cost, self._worked = self.steps, self.cost, worked
        return left


@dataclass(slots=True)
class Budget:
    """The limits of one run. `limits` has `seconds`, `steps` and `money` (dollars), each or none of them.

    `others`: steps, dollars and milliseconds that other segments of the run spent since this one was claimed.
    """

    limits: Mapping[str, float]
    claim: Claim
    spent: Spent
    others: tuple[int, float, int] = (0, 0.0, 0)

    def hears(self, total: tuple[int, float, int]) -> None:
        """Take note of what the run's row says that all segments have spent."""
        before, mine = (self.claim.steps, self.claim.cost, self.claim.worked), self.spent.sent
        steps, cost, worked = (max(0, total[n] - before[n] - mine[n]) for n in range(3))
        self.others = (int(steps), cost, int(worked))

    def used_up(self) -> dict[str, Any] | None:
        """What is used up, as the question to a person tells it: {what, limit, spent, title}."""
        now = {
            "steps": self.claim.steps + self.spent.steps + self.others[0],
            "money": self.claim.cost + self.spent.cost + self.others[1],
            "seconds": (self.claim.worked + self.spent.worked + self.others[2]) / 1000,
        }
        for what, limit in self.limits.items():
            if now[what] >= limit:
                words = "1 step" if (what, limit) == ("steps", 1) else WORDS[what].format(limit)
                title = f"This run has used up its budget of {words}."
                return {"what": what, "limit": limit, "spent": round(now[what], 4), "title": title}
        return None


def budget_of(claim: Claim, spent: Spent) -> Budget | None:
    """The run's budget, or None if it has none."""
    limits = {name: value for name in WORDS if isinstance(value := claim.budget.get(name), int | float)}
    return Budget(limits, claim, spent) if limits else None
