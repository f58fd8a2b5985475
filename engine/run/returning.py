"""A scope that is come back to: what was done in it before, and what was settled since."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from engine.broadcast import SKIPPED
from engine.run.control import Control
from engine.run.firing import Firing
from engine.run.history import restored, take_waits
from engine.run.order import Order
from engine.run.past import Past
from engine.run.plan import Plan, PlannedNode
from engine.run.scoped import ScopedFiring
from engine.run.scopes import Ended, Journey, Scope


class Returning(Order):
    """What a scope knows of its past, node by node, and which nodes wait."""

    def __init__(self, journey: Journey, plan: Plan, scope: Scope, control: Control) -> None:
        super().__init__(journey, plan, scope)
        self._control = control
        self._firing: dict[str, Firing] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._waiting: dict[str, int] = {}
        self._dealt_out: set[str] = set()
        self._past: dict[str, Past] = {}
        self._early: list[Mapping[str, Any]] | None = None
        self._failed: Ended | None = None
        self._extra: dict[str, Any] = dict(scope.extra)

    # --- coming back ---

    async def _restore(self) -> None:
        """Take over what was done in this scope before."""
        self._early = []
        history = await self._journey.checkpoints.scope(self._journey.claim.run_id, self._scope.path, self._scope.again)
        if not self._scope.path:
            self._journey.claim.wake = history.wake
            if self.results is not None:
                self.results.answered(history.output)
        self._journey.ledger.limits.resume(history.steps)
        found = await restored(history, self._scope.steps_to, self._journey.ledger.unpacked)
        self._past = found.past
        for node_id, planned in self._plan.nodes.items():
            if (row := found.over.get(node_id)) is not None:
                self._take_over(planned, row)
        for node_id, past in found.past.items():
            if past.waits or past.resting:
                self._journey.ledger.has_waits = True
            if node_id in self._ready and past.asleep_whole and self._handed_on(node_id, found.over):
                self._ready.remove(node_id)
                self._waiting[node_id] = past.open_waits
        if found.error is not None:
            self._failed = Ended("failed", found.error, found.given)
            self._control.halt("failed")
        early, self._early = self._early, None
        self.wake(early)

    def _handed_on(self, node_id: str, over: Mapping[str, Any]) -> bool:
        """Whether nobody needs what left a waiting node early; else it is fired again, only to pass that on."""
        return over.keys() >= set(self._plan.nodes[node_id].early)

    def _take_over(self, planned: PlannedNode, row: Mapping[str, Any]) -> None:
        """A node was over before: its row stands for it."""
        if planned.id in self._ready:
            self._ready.remove(planned.id)
        # It may have been done before what it refers to was over: then that must not start it again.
        self._left[planned.id] = 0
        if planned.races:
            self._race(planned.id).decided = True
        if row["status"] == "skipped":
            self.outputs[planned.id] = SKIPPED
        else:
            self._stored[planned.id] = row["output"] or {}
            if self.results is not None:
                self.results.restore(planned, row)
        self._pass_on(planned, row["output"] or {})

    def wake(self, settled: Sequence[Mapping[str, Any]]) -> None:
        """See `Body`."""
        if self._early is not None:
            self._early += settled
            return
        here = [row for row in settled if row["scope"] == self._scope.path]
        woken = take_waits(here, self._past)
        deeper: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
        for row in settled:
            if (step := self._scope.steps_to(row["scope"])) is not None:
                deeper.setdefault(step, []).append(row)
        for (node_id, item), rows in deeper.items():
            if self._call_round(node_id, item, rows):
                woken.add(node_id)
        for node_id in woken & self._waiting.keys():
            del self._waiting[node_id]
            self._ready.append(node_id)
        self._changed.set()

    def is_settled(self, node_id: str, number: int) -> bool:
        """See `Body`."""
        past = self._past.get(node_id)
        wait = past.waits.get("") if past is not None else None
        return wait is not None and wait.round == number and wait.settled and not wait.dropped

    def _call_round(self, node_id: str, item: str, settled: Sequence[Mapping[str, Any]]) -> bool:
        """Hand on what was settled in a round of a container; whether a round that rested can go on."""
        firing, past = self._firing.get(node_id), self._past.get(node_id)
        if isinstance(firing, ScopedFiring):
            firing.wake(item, settled)
        elif past is not None and item in past.resting:
            past.called.add(item)
            return True
        return False
