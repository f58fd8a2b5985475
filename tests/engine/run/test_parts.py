"""Long lists on their way through a run: in parts, by reference, with the results that short lists have."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.broadcast import paths
from engine.catalog import catalog
from engine.run import packing
from engine.run import parts as module
from engine.run.parts import packed_numbers, unpacked_numbers
from engine.settings import settings
from engine.store.folder import Folder
from engine.store.lists import StoredList
from engine.store.storage import Storage
from tests.engine import lab
from tests.engine.bench import Bench, opened

LONG = 100


@pytest.fixture
async def bench(any_database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    lab.install(monkeypatch)
    monkeypatch.setattr(paths, "MANY", 50)
    monkeypatch.setattr(packing, "LONG_PATHS", 50)
    async with opened(any_database, tmp_path / "home") as bench:
        bench.storage = Storage(Folder(tmp_path / "payloads"), long_items=LONG)
        bench.executor = bench.another()
        yield bench
    catalog.cache_clear()


def whole(bench: Bench, ran: Any, node_id: str, port: str = "main") -> Any:
    """All of an output, wherever it is kept."""
    held = ran.steps[node_id]["output"][port]
    return bench.storage.get_json(ran.run.workspace_id, held["ref"]) if "ref" in held else held["v"]


def given(rows: Any) -> dict[str, Any]:
    return {"input": {"trigger": "start", "payload": rows}}


ORDERS = [{"id": n, "team": f"t{n % 7}", "amount": n * 13 % 100} for n in range(1_050)]
NODES: dict[str, Any] = {
    "start": {"type": "trigger.manual", "with": {}},
    "price": {
        "type": "data.set",
        "with": {"record": "{{ start }}", "fields": {"total": "{{ start.amount * 2 }}"}},
    },
    "deal": {
        "type": "flow.router",
        "with": {
            "value": "{{ price }}",
            "rules": [
                {"name": "Big", "when": "{{ value.amount > 60 }}"},
                {"name": "Some", "when": "{{ value.amount > 30 }}"},
            ],
        },
    },
    "big": {"type": "data.set", "with": {"record": "{{ deal.big }}", "fields": {"size": "{{ start.id }}"}}},
    "again": {
        "type": "data.template",
        "with": {"text": {"first": ["{{ big.id }}", "{{ deal.some.id }}", "{{ deal.otherwise.id }}"]}},
    },
}


def priced() -> list[dict[str, Any]]:
    return [{**order, "total": order["amount"] * 2} for order in ORDERS]


async def test_a_long_list_gives_what_a_short_one_gives(bench: Bench) -> None:
    ran = await bench.run(NODES, **given(ORDERS))
    assert ran.run.error is None
    assert whole(bench, ran, "price") == priced()
    big = [row for row in priced() if row["amount"] > 60]
    assert whole(bench, ran, "deal", "big") == big
    assert whole(bench, ran, "big") == [{**row, "size": row["id"]} for row in big], "paired by where they come from"
    # A wire in a text field takes numbers as text; the items of three branches stand in their first order again.
    assert whole(bench, ran, "again") == [str(order["id"]) for order in ORDERS]
    parts = [row for row in ran.items("deal").values() if row["status"] == "done"]
    assert {row["item"] for row in parts} == {f"{at}-{min(at + LONG, len(ORDERS)) - 1}" for at in range(0, 1_050, LONG)}
    assert ran.steps["deal"]["counts"] == {"total": 1_050, "done": 1_050, "failed": 0}
    assert len(str(ran.steps["deal"]["output"])) < 2_000, "where a million items come from does not stand in a row"


async def test_no_more_than_a_part_is_held(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """60,000 rows in chunks of a hundred: never more than a few hundred of them are read at a time."""
    rows = 60_000
    most_read = most_results = 0
    read, enter = StoredList.read, module.Parts.enter

    def reading(self: StoredList, start: int, stop: int) -> list[Any]:
        nonlocal most_read
        found = read(self, start, stop)
        most_read = max(most_read, len(found), sum(map(len, self._kept.values())))
        return found

    async def entering(self: module.Parts, part: range) -> Any:
        nonlocal most_results
        most_results = max(most_results, len(self._rows.results))
        return await enter(self, part)

    monkeypatch.setattr(StoredList, "read", reading)
    monkeypatch.setattr(module.Parts, "enter", entering)
    monkeypatch.setattr("engine.store.lists.LINE_BYTES", 2_000)
    nodes = {
        "read": {"type": "lab.count", "with": {"to": rows}},
        "price": {"type": "data.set", "with": {"record": "{{ read }}", "fields": {"double": "{{ read.n * 2 }}"}}},
        "some": {"type": "data.filter", "with": {"rows": "{{ price }}", "when": "{{ item.double % 3 == 0 }}"}},
        "deal": {"type": "flow.if", "with": {"value": "{{ some }}", "when": "{{ value.n % 2 }}"}},
        "sum": {"type": "data.template", "with": {"text": "{{ deal.yes.n | sum }} of {{ deal.no | length }}"}},
        "group": {"type": "data.group", "with": {"rows": "{{ deal.no }}", "by": ["odd"]}},
    }
    ran = await bench.finish(await bench.start(nodes), longest=120)
    assert ran.run.error is None
    odd = [n for n in range(rows) if n % 3 == 0 and n % 2]
    assert ran.output("sum") == f"{sum(odd)} of {rows // 6}"
    assert ran.output("group") == [{"odd": False, "count": rows // 6}]
    assert 0 < most_read <= 600, "a hundredth of the rows"
    assert most_results <= LONG


async def test_failed_items_leave_through_the_error_output(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "try": {
            "type": "lab.fail",
            "with": {"value": "{{ start }}", "when": "{{ start % 250 == 3 }}"},
            "on_error": "output",
        },
        "told": {"type": "data.template", "with": {"text": "{{ try.error.item }}: {{ start }}"}},
        "good": {"type": "lab.total", "with": {"values": "{{ try }}"}},
    }
    ran = await bench.run(nodes, **given(list(range(1_000))))
    assert ran.output("told") == ["3: 3", "253: 253", "503: 503", "753: 753"]
    assert ran.output("good") == 996
    assert ran.steps["try"]["counts"] == {"total": 1_000, "done": 996, "failed": 4}
    failed = [row for row in ran.items("try").values() if row["status"] == "failed"]
    assert sorted(int(row["item"]) for row in failed) == [3, 253, 503, 753]


async def test_a_failure_that_stops_names_its_item(bench: Bench) -> None:
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "try": {"type": "lab.fail", "with": {"value": "{{ start }}", "when": "{{ start == 731 }}"}},
    }
    ran = await bench.run(nodes, **given(list(range(1_000))))
    assert ran.run.status == "failed" and ran.run.error and ran.run.error["item"] == "731"
    assert len([row for row in ran.items("try").values() if row["status"] == "done"]) == 7, "the parts before it"


async def test_what_is_done_is_not_done_again_after_a_crash(bench: Bench, tmp_path: Path) -> None:
    """The worker is lost in the middle of a long list; the next one does the parts that have no row."""
    log = tmp_path / "log"
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "write": {"type": "lab.write", "with": {"value": "{{ start }}", "path": str(log), "seconds": 0.05}},
        "count": {"type": "data.template", "with": {"text": "{{ write | length }}"}},
    }
    run_id = await bench.start(nodes, **given(list(range(350))))
    claim = await bench.claim(run_id)
    assert claim is not None
    task = asyncio.create_task(bench.executor.execute(claim))
    while len(log.read_text().splitlines() if log.exists() else []) < 120:
        await asyncio.sleep(0.005)
    claim.end("drain")
    assert await task is False
    await bench.leases.give_back(claim)
    history = await bench.checkpoints.history(run_id)
    assert any(row["item"] == "0-99" for row in history.steps)
    bench.executor = bench.another()
    ran = await bench.finish(run_id)
    assert ran.run.error is None and ran.output("count") == "350"
    written = [line.split()[2] for line in log.read_text().splitlines()]
    assert sorted(map(int, written)) == list(range(350)), "each effect happened once"


async def test_a_pure_node_in_a_child_process_hands_over_names(bench: Bench) -> None:
    nodes = {
        "read": {"type": "lab.count", "with": {"to": 500}},
        "sorted": {"type": "data.sort", "with": {"rows": "{{ read }}", "by": ["-n"]}},
        "square": {"type": "lab.compute", "with": {"value": "{{ sorted.n }}"}},
    }
    ran = await bench.run(nodes)
    assert ran.run.error is None
    assert whole(bench, ran, "sorted")[:2] == [{"n": 499, "odd": True}, {"n": 498, "odd": False}]
    assert [row["square"] for row in whole(bench, ran, "square")] == [n * n for n in reversed(range(500))]


@pytest.mark.parametrize(("mode", "batch"), [("parallel", 1), ("in_turn", 1), ("parallel", 7)])
async def test_for_each_reads_its_items_as_their_rounds_begin(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, mode: str, batch: int
) -> None:
    # None may be read into memory whole.
    monkeypatch.setattr("engine.run.whole.WHOLE_ITEMS", 100)
    nodes = {
        "read": {"type": "lab.count", "with": {"to": 150}},
        "loop": {"type": "flow.for_each", "with": {"items": "{{ read }}", "mode": mode, "batch": batch}, "limit": 8},
        "told": {
            "type": "data.template",
            "in": "loop",
            "with": {"text": "{{ item.n }}"},
        },
        "count": {"type": "data.template", "with": {"text": "{{ loop | length }}: {{ loop[7] }}"}, "each": "combined"},
    }
    ran = await bench.run(nodes)
    assert ran.run.status == "done", ran.run.error
    assert ran.output("count") == ("150: 7" if batch == 1 else '22: ["49","50","51","52","53","54","55"]')


async def test_a_list_that_is_too_long_for_a_field_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.run.whole.WHOLE_ITEMS", 400)
    nodes = {
        "read": {"type": "lab.count", "with": {"to": 500}},
        "total": {"type": "lab.total", "with": {"values": "{{ read }}"}, "label": "Add up"},
    }
    ran = await bench.run(nodes)
    assert ran.run.error is not None
    assert ran.run.error["message"].startswith("“Values” of “Add up” got 500 items (0 MB).")
    assert ran.run.error["field"] == "Values"


@pytest.mark.parametrize(
    ("limit", "value", "told"),
    [("WEFT_RUN_ROWS", "150", "150 are allowed"), ("WEFT_RUN_MEGABYTES", "1", "1 MB are allowed")],
)
async def test_limits_of_a_run_are_errors_that_name_step_and_limit(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, value: str, told: str
) -> None:
    monkeypatch.setenv(limit, value)
    settings.cache_clear()
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "write": {"type": "lab.write", "with": {"value": "{{ start }}", "path": str(tmp_path / "log")}},
        "long": {"type": "data.template", "with": {"text": "{{ write }}" + "x" * 5_000}},
    }
    ran = await bench.run(nodes, **given(list(range(300))))
    settings.cache_clear()
    assert ran.run.status == "failed" and ran.run.error
    assert told in ran.run.error["message"] and ran.run.error["node"] in ("write", "long")
    assert limit in ran.run.error["hint"]
    assert (tmp_path / "log").exists() is (limit != "WEFT_RUN_ROWS"), "what does not fit is not begun"


async def test_a_resumed_run_goes_on_counting(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEFT_RUN_ROWS", "120")
    settings.cache_clear()
    nodes = {
        "start": {"type": "trigger.manual", "with": {}},
        "write": {"type": "lab.write", "with": {"value": "{{ start }}", "path": str(tmp_path / "log")}},
        "doze": {"type": "lab.doze", "with": {"value": "{{ write | length }}", "seconds": 1.2}},
        "more": {
            "type": "lab.write",
            "with": {"value": "{{ start }}", "path": str(tmp_path / "log")},
            "after": ["{{ doze }}"],
        },
    }
    ran = await bench.run(nodes, **given(list(range(80))))
    settings.cache_clear()
    assert ran.run.status == "failed" and ran.run.error and ran.run.error["node"] == "more"
    assert "120 are allowed" in ran.run.error["message"]
    assert len((tmp_path / "log").read_text().splitlines()) == 80, "what does not fit is not begun"


async def test_log_lines_that_are_left_out_are_counted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    nodes = {"talk": {"type": "lab.talk", "with": {"lines": 260}}}
    ran = await bench.run(nodes)
    log = ran.steps["talk"]["log"]
    assert len(log) == 201
    assert log[-1] == {"level": "warning", "text": "60 lines were left out: a call keeps 200 lines."}


@pytest.mark.parametrize("numbers", [[], [0], [7], [8], [0, 1, 63, 64, 99], list(range(100))])
def test_numbers_as_a_bitmap(numbers: list[int]) -> None:
    assert unpacked_numbers(packed_numbers(numbers, 100)) == numbers
