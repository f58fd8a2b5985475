"""A long list's parts dealt out to several workers: cut into shards, waited for, and taken over where one was lost.

The first segment keeps a range for itself and holds on while the others work; it knows of them by the rows of their
parts. What nobody has, because a shard ended without it, it does itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

from engine.run.noderows import NodeRows
from engine.run.parts import Parts
from engine.run.scopes import Journey
from engine.settings import settings
from engine.store.shards import Shard, Standing

LOOK_SECONDS = 0.25


class Shards:
    """The shards of one node, as its first segment sees them."""

    def __init__(self, journey: Journey, rows: NodeRows, parts: Parts) -> None:
        self._journey, self._rows, self._parts = journey, rows, parts

    @classmethod
    async def fitting(cls, journey: Journey, rows: NodeRows, parts: Parts, scope: str) -> Shards | None:
        """The shards of a node whose list is worth it, if there are other workers; or those that are open already."""
        if scope or not rows.planned.pure or rows.past.reusable or parts.length < settings().shard_items:
            return None
        shards = cls(journey, rows, parts)
        standing = await shards._look()
        if not standing.open:
            workers = await journey.tools.workers()
            if workers < 2:
                return None
            shards._cut(workers)
        return shards

    def _cut(self, workers: int) -> None:
        """Keep the first share, and queue the others."""
        todo = list(self._parts.todo())
        if len(todo) < workers:
            return
        cuts = [len(todo) * share // workers for share in range(workers + 1)]
        shares = [todo[start:stop] for start, stop in pairwise(cuts[1:])]
        shards = [Shard(self._rows.planned.id, share[0].start, share[-1].stop) for share in shares]
        # With it goes the row that says when the node began: `now()` is the same in all shards.
        self._journey.ledger.note(self._rows.row("running"))
        self._journey.ledger.deal_out(shards)

    async def todo(self) -> AsyncIterator[range]:
        """The parts that are this segment's to do, one after the other; it ends when all are done or one failed."""
        tried: set[int] = set()
        while True:
            standing = await self._look()
            if self._rows.error is not None:
                return
            left = [p for p in self._parts.todo() if p.start not in tried and not _is_in(p, standing.open)]
            if left:
                tried.add(left[0].start)
                yield left[0]
            elif standing.open and any(True for _ in self._parts.todo()):
                await asyncio.sleep(LOOK_SECONDS)
            else:
                return

    async def _look(self) -> Standing:
        """Take note of what the others did."""
        ledger = self._journey.ledger
        await ledger.settle()
        standing = await self._journey.checkpoints.standing(ledger.claim.run_id, self._rows.planned.id)
        ledger.has_shards = ledger.has_shards or bool(standing.open)
        for row in standing.rows:
            if row["status"] == "done":
                self._parts.take(row["item"], row["output"] or {})
            elif self._rows.planned.node.on_error == "stop":
                self._rows.error = self._rows.error or row["error"]
        return standing


def _is_in(part: range, shards: list[Shard]) -> bool:
    return any(shard.start <= part.start < shard.stop for shard in shards)
