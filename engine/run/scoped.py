"""Fires nodes whose calls are walks: the base of containers and of workflows that are called in line."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine import broadcast
from engine.broadcast import NodeOutputs, Once
from engine.contract import NodeError, PermanentError
from engine.expressions import TemplateError
from engine.run.calls import node_error
from engine.run.control import Control
from engine.run.deadline import Deadline
from engine.run.failures import FailedInside, kind_of
from engine.run.firing import Fate, Firing
from engine.run.mapping import DEFAULT_WINDOW
from engine.run.outcome import Done, Failed
from engine.run.past import Past
from engine.run.plan import Plan, PlannedNode
from engine.run.retry import pause_before_round
from engine.run.rounds import RoundRows, Window, limit_number
from engine.run.scopes import Body, Ended, Journey, Scope
from engine.run.step import LONGEST_HELD_WAIT

LONGEST_PATH = 390  # what the rows have room for, and the number of a try that was put aside

Gives = Callable[[Body], Awaitable[Mapping[str, Any]]]


class ScopedFiring(Firing):
    """Fires a node each of whose rounds is a walk in a scope of its own, recorded as one item of the node."""

    rows: RoundRows
    rows_class = RoundRows

    def __init__(self, planned: PlannedNode, journey: Journey, scope: Scope, control: Control, past: Past) -> None:
        super().__init__(planned, journey, scope, control, past)
        self._inside = Control(control)
        self._live: dict[str, Body] = {}
        self._window: Window | None = None
        self._outputs: Mapping[str, NodeOutputs] = {}
        self._extra: Mapping[str, Any] = {}
        self._named: Mapping[str, Collection[str]] | None = None

    async def fire(
        self,
        outputs: Mapping[str, NodeOutputs],
        extra: Mapping[str, Any],
        named: Mapping[str, Collection[str]] | None = None,
    ) -> Fate:
        """See `Firing.fire`."""
        self._outputs, self._extra, self._named = outputs, extra, named
        try:
            return await super().fire(outputs, extra, named)
        finally:
            self._inside.leave()

    def wake(self, item: str, settled: Sequence[Mapping[str, Any]]) -> None:
        """Heed waits that were settled in a round, as their rows say."""
        if (walk := self._live.get(item)) is not None:
            walk.wake(settled)
        elif item in self._past.resting and item not in self._past.called:
            self._past.called.add(item)
            if self._window is not None:
                self._window.call(int(item))

    def rests(self, index: int) -> bool:
        """Whether nothing can go on in a round before something is settled."""
        item = str(index)
        return item in self._past.resting and item not in self._past.called

    def _is_due(self, index: int) -> bool:
        """Whether a round can be walked now: it is not over, not under way, and does not rest."""
        return self.rows.results[index] is None and str(index) not in self._live and not self.rests(index)

    async def at_once(self, perform: Callable[[int], Awaitable[None]]) -> None:
        """Perform the rounds that have no result, several at a time."""

        async def due(index: int) -> None:
            # One that was called back may have been in the row of those to come as well.
            if self._is_due(index):
                await perform(index)

        self._window = Window(self.node.limit or DEFAULT_WINDOW, due, lambda: self._inside.halted)
        try:
            await self._window.run(filter(self._is_due, self.rows.todo))
        finally:
            self._window = None

    # --- a round ---

    async def round(self, index: int, plan: Plan, scope: Scope, gives: Gives) -> None:
        """Walk a body once, or on from where it rested; `gives` says what comes of it. It stands in the rows."""
        if len(scope.path) > LONGEST_PATH:
            raise PermanentError(
                f"“{self.node.title}” stands too deep inside of other steps: the names around it are too long.",
                hint="Nest fewer containers and called workflows, or give the steps around shorter ids.",
            )
        while (pause := await self._try(index, plan, scope, gives)) is not None:
            if pause > LONGEST_HELD_WAIT:
                self.rows.rests_before(index, scope.path, pause)
                return
            await asyncio.sleep(pause)
            if self._inside.halted:
                return

    async def _try(self, index: int, plan: Plan, scope: Scope, gives: Gives) -> float | None:
        """One try of a round; in how many seconds it is to be tried again, if it is."""
        item, past = str(index), self._past
        tries = self.rows.tries(index)
        scope = replace(scope, again=self._scope.again or tries > 1)
        known = scope.again or item in past.begun or item in past.resting
        past.begun.discard(item)
        past.called.discard(item)
        past.resting.pop(item, None)
        began = self.rows.begins(index)
        ledger = self._journey.ledger
        # A round that goes on reads its rows: all that was noted of it must be there.
        await (ledger.settle() if known else ledger.breathe())
        control = Control(self._inside)
        walk = self._live[item] = self._journey.walk(self._journey, plan, scope, control)
        deadline = Deadline(self.node, began, control)
        try:
            await walk.begin(known)
            if walk.is_settled(self.node.id, limit_number(tries)):
                deadline.over()
            with deadline:
                ended = await walk.walk()
            if ended.kind == "waiting":
                self.rows.rests(index, ended.waits, scope.path, deadline.at)
                return None
            error = await self._came_to(index, walk, ended, deadline, gives)
            if ended.kind == "done" and known and deadline.at is not None:
                self.rows.drop(scope.path + "/")
            if error is None and ended.kind == "done":
                return None
        finally:
            del self._live[item]
            control.leave()
            await walk.close()
        return None if error is None else await self._after_failure(index, error, scope, began)

    async def _came_to(
        self, index: int, walk: Body, ended: Ended, deadline: Deadline, gives: Gives
    ) -> NodeError | None:
        """Note the result of a round, if it has one; else why it failed, or None if it was cut short from outside."""
        if ended.kind == "failed":
            return FailedInside(ended.error or {}, ended.given)
        if ended.kind == "halted":
            return deadline.error if deadline.passed and not deadline.cut else None
        try:
            await self.rows.ends(index, Done(await gives(walk)), self._past.since[str(index)])
        except (NodeError, TemplateError) as error:
            return node_error(error)
        return None

    async def _after_failure(self, index: int, error: NodeError, scope: Scope, began: int) -> float | None:
        """Try the round again, or note that it failed for good."""
        pause = pause_before_round(self.rows.tries(index), error, kind_of(error), self.node.retry)
        if pause is not None and not self._inside.halted:
            await self.rows.again(index, scope.path)
            return pause
        self.rows.drop(scope.path + "/")
        given = error.given if isinstance(error, FailedInside) else None
        await self.rows.ends(index, Failed(error), began, given)
        if self.rows.stops:
            self._inside.halt("failed")
        return None

    # --- the node as a whole ---

    async def unfinished(self) -> Fate | None:
        """What the node came to if not all rounds have a result."""
        if self.rows.error is not None:
            return await self.failed_whole()
        if None not in self.rows.results:
            return None
        if self._inside.halted:
            return Fate("halted")
        self.rows.rest()
        return Fate("waiting", waits=self._past.open_waits)

    async def failed_whole(self) -> Fate:
        """A round failed the node: nothing in it waits any more, and the failure leaves it or goes on outwards."""
        error = self.rows.error or {}
        self.rows.drop(self._scope.inside(self.node.id, 0).removesuffix("0"))
        if self.node.on_error == "stop":
            self.rows.end_failed()
            return self._failed()
        outputs = broadcast.collect(self.once, [broadcast.Failed(FailedInside(error), error)])
        return await self._fired(outputs, error=error)

    @property
    def once(self) -> Once:
        """The call of a node that takes every list whole."""
        if not isinstance(self._call, Once):
            raise TypeError(f"{self.node.type} takes every list whole")
        return self._call
