"""What a segment records: rows gather here and leave in order, a few per commit."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from engine import traces
from engine.clock import now_ms
from engine.contract import LongList
from engine.models import new_id
from engine.run.budget import Spent
from engine.run.limits import Limits
from engine.run.outcome import Call
from engine.run.packing import LONG_LIST, Packing
from engine.store.changes import AttemptEnd, Changes, EndStatus, NewWait, Saved, StepRow
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim, Fenced
from engine.store.shards import Shard
from engine.store.starting import NewRun
from engine.store.storage import INLINE_BYTES, Storage
from engine.telemetry import get_logger

MANY_ROWS = 2_000  # that are noted before they are sent without waiting for the next tick
MANY_SAVES = 64
EPOCHS_APART = 1_000_000
OPEN = frozenset({"running", "waiting"})

log = get_logger(__name__)


class Ledger(Packing):
    """The rows of one held segment, on their way to the database, with the values that they hold.

    Saves are not waited for: they become durable in the order in which they were flushed, and whoever waits for a later
    one has all earlier ones. `begin_attempt` and `close` wait. `has_waits`: whether something of the run may wait.
    `spent`: calls, time and money of this segment.
    """

    def __init__(self, claim: Claim, checkpoints: Checkpoints, storage: Storage) -> None:
        super().__init__(storage, claim.workspace_id, Limits())
        self.claim = claim
        self.failed: BaseException | None = None
        self.has_waits = self.has_shards = False
        self.spent = Spent()
        self._checkpoints = checkpoints
        self._steps: dict[tuple[str, str, str], StepRow] = {}
        self._attempts: list[AttemptEnd] = []
        self._waits: list[NewWait] = []
        self._dropped: list[str] = []
        self._renewed: list[tuple[str, int]] = []
        self._runs: list[NewRun] = []
        self._saving: set[asyncio.Task[Saved]] = set()

    def note(self, *steps: StepRow, attempts: Sequence[AttemptEnd] = (), waits: Sequence[NewWait] = ()) -> None:
        """Have these rows recorded with the next flush."""
        self.limits.recorded += sum(step.status not in OPEN for step in steps)
        for step in steps:
            # Only the newest state of a row is worth writing; it takes its place at the end. What is over stays over.
            key = (step.scope, step.node_id, step.item)
            earlier = self._steps.get(key)
            if earlier is None:
                self._steps[key] = step
            elif earlier.status in OPEN:
                del self._steps[key]
                self._steps[key] = step
        self._attempts += attempts
        if waits:
            self._waits += waits
            self.has_waits = True

    def drop(self, prefix: str) -> None:
        """Have the waits given up, and the steps cancelled, of all scopes whose path and a `/` begin like this."""
        self._dropped.append(prefix)

    def renew(self, path: str, failed: int) -> None:
        """Have a scope begin again with what was done there; `failed` is the number of the try that failed.

        All that was waited for in it is given up.
        """
        self._dropped.append(f"{path}/")
        self._renewed.append((path, failed))

    def start(self, new: NewRun) -> None:
        """Have another run started, together with what was noted."""
        self._runs.append(new)

    async def breathe(self) -> None:
        """Wait while more is on its way than the writer keeps up with, so that memory stays bounded."""
        if len(self._steps) >= MANY_ROWS:
            self.flush()
        while len(self._saving) > MANY_SAVES:
            await asyncio.wait(self._saving, return_when=asyncio.FIRST_COMPLETED)

    def flush(self) -> None:
        """Send what was noted on its way; do not wait."""
        if self._steps or self._attempts or self._waits or self._dropped or self._runs or self.spent.owes:
            self._send(self._taken())

    def deal_out(self, shards: Sequence[Shard]) -> None:
        """Have other workers do parts of a node, with all that was noted."""
        self.has_shards = True
        self._send(self._taken(shards=shards))

    async def close_shard(self, stuck: bool = False) -> None:
        """End this segment, which is a shard, with all that was noted; the run goes on.

        `stuck`: not all of its items have a result, which whoever dealt it out must hear of at once.
        """
        await self._recorded(self._taken(done=True, stuck=stuck))

    def answer(self, output: Any) -> None:
        """Let the run's synchronous caller have its answer now, though the run goes on."""
        self._send(self._taken(answer=output))

    async def begin_attempt(self, node_id: str, call: Call, limit: float, scope: str = "") -> None:
        """Return when everything noted so far and the attempt's own row are durable.

        Raises:
            Fenced: the segment was lost; the effect must not happen.
        """
        self.flush()
        begun = asyncio.create_task(
            self._checkpoints.begin_attempt(
                self.claim, node_id, call.item, call.attempt, call.generation, int(limit * 1000), scope
            )
        )
        await asyncio.gather(*self._saving, begun)
        self._check()

    async def settle(self) -> None:
        """Return when everything noted so far is durable. Raises what a save raised."""
        self.flush()
        if self._saving:
            await asyncio.gather(*self._saving)
        self._check()

    async def close(self, end: EndStatus, output: Any = None, error: Any = None) -> None:
        """End the run, together with all that was noted; unless it is done, nothing of it is waited for any more."""
        if end != "done" and self.has_waits:
            self.drop("")
        # A segment that was come back to may have dealt some out in an earlier epoch.
        shards = self.has_shards or not self.claim.fresh
        changes = self._taken(end=end, output=output, error=error, end_shards=shards)
        await self._recorded(changes)
        self.claim.ended = (end, output, error)
        claim = self.claim
        traces.run(claim.run_id, claim.workflow_id, claim.started_at, now_ms(), end, claim.options)

    async def park(self) -> bool:
        """Give the segment up until a wait is settled; False if one was settled meanwhile."""
        return (await self._recorded(self._taken(park=True))).parked

    async def pause(self, question: Mapping[str, Any] | None = None, due: int | None = None) -> bool:
        """Give the segment up until the run is resumed; False if that, or a wish to cancel, came meanwhile.

        With a `question` a person must answer first, or its time `due` come: a budget is used up.
        """
        if question is not None:
            # The epochs of a run's segments grow each by itself.
            asked = self.claim.epoch + self.claim.segment * EPOCHS_APART
            self._waits.append(NewWait(new_id(), "", "budget", round=asked, due=due, detail=question))
        return (await self._recorded(self._taken(pause=True))).paused

    def _taken(self, **more: Any) -> Changes:
        steps = tuple(self._steps.values())
        changes = Changes(
            steps=steps,
            attempts=self._attempts,
            waits=self._waits,
            payloads=self._payloads,
            dropped=self._dropped,
            renewed=self._renewed,
            runs=self._runs,
            spent=self.spent.rest(),
            **more,
        )
        self._steps, self._attempts, self._waits, self._payloads = {}, [], [], []
        self._dropped, self._renewed, self._runs = [], [], []
        return changes

    async def _recorded(self, changes: Changes) -> Saved:
        """Return when these changes are durable, with all that were sent before. Raises what a save raised."""
        if self._saving:
            saved = self._send(changes)
            await asyncio.gather(*self._saving, saved)
            return saved.result()
        try:
            # With nothing ahead of them they need no task of their own to stay in order.
            return await self._checkpoints.save(self.claim, changes)
        except Exception as error:
            self._lost(error)
            raise

    def _send(self, changes: Changes) -> asyncio.Task[Saved]:
        # Tasks start in the order in which they were made, so saves reach the writer in order.
        task = asyncio.create_task(self._checkpoints.save(self.claim, changes))
        self._saving.add(task)
        task.add_done_callback(self._saved)
        return task

    def _saved(self, task: asyncio.Task[Saved]) -> None:
        self._saving.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._lost(error)

    def _lost(self, error: BaseException) -> None:
        """Note that a save was not made: nothing that this holder does can be recorded any more."""
        if not isinstance(error, Fenced):
            log.error("a checkpoint was not recorded", run_id=self.claim.run_id, error=repr(error))
        self.failed = self.failed or error
        self.claim.end("lost")

    def _check(self) -> None:
        if self.failed is not None:
            raise self.failed


def fields_as_rows_hold_them(raw: Mapping[str, Any]) -> Any:
    """The input column of a row: `{field: {"v": value}}`.

    Values above the inline limit are left out: they are outputs of earlier nodes, where they are stored already.
    """
    small = {name: {"v": value} for name, value in raw.items() if not _is_long(value)}
    try:
        text = orjson.dumps(small, option=orjson.OPT_NON_STR_KEYS)
        if len(text) > INLINE_BYTES:
            size = {name: len(orjson.dumps(held, option=orjson.OPT_NON_STR_KEYS)) for name, held in small.items()}
            share = INLINE_BYTES // len(small)
            kept = {name: held for name, held in small.items() if size[name] <= share}
            text = orjson.dumps(kept, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return None
    return orjson.Fragment(text)


def _is_long(value: Any) -> bool:
    return isinstance(value, LongList) or (isinstance(value, list) and len(value) > LONG_LIST)
