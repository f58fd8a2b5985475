"""Runs from start to end: order, branches, lists, failures, results; on both databases."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import catalog
from tests.engine import lab
from tests.engine.bench import Bench, opened

SIZE_IT = {
    "hook": {"type": "trigger.webhook", "with": {"path": "size", "method": "POST", "respond": "answer"}},
    "double": {
        "type": "data.set",
        "with": {"record": "{{ hook.body }}", "fields": {"doubled": "{{ hook.body.value * 2 }}"}},
    },
    "big": {"type": "flow.if", "with": {"value": "{{ double }}", "when": "{{ value.doubled > 10 }}"}},
    "sized": {"type": "data.set", "with": {"record": "{{ big.yes }}", "fields": {"size": "big"}}},
    "answer": {"type": "flow.respond", "with": {"body": {"first": ["{{ sized }}", "{{ big.no }}"]}}},
}


@pytest.fixture
async def bench(any_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    lab.install(monkeypatch)
    async with opened(any_database, tmp_path / "home") as bench:
        yield bench
    catalog.cache_clear()


def lines(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text().splitlines()] if path.exists() else []


@pytest.mark.parametrize(
    ("value", "body", "sized"),
    [(7, {"value": 7, "doubled": 14, "size": "big"}, "done"), (2, {"value": 2, "doubled": 4}, "skipped")],
)
async def test_size_it(bench: Bench, value: int, body: Any, sized: str) -> None:
    ran = await bench.run(SIZE_IT, input={"trigger": "hook", "payload": {"body": {"value": value}}})
    assert ran.run.error is None
    assert ran.statuses == {"hook": "done", "double": "done", "big": "done", "sized": sized, "answer": "done"}
    assert ran.run.output == {
        "outputs": {},
        "last": {"v": body},
        "response": {"status": 200, "headers": {}, "body": {"v": body}},
    }
    assert {event.node_id for event in bench.told if event.kind == "step"} == set(SIZE_IT)
