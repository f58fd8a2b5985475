"""One node of one run: from what it refers to, through its calls, to what it came to."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from engine import broadcast
from engine.broadcast import CallScope, Mapped, NodeOutputs, Once, Skip, Value
from engine.broadcast.collecting import ERROR
from engine.contract import NodeError, Respond
from engine.expressions import TemplateError
from engine.run.calls import Calls, node_error
from engine.run.control import Control
from engine.run.failures import to_record
from engine.run.outcome import Done, Failed
from engine.run.parts import Parts, is_long
from engine.run.past import Past
from engine.run.plan import PlannedNode, early_outputs
from engine.run.redo import may_write
from engine.run.rehearsal import instead_of
from engine.run.scopes import Journey, Scope
from engine.run.shards import Shards
from engine.run.sources import Standing, standing

NO_CALL = Once(CallScope({}, {}))  # yet
FIRST = 5  # how many items a mapped write node does where it may not do all


@dataclass(slots=True)
class Fate:
    """How a node ended in this segment: `halted` means cut short with nothing decided. `packed`: the outputs as rows
    hold them. `given`: likewise what a node was given that failed. `waits`: how many are open that it waits for.
    `dealt_out`: it waits for other workers, which are at its items.
    """

    kind: Literal["fired", "skipped", "waiting", "failed", "halted"]
    outputs: Mapping[str, Value] = field(default_factory=dict)
    packed: Mapping[str, Any] = field(default_factory=dict)
    answer: Respond | None = None
    error: dict[str, Any] | None = None
    given: Any = None
    waits: int = 0
    dealt_out: bool = False


class Firing(Calls):
    """Fires one node: from what it refers to, through its calls, to what it came to."""

    def __init__(self, planned: PlannedNode, journey: Journey, scope: Scope, control: Control, past: Past) -> None:
        super().__init__(planned, journey, scope, control, past)
        self.share: range | None = None

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
            if isinstance(call, Mapped) and not self.planned.pure:
                self.rows.ledger.limits.check_room(self._length(call) - len(self._past.finished))
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
        pins = {} if self._hands.dry and may_write(self.planned) else self._scope.flow.pins
        if pins or self.planned.stands:
            return await standing(self.planned, self._scope.flow.input, pins, outputs)
        return None

    def _seen(self, extra: Mapping[str, Any]) -> dict[str, Any]:
        """What templates see beside the outputs: time and random values are those of the node's first start."""
        place = self._scope.inside(self.node.id, 0) if self._scope.path else self.node.id
        return {**extra, "now": self._hands.now.isoformat(), "random": f"{self._claim.run_id}:{place}"}

    def _kept(self) -> dict[str, Any] | None:
        """That the output which stands for the node is a kept one, and which."""
        kept = (self._claim.options.get("pins") or {}).get(self.node.id)
        return {"by": "kept", "of": kept["of"]} if kept else None

    async def _part_by_part(self, call: Mapped) -> Fate:
        """The calls over a long list: see `engine.run.parts` and `engine.run.shards`."""
        parts = Parts(self.rows, call, self._length(call))
        shards = await Shards.fitting(self._journey, self.rows, parts, self._scope.path, self.share)
        if shards is not None:
            async for part in shards.todo():
                if self._may_not_start() or not await self._do_part(parts, part):
                    break
        else:
            for part in parts.todo():
                if self._may_not_start() or not await self._do_part(parts, part):
                    break
        if self.rows.error is not None or any(True for _ in parts.todo(self.share)):
            return await self._left_off(shards is not None and shards.open)
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

    async def _left_off(self, dealt_out: bool) -> Fate:
        """How a long list ends of which not all parts are done; `dealt_out`: others are at some of them."""
        if self.rows.error is not None:
            if self.share is None:
                self.rows.end_failed()
            return self._failed()
        if not (self.rows.waits or dealt_out):
            return Fate("halted")
        self.rows.rest(dealt_out)
        return Fate("waiting", waits=self._past.open_waits, dealt_out=dealt_out)

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
        if self._hands.rehearsed:
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
