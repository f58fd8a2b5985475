"""The rows of one node in one run: what each call came to, how far the node is, how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine import metrics, traces
from engine.broadcast import Value
from engine.clock import now_ms
from engine.contract import NodeError
from engine.run.failures import given_to, to_record, without_secrets
from engine.run.ledger import Ledger, fields_as_rows_hold_them
from engine.run.mapping import Chunks
from engine.run.outcome import Call, Done, Failed
from engine.run.past import Past
from engine.run.plan import PlannedNode
from engine.run.toolbox import CallContext
from engine.store.changes import StepRow


@dataclass(frozen=True, slots=True)
class Given:
    """What a row says beside the outcome: the call's fields, and what the call left (log lines, secrets to hide)."""

    call: Call | None = None
    context: CallContext | None = None

    @property
    def secrets(self) -> set[str]:
        return self.context.secrets if self.context else set()


NOTHING = Given()


@dataclass(slots=True)
class NodeRows:
    """Notes a node's rows in the ledger as its calls end. `mapped`: each call is one item's.

    `error` is the record of what failed the node, `given` what that call was given, as rows hold it. `stops`: whether
    a call that fails does so.
    """

    planned: PlannedNode
    ledger: Ledger
    past: Past
    scope: str = ""
    started_at: int = 0
    mapped: bool = False
    results: list[Done | Failed | None] = field(default_factory=list)
    waits: int = 0
    error: dict[str, Any] | None = None
    given: Any = None
    stops: bool = True
    reported: dict[str, int] | None = None
    single: Given = NOTHING
    first: int = 0
    total: int = 0
    _done: int = 0
    _failed: int = 0
    _reused: int = 0
    _fallbacks: int = 0
    _told: dict[str, int] | None = None
    _chunks: Chunks | None = None
    _complete: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started_at = self.past.started_at or now_ms()
        self.stops = self.planned.node.on_error == "stop"

    def take_over(
        self,
        mapped: bool,
        length: int,
        paths: Callable[[int], tuple[int, ...]] | None = None,
        *,
        first: int = 0,
        total: int | None = None,
    ) -> None:
        """Make room for so many results, with those that are known from before; `paths` says where an item is from.

        Of a long list one part after the other is taken over: `first` is the number of its first item among `total`.
        """
        self.ledger.limits.check_rows()
        self.mapped, self.results = mapped, [None] * length
        self.first, self.total = first, length if total is None else total
        for index in range(length) if self.past.finished else ():
            known = self.past.finished.get(self.item(index))
            if known is not None:
                self.keep(index, known)
                if isinstance(known, Failed) and self.stops:
                    self.error, self.given = self.record(known.error, self.item(index)), given_to(known.error)
        if paths is not None and self.past.reusable:
            self._reuse(paths)
        if mapped and self.planned.pure and total is None:
            self._chunks = Chunks(length, (i for i, result in enumerate(self.results) if result))

    def _reuse(self, paths: Callable[[int], tuple[int, ...]]) -> None:
        """Take the good results of the run that is retried, each for the item that comes from the same place."""
        for index, known in enumerate(self.results):
            reused = self.past.reusable.get(paths(index))
            if reused is None:
                continue
            self._reused += 1
            if known is None:
                self.keep(index, reused.result)
                if reused.row is not None:
                    self.ledger.note(self._copied(reused.row, self.item(index), reused.run_id))
        self.ledger.flush()

    def _copied(self, row: Mapping[str, Any], item: str, run_id: str) -> StepRow:
        told = {
            name: row[name] for name in ("status", "attempt", "output", "input", "log", "started_at", "finished_at")
        }
        return StepRow(self.planned.id, item=item, reused_from=row["reused_from"] or run_id, **told)

    def item(self, index: int) -> str:
        """The name of a call's row; empty where the node is called once."""
        return str(self.first + index) if self.mapped else ""

    @property
    def todo(self) -> list[int]:
        """The calls without a result."""
        return [index for index, result in enumerate(self.results) if result is None]

    def keep(self, index: int, result: Done | Failed) -> None:
        """A call has this result."""
        self.results[index] = result
        if isinstance(result, Done):
            self._done += 1
        else:
            self._failed += 1

    def counted(self, done: int, failed: int) -> None:
        """Count calls that were made elsewhere, or before."""
        self._done += done
        self._failed += failed

    def _settle_chunk(self, index: int) -> None:
        if self._chunks is not None and (start := self._chunks.settle(index)) is not None:
            self._complete.append(start)

    # --- the node as a whole ---

    def counts(self) -> dict[str, int] | None:
        """{total, done, failed} of a mapped node; how many of these another run did, and how many have the fallback
        value. Else what the call reports."""
        if not self.mapped:
            return self.reported
        counts = {"total": self.total, "done": self._done, "failed": self._failed}
        more = {"reused": self._reused, "fallback": self._fallbacks}
        return counts | {name: number for name, number in more.items() if number}

    async def progress(self) -> None:
        """Note how far the node is, if that changed: called every fraction of a second while it runs."""
        counts = self.counts() or {}
        if counts != self._told:
            self._told = counts
            self.ledger.note(self.row("running"))
        complete, self._complete = self._complete, []
        for start in complete:
            await self._note_chunk(start)

    async def _note_chunk(self, start: int) -> None:
        part = Chunks.part(start, len(self.results))
        ports: dict[str, dict[str, list[Any]]] = {}
        for index in part:
            result = self.results[index]
            for port, data in result.fired.items() if isinstance(result, Done) else ():
                held = ports.setdefault(port, {"at": [], "data": []})
                held["at"].append(index)
                held["data"].append(data)
        output = {port: {**await self.ledger.packed(held["data"]), "at": held["at"]} for port, held in ports.items()}
        self.ledger.note(self.row("done", Chunks.name(part), output=output))

    def set_aside(self) -> None:
        """Keep the results for when the node goes on."""
        self.past.finished |= {self.item(index): result for index, result in enumerate(self.results) if result}

    def rest(self, at_work: bool = False) -> None:
        """Note that the node waits; its results are kept for when it goes on. `at_work`: for others, who run it."""
        if not at_work:
            self.set_aside()
        self.past.started_at = self.started_at
        if self.mapped:
            self.ledger.note(self.row("running" if at_work else "waiting"))

    async def close(
        self,
        outputs: Mapping[str, Value],
        results: Sequence[Done | Failed] = (),
        error: dict[str, Any] | None = None,
        stand_in: Any = None,
    ) -> Mapping[str, Any]:
        """Note the closing row; the outputs as it holds them. `error`: of a node whose failure leaves through them.

        `stand_in` as in `engine.models.Step`. Raises NodeError if the outputs cannot be stored.
        """
        packed = await self.ledger.packed_outputs(outputs)
        only = results[0] if results and not self.mapped else None
        error = self.record(only.error, "") if isinstance(only, Failed) else error
        attempt = max((result.attempt for result in results), default=1)
        status = "failed" if error else "done"
        row = self.row(status, attempt=attempt, output=packed, error=error, given=self.single)
        self.ledger.note(row._replace(stand_in=stand_in) if stand_in else row)
        if not self.planned.pure:
            self.ledger.flush()
        return packed

    def end_failed(self, error: NodeError | None = None) -> None:
        """Note that the node failed, by one of its calls or as a whole."""
        if error is not None:
            self.error = self.record(error, "", self.single.secrets)
            self.given = self._input(self.single.call)
        self.ledger.note(self.row("failed", error=self.error, given=self.single))

    def skip(self, reason: str) -> None:
        """Note that the node does not run, and why."""
        self.ledger.note(self.row("skipped", log=[{"level": "info", "text": reason}]))

    def cut_short(self) -> None:
        """Note that the node was under way when its run ended."""
        self.ledger.note(self.row("cancelled"))

    def row(
        self,
        status: str,
        item: str = "",
        attempt: int = 1,
        *,
        output: Any = None,
        error: Any = None,
        log: list[Any] | None = None,
        given: Given = NOTHING,
        held: Any = None,
        told: dict[str, int] | None = None,
        started_at: int | None = None,
    ) -> StepRow:
        """A row of this node as of now; that of the whole node carries the counts.

        A round of a container says itself when it began, what (`held`) its failed node was given and what is `told`.
        """
        finished_at = None if status in ("running", "waiting") else now_ms()
        if finished_at is not None and not item:
            self._measure(status, finished_at, attempt)
        return StepRow(
            self.planned.id,
            status,
            item,
            attempt,
            output=output,
            input=held if given.call is None else self._input(given.call),
            error=error,
            counts=told if item else self.counts(),
            log=log or (self.ledger.limits.kept_lines(given.context.told) if given.context else None) or None,
            stand_in=given.context.stand_in if given.context else None,
            started_at=started_at or self.started_at,
            finished_at=finished_at,
            scope=self.scope,
        )

    def record(self, error: NodeError, item: str, secrets: Iterable[str] = ()) -> dict[str, Any]:
        """A failure of this node as it is stored and shown."""
        return to_record(error, self.planned.node, item, secrets, self.scope)

    def _measure(self, status: str, finished_at: int, attempt: int) -> None:
        kind = self.planned.type.id
        metrics.step_seconds(kind, status).observe((finished_at - self.started_at) / 1000)
        claim, node_id, root = self.ledger.claim, self.planned.id, self.ledger.claim.options.get("root", "")
        traces.step(
            claim.run_id, self.scope, node_id, kind, self.started_at, finished_at, status, root=root, attempt=attempt
        )

    def _input(self, call: Call | None) -> Any:
        """What a call was given. Only what reaches outside can hold a secret, or what has a one-time address."""
        if call is None:
            return None
        plain_enough = self.planned.pure and not self.ledger.doors
        return fields_as_rows_hold_them(call.raw if plain_enough else without_secrets(call.raw, self.planned.type))
