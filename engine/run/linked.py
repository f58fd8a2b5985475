"""What a run has from the one that it is linked to: which good results of single items, and which part of the graph."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

from engine.contract import PermanentError
from engine.run.history import Unpack
from engine.run.past import Reused
from engine.run.plan import Plan
from engine.run.redo import Path, Redo, analyse
from engine.store.claim import Claim
from engine.store.reading import History

ReadHistory = Callable[[str], Awaitable[History]]


class Linked:
    """`options["reuse"]` of a run: `{run, items, changed}`, and `options["only"]`: the nodes that take part.

    Steps that were taken over whole stand among the run's own rows already. Those in `items` are taken over item by
    item, as soon as it is known which items there are now.
    """

    def __init__(self, claim: Claim, plan: Plan, history: ReadHistory, unpack: Unpack) -> None:
        reuse: Mapping[str, object] = claim.options.get("reuse") or {}
        self.run_id = str(reuse.get("run") or "")
        items = reuse.get("items")
        self.items = frozenset(items if isinstance(items, list) else ())
        changed = reuse.get("changed")
        self._changed: Mapping[str, str] = changed if isinstance(changed, Mapping) else {}
        self._claim, self._plan, self._history, self._unpack = claim, plan, history, unpack
        self._redo: Redo | None = None
        self._reading = asyncio.Lock()

    async def reusable(self, node_id: str) -> Mapping[Path, Reused]:
        """The good results of a node, by the path of the item.

        Raises:
            PermanentError: the earlier run is not there any more. Then nothing must be done again in its place.
        """
        if node_id not in self.items:
            return {}
        async with self._reading:
            if self._redo is None:
                history = await self._history(self.run_id)
                given = (self.run_id, self._claim.input, self._unpack, self._changed)
                self._redo = await analyse(self._plan, history, *given)
        verdict = self._redo.verdicts[node_id]
        if verdict.kind != "items":
            raise PermanentError(
                "The run that this one retries is not there any more, so what it did well is not known.",
                hint="Start the workflow anew, or retry another run of it.",
            )
        return verdict.good


def part_of(plan: Plan, options: Mapping[str, object]) -> Plan:
    """The plan without the nodes that do not take part in the run."""
    only = options.get("only")
    return plan.part(frozenset(map(str, only))) if isinstance(only, Sequence) and not isinstance(only, str) else plan
