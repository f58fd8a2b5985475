"""A note stands on the canvas and nowhere else: no step of a run, no problem, a place of its own."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import catalog
from engine.document import load
from engine.layout import arrange
from engine.run.compiling import compiled
from engine.validation import problems
from tests.engine.bench import Bench, opened

NOTE = {"type": "flow.note", "with": {"text": "{{ nobody }} and {% this is no template"}}
NODES: dict[str, Any] = {
    "above": NOTE,
    "hand": {"type": "trigger.manual"},
    "list": {"type": "data.range", "with": {"start": 1, "stop": 3}},
    "way": {"type": "flow.switch", "with": {"value": "{{ list }}", "by": "{{ value }}", "cases": [{"equals": 2}]}},
    "end": {"type": "flow.no_op", "with": {"value": "{{ way._2 }}"}},
}


@pytest.fixture
async def bench(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(sqlite_url, tmp_path / "home") as bench:
        yield bench


async def test_it_is_no_step(bench: Bench) -> None:
    ran = await bench.run(NODES)
    assert ran.run.status == "done", ran.run.error
    assert ran.output("end") == [2]
    assert {row["node_id"] for row in ran.history.steps} == {"hand", "list", "way", "end"}


def test_it_is_no_problem_but_gives_nothing() -> None:
    graph = load({"weft": 1, "name": "Notes", "nodes": NODES})
    assert [one.message for one in problems(graph, catalog())] == []
    asking = {**NODES, "asks": {"type": "flow.no_op", "with": {"value": "{{ above }}"}}}
    (found,) = problems(load({"weft": 1, "name": "Notes", "nodes": asking}), catalog())
    assert (found.node, found.message) == ("asks", "“Above” gives nothing.")


def test_it_has_a_place_of_its_own() -> None:
    group = {"each": {"type": "flow.for_each", "with": {"items": [1]}}, "inside": {**NOTE, "in": "each"}}
    graph = load({"weft": 1, "name": "Notes", "nodes": {**NODES, **group}})
    places = {(graph.nodes[node_id].container, spot) for node_id, spot in arrange(graph, catalog()).items()}
    assert len(places) == len(graph.nodes)
    long = {"type": "flow.note", "with": {"text": "one line\n" * 40}}
    tall = arrange(load({"weft": 1, "nodes": {"a": long, "b": {"type": "trigger.manual"}}}), catalog())
    assert abs(tall["a"][1] - tall["b"][1]) > 800, "a long text takes room"
    assert set(compiled(graph, catalog()).nodes) == {"hand", "list", "way", "end", "each"}
