"""One node of one run: from what it refers to, through its calls, to what it came to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from engine import broadcast, clock
from engine.broadcast import CallScope, Mapped, NodeOutputs, Once, Skip, Value
from engine.broadcast.collecting import ERROR
from engine.clock import now_ms
from engine.contract import BadParams, Effect, NodeError, Respond
from engine.expressions import TemplateError
from engine.run.control import Control
from engine.run.example import example_of
from engine.run.failures import to_record, without
from engine.run.mapping import DEFAULT_WINDOW, run_window
from engine.run.noderows import Given, NodeRows
from engine.run.parts import Parts, is_long
from engine.run.past import Past, Resumed, StillWaiting, resume
from engine.run.plan import PlannedNode, early_outputs
from engine.run.redo import may_write
from engine.run.rehearsal import hidden, instead_of, would_send
from engine.run.scopes import Journey, Scope
from engine.run.shards import Shards
from engine.run.sources import Standing, handed_in, standing
from engine.run.step import (
    LONGEST_HELD_WAIT,
    Asked,
    Asleep,
    Call,
    Done,
    Failed,
    Later,
    Outcome,
    run_batch,
    run_node,
    validated,
)
from engine.run.toolbox import CallContext, CallLog

NO_CALL = Once(CallScope({}, {}))  # yet
FIRST = 5  # how many items a mapped write node does where it may not do all


@dataclass(slots=True)
class Fate:
    """How a node ended in this segment: `halted` means cut short with nothing decided. `packed`: the outputs as rows
    hold them. `given`: likewise what a node was given that failed. `waits`: how many are open that it waits for."""

    kind: Literal["fired", "skipped", "waiting", "failed", "halted"]
    outputs: Mapping[str, Value] = field(default_factory=dict)
    packed: Mapping[str, Any] = field(default_factory=dict)
    answer: Respond | None = None
    error: dict[str, Any] | None = None
    given: Any = None
    waits: int = 0


class Halted(Exception):
    """The run came to an end before this effect began."""


class Firing:
    """Makes the calls of one node; `rows` says what came of them. Implements `engine.run.step.Hands`."""

    def __init__(self, planned: PlannedNode, journey: Journey, scope: Scope, control: Control, past: Past) -> None:
        self.planned, self.node, self.type = planned, planned.node, planned.type
        self.rows = NodeRows(planned, journey.ledger, past, scope.path)
        self._journey, self._scope, self._control, self._past = journey, scope, control, past
        self._claim, self._tools = journey.claim, journey.tools
        self._now = datetime.fromtimestamp(self.rows.started_at / 1000, UTC)
        self._call: Once | Mapped = NO_CALL
        self._contexts: dict[str, CallContext] = {}
        self.share: range | None = None
        self._paused = self._rehearsed = False

    async def fire(
        self,
        outputs: Mapping[str, NodeOutputs],
        extra: Mapping[str, Any],
        named: Mapping[str, Collection[str]] | None = None,
    ) -> Fate:
        """Do all that the node can do now. Never raises for what a node does.

        Args:
            outputs: of each node referred to.
            extra: what templates see beside: `trigger`, `run`, `vars`.
            named: by node the names of its outputs beside the main one.
        """
        try:
            call = await self._bound(outputs, extra, named)
            if isinstance(call, Skip):
                self.rows.skip(call.reason)
                return Fate("skipped")
            if isinstance(call, dict):
                return await self._fired(call, stand_in=self._kept())
            self._call = call
            if isinstance(call, Mapped) and self.type.kind != "container" and is_long(call, self.rows.ledger):
                return await self._part_by_part(call)
            return await self._called(call)
        except (NodeError, TemplateError) as error:
            self.rows.end_failed(node_error(error))
            return self._failed()

    async def _called(self, call: Once | Mapped) -> Fate:
        """Make the calls that are left to be made; what they came to. Raises NodeError and TemplateError."""
        paths = call.path_at if isinstance(call, Mapped) else None
        self.rows.take_over(paths is not None, self._length(call), paths)
        if self.rows.error is None:
            await self._make_calls()
        return await self._conclude()

    def _failed(self) -> Fate:
        """The node's row says so: nothing new starts beside it."""
        self._control.halt("failed")
        return Fate("failed", error=self.rows.error, given=self.rows.given)

    async def progress(self) -> None:
        """Note how far the node is."""
        await self.rows.progress()

    async def _bound(
        self, outputs: Mapping[str, NodeOutputs], extra: Mapping[str, Any], named: Mapping[str, Collection[str]] | None
    ) -> dict[str, Value] | broadcast.Call:
        """How the node is to be called, or what stands for its outputs without a call."""
        given = await self._standing(outputs)
        if given is not None:
            return given
        by_chance = broadcast.fields_of(self.node, self.type).by_chance
        return broadcast.bind(self.node, self.type, outputs, self._seen(extra) if by_chance else extra, named)

    async def _standing(self, outputs: Mapping[str, NodeOutputs]) -> Standing | None:
        # In a dry run what is kept for a step that writes stands for its result, not for its request.
        pins = {} if self._dry and may_write(self.planned) else self._scope.flow.pins
        if pins or self.planned.stands:
            return await standing(self.planned, self._scope.flow.input, pins, outputs)
        return None

    def _seen(self, extra: Mapping[str, Any]) -> dict[str, Any]:
        """What templates see beside the outputs: time and random values are those of the node's first start."""
        place = self._scope.inside(self.node.id, 0) if self._scope.path else self.node.id
        return {**extra, "now": self._now.isoformat(), "random": f"{self._claim.run_id}:{place}"}

    def _kept(self) -> dict[str, Any] | None:
        """That the output which stands for the node is a kept one, and which."""
        kept = (self._claim.options.get("pins") or {}).get(self.node.id)
        return {"by": "kept", "of": kept["of"]} if kept else None

    def _length(self, call: Once | Mapped) -> int:
        """How many calls to make: never silently more than a few where each has an effect."""
        if isinstance(call, Once):
            return 1
        some = self._claim.options.get("first_writes")
        limit = FIRST if self.node.each == "first" else some if isinstance(some, int) else None
        if limit is None or call.length <= limit or self.planned.pure:
            return call.length
        return limit if self._writes() else call.length

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
        todo = self.rows.todo
        if not self.rows.mapped:
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

    async def _part_by_part(self, call: Mapped) -> Fate:
        """The calls over a long list: see `engine.run.parts` and `engine.run.shards`."""
        parts = Parts(self.rows, call, self._length(call))
        shards = None
        if self.share is None:
            shards = await Shards.fitting(self._journey, self.rows, parts, self._scope.path)
        if shards is not None:
            async for part in shards.todo():
                if self._may_not_start() or not await self._do_part(parts, part):
                    break
        else:
            for part in parts.todo(self.share):
                if self._may_not_start() or not await self._do_part(parts, part):
                    break
        if self.rows.error is not None or any(True for _ in parts.todo(self.share)):
            return await self._left_off()
        return Fate("fired") if self.share is not None else await self._fired(await parts.outputs())

    async def _do_part(self, parts: Parts, part: range) -> bool:
        """Make the calls of one part; whether to go on with the next. What waits is set aside."""
        self._call = await parts.enter(part)
        await self._make_calls()
        if self.rows.error is not None:
            return False
        results = [result for result in self.rows.results if result is not None]
        if len(results) < len(part):
            self.rows.set_aside()
            return True
        outputs = broadcast.collect(self._call, [self._collectable(i, result) for i, result in enumerate(results)])
        await parts.leave(part, outputs, _dealt(results))
        return True

    async def _left_off(self) -> Fate:
        """How a long list ends of which not all parts are done."""
        if self.rows.error is not None:
            if self.share is None:
                self.rows.end_failed()
            return self._failed()
        if not self.rows.waits:
            return Fate("halted")
        self.rows.rest()
        return Fate("waiting", waits=self._past.open_waits)

    async def _fired(
        self,
        outputs: Mapping[str, Value],
        results: Sequence[Done | Failed] = (),
        answer: Respond | None = None,
        *,
        stand_in: Any = None,
        error: dict[str, Any] | None = None,
    ) -> Fate:
        """Note what leaves the node; `error`: why it failed, if it did. Raises NodeError if that cannot be stored."""
        packed = await self.rows.close(outputs, results, error, stand_in)
        return Fate("fired", self.rows.ledger.light(outputs, packed), packed, answer)

    def _may_not_start(self) -> bool:
        return self._control.halted or self._paused

    async def _perform(self, indexes: list[int]) -> None:
        """Make the calls of these items, together where the type takes batches."""
        calls: list[tuple[int, Call]] = []
        for index in indexes:
            prepared = await self._prepared(index)
            if isinstance(prepared, Call):
                calls.append((index, prepared))
            elif isinstance(prepared, StillWaiting):
                self.rows.waits += 1
            else:
                await self._settle(index, prepared)
        if not calls or self._control.halted:
            return
        try:
            with self._control.calling():
                outcomes = await self._outcomes([call for _, call in calls])
        except Halted:
            return
        for (index, call), outcome in zip(calls, outcomes, strict=True):
            await self._settle(index, outcome, call)

    async def _outcomes(self, calls: list[Call]) -> Sequence[Outcome]:
        if self.type.batch:
            return await run_batch(self.node, self.type, calls, self)
        return [await run_node(self.node, self.type, call, self) for call in calls]

    async def _prepared(self, index: int) -> Resumed:
        """One call in view of its past, its fields evaluated."""
        try:
            raw = self._resolved(index)
        except (NodeError, TemplateError) as error:
            return Failed(node_error(error))
        while True:
            call = Call(self.rows.item(index), raw, self._now)
            resumed = resume(call, self.node, self.type, self._past, now_ms())
            if not isinstance(resumed, Later) or resumed.seconds > LONGEST_HELD_WAIT:
                return resumed
            await asyncio.sleep(resumed.seconds)

    def _resolved(self, index: int) -> dict[str, Any]:
        scope = self._call.scope_at(index) if isinstance(self._call, Mapped) else self._call.scope
        return broadcast.resolve(self.node, self.type, scope) | handed_in(self.planned, self._scope.flow.input)

    async def begin_attempt(self, call: Call, limit: float) -> None:
        """See `Hands`. Raises Halted if the run came to an end meanwhile: then the effect must not happen."""
        if self._control.halted:
            raise Halted
        self._control.effect_begins()
        await self.rows.begin_attempt(call, limit)
        if self._control.reason is not None:
            self.rows.end_attempt(call.item, "failed")
            raise Halted

    def services(self, call: Call) -> dict[str, Any]:
        """See `Hands`."""
        claim = self._claim
        context = self._contexts[call.item] = CallContext(
            run_id=claim.run_id,
            workflow_id=self._scope.flow.workflow_id,
            workspace_id=claim.workspace_id,
            node_id=self.node.id,
            item=call.item,
            attempt=call.attempt,
            generation=call.generation,
            now=self._now,
            public_url=self._tools.public_url,
            scope=self._scope.path,
            progress=self._report,
            answer=call.answer,
            spend=self.rows.ledger.spent.spend,
        )
        return self._tools.toolbox.services(self.type, context)

    def _report(self, done: int, total: int | None) -> None:
        if not self.rows.mapped:
            self.rows.reported = {"done": done} if total is None else {"done": done, "total": total}

    async def invoke_cpu(self, params: Any, services: dict[str, Any]) -> Any:
        """See `Hands`."""
        ledger = self.rows.ledger
        if not isinstance(params, list):
            params = await ledger.portable(params)
        keep = (ledger.storage, ledger.workspace_id)
        return await self._tools.pool.call(self.type.id, self.type.version, params, services, keep)

    async def keep(self, items: Iterator[Any] | AsyncIterator[Any]) -> Any:
        """See `Hands`."""
        return await self.rows.ledger.kept(items)

    @property
    def _dry(self) -> bool:
        return bool(self._claim.options.get("dry"))

    async def rehearse(self, params: Any, call: Call, limit: float) -> Done | None:
        """See `Hands`."""
        if not self._dry:
            return None
        services = self.services(call)
        context = self._contexts[call.item]
        sends = await would_send(self.type, params, call.raw, services, limit)
        context.stand_in = {"by": "example", "sends": hidden(sends, context.secrets)}
        self._rehearsed = True
        return Done(example_of(self.type, params), attempt=call.attempt)

    def _awake(self, outcome: Outcome, call: Call | None) -> Outcome:
        """A dry run waits for nothing and asks nobody: what would leave afterwards leaves at once."""
        if isinstance(outcome, Asleep):
            return Done(outcome.fired, attempt=outcome.attempt)
        if isinstance(outcome, Asked) and call is not None:
            context = self._contexts.get(call.item)
            if context is not None:
                context.stand_in = {"by": "example"}
            example = example_of(self.type, validated(self.node, self.type, call.raw))
            return Done({**outcome.early, **example}, attempt=outcome.attempt)
        return outcome

    async def _settle(self, index: int, outcome: Outcome, call: Call | None = None) -> None:
        """Note what came of one call."""
        if self._dry:
            outcome = self._awake(outcome, call)
        given = Given(call, self._contexts.pop(self.rows.item(index), None))
        if not self.rows.mapped:
            self.rows.single = given
        if isinstance(outcome, Asleep) and (left := _seconds_until(outcome.until)) <= LONGEST_HELD_WAIT:
            await asyncio.sleep(max(0.0, left))
            outcome = Done(outcome.fired, attempt=outcome.attempt)
        if isinstance(outcome, Done):
            if outcome.failure is not None and given.context is not None:
                _say_fallback(given.context, outcome.failure)
            try:
                await self.rows.done(index, outcome, given)
            except NodeError as error:
                outcome = Failed(error, outcome.attempt)
        if isinstance(outcome, Done | Failed):
            self._count()
        if isinstance(outcome, Failed):
            self.rows.failed(index, outcome, given)
            if self.node.on_error == "stop":
                self._control.halt("failed")
        elif not isinstance(outcome, Done):
            # A service that asks for time gets it from the whole list.
            self._paused = self._paused or isinstance(outcome, Later)
            await self.rows.waiting(index, outcome, given)

    def _count(self) -> None:
        """One call more has ended; the run may have used up its budget."""
        self.rows.ledger.spent.steps += 1
        if self._journey.budget is not None:
            self._journey.mind_budget()

    async def _conclude(self) -> Fate:
        """What the node as a whole came to. Raises NodeError if its outputs cannot be stored."""
        if self.rows.error is not None:
            self.rows.end_failed()
            return self._failed()
        if self.rows.waits:
            self.rows.rest()
            return Fate("waiting", await self._early(), waits=self._past.open_waits)
        results = [result for result in self.rows.results if result is not None]
        if len(results) < len(self.rows.results):
            if self.rows.mapped and self._control.reason == "pause":
                self.rows.ledger.note(self.rows.row("running"))
            return Fate("halted")
        outputs: Mapping[str, Value] = broadcast.collect(
            self._call, [self._collectable(i, result) for i, result in enumerate(results)]
        )
        stand_in = None
        if self._rehearsed:
            sent = self.rows.single.context.stand_in if self.rows.single.context else None
            known = {} if self._scope.path else self._claim.options
            unpack = self.rows.ledger.unpacked
            outputs, stand_in = await instead_of(self._call, self.node.id, outputs, sent, known, unpack)
        answers = (result.answer for result in results if isinstance(result, Done) and result.answer)
        return await self._fired(outputs, results, next(answers, None), stand_in=stand_in)

    async def _early(self) -> Mapping[str, Value]:
        """What leaves the node while it waits, once every call has asked.

        Durable by then: an address that is handed on is open, whatever happens.
        """
        if not self.planned.early:
            return {}
        parts = []
        for index, result in enumerate(self.rows.results):
            part = self._past.asleep.get(self.rows.item(index)) if result is None else self._collectable(index, result)
            if part is None:
                return {}
            parts.append(part)
        outputs = broadcast.collect(self._call, parts)
        await self.rows.ledger.settle()
        names = early_outputs(self.type)
        return {name: value for name, value in outputs.items() if name in names}

    def _collectable(self, index: int, result: Done | Failed) -> Any:
        if isinstance(result, Done):
            return result.fired
        return broadcast.Failed(
            result.error, to_record(result.error, self.node, self.rows.item(index), scope=self._scope.path)
        )


def _dealt(results: Sequence[Done | Failed]) -> dict[str, list[int]]:
    """For each output the numbers of the calls that it got something from."""
    dealt: dict[str, list[int]] = {}
    for number, result in enumerate(results):
        for port in result.fired if isinstance(result, Done) else (ERROR,):
            dealt.setdefault(port, []).append(number)
    return dealt


def _say_fallback(context: CallContext, failure: NodeError) -> None:
    CallLog(context).warning(f"The fallback value was used, since the service stayed unavailable: {failure.message}")
    context.stand_in = {"by": "fallback", "why": without(failure.message, context.secrets)}


def _seconds_until(moment: datetime) -> float:
    return (moment - clock.now()).total_seconds()


def node_error(error: NodeError | TemplateError) -> NodeError:
    """What a template does wrong as a failure of the node."""
    if isinstance(error, NodeError):
        return error
    return BadParams(f"{error.message} In: {error.source[:200]}", hint=error.hint)
