"""Made-up drawings and failures: what is retried until nothing fails ends as if nothing had, and repeats no effect."""

import asyncio
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.catalog import catalog
from engine.run import reuse
from engine.run.plan import Plan
from engine.run.redo import Redo
from engine.run.reuse import Choice
from tests.engine import lab
from tests.engine.bench import Bench, Ran, opened
from tests.engine.outside import Outside

NUMBERS = st.lists(st.integers(0, 9), min_size=1, max_size=5, unique=True)


@st.composite
def drawings(draw: st.DrawFn) -> list[tuple[str, Any]]:
    """Kinds of nodes, each with the numbers of two earlier ones that it may take from, and what its failure does."""
    nested = draw(st.booleans())
    rows: Any = draw(st.lists(NUMBERS, min_size=1, max_size=3)) if nested else draw(NUMBERS)
    nodes: list[tuple[str, Any]] = [("list", rows)]
    for number in range(1, draw(st.integers(2, 7))):
        kind = draw(st.sampled_from(["write", "write", "read", "word", "pair", "if", "total", "both"]))
        sources = [draw(st.integers(0, number - 1)), draw(st.integers(0, number - 1))]
        nodes.append((kind, (sources, draw(st.sampled_from(["stop", "output", "output"])))))
    return nodes


def document(nodes: list[tuple[str, Any]], outside: Outside) -> dict[str, Any]:
    """The drawing as nodes by id, `n0` the list."""
    made: dict[str, Any] = {}
    for number, (kind, given_) in enumerate(nodes):
        if kind == "list":
            made["n0"] = {"type": "data.parse_json", "with": {"text": json.dumps(given_)}}
            continue
        sources, on_error = given_
        one, other = (f"n{source}.no" if nodes[source][0] == "if" else f"n{source}" for source in sources)
        made[f"n{number}"] = {
            "write": outside.send(f"{{{{ {one} }}}}", on_error=on_error),
            "read": outside.send(f"{{{{ {one} }}}}", "read", on_error=on_error),
            "word": {"type": "data.template", "with": {"text": f"<{{{{ {one} }}}}>"}},
            "pair": {"type": "data.template", "with": {"text": f"{{{{ {one} }}}}+{{{{ {other} }}}}"}},
            "if": {"type": "flow.if", "with": {"value": f"{{{{ {one} }}}}", "when": "{{ (value|string)|length > 1 }}"}},
            "total": {"type": "lab.total", "with": {"values": [f"{{{{ {one} }}}}"]}},
            "both": outside.send({"a": f"{{{{ {one} }}}}", "b": f"{{{{ {other} }}}}"}, on_error=on_error),
        }[kind]
    return made


async def retried(bench: Bench, ran: Ran) -> tuple[Ran, Choice]:
    chosen: list[Choice] = []

    def choose(plan: Plan, redo: Redo) -> Choice:
        chosen.append(reuse.retry(redo, plan, ran.run.id))
        return chosen[0]

    return await bench.finish(await bench.linked(ran.run.id, choose)), chosen[0]


def ends(ran: Ran) -> dict[str, Any]:
    """How each node ended, and with what."""
    return {name: (row["status"], row["output"]) for name, row in ran.steps.items()}


async def check(url: str, folder: Path, nodes: list[tuple[str, Any]], data: st.DataObject) -> None:
    outside = Outside(folder)
    async with opened(url, folder / "home") as bench:
        perfect = await bench.run(document(nodes, outside))
        told = outside.heard(perfect.run.id)
        values = sorted({value for _, value in told})
        refused = data.draw(st.lists(st.sampled_from(values), unique=True) if values else st.just([]), label="refused")
        first = data.draw(st.integers(0, len(refused)), label="still refused after the first retry")
        outside.refused.write_text("\n".join(refused))
        ran = await bench.run(document(nodes, outside))
        runs, repeated = [ran], set[str]()
        for left in (refused[:first], []):
            outside.refused.write_text("\n".join(left))
            ran, choice = await retried(bench, ran)
            repeated |= {one.node for one in choice.repeats}
            runs.append(ran)
        if perfect.run.status == "done":
            assert ends(ran) == ends(perfect)
        heard = sum((outside.heard(one.run.id) for one in runs), Counter[tuple[str, str]]())
        writers = {f"n{number}" for number, (kind, _) in enumerate(nodes) if kind in ("write", "both")} - repeated
        for name in writers:
            sent = {value: count for (node, value), count in heard.items() if node == name}
            wanted = {value: count for (node, value), count in told.items() if node == name}
            if perfect.run.status == "done":
                assert sent == wanted, name


@pytest.fixture
def lab_nodes(monkeypatch: pytest.MonkeyPatch) -> Any:
    lab.install(monkeypatch)
    yield
    catalog.cache_clear()


@pytest.mark.usefixtures("lab_nodes")
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(nodes=drawings(), data=st.data())
def test_a_retry_ends_as_if_nothing_had_failed(
    any_database: str, tmp_path_factory: pytest.TempPathFactory, nodes: list[tuple[str, Any]], data: st.DataObject
) -> None:
    asyncio.run(check(any_database, tmp_path_factory.mktemp("made"), nodes, data))
