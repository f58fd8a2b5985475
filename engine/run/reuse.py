"""Which steps of an ended run a new one takes over, and which it does again. Pure: graphs and rows in, a choice out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from engine.run.plan import Plan
from engine.run.redo import Redo


@dataclass(frozen=True, slots=True)
class Repeat:
    """A step whose good effects would happen once more: so many, and why."""

    node: str
    label: str
    times: int
    why: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What a new run takes from an earlier one.

    `taken`: nodes of the top level whose rows are copied. `items`: mapped nodes of which single items are done again.
    `rounds`: containers that go on where their rounds failed.
    `repeats`: good effects that would happen once more. `only`: the nodes that take part, if not all do. `changed`:
    those that are not what they were in the earlier run, which had another version, and why.
    """

    run_id: str
    taken: tuple[str, ...]
    items: tuple[str, ...] = ()
    repeats: tuple[Repeat, ...] = ()
    only: tuple[str, ...] | None = None
    rounds: tuple[str, ...] = ()
    changed: Mapping[str, str] = field(default_factory=dict)

    def options(self) -> dict[str, Any]:
        """What the new run's `options` say of it, for the executor and for those who look at it."""
        found: dict[str, Any] = {"reuse": {"run": self.run_id, "items": list(self.items)}}
        if self.changed:
            found["reuse"]["changed"] = dict(self.changed)
        return found if self.only is None else {**found, "only": list(self.only)}


def retry(redo: Redo, plan: Plan, run_id: str, changed: Mapping[str, str] | None = None) -> Choice:
    """Do again what failed, item by item, and what hangs on it; and what was `changed` since."""
    kinds = {node_id: verdict.kind for node_id, verdict in redo.verdicts.items()}
    repeats = tuple(
        Repeat(node_id, plan.nodes[node_id].node.title, verdict.repeats, verdict.why)
        for node_id, verdict in redo.verdicts.items()
        if verdict.repeats
    )
    return Choice(
        run_id,
        taken=tuple(node_id for node_id, kind in kinds.items() if kind == "same"),
        items=tuple(n for n, verdict in redo.verdicts.items() if verdict.kind == "items" and not verdict.rounds),
        repeats=repeats,
        rounds=tuple(node_id for node_id, verdict in redo.verdicts.items() if verdict.rounds),
        changed=changed or {},
    )


def again_from(plan: Plan, run_id: str, good: Collection[str], anew: Iterable[str]) -> Choice:
    """Do these nodes again and all that hangs on them, or on a node that has no result in `good`."""
    again = downstream(plan, {*anew, *(node_id for node_id in plan.nodes if node_id not in good)})
    return Choice(run_id, taken=tuple(node_id for node_id in plan.nodes if node_id not in again))


def downstream(plan: Plan, nodes: Collection[str]) -> frozenset[str]:
    """These nodes and all that hang on them."""
    found = set(nodes)
    for planned in plan.nodes.values():
        if not found.isdisjoint(planned.needs):
            found.add(planned.id)
    return frozenset(found)


def upstream(plan: Plan, node_id: str) -> frozenset[str]:
    """A node and all that it hangs on."""
    found = {node_id}
    for planned in reversed(list(plan.nodes.values())):
        if planned.id in found:
            found.update(planned.needs)
    return frozenset(found)


def good_results(rows: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """The nodes of the top level that ended with something to take over: a result, or the reason they were skipped."""
    return frozenset(
        row["node_id"]
        for row in rows
        if not row["item"]
        and not row["scope"]
        and (row["status"] in ("done", "skipped") or (row["status"] == "failed" and row["output"]))
    )


def containers(plan: Plan, nodes: Iterable[str]) -> tuple[str, ...]:
    """Those of these nodes that have rounds, and rows of what happened in them."""
    return tuple(node_id for node_id in nodes if plan.nodes[node_id].type.kind == "container")
