"""A long list's parts dealt out to several workers: cut into shards, waited for, and taken over where one was lost.

The first segment keeps a range for itself. When it has nothing left to do it is parked, and the last of its shards to
end wakes it. It knows of them by the rows of their parts. What nobody has, because a shard ended without it, it does
itself.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from itertools import pairwise

from engine.run.noderows import NodeRows
from engine.run.parts import Parts
from engine.run.scopes import Journey
from engine.settings import settings
from engine.store.shards import Shard, Standing


class Shards:
    """The shards of one node, as its first segment sees them."""

    def __init__(self, journey: Journey, rows: NodeRows, parts: Parts, share: range | None = None) -> None:
        self._journey, self._rows, self._parts, self._share = journey, rows, parts, share
        self.open = False

    @classmethod
    async def fitting(
        cls, journey: Journey, rows: NodeRows, parts: Parts, scope: str, share: range | None
    ) -> Shards | None:
        """The shards of a node whose list is worth it, if there are other workers; or those that it has already.

        `share`: the items of the one that is asked for.
        """
        if share is not None:
            return cls(journey, rows, parts, share)
        if scope or not rows.planned.pure or rows.past.reusable or parts.length < settings().shard_items:
            return None
        shards = cls(journey, rows, parts)
        standing = await shards._look()
        if not standing.dealt:
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
        """The parts that are this segment's to do, one after the other; it ends when none is left, or one failed.

        Then `open` says whether others are still at theirs.
        """
        if self._share is not None:
            async for part in self._shared(self._share):
                yield part
            return
        tried: set[int] = set()
        while True:
            standing = await self._look()
            left = [p for p in self._parts.todo() if p.start not in tried and not _is_in(p, standing.open)]
            self.open = bool(standing.open) and any(True for _ in self._parts.todo())
            if self._rows.error is not None or not left:
                return
            tried.add(left[0].start)
            yield left[0]

    async def _shared(self, share: range) -> AsyncIterator[range]:
        """The parts of a shard. Between them the node's row is told how far all of it is: no one else may be there."""
        for part in self._parts.todo(share):
            yield part
            await self._look()
            if self._rows.error is not None:
                return
            self._journey.ledger.note(self._rows.row("running"))

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
