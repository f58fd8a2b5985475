"""Which nodes of a scope may start, and what is kept of those that are over."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from engine.broadcast import NodeOutputs, Value
from engine.run.packing import value_of
from engine.run.plan import Plan, PlannedNode
from engine.run.race import Race, place_row
from engine.run.results import Results
from engine.run.scopes import Journey, Scope


class Order:
    """Counts down what each node of a scope waits for. `outputs`: what left the nodes that somebody still refers to."""

    def __init__(self, journey: Journey, plan: Plan, scope: Scope) -> None:
        self.outputs: dict[str, NodeOutputs] = dict(scope.outer)
        self.results = Results(plan) if scope.is_flow else None
        self._journey, self._plan, self._scope = journey, plan, scope
        self._left, self._uses = dict(plan.left), dict(plan.uses)
        self._open = len(plan.nodes)
        self._ready: deque[str] = deque(plan.first)
        self._changed = asyncio.Event()
        self._opened: set[str] = set()
        self._races: dict[str, Race] = {}
        self._stored: dict[str, Mapping[str, Any]] = {}

    def _open_early(self, planned: PlannedNode, outputs: Mapping[str, Value]) -> None:
        """A node waits, and something has left it already: start what refers to that alone."""
        self.outputs[planned.id] = outputs
        if planned.id not in self._opened:
            self._opened.add(planned.id)
            self._count_down(planned.early)

    def _count_down(self, node_ids: Sequence[str]) -> None:
        """One less of what these nodes wait for is missing."""
        for node_id in node_ids:
            self._left[node_id] -= 1
            if node_id in self._plan.races:
                self._somebody_came(node_id)
            elif not self._left[node_id]:
                self._ready.append(node_id)
                self._changed.set()

    def _somebody_came(self, node_id: str) -> None:
        """Start a race that can be decided now, or that nobody else can come to; show who is late."""
        planned, race = self._plan.nodes[node_id], self._race(node_id)
        for number in race.look(self._fired_ports):
            place = race.came.index(number) + 1
            self._journey.ledger.note(place_row(planned, self._scope.path, number, place, late=True))
        if race.decide() or (not race.decided and not self._left[node_id]):
            race.decided = True
            self._ready.append(node_id)
            self._changed.set()

    def _race(self, node_id: str) -> Race:
        if node_id not in self._races:
            self._races[node_id] = Race(self._plan.nodes[node_id], self._plan.named)
        return self._races[node_id]

    def _fired_ports(self, node_id: str) -> Collection[str] | None:
        """The outputs of a node that fired; None if it is not over, or none did."""
        outputs = self.outputs.get(node_id, self._stored.get(node_id))
        return outputs.keys() if isinstance(outputs, Mapping) else None

    def _pass_on(self, planned: PlannedNode, packed: Mapping[str, Any]) -> None:
        """A node is over: keep what the run gives back, start what waited for it, forget what nobody needs any more."""
        self._open -= 1
        if self.results is not None:
            self.results.take(planned, packed)
        opened = planned.early if planned.id in self._opened else ()
        self._count_down([node_id for node_id in planned.feeds if node_id not in opened] if opened else planned.feeds)
        for node_id in planned.needs:
            self._uses[node_id] -= 1
            if not self._uses[node_id]:
                self.outputs.pop(node_id, None)
                self._stored.pop(node_id, None)

    async def load(self, node_ids: Sequence[str]) -> None:
        """See `Body`."""
        for node_id in node_ids:
            if (stored := self._stored.pop(node_id, None)) is not None:
                self.outputs[node_id] = {
                    port: await value_of(held, self._journey.ledger.unpacked) for port, held in stored.items()
                }
