"""Race: goes on with whichever of several branches comes first in time; what was chosen stays chosen after a crash.

The choice is the node's closing row. Rows are recorded in order, and an effect waits until all before it are durable:
nothing that depends on the choice ever happens before it is recorded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from engine import broadcast
from engine.broadcast import NodeOutputs, Skip, Value, fields_of, port_of, reached
from engine.clock import now_ms
from engine.contract import MAIN, BadParams
from engine.expressions import Reference
from engine.run.firing import Firing
from engine.run.plan import PlannedNode
from engine.store.changes import StepRow

VALUES, FIRST = "values", "first"

Ports = Callable[[str], Collection[str] | None]


class Race:
    """Who has come, in the order in which they came, and whether that is enough."""

    def __init__(self, planned: PlannedNode, named: Mapping[str, Collection[str]]) -> None:
        self.came: list[int] = []
        self.decided = False
        self._runners = list(runners(planned))
        self._named = named
        first = planned.node.params.get(FIRST, 1)
        self._enough = first if isinstance(first, int) else 1

    def look(self, ports: Ports) -> tuple[int, ...]:
        """Take note of who came since the last look; those who are late.

        Args:
            ports: the outputs of a node that fired, None if it is not over.
        """
        late = []
        for number, reference in enumerate(self._runners):
            if number in self.came or (fired := ports(reference.node)) is None:
                continue
            known = frozenset((*fired, *self._named.get(reference.node, ())))
            if port_of(reference, known)[0] in fired:
                self.came.append(number)
                if self.decided:
                    late.append(number)
        return tuple(late)

    def decide(self) -> bool:
        """Whether it can be decided now for the first time."""
        if self.decided or len(self.came) < self._enough:
            return False
        self.decided = True
        return True


def runners(planned: PlannedNode) -> Iterator[Reference]:
    """What the node refers to, in the order of its field."""
    for leaf in fields_of(planned.node, planned.type).by_field.get(VALUES, ()):
        if leaf.kind == "template" and leaf.templates[0].kind == "reference":
            yield next(iter(leaf.references))


def place_row(planned: PlannedNode, scope: str, number: int, place: int, *, late: bool) -> StepRow:
    """The row of one that came: which place, counted from 1, and whether the race had been decided."""
    return StepRow(
        planned.id, "done", str(number), counts={"place": place, "late": int(late)}, finished_at=now_ms(), scope=scope
    )


class RaceFiring(Firing):
    """Chooses among those who came, of whom the walk says the order."""

    came: tuple[int, ...] = ()

    async def _bound(
        self, outputs: Mapping[str, NodeOutputs], extra: Mapping[str, Any], named: Mapping[str, Collection[str]] | None
    ) -> dict[str, Value] | broadcast.Call:
        standing = await self._standing(outputs)
        if standing is not None:
            return standing
        known = list(runners(self.planned))
        drawn = self.node.params.get(VALUES)
        first = self.node.params.get(FIRST, 1)
        if not isinstance(drawn, list) or len(known) != len(drawn):
            raise BadParams("Each value of a race must be a reference to one step.", field=VALUES)
        if not isinstance(first, int) or not 1 <= first <= len(known):
            raise BadParams(f"Between 1 and {len(known)} of the values can be chosen.", field=FIRST)
        chosen = [(number, reached(known[number], outputs, named)) for number in self.came[:first]]
        values = [value for _, value in chosen if value is not None]
        if not values:
            return Skip("Nothing came through any of the branches.")
        for place, (number, _) in enumerate(chosen, 1):
            self._journey.ledger.note(place_row(self.planned, self._scope.path, number, place, late=False))
        return {MAIN.name: values[0] if first == 1 else Value([value.data for value in values])}
