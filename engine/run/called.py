"""Fires a node that runs another workflow: in line, as a scope of this run, or as a run of its own."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import orjson

from engine import broadcast
from engine.broadcast import Mapped, Once
from engine.contract import CallWorkflow, NodeError, PermanentError
from engine.expressions import TemplateError
from engine.models import new_id
from engine.run.calls import node_error
from engine.run.failures import FailedInside
from engine.run.firing import Fate
from engine.run.interface import by_port
from engine.run.noderows import Given
from engine.run.outcome import Call, Done, Failed, plain
from engine.run.past import Waited
from engine.run.scoped import ScopedFiring
from engine.run.scopes import Body, Flow, Scope
from engine.run.step import validated
from engine.store.changes import NewWait
from engine.store.starting import NewRun

DEEPEST = 16


class CallFiring(ScopedFiring):
    """Fires a node that runs another workflow. Each call of it is recorded as an item, also if there is but one."""

    async def _called(self, call: Once | Mapped) -> Fate:
        paths = call.path_at if isinstance(call, Mapped) else None
        self.rows.take_over(True, self._length(call), paths)
        if self.rows.error is None:
            await self.at_once(self._one)
        if (fate := await self.unfinished()) is not None:
            return fate
        results = [result for result in self.rows.results if result is not None]
        outputs = broadcast.collect(call, [self._collectable(i, result) for i, result in enumerate(results)])
        failed = isinstance(call, Once) and isinstance(results[0], Failed)
        error = self.rows.record(results[0].error, "") if failed and isinstance(results[0], Failed) else None
        return await self._fired(outputs, error=error)

    async def _one(self, index: int) -> None:
        began = self.rows.started_at
        try:
            raw = self._resolved(index)
            if isinstance(self._call, Once):
                self.rows.single = Given(Call("", raw, self._hands.now))
            asked = self.type.function(validated(self.node, self.type, raw))
            asked = await asked if inspect.isawaitable(asked) else asked
            await self._perform_call(index, asked)
        except (NodeError, TemplateError) as error:
            await self.rows.ends(index, Failed(node_error(error)), began)
            if self.rows.stops:
                self._inside.halt("failed")

    async def _perform_call(self, index: int, asked: CallWorkflow) -> None:
        version = self._version(asked.workflow)
        if asked.mode == "in_line":
            await self._in_line(index, asked, version)
        elif asked.mode == "detached":
            new = self._new_run(index, asked, version, new_id(), awaited=False)
            self.rows.ledger.start(new)
            await self.rows.ends(index, Done({"main": {"run_id": new.id}}), self.rows.started_at)
            self.rows.ledger.flush()
        else:
            await self._child(index, asked, version)

    def _version(self, workflow: str) -> str:
        """The version that was fixed when the run started. Raises PermanentError."""
        versions = self._journey.claim.options.get("versions") or {}
        if self._depth > DEEPEST:
            raise PermanentError(
                f"Workflows call each other more than {DEEPEST} levels deep here.",
                hint="A workflow that calls itself, directly or by way of others, needs a condition that ends it.",
            )
        if workflow not in versions:
            raise PermanentError(
                "The workflow that this step runs had no published version when the run started, or is not there.",
                hint="Publish it, or choose another one by its name: which one runs cannot come from a template.",
            )
        version: str = versions[workflow]
        return version

    @property
    def _depth(self) -> int:
        return self._scope.flow.depth + 1

    # --- in line ---

    async def _in_line(self, index: int, asked: CallWorkflow, version: str) -> None:
        versions = self._journey.claim.options["versions"]
        plan = await self._journey.plans.get(version, versions)
        given = {"trigger": None, "payload": None, "inputs": plain(dict(asked.inputs))}
        flow = Flow(asked.workflow, given, depth=self._depth)
        about = {**self._extra["run"], "workflow_id": asked.workflow, "source": "workflow"}
        path = self._scope.inside(self.node.id, index)
        await self.round(index, plan, Scope(flow, {"trigger": None, "run": about, "vars": {}}, path), self._gives)

    async def _gives(self, walk: Body) -> Mapping[str, Any]:
        return await self._ports(walk.results.output() if walk.results is not None else {})

    async def _ports(self, output: Mapping[str, Any]) -> dict[str, Any]:
        """What leaves by output, from what a workflow gave back: see `engine.run.results.Results`."""
        outputs = {name: await self._value(held) for name, held in (output.get("outputs") or {}).items()}
        last = output.get("last")
        return by_port(outputs, await self._value(last) if last is not None else None)

    async def _value(self, held: Mapping[str, Any]) -> Any:
        return await self.rows.ledger.unpacked(orjson.loads(orjson.dumps(held)))

    # --- as a run of its own ---

    async def _child(self, index: int, asked: CallWorkflow, version: str) -> None:
        item = str(index)
        wait = self._past.waits.get(item)
        if wait is None or wait.dropped:
            # The run and the wait for it are recorded together: neither is ever there without the other.
            new = self._new_run(index, asked, version, new_id(), awaited=True)
            number = self._past.next_round(item)
            self._past.waits[item] = Waited("run", number, False)
            detail = {"run_id": new.id, "workflow_id": asked.workflow}
            row = self.rows.row("waiting", item)
            self.rows.ledger.note(
                row, waits=[NewWait(new.id, self.node.id, "run", item, number, detail=detail, scope=self._scope.path)]
            )
            self.rows.ledger.start(new)
            self.rows.ledger.flush()
        elif wait.settled:
            await self._take(index, str(wait.detail["run_id"]))

    async def _take(self, index: int, run_id: str) -> None:
        """Go on from how the awaited run ended. Raises NodeError if it did not end well."""
        status, output, error = await self._journey.checkpoints.ended(self._journey.claim.workspace_id, run_id)
        if status == "failed":
            raise FailedInside({**(error or {}), "run": run_id})
        if status != "done":
            raise PermanentError(
                f"The run that “{self.node.title}” waited for was cancelled.",
                hint="Look at that run's page, and run this again when it may go on.",
                response={"run_id": run_id},
            )
        await self.rows.ends(index, Done(await self._ports(output or {})), self.rows.started_at)

    def _new_run(self, index: int, asked: CallWorkflow, version: str, run_id: str, *, awaited: bool) -> NewRun:
        claim = self._journey.claim
        options = {
            "versions": claim.options["versions"],
            "depth": self._depth,
            "root": claim.options.get("root", claim.run_id),
            "caller": [claim.run_id, self._scope.path, self.node.id],
            **({"dry": claim.options["dry"]} if "dry" in claim.options else {}),
            **({"parent": claim.run_id} if awaited else {}),
        }
        return NewRun(
            id=run_id,
            workspace_id=claim.workspace_id,
            workflow_id=asked.workflow,
            version_id=version,
            source="workflow",
            input={"trigger": None, "payload": None, "inputs": plain(dict(asked.inputs))},
            options=options,
            parent_run_id=claim.run_id,
            parent_step={"scope": self._scope.path, "node": self.node.id, "item": str(index)},
            root_run_id=options["root"],
        )
