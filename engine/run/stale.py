"""Which results of earlier runs still hold for a drawing as it is now, and why the others do not. Pure.

A result is stale when its step's settings, type or version changed, when what it was computed from was computed anew
since, or when it hangs on a stale one. What only says how a step is called (retries, limits, a label) changes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from engine.graph import Graph, Node
from engine.run.interface import called
from engine.run.plan import Plan, PlannedNode

Published = Mapping[str, Mapping[str, str]]

COUNTS = ("type", "version", "params", "container", "after", "each", "off", "on_error")


@dataclass(frozen=True, slots=True)
class Made:
    """A step's newest result: the run that really made it, that run's drawing, and how it ended.

    `finished_at`: ms since 1970. `versions`: by workflow the one of it that the run ran, of all that it called.
    `stand_in`: as in `engine.models.Step`. `good`: whether there is something to take.
    """

    run_id: str
    graph: Graph
    status: str
    finished_at: int
    good: bool
    stand_in: Mapping[str, Any] | None = None
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Kept:
    """An output that is kept for a step: its fingerprint, and the run that it was taken from as it is, if any."""

    of: str
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """Whether a step would be done again if only what is stale ran, and why, in words."""

    stale: bool
    reason: str = ""


FRESH = Standing(False)
_ENDED_BADLY = {
    "failed": "It failed last time",
    "cancelled": "It was cut short last time",
    "running": "It did not finish last time",
    "waiting": "It did not finish last time",
}


def stale(
    plan: Plan, made: Mapping[str, Made], pins: Mapping[str, Kept], published: Published | None = None
) -> dict[str, Standing]:
    """How each node of the top level stands, each after those that it refers to.

    Args:
        plan: that of the drawing as it is now.
        made: by node, its newest result; nothing for a step that never ran.
        pins: by node the output that is kept for it now.
        published: by workflow that is called, the versions of it and of all that it calls in turn, as they are now.
    """
    found: dict[str, Standing] = {}
    for planned in plan.nodes.values():
        reason = _reason(planned, plan, made, pins, found)
        if not reason and planned.id not in pins and published:
            reason = _called_anew(planned, made[planned.id].versions, published)
        found[planned.id] = Standing(True, reason) if reason else FRESH
    return found


def _reason(
    planned: PlannedNode,
    plan: Plan,
    made: Mapping[str, Made],
    pins: Mapping[str, Kept],
    found: Mapping[str, Standing],
) -> str:
    result = made.get(planned.id)
    if result is None:
        return "It has not run yet"
    stood = result.stand_in or {}
    if stood and (stood.get("by") != "kept" or "sends" in stood):
        return "It was only rehearsed in a dry run"
    if not result.good:
        return _ENDED_BADLY.get(result.status, "It has no result")
    kept = str(stood.get("of", ""))
    if planned.id in pins:
        pin = pins[planned.id]
        same = kept == pin.of if kept else result.run_id == pin.run_id
        return "" if same else "Another output is kept for it"
    if kept:
        return "Its output is no longer kept"
    return _changed(planned.id, result.graph, plan.graph) or _input_changed(planned, plan, made, found)


def _called_anew(planned: PlannedNode, ran: Mapping[str, str], published: Published) -> str:
    """What is different about the workflows that a node runs, or those in its body."""
    workflow = called(planned.node, planned.type)
    if any(ran.get(each) != version for each, version in published.get(workflow, {}).items()):
        return "A workflow that it runs was published again"
    inside = planned.body.nodes.values() if planned.body is not None else ()
    return next((why for one in inside if (why := _called_anew(one, ran, published))), "")


def changes(plan: Plan, before: Graph) -> dict[str, str]:
    """The nodes of the top level whose settings, or what stands inside of them, differ from an earlier drawing; why."""
    found = {node_id: _changed(node_id, before, plan.graph) for node_id in plan.nodes}
    return {node_id: why for node_id, why in found.items() if why}


def _changed(node_id: str, before: Graph, now: Graph) -> str:
    """What is different about a node's settings, or those of what stands inside of it."""
    earlier, node = before.nodes.get(node_id), now.nodes[node_id]
    if earlier is None:
        return "It is new"
    if earlier.type != node.type:
        return "It is another kind of node"
    if earlier.version != node.version:
        return "New version of the node"
    if _settings(earlier) != _settings(node):
        return "Settings changed"
    inside = (before.inside(node_id), now.inside(node_id))
    if set(inside[0]) != set(inside[1]) or any(
        _settings(before.nodes[n]) != _settings(now.nodes[n]) for n in inside[1]
    ):
        return "Settings inside of it changed"
    return ""


def _settings(node: Node) -> dict[str, Any]:
    return {name: node.model_dump(include={name})[name] for name in COUNTS}


def _input_changed(planned: PlannedNode, plan: Plan, made: Mapping[str, Made], found: Mapping[str, Standing]) -> str:
    result = made[planned.id]
    for source in planned.needs:
        title = plan.nodes[source].node.title
        if found[source].stale:
            return f"Input changes: {title} runs again"
        other = made[source]
        if other.run_id != result.run_id and other.finished_at > result.finished_at:
            return f"Input changed: {title} ran again"
    return ""


def fingerprint(value: Any) -> str:
    """Tells two kept outputs apart: SHA-256 of the JSON, keys sorted."""
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS)).hexdigest()[:16]
