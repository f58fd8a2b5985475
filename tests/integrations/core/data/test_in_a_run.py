"""The data nodes as they are drawn: over lists, behind each other, in a real run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.templates.kit import Kit, opened

ORDERS = [
    {"id": 1, "name": "Ada", "shop": "A", "month": "Jan", "sold": 3, "due": "2026-11-20"},
    {"id": 2, "name": "Bob", "shop": "A", "month": "Feb", "sold": 5, "due": "2026-11-23"},
    {"id": 3, "name": "Eve", "shop": "B", "month": "Feb", "sold": 8, "due": "2026-12-24"},
]

NODES: dict[str, dict[str, Any]] = {
    "given": {"type": "data.aggregate", "with": {"items": "{{ raw }}", "name": "orders"}},
    "raw": {"type": "flow.input", "with": {"name": "raw", "kind": "rows", "default": ORDERS}},
    "orders": {"type": "data.split", "with": {"record": "{{ given }}", "field": "orders"}},
    "fields": {
        "type": "data.set",
        "with": {"record": "{{ orders }}", "keep": "some", "kept": ["id", "sold"], "rename": {"sold": "amount"}},
    },
    "pivot": {
        "type": "data.pivot",
        "with": {"rows": "{{ orders }}", "by": "shop", "columns": "month", "value": "sold", "empty": 0},
    },
    "unpivot": {"type": "data.unpivot", "with": {"rows": "{{ pivot }}", "keep": ["shop"]}},
    "merged": {
        "type": "flow.merge",
        "with": {"lists": ["{{ orders }}", "{{ fields }}"], "mode": "key", "key": ["id"], "join": "inner"},
    },
    "compare": {
        "type": "data.compare",
        "with": {"first": "{{ orders }}", "second": "{{ merged }}", "ignore": ["amount"]},
    },
    "same": {"type": "data.aggregate", "with": {"items": "{{ compare.same }}", "into": "values", "field": "id"}},
    "lookup": {"type": "data.aggregate", "with": {"items": "{{ orders }}", "into": "lookup", "field": "name"}},
    "chunks": {"type": "data.chunk", "with": {"items": "{{ orders.id }}", "count": 2}},
    "flat": {"type": "data.flatten", "with": {"lists": "{{ chunks }}"}},
    "padded": {
        "type": "data.text",
        "with": {"text": "{{ orders.name }}", "change": "pad_end", "length": 5, "fill": "."},
    },
    "lines": {
        "type": "data.join_texts",
        "with": {"items": "{{ orders }}", "line": "{{ item.name }}: {{ item.sold }}", "separator": "\n"},
    },
    "names": {"type": "data.join_texts", "with": {"items": "{{ orders.name }}", "last_separator": " and "}},
    "parts": {
        "type": "data.regex",
        "with": {"text": "{{ orders.due }}", "pattern": r"(?P<year>\d{4})-(?P<month>\d\d)"},
    },
    "closest": {"type": "data.closest", "with": {"text": "Bobb", "choices": "{{ orders }}", "field": "name"}},
    "due": {
        "type": "data.date",
        "with": {"value": "{{ orders.due }}", "operation": "add_workdays", "amount": 2, "country": "DE"},
    },
    "gross": {"type": "data.calculate", "with": {"record": "{{ orders }}", "formula": "sold ^ 2", "name": "squared"}},
    "price": {
        "type": "data.number",
        "with": {"value": "{{ orders.sold }}", "operation": "format", "digits": 2, "after": " €"},
    },
    "stats": {"type": "data.statistics", "with": {"values": "{{ orders }}", "field": "sold"}},
    "ids": {"type": "data.make_id", "with": {"record": "{{ orders }}", "name": "code"}},
    "html": {"type": "data.build_html", "with": {"rows": "{{ orders }}", "columns": ["name"]}},
    "back": {
        "type": "data.extract_html",
        "with": {"html": "{{ html }}", "within": "tbody tr", "values": [{"name": "name", "selector": "td"}]},
    },
    "found": {"type": "data.json_path", "with": {"value": "{{ orders }}", "path": "$[?@.sold > 4].name"}},
    "valid": {
        "type": "data.validate",
        "with": {"value": "{{ orders }}", "json_schema": {"properties": {"sold": {"maximum": 6}}}},
    },
    "fine": {"type": "data.text", "with": {"text": "{{ valid.valid.name }}", "change": "upper"}},
    "hash": {"type": "security.hash", "with": {"value": "{{ orders }}", "algorithm": "crc32"}},
}  # fmt: skip


@pytest.fixture
async def kit(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Kit]:
    async with opened(sqlite_url, tmp_path / "home") as kit:
        yield kit


async def test_they_work_together(kit: Kit) -> None:
    ran = await kit.finish(await kit.start(NODES, input={}), longest=90)
    assert ran.run.status == "done", ran.run.error

    async def value(node: str, port: str = "main") -> Any:
        return await kit.value(ran, node, port)

    assert await value("fields") == [{"id": o["id"], "amount": o["sold"]} for o in ORDERS]
    assert await value("pivot") == [{"shop": "A", "Jan": 3, "Feb": 5}, {"shop": "B", "Jan": 0, "Feb": 8}]
    assert len(await value("unpivot")) == 4
    assert await value("compare", "changed") == [] and await value("same") == [1, 2, 3]
    assert await value("lookup") == {"1": "Ada", "2": "Bob", "3": "Eve"}
    assert await value("chunks") == [[1, 2], [3]] and await value("flat") == [1, 2, 3]
    assert await value("padded") == ["Ada..", "Bob..", "Eve.."]
    assert await value("lines") == "Ada: 3\nBob: 5\nEve: 8" and await value("names") == "Ada, Bob and Eve"
    assert [part["month"] for part in await value("parts")] == ["11", "11", "12"]
    assert (await value("closest"))["match"] == ORDERS[1]
    assert [day[:10] for day in await value("due")] == ["2026-11-24", "2026-11-25", "2026-12-29"]
    assert [row["squared"] for row in await value("gross")] == [9, 25, 64]
    assert await value("price") == ["3.00 €", "5.00 €", "8.00 €"] and (await value("stats"))["median"] == 5
    assert len({row["code"] for row in await value("ids")}) == 3
    assert await value("back") == [{"name": "Ada"}, {"name": "Bob"}, {"name": "Eve"}]
    assert await value("found") == ["Bob", "Eve"]
    assert await value("fine") == ["ADA", "BOB"] and len(await value("valid", "invalid")) == 1
    assert len(set(await value("hash"))) == 3
