"""Walks the graph of a run: what may start, what is skipped, when it is over. One checkpoint at a time."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from typing import Any

from engine.broadcast import SKIPPED, NodeOutputs, Value
from engine.catalog import UnknownType
from engine.contract import MAIN, NodeError, PermanentError
from engine.document import DocumentError
from engine.expressions import TemplateError
from engine.graph import Node
from engine.run.control import Control
from engine.run.failures import to_record
from engine.run.firing import Fate, Firing, Tools
from engine.run.history import Restored, restored, take_waits
from engine.run.ledger import Ledger, now_ms
from engine.run.linked import Linked, ReadHistory, part_of
from engine.run.past import Past
from engine.run.plan import CircularReference, Plan, PlannedNode, Plans
from engine.run.results import Results
from engine.store.checkpoint import Checkpoints, EndStatus, StepRow
from engine.store.db import DatabaseUnavailable
from engine.store.lease import Claim, Fenced
from engine.store.storage import Storage
from engine.telemetry import bound_contextvars, get_logger

TICK_SECONDS = 0.25  # how often a long-running node's progress is recorded
POLL_SECONDS = 1.0  # how often settled waits are looked for while other branches still run

log = get_logger(__name__)


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
        with bound_contextvars(run_id=claim.run_id):
            try:
                plan = await self._plans.get(claim.version_id)
            except (UnknownType, DocumentError, TemplateError, CircularReference) as error:
                record = _whole_run(f"This version cannot run: {error}", "Open the workflow and mend what is marked.")
                await ledger.close("failed", error=record)
                return True
            plan = part_of(plan, claim.options)
            return await Walk(claim, plan, ledger, self._tools, self._checkpoints.history).go()


class Walk:
    """One segment's way through the graph."""

    def __init__(self, claim: Claim, plan: Plan, ledger: Ledger, tools: Tools, history: ReadHistory) -> None:
        self._claim, self._plan, self._ledger, self._tools = claim, plan, ledger, tools
        self._history = history
        self._control = Control()
        self._outputs: dict[str, NodeOutputs] = {}
        self._left = {node_id: len(planned.needs) for node_id, planned in plan.nodes.items()}
        self._open = set(plan.nodes)
        self._uses = {node_id: len(planned.feeds) for node_id, planned in plan.nodes.items()}
        self._ready: deque[str] = deque(node_id for node_id, left in self._left.items() if not left)
        self._firing: dict[str, Firing] = {}
        self._tasks: dict[asyncio.Task[None], str] = {}
        self._waiting: set[str] = set()
        self._restored = Restored()
        self._stored: dict[str, Mapping[str, Any]] = {}
        self._results = Results(plan)
        self._linked = Linked(claim, plan, history, ledger.unpacked)
        self._error: dict[str, Any] | None = None
        self._is_parked = False
        self._watch: asyncio.Task[None] | None = None
        self._extra: dict[str, Any] = {"trigger": None, "run": _about(claim), "vars": {}}

    async def go(self) -> bool:
        """See `Executor.execute`."""
        loop = asyncio.get_running_loop()
        # Most runs are over before the first tick: they get by without a task that watches and records progress.
        later = loop.call_later(TICK_SECONDS, self._start_watch)
        try:
            if not self._claim.fresh or self._linked.run_id:
                await self._restore()
            self._heed()
            await self._start_triggers()
            while True:
                await self._walk()
                if self._control.halted or not self._waiting or await self._parked():
                    break
            return await self._end()
        finally:
            later.cancel()
            beside = [*self._tasks, *([self._watch] if self._watch is not None else [])]
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    # --- which node, when ---

    async def _walk(self) -> None:
        """Fire nodes as they become ready, until none is under way and none can start."""
        while not self._control.halted:
            self._start_ready()
            if len(self._ready) == 1 and not self._tasks:
                await self._in_place(self._plan.nodes[self._ready.popleft()])
            elif self._tasks:
                await self._wait_for_some()
            elif not self._ready:
                return
        if self._tasks:
            await asyncio.wait(self._tasks)
            self._reap(list(self._tasks))

    def _start_ready(self) -> None:
        """Give every ready node a task of its own, but for one that can run in place."""
        if len(self._ready) == 1 and not self._tasks and self._plan.nodes[self._ready[0]].quick:
            return
        while self._ready:
            planned = self._plan.nodes[self._ready.popleft()]
            task = asyncio.create_task(self._fire(planned), name=f"node {planned.id}")
            self._tasks[task] = planned.id

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

    async def _wait_for_some(self) -> None:
        patience = POLL_SECONDS if self._waiting else None
        done, _ = await asyncio.wait(self._tasks, timeout=patience, return_when=asyncio.FIRST_COMPLETED)
        self._reap(list(done))
        if self._waiting and not done:
            await self._look_at_waits()

    def _reap(self, tasks: list[asyncio.Task[None]]) -> None:
        for task in tasks:
            node_id = self._tasks.pop(task)
            if task.cancelled():
                self._cut_short(node_id)
            elif (error := task.exception()) is not None:
                self._crashed(error)

    def _crashed(self, error: BaseException) -> None:
        """The engine itself failed, not a node: end the run rather than leave it hanging."""
        if isinstance(error, Fenced | DatabaseUnavailable) or self._ledger.failed is not None:
            self._control.halt("lost")
            return
        log.error("the executor failed", exc_info=error)
        self._error = self._error or _whole_run(
            f"Weft itself failed while it ran this workflow ({type(error).__name__}).",
            "Run it again. If that fails too, report it with the worker's log.",
        )
        self._control.halt("failed")

    async def _fire(self, planned: PlannedNode) -> None:
        past = self._restored.past.setdefault(planned.id, Past())
        try:
            past.reusable = await self._linked.reusable(planned.id)
        except NodeError as error:
            self._error = self._error or to_record(error, planned.node, "")
            self._control.halt("failed")
            return
        firing = Firing(planned, self._claim, self._ledger, self._control, self._tools, past)
        self._firing[planned.id] = firing
        await self._load(planned.needs)
        fate = await firing.fire(self._outputs, self._extra, self._plan.failing)
        del self._firing[planned.id]
        self._took(planned, fate, firing)

    def _took(self, planned: PlannedNode, fate: Fate, firing: Firing) -> None:
        """Go on from how a node ended."""
        if fate.kind == "waiting":
            self._waiting.add(planned.id)
        elif fate.kind == "failed":
            self._error = self._error or fate.error
        elif fate.kind == "halted":
            if self._control.reason in ("failed", "cancel"):
                firing.rows.cut_short()
        else:
            self._restored.past.pop(planned.id, None)
            self._outputs[planned.id] = fate.outputs if fate.kind == "fired" else SKIPPED
            self._pass_on(planned, fate.packed)
            if fate.answer is not None and self._results.answer(fate.answer, fate.packed) and self._open:
                self._ledger.answer(self._results.output())

    def _pass_on(self, planned: PlannedNode, packed: Mapping[str, Any]) -> None:
        """A node is over: keep what the run gives back, start what waited for it, forget what nobody needs any more."""
        self._open.discard(planned.id)
        self._results.take(planned, packed)
        for node_id in planned.feeds:
            self._left[node_id] -= 1
            if not self._left[node_id]:
                self._ready.append(node_id)
        for node_id in planned.needs:
            self._uses[node_id] -= 1
            if not self._uses[node_id]:
                self._outputs.pop(node_id, None)
                self._stored.pop(node_id, None)

    async def _start_triggers(self) -> None:
        """Fire the triggers first: `trigger` is in every node's scope."""
        triggers = [node_id for node_id in self._ready if self._plan.nodes[node_id].type.kind == "trigger"]
        for node_id in triggers:
            self._ready.remove(node_id)
            await self._in_place(self._plan.nodes[node_id])
        started_by = str(self._claim.input.get("trigger"))
        if started_by in self._plan.nodes:
            await self._load((started_by,))
            outputs = self._outputs.get(started_by, SKIPPED)
            self._extra["trigger"] = outputs[MAIN.name] if isinstance(outputs, Mapping) else None

    # --- coming back ---

    async def _restore(self) -> None:
        """Take over what earlier segments of the run did."""
        history = await self._history(self._claim.run_id)
        self._claim.wake = history.wake
        self._restored = await restored(history, self._ledger.unpacked)
        self._error = self._restored.error
        for node_id, planned in self._plan.nodes.items():
            row = self._restored.over.get(node_id)
            if row is None:
                continue
            if node_id in self._ready:
                self._ready.remove(node_id)
            if row["status"] == "skipped":
                self._outputs[node_id] = SKIPPED
            else:
                self._stored[node_id] = row["output"] or {}
                self._results.restore(planned, row)
            self._pass_on(planned, row["output"] or {})
        for node_id, past in self._restored.past.items():
            if node_id in self._ready and past.waiting and not past.woken:
                self._ready.remove(node_id)
                self._waiting.add(node_id)
        if self._error is not None:
            self._control.halt("failed")

    async def _load(self, node_ids: tuple[str, ...]) -> None:
        """Read the outputs of restored nodes when somebody needs them."""
        for node_id in node_ids:
            if (stored := self._stored.pop(node_id, None)) is not None:
                self._outputs[node_id] = {
                    port: Value.from_json(await self._ledger.unpacked(held), held.get("o"))
                    for port, held in stored.items()
                }

    async def _parked(self) -> bool:
        """Give the segment up until something is settled; False if that happened meanwhile."""
        if await self._ledger.park():
            self._is_parked = True
            return True
        self._heed()
        await self._look_at_waits()
        return False

    async def _look_at_waits(self) -> None:
        history = await self._history(self._claim.run_id)
        self._claim.wake = history.wake
        for node_id in take_waits(history, self._restored.past) & self._waiting:
            self._waiting.discard(node_id)
            self._ready.append(node_id)

    # --- coming to an end ---

    async def _end(self) -> bool:
        reason = self._control.reason
        if self._is_parked:
            return True
        if reason == "lost":
            raise self._ledger.failed or Fenced(f"run {self._claim.run_id} is advanced by another worker")
        if reason == "pause":
            if await self._ledger.pause():
                return True
            # Resumed meanwhile: another segment goes on. Or cancelled: then that is what follows.
            self._heed()
            reason = self._control.reason
        if reason in ("drain", "pause"):
            await self._ledger.settle()
            return False
        ends: dict[str | None, EndStatus] = {"failed": "failed", "cancel": "cancelled", None: "done"}
        for node_id in self._waiting:
            self._cut_short(node_id)
        await self._ledger.close(ends[reason], self._results.output(), self._error)
        return True

    def _cut_short(self, node_id: str) -> None:
        """Note that a node was under way, or waited, when the run ended."""
        firing = self._firing.pop(node_id, None)
        if self._control.reason not in ("failed", "cancel"):
            return
        if firing is not None:
            firing.rows.cut_short()
        else:
            self._ledger.note(StepRow(node_id, "cancelled", finished_at=now_ms()))

    # --- beside the walk ---

    def _heed(self) -> None:
        if self._claim.reason is not None:
            self._control.halt(self._claim.reason)

    def _start_watch(self) -> None:
        self._watch = asyncio.create_task(self._watching(), name="watch")

    async def _watching(self) -> None:
        """Heed the claim's wish to end, and record the progress of what takes long."""
        while True:
            self._heed()
            for node_id in list(self._firing):
                # It may have ended while the one before it was recorded.
                if (firing := self._firing.get(node_id)) is not None:
                    await firing.rows.progress()
            self._ledger.flush()
            try:
                async with asyncio.timeout(TICK_SECONDS):
                    await self._claim.stop.wait()
                self._claim.stop.clear()
            except TimeoutError:
                pass


def _about(claim: Claim) -> dict[str, Any]:
    """What templates see as `run`."""
    return {"id": claim.run_id, "workflow_id": claim.workflow_id, "source": claim.source}


def _whole_run(message: str, hint: str) -> dict[str, Any]:
    """The record of a failure that is no single node's."""
    record = to_record(PermanentError(message, hint=hint), Node(id="workflow", type=""), "")
    return {**record, "node": "", "label": ""}
