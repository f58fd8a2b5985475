"""The record of the segments that a process holds: what it writes of them, and reads when it goes on with one.

Every write of a segment's holder is conditional on the segment's epoch and happens in the process's one `Writer`, so
an awaited call returns when it is durable. The events are told after the commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

from engine.store import calls, reading
from engine.store.changes import Attempted, Changes, Saved
from engine.store.claim import Claim, Fenced
from engine.store.db import Database
from engine.store.driver import Reader
from engine.store.reading import History
from engine.store.saving import begin_attempt, save
from engine.store.shards import Standing, standing
from engine.store.writer import Make, Writer

Found = TypeVar("Found")


class Checkpoints:
    """The record of the segments that this process holds. Every call returns when it is durable."""

    def __init__(self, database: Database, writer: Writer) -> None:
        self._database = database
        self._writer = writer

    async def save(self, held: Claim, changes: Changes) -> Saved:
        """Records steps, ends of tries and waits; ends the run, parks or pauses the segment if `changes` say so.

        Tells the claim what the run's row wants. Raises Fenced if the segment was lost: then nothing was written.
        """
        saved: Saved = await self._fenced(held, partial(save, held=held, changes=changes))
        held.heed(saved.wanted)
        return saved

    async def begin_attempt(  # noqa: PLR0917 - the columns of the row
        self, held: Claim, node_id: str, item: str, number: int, generation: int, limit_ms: int, scope: str = ""
    ) -> Attempted:
        """Records, before an effect happens, that try `number` begins and takes `limit_ms` milliseconds at most.

        Raises Fenced if the segment was lost: then the effect must not happen.
        """
        values = {
            "scope": scope,
            "node": node_id,
            "item": item,
            "number": number,
            "generation": generation,
            "limit": limit_ms,
        }
        begun: Attempted = await self._fenced(held, partial(begin_attempt, held=held, values=values))
        held.heed(begun.wanted)
        return begun

    async def _fenced(self, held: Claim, make: Make) -> Any:
        try:
            return await self._writer.submit(make)
        except Fenced:
            held.end("lost")
            raise

    async def history(self, run_id: str) -> History:
        """All that the run did so far, in whatever scope, read in one snapshot."""
        return await self._read(partial(reading.everything, run_id=run_id))

    async def scope(self, run_id: str, path: str, again: bool = False) -> History:
        """What was done in one scope, not in those inside it, read in one snapshot.

        Of attempts the open ones, or all of a scope that is tried `again`.
        """
        return await self._read(partial(reading.scope, run_id=run_id, path=path, again=again))

    async def settled(self, run_id: str, since: int) -> tuple[int, list[dict[str, Any]]]:
        """The run's `wake` now, and the rows of the waits that were settled after it was `since`, of all scopes."""
        return await self._read(partial(reading.settled, run_id=run_id, since=since))

    async def published(self, workspace_id: str, workflow_ids: Sequence[str]) -> dict[str, str]:
        """The published version of each of the workspace's workflows that has one."""
        return await asyncio.to_thread(calls.published, self._database, workspace_id, workflow_ids)

    async def fix(self, held: Claim) -> None:
        """Records the claim's options with its run. Raises Fenced if the segment was lost."""
        await self._fenced(held, partial(calls.fix, held=held))

    async def ended(self, workspace_id: str, run_id: str) -> tuple[str, Any, Any]:
        """The status, output and error of another run of the workspace."""
        return await asyncio.to_thread(calls.ended, self._database, workspace_id, run_id)

    async def standing(self, run_id: str, node_id: str) -> Standing:
        """How the parts of a long list stand that several workers go over."""
        return await self._read(partial(standing, run_id=run_id, node_id=node_id))

    async def recorded(self, run_id: str) -> int:
        """How many steps and items the run has rows of."""
        return await self._read(partial(reading.recorded, run_id=run_id))

    async def spent(self, run_id: str) -> tuple[int, float, int]:
        """The steps, dollars and milliseconds of work that the run has spent, by all its segments."""
        return await self._read(partial(reading.spent, run_id=run_id))

    async def newest_epoch(self, run_id: str) -> int:
        """The last epoch in which a holder recorded something; 0 if none did."""
        return await self._read(partial(reading.newest_epoch, run_id=run_id))

    async def _read(self, ask: Callable[[Reader], Found]) -> Found:
        return await asyncio.to_thread(self._ask, ask)

    def _ask(self, ask: Callable[[Reader], Found]) -> Found:
        with self._database.reader() as driver:
            return ask(driver)
