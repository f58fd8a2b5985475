"""Every template runs on what it ships with and gives what its card says."""

import io
import json
from collections.abc import AsyncIterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from PIL import Image
from python_calamine import CalamineWorkbook

from engine import document
from engine.catalog import catalog
from engine.contract import File
from engine.validation import problems
from integrations.core.images.codes import ReadCodes, read_codes
from tests.integrations.test_conformance import ICONS
from tests.templates.kit import FOLDER, Kit, fill_samples, load, opened

NAMES = sorted(path.stem for path in FOLDER.glob("*.json"))
FIELDS = {
    "id", "name", "summary", "description", "category", "icon", "minutes", "accounts", "result", "run_label", "prompts",
    "samples", "featured", "document",
}  # fmt: skip


@pytest.fixture
async def kit(sqlite_url: str, tmp_path: Path) -> AsyncIterator[Kit]:
    async with opened(sqlite_url, tmp_path / "home") as kit:
        yield kit


def sheets(kit: Kit, file: dict[str, Any]) -> dict[str, list[list[Any]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(kit.files.read(file)))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


@pytest.mark.parametrize("name", NAMES)
def test_card(name: str) -> None:
    template = load(name)
    assert set(template) == FIELDS
    assert template["id"] == name
    assert template["icon"] in ICONS
    assert template["summary"].endswith(".") and template["description"].endswith(".")
    nodes = template["document"]["nodes"].values()
    shown = {node["with"].get("show") for node in nodes if node["type"] == "flow.output"}
    assert set(template["result"]) <= shown | {"json"}
    for sample in template["samples"]:
        assert (FOLDER / sample["path"]).stat().st_size > 0
        if "attribution" in sample:
            assert "Licence" in (FOLDER / sample["attribution"]).read_text()


@pytest.mark.parametrize("name", NAMES)
def test_document_has_no_problems(name: str) -> None:
    file = {"$file": "0" * 64, "name": "x.csv", "media_type": "text/csv", "size": 1}
    template = load(name)
    filled = fill_samples(template["document"], {sample["name"]: file for sample in template["samples"]})
    graph = document.load(filled)
    assert [str(problem) for problem in problems(graph, catalog())] == []
    assert set(graph.layout) == set(graph.nodes)


def test_the_departments_are_those_whose_accuracy_is_stated() -> None:
    shipped = load("sort_customer_messages")["document"]["nodes"]["departments"]["with"]["default"]
    assert shipped == json.loads((FOLDER / "samples" / "departments.json").read_text())


async def test_sort_customer_messages(kit: Kit) -> None:
    ran = await kit.run_template("sort_customer_messages")
    assert ran.run.error is None
    assert {node for node, status in ran.statuses.items() if status != "done"} == set()
    table, chart = await kit.value(ran, "table"), await kit.value(ran, "chart")
    assert len(table) == 3080
    assert list(table[0]) == ["Message", "Department", "Urgent", "Confidence"]
    assert table[0]["Message"] == "How do I locate my card?" and table[0]["Department"] == "Cards"
    assert sum(bar["Messages"] for bar in chart) == 3080
    assert chart[0]["Department"] == "Cards" and len(chart) == 7
    assert [bar["Messages"] for bar in chart] == sorted((bar["Messages"] for bar in chart), reverse=True)
    urgent = await kit.value(ran, "urgent")
    assert urgent == [row for row in table if row["Urgent"]] and 100 < len(urgent) < 500
    book = sheets(kit, await kit.value(ran, "download"))
    assert [len(book[name]) for name in ("Messages", "Urgent", "Departments")] == [3081, len(urgent) + 1, 8]


async def test_sort_own_messages_into_own_departments(kit: Kit, tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("id;note\n1;The lamp in room 4 is broken\n2;I would like a table for two tonight\n3;\n")
    departments = [
        {"name": "Repairs", "description": "Something is broken; a lamp, a pipe or a door does not work"},
        {"name": "Restaurant", "description": "Booking a table; a question about the menu"},
    ]
    file = kit.put(path, "text/csv").model_dump(by_alias=True)
    ran = await kit.run_template("sort_customer_messages", messages=file, column="note", departments=departments)
    assert ran.run.error is None
    table = await kit.value(ran, "table")
    assert [row["Department"] for row in table] == ["Repairs", "Restaurant", None]
    assert ran.statuses["urgent"] == "skipped"
    assert ran.statuses["download"] == "done"


async def test_a_column_that_is_not_there_is_said(kit: Kit) -> None:
    ran = await kit.run_template("sort_customer_messages", column="message")
    assert ran.run.status == "failed" and ran.run.error is not None
    assert ran.run.error["message"] == "The file has no column “message”. Its columns are: text, category."
    file = kit.files.save("x.csv", "text/csv", b"a,b\n1,2\n").model_dump(by_alias=True)
    for name, given in (("clean_a_spreadsheet", {"contacts": file}), ("add_up_sales", {"orders": file})):
        ran = await kit.run_template(name, **given)
        assert ran.run.error is not None
        assert "It has: a, b." in ran.run.error["message"]


@pytest.mark.parametrize(
    ("value", "answer"), [(7, {"value": 7, "doubled": 14, "size": "big"}), (2, {"value": 2, "doubled": 4})]
)
async def test_size_it(kit: Kit, value: int, answer: Any) -> None:
    ran = await kit.run_template("size_it", trigger="hook", payload={"body": {"value": value}})
    assert ran.run.output is not None
    assert ran.run.output["response"]["body"]["v"] == answer


async def test_clean_a_spreadsheet(kit: Kit) -> None:
    ran = await kit.run_template("clean_a_spreadsheet")
    assert ran.run.error is None
    table = await kit.value(ran, "table")
    assert [row["Name"] for row in table] == [
        "Ada Lovelace", "Annie Easley", "Edsger Dijkstra", "Grace Hopper", "Katherine Johnson", "Lise Meitner",
        "Mary Somerville", "Noether, Emmy",
    ]  # fmt: skip
    assert table[0] == {"Name": "Ada Lovelace", "Email": "ada@example.org", "City": "London"}
    assert await kit.value(ran, "removed") == 4
    assert len(sheets(kit, await kit.value(ran, "download"))["Rows"]) == 9


async def test_add_up_sales(kit: Kit) -> None:
    ran = await kit.run_template("add_up_sales")
    assert ran.run.error is None
    table = await kit.value(ran, "table")
    assert table[0] == {
        "Region": "North", "Total": 519.75, "Orders": 5, "Average": 103.95, "Last order": "2026-10-29",
    }  # fmt: skip
    assert [row["Region"] for row in table] == ["North", "East", "South", "West"]
    assert len(sheets(kit, await kit.value(ran, "download"))["Orders"]) == 17


@pytest.fixture
def site() -> Any:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"All systems go" if found else b"Gone")

        def log_message(self, *args: object) -> None: ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


async def test_watch_a_web_address(kit: Kit, site: str) -> None:
    ran = await kit.run_template("watch_a_web_address", address=site, expected="systems")
    assert ran.run.error is None
    assert await kit.value(ran, "result") == {"address": site, "status": 200, "characters": 14}


async def test_watch_a_web_address_that_is_gone(kit: Kit, site: str) -> None:
    ran = await kit.run_template("watch_a_web_address", address=f"{site}/old")
    assert ran.run.status == "failed"
    assert "answered 404" in str(ran.run.error)


async def test_watch_for_a_text_that_is_missing(kit: Kit, site: str) -> None:
    ran = await kit.run_template("watch_a_web_address", address=site, expected="sold out")
    assert ran.run.status == "failed"
    assert "“sold out” is not on" in str(ran.run.error)


async def test_number_new_orders(kit: Kit) -> None:
    ran = await kit.run_template("number_new_orders")
    assert ran.run.error is None
    table = await kit.value(ran, "table")
    assert [(row["invoice"], row["order"]) for row in table] == [
        (1001, "A-501"), (1002, "A-502"), (1003, "A-503"), (1004, "A-504"),
    ]  # fmt: skip
    assert await kit.value(ran, "total") == {"orders": 4, "total": 342.65}
    assert [row["order"] for row in await kit.value(ran, "known")] == ["A-502"]


async def test_photo_for_the_web(kit: Kit) -> None:
    ran = await kit.run_template("photo_for_the_web")
    assert ran.run.error is None
    noted = await kit.value(ran, "noted")
    assert noted["camera"] == "Acme Pocket 1" and noted["location"] == {"latitude": 46.52, "longitude": 7.98}
    file = await kit.value(ran, "file")
    assert (file["name"], file["media_type"]) == ("for the web.webp", "image/webp")
    with Image.open(io.BytesIO(kit.files.read(file))) as picture:
        assert picture.size == (400, 300) and not picture.getexif()
    code = File.model_validate(await kit.value(ran, "qr"))
    (found,) = read_codes(ReadCodes(file=code), kit.files)
    assert found.text == "https://example.com/hills"
