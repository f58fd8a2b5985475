"""Screens over long lists: a page reads its lines, a list inside a record is told by its number, nothing is cut."""

from __future__ import annotations

from typing import Any

import pytest

from app.services import held_values, preview, run_data, runs, step_view, unit
from app.services.access import Actor
from engine.catalog import catalog
from engine.graph import Node
from engine.store.lists import StoredList
from engine.store.storage import storage
from tests.app.services.test_reruns import first_run
from tests.engine.bench import Bench

ROWS = 30_000


def drawing() -> dict[str, Any]:
    return {
        "weft": 1,
        "name": "Long",
        "nodes": {
            "hand": {"type": "trigger.manual", "with": {}},
            "read": {"type": "lab.count", "with": {"to": ROWS}},
            "sheet": {"type": "lab.sheet", "with": {"to": ROWS}},
            "out": {"type": "flow.output", "with": {"value": "{{ read }}", "name": "rows"}},
        },
    }


async def test_a_page_reads_a_few_lines(ada: Actor, bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    _, first = await first_run(ada, bench, drawing())
    read, most = StoredList._decoded, 0

    def reading(self: StoredList, number: int, data: bytes) -> list[Any]:
        nonlocal most
        found = read(self, number, data)
        most = max(most, len(found) * (len(self._kept) + 1))
        return found

    monkeypatch.setattr(StoredList, "_decoded", reading)
    page = await unit.ask(run_data.items, ada, first, "read", start=25_000, stop=25_002)
    assert (page.items, page.total) == ([{"n": 25_000, "odd": False}, {"n": 25_001, "odd": True}], ROWS)
    (result,) = await unit.ask(run_data.results, ada, first)
    assert (len(result.value), result.total) == (100, ROWS)
    shown = await unit.ask(step_view.page, ada, first, "read:main".replace(":", step_view._BETWEEN), 29_990)
    assert shown["shown"] == "29,991 to 30,000 of 30,000"
    assert 0 < most < ROWS / 3


async def test_a_list_inside_a_record_has_pages_of_its_own(ada: Actor, bench: Bench) -> None:
    _, first = await first_run(ada, bench, drawing())
    whole = await unit.ask(run_data.items, ada, first, "sheet")
    assert whole.items == [{"name": "all", "rows": {"$list": {"count": ROWS, "first": list(range(20))}}}]
    page = await unit.ask(run_data.items, ada, first, "sheet", field="rows", start=29_998, stop=30_010)
    assert (page.items, page.total) == ([29_998, 29_999], ROWS)
    assert await unit.ask(run_data.inner_lists, ada, first, "sheet", "main") == {"rows": ROWS}
    samples = await unit.ask(preview.samples, ada, first, ["sheet"])
    node = Node(id="t", type="data.template", params={"text": "{{ sheet.rows }}!"})
    found = preview.preview(node, catalog()["data.template"], samples, 3)
    assert (found.lines["text"], found.calls) == ("3!", preview.SAMPLE_ITEMS)


async def test_what_is_too_large_for_an_answer_says_how_much_there_is(
    ada: Actor, bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first = await first_run(ada, bench, drawing())
    assert len((await unit.ask(run_data.outputs, ada, first))["rows"]) == ROWS
    monkeypatch.setattr(held_values, "LARGEST_WHOLE", 100_000)
    told = (await unit.ask(run_data.outputs, ada, first))["rows"]["$list"]
    assert told["count"] == ROWS and told["first"][:1] == [{"n": 0, "odd": False}]
    row = await unit.ask(runs.find, ada, first)
    assert storage().list_of(ada.workspace_id, row.output["outputs"]["rows"]["ref"], ROWS)[7]["n"] == 7
