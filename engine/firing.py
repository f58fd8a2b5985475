"""One node of one run: from what it refers to, through its calls, to what it recorded."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from engine import broadcast
from engine.broadcast import CallScope, Mapped, NodeOutputs, Once, Skip, Value
from engine.checkpoint import AttemptEnd, NewWait, StepRow
from engine.contract import BadParams, Effect, NodeError, Respond
from engine.control import Control
from engine.expressions import TemplateError
from engine.failures import from_record, to_record
from engine.lease import Claim
from engine.ledger import Ledger, fields_as_rows_hold_them, now_ms
from engine.mapping import DEFAULT_WINDOW, Chunks, run_window
from engine.models import new_id
from engine.past import Past, StillWaiting, Waited, resume
from engine.plan import PlannedNode
from engine.pool import Pool
from engine.sources import handed_in, standing
from engine.step import (
    LONGEST_HELD_WAIT,
    Asks,
    Asleep,
    Call,
    Done,
    Failed,
    Later,
    Outcome,
    outcome_unknown,
    run_batch,
    run_node,
)
from engine.telemetry import hide_secrets
from engine.toolbox import CallContext, Toolbox

FIRST = 5  # how many items a mapped write node does where it may not do all


@dataclass(frozen=True, slots=True)
class Tools:
    """What every run of this process shares."""

    pool: Pool
    toolbox: Toolbox
    public_url: str = ""


@dataclass(slots=True)
class Fate:
    """How a node ended in this segment: `halted` means cut short with nothing decided."""

    kind: Literal["fired", "skipped", "waiting", "failed", "halted"]
    outputs: Mapping[str, Value] = field(default_factory=dict)
    packed: Mapping[str, Any] = field(default_factory=dict)
    answer: Respond | None = None
    error: dict[str, Any] | None = None


class Halted(Exception):
    """The run came to an end before this effect began."""


class Firing:
    """Makes the calls of one node and notes their rows. Implements `engine.step.Hands`."""

    def __init__(  # noqa: PLR0917  what a firing stands on
        self, planned: PlannedNode, claim: Claim, ledger: Ledger, control: Control, tools: Tools, past: Past
    ) -> None:
        self.planned, self.node, self.type = planned, planned.node, planned.type
        self._claim, self._ledger, self._control, self._tools, self._past = claim, ledger, control, tools, past
        self.started_at = past.started_at or now_ms()
        self._now = datetime.fromtimestamp(self.started_at / 1000, UTC)
        self._call: Once | Mapped = Once(CallScope({}, {}))
        self._results: list[Done | Failed | None] = []
        self._contexts: dict[str, CallContext] = {}
        self._tries = {item: (attempt.number, attempt.generation) for item, attempt in past.open.items()}
        self._waits = 0
        self._paused = False
        self._chunks: Chunks | None = None
        self._complete: list[int] = []
        self._told: dict[str, int] | None = None
        self._reported: dict[str, int] | None = None
        self._error: dict[str, Any] | None = None
        self._single: Call | None = None
        self._single_context: CallContext | None = None
        self._done_count = self._failed_count = 0

    # --- the whole node ---

    async def fire(
        self, outputs: Mapping[str, NodeOutputs], extra: Mapping[str, Any], failing: Collection[str] = ()
    ) -> Fate:
        """Do all that the node can do now. Never raises for what a node does.

        Args:
            outputs: of each node referred to.
            extra: what templates see beside: `trigger`, `run`, `vars`.
            failing: the nodes with an error output.
        """
        try:
            if (given := await standing(self.planned, self._claim, outputs)) is not None:
                return self.skip(given.reason) if isinstance(given, Skip) else await self._close(given)
            seen = {**extra, "now": self._now.isoformat(), "random": f"{self._claim.run_id}:{self.node.id}"}
            call = broadcast.bind(self.node, self.type, outputs, seen, failing)
        except (NodeError, TemplateError) as error:
            return self._fail(_node_error(error))
        if isinstance(call, Skip):
            return self.skip(call.reason)
        self._call = call
        self._take_over(self._length())
        await self._make_calls()
        return await self._conclude()

    def _take_over(self, length: int) -> None:
        """The results that are known from before."""
        self._results = [None] * length
        for index in range(length) if self._past.finished else ():
            known = self._past.finished.get(self._item(index))
            if known is not None:
                self._results[index] = known
                self._count(known)
                if isinstance(known, Failed) and self.node.on_error == "stop":
                    self._error = to_record(known.error, self.node, self._item(index))
        if self.mapped and self.planned.pure:
            self._chunks = Chunks(length, (i for i, result in enumerate(self._results) if result))

    def skip(self, reason: str) -> Fate:
        """Note that the node does not run, and why."""
        self._ledger.note(self._row("skipped", log=[{"level": "info", "text": reason}]))
        return Fate("skipped")

    @property
    def mapped(self) -> bool:
        return isinstance(self._call, Mapped)

    def _length(self) -> int:
        """How many calls to make: never silently more than a few where each has an effect."""
        if not isinstance(self._call, Mapped):
            return 1
        some = self._claim.options.get("first_writes")
        limit = FIRST if self.node.each == "first" else some if isinstance(some, int) else None
        if limit is None or self._call.length <= limit or self.planned.pure:
            return self._call.length
        return limit if self._writes() else self._call.length

    def _writes(self) -> bool:
        """Whether the calls write, judged by the first one's settings."""
        if isinstance(self.type.effect, Effect):
            return self.type.effect is Effect.write
        try:
            params = self.type.params.model_validate(self._resolved(0))
            return self.type.effect_for(params) is Effect.write
        except (ValueError, NodeError, TemplateError):
            return True

    async def _make_calls(self) -> None:
        todo = [index for index, result in enumerate(self._results) if result is None]
        if not self.mapped:
            if todo:
                await self._perform(todo)
            return
        batch = self.type.batch
        window = self.node.limit or (self._tools.pool.size + 1 if self.type.cpu else DEFAULT_WINDOW)
        if batch:
            # Small enough that every child has work and progress is seen; a limit counts items, not batches.
            batch = min(batch, max(1, math.ceil(len(todo) / window)))
            window = max(1, window // batch) if self.node.limit else window
        await run_window(todo, window=window, batch=batch, perform=self._perform, halted=self._may_not_start)

    def _may_not_start(self) -> bool:
        return self._control.halted or self._paused

    # --- some calls ---

    async def _perform(self, indexes: list[int]) -> None:
        """Make the calls of these items, together where the type takes batches."""
        calls: list[tuple[int, Call]] = []
        for index in indexes:
            prepared = await self._prepared(index)
            if isinstance(prepared, Call):
                calls.append((index, prepared))
            elif not isinstance(prepared, StillWaiting):
                await self._settle(index, prepared)
            else:
                self._waits += 1
        if not calls or self._control.halted:
            return
        try:
            with self._control.calling():
                if self.type.batch:
                    outcomes: Sequence[Outcome] = await run_batch(
                        self.node, self.type, [call for _, call in calls], self
                    )
                else:
                    outcomes = [await run_node(self.node, self.type, call, self) for _, call in calls]
        except Halted:
            return
        for (index, call), outcome in zip(calls, outcomes, strict=True):
            await self._settle(index, outcome, call)

    async def _prepared(self, index: int) -> Call | Done | Failed | Later | Asks | StillWaiting:
        item = self._item(index)
        try:
            raw = self._resolved(index)
        except (NodeError, TemplateError) as error:
            return Failed(_node_error(error))
        while True:
            resumed = resume(Call(item, raw, self._now), self.node, self.type, self._past, now_ms())
            if not isinstance(resumed, Later) or resumed.seconds > LONGEST_HELD_WAIT:
                return resumed
            await asyncio.sleep(resumed.seconds)

    def _resolved(self, index: int) -> dict[str, Any]:
        scope = self._call.scope_at(index) if isinstance(self._call, Mapped) else self._call.scope
        return broadcast.resolve(self.node, self.type, scope) | handed_in(self.planned, self._claim)

    def _item(self, index: int) -> str:
        return str(index) if self.mapped else ""

    # --- what step.run_node asks for ---

    async def begin_attempt(self, call: Call, limit: float) -> None:
        """See `Hands`. Raises Halted if the run came to an end meanwhile: then the effect must not happen."""
        self._control.effect_begins()
        if (earlier := self._tries.pop(call.item, None)) is not None:
            number, generation = earlier
            # A repeat of the same request: nobody knows what became of the first.
            outcome = "unknown" if generation == call.generation else "failed"
            self._ledger.note(attempts=[AttemptEnd(self.node.id, call.item, number, outcome)])
        await self._ledger.begin_attempt(self.node.id, call, limit)
        self._tries[call.item] = (call.attempt, call.generation)
        if self._control.halted:
            self._end_attempt(call.item, "failed")
            raise Halted

    def services(self, call: Call) -> dict[str, Any]:
        """See `Hands`."""
        return self._tools.toolbox.services(self.type, self._context(call))

    async def invoke_cpu(self, params: Any, services: dict[str, Any]) -> Any:
        """See `Hands`."""
        return await self._tools.pool.call(self.type.id, self.type.version, params, services)

    def _context(self, call: Call) -> CallContext:
        claim = self._claim
        context = CallContext(
            claim.run_id,
            claim.workflow_id,
            claim.workspace_id,
            self.node.id,
            call.item,
            call.attempt,
            call.generation,
            self._now,
            self._tools.public_url,
            progress=self._report,
        )
        self._contexts[call.item] = context
        return context

    def _report(self, done: int, total: int | None) -> None:
        if not self.mapped:
            self._reported = {"done": done} if total is None else {"done": done, "total": total}

    def _end_attempt(self, item: str, outcome: str) -> None:
        if (tried := self._tries.pop(item, None)) is not None:
            self._ledger.note(attempts=[AttemptEnd(self.node.id, item, tried[0], outcome)])

    # --- what came of a call ---

    async def _settle(self, index: int, outcome: Outcome, call: Call | None = None) -> None:
        """Note what came of one call."""
        item = self._item(index)
        context = self._contexts.pop(item, None)
        if not self.mapped:
            self._single, self._single_context = call, context
        if isinstance(outcome, Asleep):
            left = outcome.until.timestamp() - datetime.now(UTC).timestamp()
            if left <= LONGEST_HELD_WAIT:
                await asyncio.sleep(max(0.0, left))
                outcome = Done(outcome.fired, attempt=outcome.attempt)
        if isinstance(outcome, Done):
            await self._done(index, outcome, call, context)
        elif isinstance(outcome, Failed):
            await self._failed(index, outcome, call, context)
        else:
            await self._wait(item, outcome, call, context)

    async def _done(self, index: int, outcome: Done, call: Call | None, context: CallContext | None) -> None:
        item = self._item(index)
        self._end_attempt(item, "done")
        if self.mapped and self._chunks is None:
            try:
                packed = await self._ledger.packed_ports(outcome.fired)
            except NodeError as error:
                await self._failed(index, Failed(error, outcome.attempt), call, context)
                return
        self._results[index] = outcome
        self._count(outcome)
        if not self.mapped:
            return
        if self._chunks is not None:
            if (start := self._chunks.settle(index)) is not None:
                self._complete.append(start)
            return
        self._ledger.note(self._row("done", item, outcome.attempt, output=packed, call=call, context=context))
        self._ledger.flush()

    async def _failed(self, index: int, outcome: Failed, call: Call | None, context: CallContext | None) -> None:
        item = self._item(index)
        record = to_record(outcome.error, self.node, item, context.secrets if context else ())
        self._end_attempt(item, "unknown" if outcome_unknown(outcome.error) else "failed")
        self._results[index] = Failed(from_record(record), outcome.attempt)
        self._count(outcome)
        if self.node.on_error == "stop":
            if self._error is None:
                self._error = record
            self._control.halt("failed")
        if self.mapped:
            self._ledger.note(self._row("failed", item, outcome.attempt, error=record, call=call, context=context))
            if self._chunks is not None and (start := self._chunks.settle(index)) is not None:
                self._complete.append(start)

    async def _wait(
        self, item: str, outcome: Later | Asleep | Asks, call: Call | None, context: CallContext | None
    ) -> None:
        """Note the wait as a row, so that it holds no worker."""
        kind: Literal["timer", "retry", "ask"]
        packed = error = due = None
        detail: dict[str, Any] = {}
        if isinstance(outcome, Asleep):
            kind, due = "timer", round(outcome.until.timestamp() * 1000)
            packed = await self._ledger.packed_ports(outcome.fired)
            self._past.asleep[item] = outcome.fired
        else:
            detail = {"attempt": outcome.attempt, "generation": outcome.generation}
            error = to_record(outcome.error, self.node, item, context.secrets if context else ())
            kind = "retry" if isinstance(outcome, Later) else "ask"
            if isinstance(outcome, Later):
                due = now_ms() + math.ceil(outcome.seconds * 1000)
                self._paused = True
                if outcome.unknown:
                    detail["unknown"] = True
                else:
                    self._end_attempt(item, "unknown" if outcome_unknown(outcome.error) else "failed")
            else:
                detail |= {"error": error}
                self._end_attempt(item, "unknown")
        number = self._past.next_round(item)
        self._past.waits[item] = Waited(kind, number, False, detail)
        self._waits += 1
        wait = NewWait(new_id(), self.node.id, kind, item, number, due, detail)
        row = self._row("waiting", item, outcome.attempt, output=packed, error=error, call=call, context=context)
        self._ledger.note(*(() if item == "" else (row,)), waits=[wait])
        if item == "":
            self._ledger.note(row)

    # --- rows ---

    async def progress(self) -> None:
        """Note how far the node is, if that changed: called every fraction of a second while it runs."""
        counts = self.counts()
        if counts != self._told or self._told is None:
            self._told = counts or {}
            self._ledger.note(self._row("running", counts=counts))
        complete, self._complete = self._complete, []
        for start in complete:
            await self._note_chunk(start)

    async def _note_chunk(self, start: int) -> None:
        part = Chunks.part(start, len(self._results))
        ports: dict[str, dict[str, Any]] = {}
        for index in part:
            result = self._results[index]
            for port, data in result.fired.items() if isinstance(result, Done) else ():
                held = ports.setdefault(port, {"at": [], "data": []})
                held["at"].append(index)
                held["data"].append(data)
        output = {port: {**await self._ledger.packed(held["data"]), "at": held["at"]} for port, held in ports.items()}
        self._ledger.note(self._row("done", Chunks.name(part), output=output))

    def counts(self) -> dict[str, int] | None:
        """{total, done, failed} of a mapped node."""
        if not self.mapped:
            return self._reported
        return {"total": len(self._results), "done": self._done_count, "failed": self._failed_count}

    def _count(self, result: Done | Failed) -> None:
        if isinstance(result, Done):
            self._done_count += 1
        else:
            self._failed_count += 1

    async def _conclude(self) -> Fate:
        """What the node as a whole came to."""
        if self._error is not None:
            return self._end_failed()
        if self._waits:
            self._past.finished |= {self._item(i): result for i, result in enumerate(self._results) if result}
            if self.mapped:
                self._ledger.note(self._row("waiting", counts=self.counts()))
            return Fate("waiting")
        results = [result for result in self._results if result is not None]
        if len(results) < len(self._results):
            return Fate("halted")
        outputs = broadcast.collect(self._call, [self._collectable(i, result) for i, result in enumerate(results)])
        answers = (result.answer for result in results if isinstance(result, Done) and result.answer)
        return await self._close(outputs, results, next(answers, None))

    async def _close(
        self, outputs: Mapping[str, Value], results: Sequence[Done | Failed] = (), answer: Respond | None = None
    ) -> Fate:
        """Note the closing row."""
        try:
            packed = await self._ledger.packed_outputs(outputs)
        except NodeError as error:
            return self._fail(error)
        only = results[0] if results and not self.mapped else None
        row = self._row(
            "failed" if isinstance(only, Failed) else "done",
            attempt=max((result.attempt for result in results), default=1),
            output=packed,
            error=to_record(only.error, self.node, "") if isinstance(only, Failed) else None,
            counts=self.counts(),
            call=self._single,
            context=self._single_context,
        )
        self._ledger.note(row)
        if not self.planned.pure:
            self._ledger.flush()
        return Fate("fired", outputs, packed, answer)

    def _collectable(self, index: int, result: Done | Failed) -> Any:
        if isinstance(result, Done):
            return result.fired
        return broadcast.Failed(result.error, to_record(result.error, self.node, self._item(index)))

    def _fail(self, error: NodeError) -> Fate:
        """The node as a whole failed before or after its calls."""
        self._error = to_record(error, self.node, "")
        self._control.halt("failed")
        return self._end_failed()

    def _end_failed(self) -> Fate:
        row = self._row(
            "failed", error=self._error, counts=self.counts(), call=self._single, context=self._single_context
        )
        self._ledger.note(row)
        return Fate("failed", error=self._error)

    def cut_short(self) -> None:
        """Note that the node was under way when its run ended."""
        self._ledger.note(self._row("cancelled", counts=self.counts()))

    def _row(
        self,
        status: str,
        item: str = "",
        attempt: int = 1,
        *,
        output: Any = None,
        error: Any = None,
        counts: dict[str, int] | None = None,
        log: list[Any] | None = None,
        call: Call | None = None,
        context: CallContext | None = None,
    ) -> StepRow:
        return StepRow(
            self.node.id,
            status,
            item,
            attempt,
            output=output,
            input=self._input(call),
            error=error,
            counts=counts,
            log=log or (context.lines if context and context.lines else None),
            started_at=self.started_at,
            finished_at=None if status in ("running", "waiting") else now_ms(),
        )

    def _input(self, call: Call | None) -> Any:
        """What a call was given. Only what reaches outside can hold a secret."""
        if call is None:
            return None
        return fields_as_rows_hold_them(call.raw if self.planned.pure else hide_secrets(call.raw))


def _node_error(error: NodeError | TemplateError) -> NodeError:
    if isinstance(error, NodeError):
        return error
    return BadParams(f"{error.message} In: {error.source[:200]}", hint=error.hint)
