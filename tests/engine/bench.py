"""A database with a real writer, leases, payload store and executor: runs documents the way a worker does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from engine.catalog import catalog
from engine.contract import Credentials, NotFound
from engine.models import Run, Segment, WorkflowVersion, new_id
from engine.run.days import Days
from engine.run.executor import Executor
from engine.run.ledger import Ledger
from engine.run.plan import Plan
from engine.run.plans import Plans
from engine.run.pool import Pool
from engine.run.redo import Redo, analyse
from engine.run.reuse import Choice, containers
from engine.run.scopes import Tools
from engine.run.toolbox import CallContext, Toolbox
from engine.store import settling, starting
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim
from engine.store.db import Database
from engine.store.folder import Folder
from engine.store.lease import Leases
from engine.store.reading import History
from engine.store.results import Delivery
from engine.store.runvalues import RunValues
from engine.store.starting import NewRun, Taken
from engine.store.storage import Storage
from engine.store.writer import Writer
from tests.engine.seed import Seed, seed


class NoFiles:
    """For nodes that ask for no files."""

    def __init__(self, workspace_id: str, run_id: str) -> None: ...

    def open(self, file: Any) -> Any:
        raise NotFound("no files here")

    def save(self, name: str, media_type: str, content: Any) -> Any:
        raise NotFound("no files here")


class NoAccounts(Credentials):
    """For nodes that ask for no account."""

    async def get(self, credential_id: str) -> tuple[str, Mapping[str, Any]]:
        raise NotFound("no accounts here")


@dataclass(frozen=True)
class Ran:
    """How a run ended, with its rows by node and item."""

    run: Run
    history: History

    @property
    def steps(self) -> dict[str, dict[str, Any]]:
        """The closing rows of the top level by node."""
        return {row["node_id"]: row for row in self.history.steps if not row["item"] and not row["scope"]}

    @property
    def statuses(self) -> dict[str, str]:
        return {node_id: row["status"] for node_id, row in self.steps.items()}

    def items(self, node_id: str) -> dict[str, dict[str, Any]]:
        """The rows of the items and chunks of a node of the top level."""
        rows = (row for row in self.history.steps if row["node_id"] == node_id and not row["scope"])
        return {row["item"]: row for row in rows if row["item"]}

    def output(self, node_id: str, port: str = "main") -> Any:
        """The value of an output that was small enough to stand in the row."""
        return self.steps[node_id]["output"][port]["v"]


class Bench:
    """See the module. One executor with its own owner; `other` makes a second, as if in another process."""

    def __init__(self, url: str, home: Path, lease_seconds: float = 15) -> None:
        self.database = Database(url)
        self.writer = Writer(self.database, committed=self._hear)
        self.told: list[Any] = []
        self.replies: list[Any] = []
        self.checkpoints = Checkpoints(self.database, self.writer)
        self.leases = Leases(self.writer, lease_seconds)
        self.storage = Storage(Folder(home / "payloads"))
        self.pool = Pool(1)
        self.seeds: dict[str, Seed] = {}
        self.workers = 1
        self.executor = self.another()

    def another(self) -> Executor:
        """An executor with nothing cached."""
        toolbox = Toolbox(NoFiles, lambda workspace_id: NoAccounts(), stored=self.stored)
        return Executor(
            Plans(catalog(), self._document),
            self.checkpoints,
            self.storage,
            Tools(self.pool, toolbox, workers=self._workers, days=Days(self.database)),
        )

    def stored(self, at: CallContext, effect: str) -> RunValues:
        """The values that outlive a run."""
        return RunValues(self.database, at.workspace_id, at.workflow_id, at.run_id, effect)

    async def _workers(self) -> int:
        return self.workers

    def _hear(self, results: Any) -> None:
        self.told += [event for result in results for event in getattr(result, "events", ())]
        self.replies += [result.reply for result in results if getattr(result, "reply", None)]

    async def _document(self, version_id: str) -> Any:
        if version_id in self.seeds:
            return self.seeds[version_id].document
        with self.database.transaction(write=False) as session:
            found = session.get(WorkflowVersion, version_id)
        assert found is not None
        return found.document

    async def start(self, nodes: Mapping[str, Any], **more: Any) -> str:
        """Record a run of a new version with these nodes; its id."""
        document = {"weft": 1, "name": "Test", "nodes": nodes}
        place = seed(self.database, document)
        self.seeds[place.version_id] = Seeded(document)
        given = {"trigger": None, "payload": None, "inputs": {}} | more.pop("input", {})
        started = await self.writer.submit(partial(starting.start, new=place.run(input=given, **more)))
        run_id: str = started.run_id
        return run_id

    async def linked(self, run_id: str, choose: Callable[[Plan, Redo], Choice], **more: Any) -> str:
        """Record a run of the same version that takes from an ended one what is chosen; its id."""
        earlier = self.row(run_id)
        plan = await Plans(catalog(), self._document).get(earlier.version_id)
        claim = cast(Any, earlier)  # of which only the workspace is asked
        history = await self.checkpoints.history(run_id)
        redo = await analyse(
            plan, history, run_id, earlier.input, Ledger(claim, self.checkpoints, self.storage).unpacked
        )
        choice = choose(plan, redo)
        new = NewRun(
            id=new_id(),
            workspace_id=earlier.workspace_id,
            workflow_id=earlier.workflow_id,
            version_id=earlier.version_id,
            source="again",
            input=earlier.input,
            options={**choice.options(), **more},
            again_of=run_id,
            taken=(Taken(run_id, choice.taken, containers(plan, choice.taken), choice.rounds),),
        )
        return cast(str, (await self.writer.submit(partial(starting.start, new=new))).run_id)

    async def claim(self, run_id: str, leases: Leases | None = None) -> Claim | None:
        segment = self.segment(run_id)
        return await (leases or self.leases).claim(Delivery(run_id, 0, segment.epoch))

    async def advance(self, run_id: str) -> str:
        """Execute one segment; the run's status afterwards."""
        claim = await self.claim(run_id)
        assert claim is not None
        try:
            if not await self.executor.execute(claim):
                await self.leases.give_back(claim)
        finally:
            self.leases.drop(claim)
        return self.row(run_id).status

    async def finish(self, run_id: str, longest: float = 20) -> Ran:
        """Advance until the run is over, settling timers when they are due."""
        async with asyncio.timeout(longest):
            while self.row(run_id).status not in ("done", "failed", "cancelled"):
                if self.segment(run_id).status == "queued":
                    await self.advance(run_id)
                for wait_id in await self.writer.submit(partial(settling.due_waits, limit=10)):
                    await self.settle(wait_id, {})
                await asyncio.sleep(0.01)
        return await self.ran(run_id)

    async def run_out(self, run_id: str) -> Ran:
        """Finish, with deadlines settled as the scheduler does."""
        async with asyncio.timeout(20):
            while self.row(run_id).status not in ("done", "failed", "cancelled"):
                if self.segment(run_id).status == "queued":
                    await self.advance(run_id)
                for wait_id in await self.writer.submit(partial(settling.due_waits, limit=10)):
                    due = partial(settling.settle, wait_id=wait_id, outcome={"due": True}, early=False)
                    await self.writer.submit(due)
                await asyncio.sleep(0.01)
        return await self.ran(run_id)

    async def settle(self, wait_id: str, outcome: Any) -> None:
        await self.writer.submit(partial(settling.settle, wait_id=wait_id, outcome=outcome, early=True))

    async def run(self, nodes: Mapping[str, Any], **more: Any) -> Ran:
        """Start and finish."""
        return await self.finish(await self.start(nodes, **more))

    async def ran(self, run_id: str) -> Ran:
        return Ran(self.row(run_id), await self.checkpoints.history(run_id))

    def find(self, model: Any, key: Any) -> Any:
        """A row by its key."""
        with self.database.transaction(write=False) as session:
            return session.get(model, key)

    def row(self, run_id: str) -> Run:
        with self.database.transaction(write=False) as session:
            found = session.get(Run, run_id)
        assert found is not None
        return found

    def segment(self, run_id: str) -> Segment:
        with self.database.transaction(write=False) as session:
            found = session.get(Segment, (run_id, 0))
        assert found is not None
        return found


@dataclass(frozen=True)
class Seeded:
    document: Mapping[str, Any]


@asynccontextmanager
async def opened(url: str, home: Path, lease_seconds: float = 15) -> AsyncIterator[Bench]:
    """A bench that is running."""
    bench = Bench(url, home, lease_seconds)
    bench.writer.start()
    bench.leases.start()
    try:
        yield bench
    finally:
        await bench.leases.stop()
        await asyncio.to_thread(bench.writer.stop)
        bench.database.close()
