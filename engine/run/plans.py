"""The plans in use by this process, compiled once for each version and then shared."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engine.catalog import Catalog
from engine.document import load
from engine.graph import Graph
from engine.run.compiling import compiled
from engine.run.interface import calls_of
from engine.run.plan import Plan

KEPT = 256


@dataclass(frozen=True)
class Drawn:
    """A version's drawing, and the workflows that it calls."""

    graph: Graph
    calls: tuple[str, ...]


class Plans:
    """The plans in use by this process, by version; the least recently used is dropped."""

    def __init__(self, catalog: Catalog, document: Callable[[str], Awaitable[Mapping[str, Any]]]) -> None:
        """`document` reads a version's document from the database."""
        self._catalog = catalog
        self._document = document
        self._drawn: OrderedDict[str, Drawn] = OrderedDict()
        self._kept: OrderedDict[tuple[Any, ...], Plan] = OrderedDict()

    async def get(self, version_id: str, versions: Mapping[str, str] | None = None) -> Plan:
        """The plan of a version; `versions` says which one of each workflow that it calls has its ports.

        Raises what `document`, `engine.document.load` and `compiled` raise.
        """
        calls = await self.calls(version_id)
        named = [(workflow, versions[workflow]) for workflow in calls if workflow in versions] if versions else []
        key = (version_id, *named)
        plan = self._kept.get(key)
        if plan is None:
            called = {workflow: (await self._draw(version)).graph for workflow, version in named}
            plan = self._kept[key] = compiled((await self._draw(version_id)).graph, self._catalog, called)
            _forget_oldest(self._kept)
        self._kept.move_to_end(key)
        return plan

    async def calls(self, version_id: str) -> tuple[str, ...]:
        """The ids of the workflows that a version calls."""
        return (await self._draw(version_id)).calls

    async def _draw(self, version_id: str) -> Drawn:
        drawn = self._drawn.get(version_id)
        if drawn is None:
            graph = load(await self._document(version_id))
            drawn = self._drawn[version_id] = Drawn(graph, calls_of(graph, self._catalog))
            _forget_oldest(self._drawn)
        self._drawn.move_to_end(version_id)
        return drawn


def _forget_oldest(kept: OrderedDict[Any, Any]) -> None:
    if len(kept) > KEPT:
        kept.popitem(last=False)
