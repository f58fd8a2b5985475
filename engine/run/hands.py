"""What a node's calls ask of the run that makes them: a durable try before an effect, services, the process pool."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from typing import Any

from engine.run.callrows import CallRows
from engine.run.control import Control
from engine.run.example import example_of
from engine.run.outcome import Call, Done
from engine.run.plan import PlannedNode
from engine.run.rehearsal import hidden, would_send
from engine.run.scopes import Journey, Scope
from engine.run.toolbox import CallContext


class Halted(Exception):
    """The run came to an end before this effect began."""


class NodeHands:
    """The hands of one node in one scope. Implements `engine.run.step.Hands`.

    `now`: the time that the node's calls see. `contexts`: by item, what a call that is under way was handed.
    `rehearsed`: whether an example stands for a result.
    """

    def __init__(self, planned: PlannedNode, journey: Journey, scope: Scope, control: Control, rows: CallRows) -> None:
        self.now = datetime.fromtimestamp(rows.started_at / 1000, UTC)
        self.contexts: dict[str, CallContext] = {}
        self.rehearsed = False
        self._node, self._type = planned.node, planned.type
        self._journey, self._scope, self._control, self._rows = journey, scope, control, rows

    async def begin_attempt(self, call: Call, limit: float) -> None:
        """See `Hands`. Raises Halted if the run came to an end meanwhile: then the effect must not happen."""
        if self._control.halted:
            raise Halted
        self._control.effect_begins()
        await self._rows.begin_attempt(call, limit)
        if self._control.reason is not None:
            self._rows.end_attempt(call.item, "failed")
            raise Halted

    def services(self, call: Call) -> dict[str, Any]:
        """See `Hands`."""
        claim, tools = self._journey.claim, self._journey.tools
        context = self.contexts[call.item] = CallContext(
            run_id=claim.run_id,
            workflow_id=self._scope.flow.workflow_id,
            workspace_id=claim.workspace_id,
            node_id=self._node.id,
            item=call.item,
            attempt=call.attempt,
            generation=call.generation,
            now=self.now,
            public_url=tools.public_url,
            scope=self._scope.path,
            progress=self._report,
            answer=call.answer,
            spend=self._journey.spend,
        )
        return tools.toolbox.services(self._type, context)

    def _report(self, done: int, total: int | None) -> None:
        if not self._rows.mapped:
            self._rows.reported = {"done": done} if total is None else {"done": done, "total": total}

    async def invoke_cpu(self, params: Any, services: dict[str, Any]) -> Any:
        """See `Hands`."""
        ledger = self._rows.ledger
        if not isinstance(params, list):
            params = await ledger.portable(params)
        keep = (ledger.storage, ledger.workspace_id)
        return await self._journey.tools.pool.call(self._type.id, self._type.version, params, services, keep)

    async def keep(self, items: Iterator[Any] | AsyncIterator[Any]) -> Any:
        """See `Hands`."""
        return await self._rows.ledger.kept(items)

    @property
    def dry(self) -> bool:
        """Whether nothing is to be written outside."""
        return bool(self._journey.claim.options.get("dry"))

    async def rehearse(self, params: Any, call: Call, limit: float) -> Done | None:
        """See `Hands`."""
        if not self.dry:
            return None
        services = self.services(call)
        context = self.contexts[call.item]
        sends = await would_send(self._type, params, call.raw, services, limit)
        context.stand_in = {"by": "example", "sends": hidden(sends, context.secrets)}
        self.rehearsed = True
        return Done(example_of(self._type, params), attempt=call.attempt)
