"""The calls of one node: which are to be made, how many at once, and what each came to."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from engine import broadcast, clock
from engine.broadcast import CallScope, Mapped, Once
from engine.clock import now_ms
from engine.contract import BadParams, Costs, Effect, NodeError
from engine.expressions import TemplateError
from engine.run.callrows import CallRows
from engine.run.control import Control
from engine.run.example import example_of
from engine.run.failures import without
from engine.run.hands import Halted, NodeHands
from engine.run.mapping import DEFAULT_WINDOW, run_window
from engine.run.noderows import Given
from engine.run.outcome import Asked, Asleep, Call, Done, Failed, Later, Outcome
from engine.run.past import Past, Resumed, StillWaiting, resume
from engine.run.plan import PlannedNode
from engine.run.scopes import Journey, Scope
from engine.run.sources import handed_in
from engine.run.step import LONGEST_HELD_WAIT, run_batch, run_node, validated
from engine.run.toolbox import CallContext, CallLog
from engine.telemetry import InStep

NO_CALL = Once(CallScope({}, {}))  # yet
FIRST = 5  # how many items a mapped write node does where it may not do all


class Calls:
    """Makes the calls of one node; `rows` says what came of them."""

    rows_class: ClassVar[type[CallRows]] = CallRows

    def __init__(self, planned: PlannedNode, journey: Journey, scope: Scope, control: Control, past: Past) -> None:
        self.planned, self.node, self.type = planned, planned.node, planned.type
        self.rows = self.rows_class(planned, journey.ledger, past, scope.path)
        self._journey, self._scope, self._control, self._past = journey, scope, control, past
        self._claim = journey.claim
        self._hands = NodeHands(planned, journey, scope, control, self.rows)
        self._call: Once | Mapped = NO_CALL
        self._paused = False

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
        window = self.node.limit or (self._journey.tools.pool.size + 1 if self.type.cpu else DEFAULT_WINDOW)
        if batch:
            # Small enough that every child has work and progress is seen; a limit counts items, not batches.
            batch = min(batch, max(1, math.ceil(len(todo) / window)))
            window = max(1, window // batch) if self.node.limit else window
        await run_window(todo, window=window, batch=batch, perform=self._perform, halted=self._may_not_start)

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
        if calls and self._spends(calls[0][1]) and not await self._journey.may_spend():
            return
        if not calls or self._control.halted:
            return
        try:
            with self._control.calling(), InStep(self._step_id(calls[0][1].item)):
                outcomes = await self._outcomes([call for _, call in calls])
        except Halted:
            return
        for (index, call), outcome in zip(calls, outcomes, strict=True):
            await self._settle(index, outcome, call)

    def _step_id(self, item: str) -> str:
        return "/".join([part for part in (self._scope.path, self.node.id, item) if part])

    def _spends(self, call: Call) -> bool:
        """Whether a call may cost money, by its settings where the type can tell."""
        if Costs not in self.type.services.values():
            return False
        try:
            return not callable(self.type.spends) or self.type.spends(validated(self.node, self.type, call.raw))
        except NodeError:
            return False  # the call itself says what is wrong

    async def _outcomes(self, calls: list[Call]) -> Sequence[Outcome]:
        if self.type.batch:
            return await run_batch(self.node, self.type, calls, self._hands)
        return [await run_node(self.node, self.type, call, self._hands) for call in calls]

    async def _prepared(self, index: int) -> Resumed:
        """One call in view of its past, its fields evaluated."""
        try:
            raw = self._resolved(index)
        except (NodeError, TemplateError) as error:
            return Failed(node_error(error))
        while True:
            call = Call(self.rows.item(index), raw, self._hands.now)
            resumed = resume(call, self.node, self.type, self._past, now_ms())
            if not isinstance(resumed, Later) or resumed.seconds > LONGEST_HELD_WAIT:
                return resumed
            await asyncio.sleep(resumed.seconds)

    def _resolved(self, index: int) -> dict[str, Any]:
        scope = self._call.scope_at(index) if isinstance(self._call, Mapped) else self._call.scope
        return broadcast.resolve(self.node, self.type, scope) | handed_in(self.planned, self._scope.flow.input)

    def _awake(self, outcome: Outcome, call: Call | None) -> Outcome:
        """A dry run waits for nothing and asks nobody: what would leave afterwards leaves at once."""
        if isinstance(outcome, Asleep):
            return Done(outcome.fired, attempt=outcome.attempt)
        if isinstance(outcome, Asked) and call is not None:
            context = self._hands.contexts.get(call.item)
            if context is not None:
                context.stand_in = {"by": "example"}
            example = example_of(self.type, validated(self.node, self.type, call.raw))
            return Done({**outcome.early, **example}, attempt=outcome.attempt)
        return outcome

    async def _settle(self, index: int, outcome: Outcome, call: Call | None = None) -> None:
        """Note what came of one call."""
        if self._hands.dry:
            outcome = self._awake(outcome, call)
        given = Given(call, self._hands.contexts.pop(self.rows.item(index), None))
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
