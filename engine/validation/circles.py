"""Nodes that wait for each other: only containers loop."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from engine.problem import Problem
from engine.validation.mapping import Knowledge

TOLD = 50  # of a drawing that is one large circle the first few say enough


def circles(known: Knowledge) -> Iterator[Problem]:
    """The nodes that truly stand in a circle, not those that only wait for one."""
    left = known.order.circular
    for node_id in islice((n for n in known.graph.nodes if n in left), TOLD):
        circle = _way_back(known, node_id, left)
        if circle is not None:
            titles = [f"“{known.graph.nodes[step].title}”" for step in (node_id, *circle, node_id)]
            edge = known.order.sources[node_id][circle[-1] if circle else node_id]
            yield Problem(
                code="circle",
                message=f"These nodes wait for each other: {' → '.join(titles)}."
                if circle
                else f"{titles[0]} waits for itself.",
                node=edge.target,
                field=edge.field,
                hint="Remove one of the wires; only containers loop.",
            )


def _way_back(known: Knowledge, start: str, left: frozenset[str]) -> list[str] | None:
    """The shortest way from a node over what it waits for back to itself; empty when it waits for itself only."""
    came: dict[str, str] = {}
    frontier = [start]
    for node_id in frontier:  # grows while it is walked
        for source in known.order.sources[node_id]:
            if source == start:
                path = [node_id]
                while path[-1] != start:
                    path.append(came[path[-1]])
                return path[:-1]
            if source in left and source not in came:
                came[source] = node_id
                frontier.append(source)
    return None
