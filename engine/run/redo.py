"""What a retry of failed items does again: read off the earlier run, item by item, by where each item comes from.

Positions shift when an item that was missing is there again; an item's path (its place in the list that it comes from,
level by level) does not. So a good result is found again by its path.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import Any, Literal

from engine import broadcast
from engine.broadcast import SKIPPED, Axis, Mapped, NodeOutputs, Once, Value
from engine.broadcast.collecting import ERROR
from engine.contract import MAIN, Effect, NodeError, is_list
from engine.expressions import TemplateError
from engine.run.history import Restored, Unpack, restored
from engine.run.outcome import Done, Failed
from engine.run.packing import value_of
from engine.run.past import Past, Reused
from engine.run.plan import Plan, PlannedNode
from engine.run.retry import unknown_rule
from engine.store.reading import History

Path = tuple[int, ...]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one node: it is taken over whole (`same`), item by item (`items`), or done again (`anew`).

    For `items`: `axes` are the origins of its levels, `good` what is taken over, by path, and `redo` the paths that
    are done again, each standing for all below it. `repeats`: how many good effects would happen once more. `rounds`:
    a container goes on where its rounds failed, and keeps what was done in them.
    """

    kind: Literal["same", "items", "anew"]
    axes: tuple[str, ...] = ()
    good: Mapping[Path, Reused] = field(default_factory=dict)
    redo: frozenset[Path] = frozenset()
    repeats: int = 0
    why: str = ""
    rounds: bool = False


SAME = Verdict("same")


async def analyse(  # noqa: PLR0917  the earlier run, and how it is read
    plan: Plan,
    history: History,
    run_id: str,
    run_input: Mapping[str, Any],
    unpack: Unpack,
    changed: Mapping[str, str] | None = None,
) -> Redo:
    """Judge every node of an ended run.

    Args:
        plan: that of the version which is to run now.
        history: the run's rows.
        run_id: the run.
        run_input: what it was given.
        unpack: reads a value as rows hold it.
        changed: the nodes that are not what they were in the version which the run ran, and why in words.
    """
    inner = [row for row in history.attempts if row["scope"]]
    history = top_level(history)
    redo = Redo(plan, await restored(history, lambda _path: None, unpack), history, run_id, unpack, inner, changed)
    await redo.judge(str(run_input.get("trigger")))
    return redo


def top_level(history: History) -> History:
    """The rows of the top level alone: what stands in a container's body belongs to the container."""
    steps, attempts, waits = (
        [row for row in rows if not row["scope"]] for rows in (history.steps, history.attempts, history.waits)
    )
    return History(steps, attempts, waits, history.wake)


class Redo:
    """The verdicts on an ended run's nodes, by id; see `analyse`."""

    def __init__(  # noqa: PLR0917  what the verdicts stand on; `inner` are the tries of effects in bodies
        self,
        plan: Plan,
        done: Restored,
        history: History,
        run_id: str,
        unpack: Unpack,
        inner: Sequence[Row] = (),
        changed: Mapping[str, str] | None = None,
    ) -> None:
        self.verdicts: dict[str, Verdict] = {}
        self._plan, self._done, self._unpack = plan, done, unpack
        self._rows = {(row["node_id"], row["item"]): row for row in history.steps}
        self._unknown = _unknown_attempts(history)
        self._inner, self._changed = inner, changed or {}
        self._tries = history.attempts
        self._run_id = run_id
        self._outputs: dict[str, NodeOutputs] = {}
        self._extra: dict[str, Any] = {"run": {}, "vars": {}, "now": "", "random": ""}

    @property
    def failed(self) -> int:
        """How many calls failed: items of mapped nodes, and nodes that were called once."""
        whole = {row["node_id"] for row in self._rows.values() if not row["item"] and row["status"] == "failed"}
        items = [node_id for (node_id, item), row in self._rows.items() if item and row["status"] == "failed"]
        return len(items) + len(whole.difference(items))

    async def judge(self, started_by: str) -> None:
        """Fill `verdicts`, each node after those that it refers to."""
        for planned in self._plan.nodes.values():
            changed = planned.id in self._changed
            self.verdicts[planned.id] = self._as_another(planned) if changed else await self._verdict(planned)
            if planned.id == started_by and isinstance(outputs := await self._output(planned.id), Mapping):
                self._extra["trigger"] = outputs.get(MAIN.name)

    async def _verdict(self, planned: PlannedNode) -> Verdict:
        row = self._done.over.get(planned.id)
        past = self._done.past.get(planned.id, Past())
        changed = [source for source in planned.needs if self.verdicts[source].kind != "same"]
        has_failed = any(isinstance(result, Failed) for result in past.finished.values())
        good = not changed and not has_failed
        if row is not None and (row["stand_in"] or (good and row["status"] != "failed")):
            return SAME
        if row is not None and row["status"] == "skipped":
            return Verdict("anew")
        if planned.node.off:
            return self._through(changed)
        if planned.type.kind == "container" and not planned.races:
            return await self._by_round(planned, past, changed)
        call = await self._call(planned)
        if not isinstance(call, Mapped):
            return self._whole(planned, row, past, changed)
        return await self._by_item(planned, row, past, changed, call)

    def _as_another(self, planned: PlannedNode) -> Verdict:
        """A node that is not what it was is done again; what it wrote then would be written once more."""
        mine = [row for row in self._tries if row["node_id"] == planned.id] + self._tries_inside(planned)
        last = {(row["scope"], row["node_id"], row["item"]): row["outcome"] for row in mine}
        doubts = sum(outcome in (None, "unknown") for outcome in last.values())
        times = doubts + sum(outcome == "done" for outcome in last.values())
        why = "nobody knows whether it happened" if doubts else self._changed[planned.id]
        return Verdict("anew", repeats=times, why=why[:1].lower() + why[1:] if times else "")

    def _through(self, changed: Sequence[str]) -> Verdict:
        """A node that is off passes its source on."""
        sources = [self.verdicts[source] for source in changed]
        return sources[0] if len(sources) == 1 and sources[0].kind == "items" else Verdict("anew")

    async def _by_round(self, planned: PlannedNode, past: Past, changed: Sequence[str]) -> Verdict:
        """A container: its good rounds stay, and in the others what was done, unless what it is given changes."""
        last = {(row["scope"], row["node_id"], row["item"]): row["outcome"] for row in self._tries_inside(planned)}
        if changed:
            good = sum(outcome == "done" for outcome in last.values())
            return Verdict("anew", repeats=good, why=self._takes_whole(changed) if good else "")
        doubts = sum(outcome in (None, "unknown") for outcome in last.values())
        why = "nobody knows whether it happened" if doubts else ""
        axis = await self._axis_of_rounds(planned)
        if axis is None:
            return Verdict("anew", repeats=doubts, why=why, rounds=True)
        places = _places(axis, len(past.finished))
        redo = frozenset((places[int(n)],) for n, result in past.finished.items() if isinstance(result, Failed))
        return Verdict("items", (axis.origin,), redo=redo, repeats=doubts, why=why, rounds=True)

    def _tries_inside(self, planned: PlannedNode) -> list[Row]:
        return [row for row in self._inner if row["scope"].startswith(f"{planned.id}.")]

    async def _axis_of_rounds(self, planned: PlannedNode) -> Axis | None:
        """Where the items of a For each come from whose results can be told apart; None for other containers."""
        call = await self._call(planned) if "items" in planned.type.fields else None
        past = self._done.past.get(planned.id, Past())
        if not isinstance(call, Once) or not past.finished:
            return None
        return broadcast.axis_of(planned.node, planned.type, call.scope, "items", len(past.finished))

    def _whole(self, planned: PlannedNode, row: Row | None, past: Past, changed: Sequence[str]) -> Verdict:
        """A node that was called once, or not at all."""
        was_good = row is not None and row["status"] == "done"
        if not may_write(planned):
            return Verdict("anew")
        if self._in_doubt(planned, ""):
            return Verdict("anew", repeats=1, why="nobody knows whether it happened")
        good = 1 if was_good else sum(isinstance(result, Done) for result in past.finished.values())
        return Verdict("anew", repeats=good, why=self._takes_whole(changed) if good else "")

    async def _by_item(
        self, planned: PlannedNode, row: Row | None, past: Past, changed: Sequence[str], call: Mapped
    ) -> Verdict:
        mixed = [source for source in changed if not self._goes_by_item(source, call)]
        results = await self._results(planned, row, past, call)
        if mixed:
            good = sum(isinstance(reused.result, Done) for reused in results.values()) if may_write(planned) else 0
            return Verdict("anew", repeats=good, why=self._takes_whole(mixed) if good else "")
        again = Prefixes(call.axes, [self.verdicts[source] for source in changed])
        paths = [call.path_at(number) for number in range(call.length)]
        good_paths = {path: results[path] for path in paths if path in results and not again.hit(path)}
        kept = {path: reused for path, reused in good_paths.items() if isinstance(reused.result, Done)}
        doubts = [n for n, path in enumerate(paths) if path not in kept and self._in_doubt(planned, str(n))]
        redo = again.paths | frozenset(path for path in paths if path not in kept)
        why = "nobody knows whether it happened" if doubts else ""
        return Verdict("items", call.axes, kept, redo, len(doubts), why)

    def _goes_by_item(self, source: str, call: Mapped) -> bool:
        verdict = self.verdicts[source]
        return verdict.kind == "items" and verdict.axes[:1] == call.axes[:1] and call.deals(source)

    def _in_doubt(self, planned: PlannedNode, item: str) -> bool:
        """Whether an effect may have happened although it has no result, and must not just be repeated."""
        return (planned.id, item) in self._unknown and unknown_rule(planned.node, planned.type) != "again"

    async def _results(self, planned: PlannedNode, row: Row | None, past: Past, call: Mapped) -> dict[Path, Reused]:
        """What the earlier run has of each item: from the item's own row, else from what left the node."""
        found: dict[Path, Reused] = {}
        if row is not None and planned.pure:
            for path, fired in by_path(await self._values(row), len(call.axes)).items():
                if ERROR not in fired:
                    found[path] = Reused(Done(fired, attempt=row["attempt"]), self._run_id)
            return found
        for number in range(call.length):
            item = str(number)
            if (result := past.finished.get(item)) is not None:
                found[call.path_at(number)] = Reused(result, self._run_id, self._rows.get((planned.id, item)))
        return found

    async def _call(self, planned: PlannedNode) -> broadcast.Call | None:
        """How the earlier run called the node; None if it never came to that."""
        if any(source not in self._done.over for source in planned.needs):
            return None
        outputs = {source: await self._output(source) for source in planned.needs}
        try:
            return broadcast.bind(planned.node, planned.type, outputs, self._extra, self._plan.named)
        except (NodeError, TemplateError):
            return None

    async def _output(self, node_id: str) -> NodeOutputs:
        if node_id not in self._outputs:
            row = self._done.over.get(node_id)
            skipped = row is None or row["status"] == "skipped"
            self._outputs[node_id] = SKIPPED if row is None or skipped else await self._values(row)
        return self._outputs[node_id]

    async def _values(self, row: Row) -> dict[str, Value]:
        held: Mapping[str, Mapping[str, Any]] = row["output"] or {}
        return {port: await value_of(one, self._unpack) for port, one in held.items()}

    def _takes_whole(self, sources: Sequence[str]) -> str:
        titles = " and ".join(f"“{self._plan.nodes[source].node.title}”" for source in sources)
        return f"it takes what {titles} gives as a whole"


def _places(axis: Axis, length: int) -> Sequence[int]:
    return range(length) if axis.paths is None else axis.paths


class Prefixes:
    """Which paths of a node's calls hang on something that is done again."""

    def __init__(self, axes: Sequence[str], sources: Sequence[Verdict]) -> None:
        found = {path[: _common(axes, source.axes)] for source in sources for path in source.redo}
        self.paths = frozenset(found)
        self._above = {path[:length] for path in found for length in range(len(path))}

    def hit(self, path: Path) -> bool:
        """Whether the path, one above it or one below it is done again."""
        return path in self._above or any(path[:length] in self.paths for length in range(len(path) + 1))


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def by_path(outputs: Mapping[str, Value], depth: int) -> dict[Path, dict[str, Any]]:
    """What left a mapped node, by item: for each path of `depth` levels what fired."""
    found: dict[Path, dict[str, Any]] = {}
    for port, value in outputs.items():
        for path, data in _walk(value.data, value.origin, depth, ()):
            found.setdefault(path, {})[port] = data
    return found


def _walk(data: Any, axes: Sequence[Axis], depth: int, path: Path) -> Iterator[tuple[Path, Any]]:
    if not depth or not axes or not is_list(data):
        yield path, data
        return
    places = range(len(data)) if axes[0].paths is None else axes[0].paths
    for position, place in enumerate(places):
        inner = [axis.inside(position) for axis in axes[1:]]
        yield from _walk(data[position], inner, depth - 1, (*path, place))


def may_write(planned: PlannedNode) -> bool:
    """Whether a call may change the world outside, as far as the settings tell before the run."""
    if isinstance(planned.type.effect, Effect):
        return planned.type.effect is Effect.write
    try:
        return planned.type.effect_for(dict(planned.node.params)) is Effect.write
    except (TypeError, ValueError, AttributeError, LookupError):
        return True


def _unknown_attempts(history: History) -> set[tuple[str, str]]:
    """Nodes and items whose last try of an effect has no known outcome."""
    last = {(row["node_id"], row["item"]): row["outcome"] for row in history.attempts}
    return {key for key, outcome in last.items() if outcome in (None, "unknown")}
