"""The rows of a node's calls: the tries of each, its result, its failure, what it waits for."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from engine.clock import now_ms
from engine.contract import Postponed
from engine.doors import fingerprint, token_of
from engine.models import new_id
from engine.run.failures import from_record
from engine.run.noderows import Given, NodeRows
from engine.run.outcome import Asked, Asks, Asleep, Call, Done, Failed, Later, plain
from engine.run.past import ANSWERED, Waited, WaitKind
from engine.run.retry import outcome_unknown
from engine.store.changes import AttemptEnd, NewWait


@dataclass(slots=True)
class CallRows(NodeRows):
    """Notes in the ledger what comes of each call of a node."""

    _tries: dict[str, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        NodeRows.__post_init__(self)
        self._tries = {item: (attempt.number, attempt.generation) for item, attempt in self.past.open.items()}

    # --- tries of an effect ---

    async def begin_attempt(self, call: Call, limit: float) -> None:
        """Return once the try is recorded durably. See `engine.run.step.Hands`."""
        if (earlier := self._tries.pop(call.item, None)) is not None:
            number, generation = earlier
            # A repeat of the same request: nobody knows what became of the first.
            outcome = "unknown" if generation == call.generation else "failed"
            self.ledger.note(attempts=[AttemptEnd(self.planned.id, call.item, number, outcome, scope=self.scope)])
        await self.ledger.begin_attempt(self.planned.id, call, limit, self.scope)
        self._tries[call.item] = (call.attempt, call.generation)

    def end_attempt(self, item: str, outcome: Literal["done", "failed", "unknown"]) -> None:
        """Note how the open try ended, if there is one."""
        if (tried := self._tries.pop(item, None)) is not None:
            self.ledger.note(attempts=[AttemptEnd(self.planned.id, item, tried[0], outcome, scope=self.scope)])

    # --- what came of a call ---

    async def done(self, index: int, outcome: Done, given: Given) -> None:
        """Note a call's result. Raises NodeError if it cannot be stored: then nothing is noted but the try's end."""
        item = self.item(index)
        if outcome.failure is None:
            self.end_attempt(item, "done")
        else:
            self.end_attempt(item, "unknown" if outcome_unknown(outcome.failure) else "failed")
            self._fallbacks += 1
        waited = item in self.past.waits
        if waited and self.past.waits[item].kind in ANSWERED:
            # What left early belongs to the node's outputs as well.
            outcome = replace(outcome, fired={**self.past.asleep.get(item, {}), **outcome.fired})
        if not self.mapped or (self.planned.pure and not waited):
            self.keep(index, outcome)
            self._settle_chunk(index)
            return
        self.ledger.limits.check_rows()
        packed = await self.ledger.packed_ports(outcome.fired)
        self.keep(index, outcome)
        self._settle_chunk(index)
        self.ledger.note(self.row("done", item, outcome.attempt, output=packed, given=given))
        self.ledger.flush()

    def failed(self, index: int, outcome: Failed, given: Given) -> None:
        """Note a call's failure."""
        item = self.item(index)
        record = self.record(outcome.error, item, given.secrets)
        self.end_attempt(item, "unknown" if outcome_unknown(outcome.error) else "failed")
        # Kept without its secrets: it may leave through the error output.
        self.keep(index, Failed(from_record(record, self.planned.id), outcome.attempt))
        if self.stops and self.error is None:
            self.error, self.given = record, self._input(given.call)
        if self.mapped:
            self.ledger.note(self.row("failed", item, outcome.attempt, error=record, given=given))
            self._settle_chunk(index)

    async def waiting(self, index: int, outcome: Later | Asleep | Asked | Asks, given: Given) -> None:
        """Note what a call waits for as a row, so that it holds no worker."""
        item = self.item(index)
        packed = error = due = None
        detail: dict[str, Any] = {}
        kind: WaitKind = "timer"
        if isinstance(outcome, Asleep):
            due = round(outcome.until.timestamp() * 1000)
            packed = await self.ledger.packed_ports(outcome.fired)
            self.past.asleep[item] = outcome.fired
        elif isinstance(outcome, Asked):
            asking = outcome.asking
            kind = asking.kind
            due = round(asking.until.timestamp() * 1000) if asking.until else None
            detail = {**asking.detail, "evidence": await self.ledger.packed(plain(asking.evidence))}
            if given.context and given.context.wait_id:
                self.ledger.doors.add(given.context.wait_id)
            packed = await self.ledger.packed_ports(outcome.early)
            self.past.asleep[item] = outcome.early
        else:
            kind = "retry" if isinstance(outcome, Later) else "ask"
            error = self.record(outcome.error, item, given.secrets)
            detail = {"attempt": outcome.attempt, "generation": outcome.generation}
            due = self._put_off(item, outcome, detail, error)
        round_ = self.past.next_round(item)
        self.past.waits[item] = Waited(kind, round_, False, detail)
        self.waits += 1
        row = self.row("waiting", item, outcome.attempt, output=packed, error=error, given=given)
        wait_id = given.context.wait_id if given.context and isinstance(outcome, Asked) else ""
        door = fingerprint(token_of(wait_id)) if wait_id else None
        wait = NewWait(wait_id or new_id(), self.planned.id, kind, item, round_, due, detail, self.scope, door)
        self.ledger.note(row, waits=[wait])

    def _put_off(self, item: str, outcome: Later | Asks, detail: dict[str, Any], error: Any) -> int | None:
        """End the try and complete the wait's detail; when to go on, in ms since 1970, or None for a question."""
        if isinstance(outcome, Asks):
            detail["error"] = error
            self.end_attempt(item, "unknown")
            return None
        if outcome.put_off:
            detail["put_off"] = outcome.put_off
        if isinstance(outcome.error, Postponed):
            detail["held_by"] = outcome.error.message
        elif error:
            detail["because"] = {"kind": error["kind"], "message": error["message"]}
        if outcome.unknown:
            detail["unknown"] = True
        else:
            self.end_attempt(item, "unknown" if outcome_unknown(outcome.error) else "failed")
        return now_ms() + math.ceil(outcome.seconds * 1000)
