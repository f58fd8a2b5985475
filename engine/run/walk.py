"""Walks one scope, the top level of a workflow or a body in it: what may start, what is skipped, when it is over."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from engine.broadcast import SKIPPED
from engine.clock import now_ms
from engine.contract import MAIN, CallWorkflow, FirstOf, Guard, Iterate, NodeError, Rounds
from engine.run.bodies import BodyFiring
from engine.run.called import CallFiring
from engine.run.failures import of_run, to_record
from engine.run.firing import Fate, Firing
from engine.run.past import Past
from engine.run.plan import PlannedNode
from engine.run.race import RaceFiring
from engine.run.returning import Returning
from engine.run.scopes import Ended
from engine.store.changes import StepRow
from engine.store.claim import Fenced
from engine.store.db import DatabaseUnavailable
from engine.store.places import StoreUnavailable
from engine.telemetry import get_logger

# How a node is fired that the engine itself runs, by what its function asks.
KINDS: Mapping[Any, type[Firing]] = {
    Guard: BodyFiring,
    Iterate: BodyFiring,
    Rounds: BodyFiring,
    CallWorkflow: CallFiring,
    FirstOf: RaceFiring,
}

log = get_logger(__name__)


class Walk(Returning):
    """One way through the nodes of a scope. Implements `engine.run.scopes.Body`."""

    async def begin(self, begun: bool) -> None:
        """See `Body`."""
        if begun:
            await self._restore()
        if self._scope.is_flow:
            await self._start_triggers()

    async def walk(self) -> Ended:
        """Fire nodes as they become ready, until none is under way and none can start."""
        while not self._control.halted:
            self._start_ready()
            if len(self._ready) == 1 and not self._tasks:
                await self._in_place(self._plan.nodes[self._ready.popleft()])
            elif self._tasks:
                await self._some_change()
            elif not self._ready:
                break
        while self._tasks:
            await self._some_change()
        return self._ended()

    def _ended(self) -> Ended:
        if self._control.reason == "pause" and self._failed is None and not self._open:
            return Ended("done")
        if self._failed is not None or self._control.halted:
            for node_id in self._waiting:
                self._cut_short(node_id)
            return self._failed or Ended("halted")
        return Ended("waiting", waits=sum(self._waiting.values())) if self._waiting else Ended("done")

    @property
    def can_go_on(self) -> bool:
        """Whether a node could be fired now."""
        return bool(self._ready or self._tasks)

    def joined(self) -> None:
        """Some shard of some node is over: look again at those that wait for theirs."""
        for node_id in self._dealt_out & self._waiting.keys():
            del self._waiting[node_id]
            self._ready.append(node_id)
        self._dealt_out.clear()
        self._changed.set()

    async def share(self, node_id: str, share: range) -> Fate:
        """Do only some of one node's items, for another segment that walks the scope."""
        planned = self._plan.nodes[node_id]
        firing = Firing(planned, self._journey, self._scope, self._control, self._past.get(node_id) or Past())
        firing.share = share
        await self.load(planned.needs)
        return await firing.fire(self.outputs, self._extra, self._plan.named)

    async def close(self) -> None:
        """See `Body`."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.gather(*tasks, return_exceptions=True)

    # --- which node, when ---

    def _start_ready(self) -> None:
        """Give every ready node a task of its own, but for one that can run in place."""
        if len(self._ready) == 1 and not self._tasks and self._plan.nodes[self._ready[0]].quick:
            return
        while self._ready:
            planned = self._plan.nodes[self._ready.popleft()]
            task = asyncio.create_task(self._fire(planned), name=f"node {planned.id}")
            self._tasks[task] = planned.id
            task.add_done_callback(self._reap)

    async def _some_change(self) -> None:
        self._changed.clear()
        await self._changed.wait()

    async def _in_place(self, planned: PlannedNode) -> None:
        """Fire a node in the walker's own task, which costs less. A halt may cancel that task: taken back here."""
        try:
            await self._fire(planned)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not self._control.halted or task is None:
                raise
            task.uncancel()
            self._cut_short(planned.id)
        except Exception as error:
            self._crashed(error)

    def _reap(self, task: asyncio.Task[None]) -> None:
        node_id = self._tasks.pop(task)
        if task.cancelled():
            self._cut_short(node_id)
        elif (error := task.exception()) is not None:
            self._crashed(error)
        self._changed.set()

    def _crashed(self, error: BaseException) -> None:
        """The engine itself failed, not a node: end the run rather than leave it hanging."""
        if (
            isinstance(error, Fenced | DatabaseUnavailable | StoreUnavailable)
            or self._journey.ledger.failed is not None
        ):
            self._journey.control.halt("lost")
            return
        log.error("the executor failed", exc_info=error)
        self._journey.fail(
            of_run(
                f"Weft itself failed while it ran this workflow ({type(error).__name__}).",
                "Run it again. If that fails too, report it with the worker's log.",
            )
        )

    async def _fire(self, planned: PlannedNode) -> None:
        past = self._past.get(planned.id)
        if past is None:
            past = self._past[planned.id] = Past()
        if not self._scope.path and planned.id in self._journey.linked.items:
            try:
                past.reusable = await self._journey.linked.reusable(planned.id)
            except NodeError as error:
                self._failed = self._failed or Ended("failed", to_record(error, planned.node, ""))
                self._control.halt("failed")
                return
        kind = Firing if planned.type.kind != "container" else KINDS[planned.type.result]
        firing = kind(planned, self._journey, self._scope, self._control, past)
        if isinstance(firing, RaceFiring):
            # Those outside of the scope were there before it.
            self._race(planned.id).look(self._fired_ports)
            firing.came = tuple(self._race(planned.id).came)
        self._firing[planned.id] = firing
        self._journey.firing[firing] = None
        try:
            if self._stored:
                await self.load(planned.needs)
            fate = await firing.fire(self.outputs, self._extra, self._plan.named)
        finally:
            del self._journey.firing[firing]
        del self._firing[planned.id]
        self._took(planned, fate, firing)

    def _took(self, planned: PlannedNode, fate: Fate, firing: Firing) -> None:
        """Go on from how a node ended."""
        if fate.kind == "waiting":
            if fate.outputs:
                self._open_early(planned, fate.outputs)
            self._rests(planned.id, fate.waits)
            if fate.dealt_out:
                self._dealt_out.add(planned.id)
        elif fate.kind == "failed":
            self._failed = self._failed or Ended("failed", fate.error, fate.given)
        elif fate.kind == "halted":
            if self._control.reason in ("failed", "cancel"):
                firing.rows.cut_short()
        else:
            self._past.pop(planned.id, None)
            self.outputs[planned.id] = fate.outputs if fate.kind == "fired" else SKIPPED
            self._pass_on(planned, fate.packed)
            if fate.answer is not None:
                self._answer(fate)

    def _rests(self, node_id: str, waits: int) -> None:
        """A node waits; or goes on at once, if what it waits for came while it was still under way."""
        if self._past[node_id].woken:
            self._ready.append(node_id)
        else:
            self._waiting[node_id] = waits

    def _answer(self, fate: Fate) -> None:
        """Let the run's caller have what a Respond node answers before the run is over; not that of a called one."""
        top = self._journey.top
        if top is None or fate.answer is None or self._scope.flow is not top.flow:
            return
        if top.results.answer(fate.answer, fate.packed) and (self._open or self._scope.path):
            self._journey.ledger.answer(top.results.output())

    async def _start_triggers(self) -> None:
        """Fire the triggers first: `trigger` is in every node's scope."""
        triggers = [node_id for node_id in self._ready if self._plan.nodes[node_id].type.kind == "trigger"]
        for node_id in triggers:
            self._ready.remove(node_id)
            await self._in_place(self._plan.nodes[node_id])
        started_by = str(self._scope.flow.input.get("trigger"))
        if started_by in self._plan.nodes:
            await self.load((started_by,))
            outputs = self.outputs.get(started_by, SKIPPED)
            self._extra["trigger"] = outputs[MAIN.name] if isinstance(outputs, Mapping) else None

    # --- coming to an end ---

    def _cut_short(self, node_id: str) -> None:
        """Note that a node was under way, or waited, when its scope came to an end."""
        firing = self._firing.pop(node_id, None)
        if self._control.reason not in ("failed", "cancel"):
            return
        if firing is not None:
            firing.rows.cut_short()
        else:
            self._journey.ledger.note(StepRow(node_id, "cancelled", finished_at=now_ms(), scope=self._scope.path))
