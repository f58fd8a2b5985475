"""Fires containers: For each, Repeat and Try walk their body once per round and gather what the rounds give."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from itertools import count as count_up
from itertools import takewhile
from typing import Any

import orjson

from engine import broadcast
from engine.broadcast import Mapped, NodeOutputs, Once, Skipped, Value
from engine.contract import MAIN, Guard, Iterate, NodeError, PermanentError, Rounds
from engine.expressions import TemplateError
from engine.run.calls import node_error
from engine.run.failures import given_to
from engine.run.firing import Fate
from engine.run.noderows import Given
from engine.run.outcome import Call, Done, Failed
from engine.run.plan import Plan
from engine.run.scoped import ScopedFiring
from engine.run.scopes import Body, Scope
from engine.run.step import validated

CAUGHT, FAILURES, ROUNDS = "caught", "failures", "rounds"
TOLD = ("message", "kind", "node", "label", "item")


class BodyFiring(ScopedFiring):
    """Fires a container. Each round of its body is a walk in a scope of its own."""

    @property
    def body(self) -> Plan:
        """What stands in the container."""
        if self.planned.body is None:
            raise TypeError(f"{self.node.type} has no body")
        return self.planned.body

    async def _called(self, call: Once | Mapped) -> Fate:
        try:
            raw = self._resolved(0)
            self.rows.single = Given(Call("", raw, self._hands.now))
            asked = self.type.function(validated(self.node, self.type, raw))
            asked = await asked if inspect.isawaitable(asked) else asked
            if isinstance(asked, Iterate):
                return await self._each(asked)
            if isinstance(asked, Rounds):
                return await self._again_and_again(asked)
            if isinstance(asked, Guard):
                return await self._guarded()
        except (NodeError, TemplateError) as error:
            self.rows.error = self.rows.record(node_error(error), "")
            return await self.failed_whole()
        raise TypeError(f"{self.node.type} asks for {type(asked).__name__}, which is nothing for a body")

    # --- For each ---

    async def _each(self, asked: Iterate) -> Fate:
        self.rows.stops = not asked.collect
        each = 1 + len(self.body.nodes)
        self.rows.ledger.limits.check_room(each * (len(asked.items) - len(self._past.finished)))
        self.rows.take_over(True, len(asked.items))
        if self.rows.error is None:
            await (self._in_turn(asked) if asked.in_turn else self._at_once(asked))
        if (fate := await self.unfinished()) is not None:
            return fate
        results = [(index, result) for index, result in enumerate(self.rows.results) if isinstance(result, Done)]
        outputs = {MAIN.name: self._listed(len(asked.items), results)}
        if asked.collect and len(results) < len(self.rows.results):
            outputs[FAILURES] = Value(self._failures(asked))
        return await self._fired(outputs)

    async def _in_turn(self, asked: Iterate) -> None:
        for index in self.rows.todo:
            if self._inside.halted or self.rests(index):
                return
            await self._round(index, {"item": asked.items[index], "index": index})
            if self.rows.results[index] is None:
                return

    async def _at_once(self, asked: Iterate) -> None:
        async def perform(index: int) -> None:
            await self._round(index, {"item": asked.items[index], "index": index})

        await self.at_once(perform)

    def _listed(self, length: int, results: Sequence[tuple[int, Done]]) -> Value:
        """The results in the order of the items, which remember where the items came from."""
        axis = broadcast.axis_of(self.node, self.type, self.once.scope, "items", length)
        places = [index for index, _ in results]
        return Value([result.fired[MAIN.name] for _, result in results], (axis.only(places, length),))

    def _failures(self, asked: Iterate) -> list[dict[str, Any]]:
        found = []
        for index, result in enumerate(self.rows.results):
            if isinstance(result, Failed):
                record = self.rows.record(result.error, str(index))
                told = {name: record.get(name, "") for name in TOLD}
                found.append({"index": index, **told, "item": asked.items[index]})
        return found

    # --- Repeat ---

    async def _again_and_again(self, asked: Rounds) -> Fate:
        self.rows.stops = True  # whether or not the failure leaves through the error output
        self.rows.take_over(True, sum(1 for _ in self._done_before()))
        last = self.rows.last_done()
        while not _is_over(last) and self.rows.error is None and len(self.rows.results) < asked.times:
            index = len(self.rows.results)
            self.rows.results.append(None)
            self.rows.total = len(self.rows.results)
            if not (self._inside.halted or self.rests(index)):
                previous = asked.start if last is None else last[MAIN.name]
                await self._round(index, {"previous": previous, "index": index}, asked)
            if self.rows.results[index] is None:
                break
            last = self.rows.last_done()
        if (fate := await self.unfinished()) is not None or last is None:
            return fate or Fate("halted")
        count = len(self.rows.results)
        if not _is_over(last) and not asked.go_on:
            raise PermanentError(
                f"“{self.node.title}” did not come to its end within {count} rounds.",
                hint="Allow more rounds, look at the condition of its end, or let it go on with the last result.",
            )
        outputs = {MAIN.name: Value(last[MAIN.name]), ROUNDS: Value(count)}
        return await self._fired(outputs)

    def _done_before(self) -> Iterator[int]:
        """The rounds, one after the other, that have a result from before."""
        return takewhile(lambda index: str(index) in self._past.finished, count_up())

    # --- Try ---

    async def _guarded(self) -> Fate:
        self.rows.stops = False
        self.rows.take_over(True, 1)
        if self.rows.results[0] is None and not self.rests(0):
            await self._round(0, {})
        if (fate := await self.unfinished()) is not None:
            return fate
        result = self.rows.results[0]
        if isinstance(result, Failed):
            outputs = {CAUGHT: Value(self._caught(result.error))}
        else:
            outputs = {MAIN.name: Value(result.fired[MAIN.name] if result else None)}
        return await self._fired(outputs)

    def _caught(self, error: NodeError) -> dict[str, Any]:
        record = self.rows.record(error, "")
        given = orjson.loads(orjson.dumps(given_to(error))) or {}
        told = {name: record.get(name, "") for name in TOLD}
        return {**told, "input": {name: held.get("v") for name, held in given.items()}}

    # --- a round ---

    async def _round(self, index: int, names: Mapping[str, Any], asked: Rounds | None = None) -> None:
        """Walk the body once; `names` is what it knows beside what is around it."""
        outer = {node_id: self._outputs[node_id] for node_id in self.body.outside if node_id in self._outputs}
        path = self._scope.inside(self.node.id, index)
        scope = Scope(self._scope.flow, {**self._extra, **names}, path, outer, is_flow=False)

        async def gives(walk: Body) -> Mapping[str, Any]:
            return await self._gives(walk, scope, asked)

        await self.round(index, self.body, scope, gives)

    async def _gives(self, walk: Body, scope: Scope, asked: Rounds | None) -> dict[str, Any]:
        """What a round gives: its result, and of Repeat whether that was the last one."""
        await walk.load([*self.body.asked, *self.body.last])
        node = self.planned.closing
        seen = broadcast.bind_inside(node, self.type, walk.outputs, self._seen(scope.extra), self._named)
        known = {} if "result" in node.params else {"result": self._last_outputs(walk.outputs)}
        found = broadcast.resolve_inside(node, self.type, seen, known)
        fired = {MAIN.name: found["result"].data}
        if asked is not None:
            fired["over"] = asked.over(found["until"].data) if "until" in found else False
        return fired

    def _last_outputs(self, outputs: Mapping[str, NodeOutputs]) -> Any:
        """The main output of the body's last node, or a record by node if there are several."""
        found = {node_id: _main(outputs.get(node_id)) for node_id in self.body.last}
        return next(iter(found.values())) if len(found) == 1 else found or None


def _is_over(fired: Mapping[str, Any] | None) -> bool:
    """Whether a round of Repeat was the last one, by what it gave."""
    return fired is not None and bool(fired.get("over"))


def _main(outputs: NodeOutputs | None) -> Any:
    if outputs is None or isinstance(outputs, Skipped) or not outputs:
        return None
    return (outputs[MAIN.name] if MAIN.name in outputs else next(iter(outputs.values()))).data
