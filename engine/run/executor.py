"""Advances a segment of a run: walks its drawing until the run is over, parked, or to be given back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.catalog import UnknownType
from engine.document import DocumentError
from engine.expressions import TemplateError
from engine.run.budget import budget_of
from engine.run.compiling import CircularReference, NoBody
from engine.run.failures import of_run
from engine.run.ledger import Ledger
from engine.run.linked import Linked, part_of
from engine.run.plan import Plan
from engine.run.plans import Plans
from engine.run.scopes import Ended, Flow, Journey, Scope, Tools, Top
from engine.run.walk import Walk
from engine.store.changes import EndStatus
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim, Fenced
from engine.store.shards import Shard
from engine.store.storage import Storage
from engine.telemetry import tagged

TICK_SECONDS = 0.25  # how often a long-running node's progress is recorded
TICKS_PER_LOOK = 4  # how often, in ticks, settled waits are looked for while something still runs


class Executor:
    """Runs segments in this process; make one per worker, inside its event loop."""

    def __init__(self, plans: Plans, checkpoints: Checkpoints, storage: Storage, tools: Tools) -> None:
        self._plans, self._checkpoints, self._storage, self._tools = plans, checkpoints, storage, tools

    async def execute(self, claim: Claim) -> bool:
        """Advance a held segment until its run is over, parked or paused.

        Returns False if the segment must be given back: the worker is to stop. Raises Fenced if the segment was lost:
        then nothing more was written, and whoever holds it goes on.
        """
        ledger = Ledger(claim, self._checkpoints, self._storage)
        with tagged(run_id=claim.run_id):
            try:
                plan = await self._plans.get(claim.version_id, await self._versions(claim))
            except (UnknownType, DocumentError, TemplateError, CircularReference, NoBody) as error:
                record = of_run(f"This version cannot run: {error}", "Open the workflow and mend what is marked.")
                await ledger.close("failed", error=record)
                return True
            plan = part_of(plan, claim.options)
            linked = Linked(claim, plan, self._checkpoints.history, ledger.unpacked)
            journey = Journey(claim, ledger, self._tools, self._checkpoints, self._plans, Walk, linked)
            journey.budget = budget_of(claim, ledger.spent)
            if claim.task is not None:
                return await ShardAdvance(journey, plan, Shard.from_json(claim.task)).go()
            return await Advance(journey, plan).go()

    async def _versions(self, claim: Claim) -> Mapping[str, str]:
        """By workflow the version that this run runs of it, fixed as the run starts; of all that it calls, and they."""
        fixed: dict[str, str] | None = claim.options.get("versions")
        if fixed is not None or not (calls := await self._plans.calls(claim.version_id)):
            return fixed or {}
        found: dict[str, str] = {}
        asked, new = set(calls), set(calls)
        while new:
            published = await self._checkpoints.published(claim.workspace_id, sorted(new))
            found |= published
            called = {each for version in published.values() for each in await self._plans.calls(version)}
            new = called - asked
            asked |= new
        claim.options["versions"] = found
        await self._checkpoints.fix(claim)
        return found


class Advance:
    """One segment's way: the walk of the top level, and what watches over it."""

    def __init__(self, journey: Journey, plan: Plan) -> None:
        self._journey, self._claim, self._ledger = journey, journey.claim, journey.ledger
        scope = top_scope(journey.claim)
        self._walk = Walk(journey, plan, scope, journey.control)
        if self._walk.results is not None:
            journey.top = Top(scope.flow, self._walk.results)
        self._watch: asyncio.Task[None] | None = None
        self._looking = asyncio.Lock()

    async def go(self) -> bool:
        """See `Executor.execute`."""
        loop = asyncio.get_running_loop()
        # Most runs are over before the first tick: they get by without a task that watches and records progress.
        later = loop.call_later(TICK_SECONDS, self._start_watch)
        try:
            self._heed()
            if not self._claim.fresh:
                self._ledger.limits.recorded = await self._journey.checkpoints.recorded(self._claim.run_id)
            await self._walk.begin(not self._claim.fresh or bool(self._journey.linked.run_id))
            while True:
                ended = await self._walk.walk()
                if ended.kind == "waiting" and not await self._parked():
                    continue
                return ended.kind == "waiting" or await self._end(ended)
        finally:
            later.cancel()
            if self._watch is not None:
                self._watch.cancel()
                await asyncio.gather(self._watch, return_exceptions=True)
            await self._walk.close()

    async def _parked(self) -> bool:
        """Give the segment up until something is settled; False if that happened meanwhile."""
        async with self._looking:
            if self._walk.can_go_on:
                return False
            if await self._ledger.park():
                return True
        self._heed()
        await self._look_at_waits()
        return False

    async def _look_at_waits(self) -> None:
        """Hand on what was settled since the last look."""
        # Never beside parking, which must not hold with a count that grew meanwhile.
        async with self._looking:
            wake, settled = await self._journey.checkpoints.settled(self._claim.run_id, self._claim.wake)
            if wake != self._claim.wake:
                self._walk.joined()
            self._claim.wake = wake
            self._walk.wake(settled)

    async def _end(self, ended: Ended) -> bool:
        # What is over is over, though it was to pause.
        reason = None if ended.kind == "done" else self._journey.control.reason
        if reason == "lost":
            raise self._ledger.failed or Fenced(f"run {self._claim.run_id} is advanced by another worker")
        if reason == "pause":
            if await self._journey.pause():
                return True
            # Resumed meanwhile: another segment goes on. Or cancelled: then that is what follows.
            self._heed()
            reason = self._journey.control.reason
        if reason in ("drain", "pause"):
            await self._ledger.settle()
            return False
        ends: dict[str | None, EndStatus] = {"failed": "failed", "cancel": "cancelled", None: "done"}
        output = self._walk.results.output() if self._walk.results is not None else None
        await self._ledger.close(ends[reason], output, self._journey.error or ended.error)
        return True

    # --- beside the walk ---

    def _heed(self) -> None:
        if self._claim.reason is not None:
            self._journey.control.halt(self._claim.reason)

    def _start_watch(self) -> None:
        self._watch = asyncio.create_task(self._watching(), name="watch")

    async def _watching(self) -> None:
        """Heed the claim's wish to end, record the progress of what takes long, look for what was settled."""
        ticks = 0
        while True:
            self._heed()
            self._journey.mind_budget()
            for firing in list(self._journey.firing):
                # It may have ended while the one before it was recorded.
                if firing in self._journey.firing:
                    await firing.progress()
            self._ledger.flush()
            ticks += 1
            if (self._ledger.has_waits or self._ledger.has_shards) and not ticks % TICKS_PER_LOOK:
                await self._look_at_waits()
                await self._journey.hear_of_others()
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._claim.stop.wait()
                self._claim.stop.clear()
            except TimeoutError:
                pass


class ShardAdvance:
    """A shard's way: some items of one node, beside the segment that walks the run."""

    def __init__(self, journey: Journey, plan: Plan, shard: Shard) -> None:
        self._journey, self._claim, self._ledger, self._shard = journey, journey.claim, journey.ledger, shard
        self._walk = Walk(journey, plan, top_scope(journey.claim), journey.control)

    async def go(self) -> bool:
        """See `Executor.execute`."""
        control = self._journey.control
        heeding = asyncio.create_task(self._heeding(), name="shard's watch")
        try:
            self._heed()
            await self._walk.begin(True)
            fate = None
            if not control.halted:
                # An item that failed has its row; what else went wrong, the run's first segment meets itself.
                fate = await self._walk.share(self._shard.node_id, range(self._shard.start, self._shard.stop))
        finally:
            heeding.cancel()
            await asyncio.gather(heeding, return_exceptions=True)
        if control.reason == "lost":
            raise self._ledger.failed or Fenced(f"a shard of run {self._claim.run_id} is advanced by another worker")
        done = fate is not None and fate.kind == "fired"
        if control.reason == "pause" and not done:
            return await self._journey.pause()
        if control.reason == "drain" and not done:
            await self._ledger.settle()
            return False
        await self._ledger.close_shard(stuck=not done)
        return True

    def _heed(self) -> None:
        if self._claim.reason is not None:
            self._journey.control.halt(self._claim.reason)

    async def _heeding(self) -> None:
        ticks = 0
        while True:
            self._heed()
            self._journey.mind_budget()
            ticks += 1
            if not ticks % TICKS_PER_LOOK:
                await self._journey.hear_of_others()
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._claim.stop.wait()
                self._claim.stop.clear()
            except TimeoutError:
                self._ledger.flush()


def top_scope(claim: Claim) -> Scope:
    """The scope of a run's top level."""
    flow = Flow(claim.workflow_id, claim.input, claim.options.get("pins") or {}, claim.options.get("depth", 0))
    return Scope(flow, {"trigger": None, "run": about(claim), "vars": {}})


def about(claim: Claim) -> dict[str, Any]:
    """What templates see as `run`."""
    return {"id": claim.run_id, "workflow_id": claim.workflow_id, "source": claim.source}
