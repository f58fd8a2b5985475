"""Input that is meant to harm, or that no example thinks of: named by field and item, never suffered."""

from __future__ import annotations

import asyncio
import gzip
import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from pydantic_core import to_jsonable_python

from engine.catalog import catalog
from engine.contract import BadParams, NodeError, OutputTooLarge
from tests.integrations.services import FolderFiles
from tests.integrations.test_odd_input import Kept, call

REPEATS = """BEGIN:VCALENDAR\r
VERSION:2.0\r
PRODID:x\r
BEGIN:VEVENT\r
UID:1\r
DTSTART:20260101T000000Z\r
RRULE:{rule}\r
SUMMARY:Tick\r
END:VEVENT\r
END:VCALENDAR\r
"""
YEARS = {"since": "2026-01-01", "until": "2035-01-01"}


@pytest.fixture
def files(tmp_path: Path) -> FolderFiles:
    return FolderFiles(tmp_path)


@pytest.fixture
def run(files: FolderFiles, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Call a node; `file` is a pair of name and bytes."""

    def run(node_id: str, **raw: Any) -> Any:
        if isinstance(raw.get("file"), tuple):
            name, data = raw["file"]
            raw["file"] = files.save(name, "application/octet-stream", data).model_dump(by_alias=True)
        with Kept(tmp_path_factory.mktemp("kept"), {}) as kept:
            found = asyncio.run(call(catalog()[node_id], raw, {}, files, kept))
        if isinstance(found, NodeError):
            raise found
        return to_jsonable_python(found, by_alias=True)

    return run


def zipped(*entries: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return out.getvalue()


def tarred() -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return out.getvalue()


def picture(width: int, height: int) -> bytes:
    """A PNG that claims this size."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def calendar(rule: str) -> tuple[str, bytes]:
    """A file with one event that repeats."""
    return "a.ics", REPEATS.format(rule=rule).encode()


EACH_MINUTE = f"FREQ=DAILY;BYHOUR={','.join(map(str, range(24)))};BYMINUTE={','.join(map(str, range(60)))}"
NEVER = "FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30"
ALIASES = "a: &a [1,1,1,1,1,1,1,1,1]\n" + "".join(
    f"{name}: &{name} [{','.join([f'*{before}'] * 9)}]\n" for before, name in pairwise("abcdefghi")
)
SIZES = [{"function": "sum", "field": "size"}]
OUTSIDE = {"$ref": "file:///etc/passwd"}
PICTURE = ("a.svg", b"<svg><image href='file:///etc/passwd'/></svg>")
ENTITIES = '<!DOCTYPE a [<!ENTITY b "{}">]><a>&b;</a>'
WORKBOOK = zipped(("xl/workbook.xml", ENTITIES.format("x").encode()))
ROWS = [{"team": "a", "size": 1}, {"team": "a", "size": 2}, {"team": "a", "size": "two"}]


@pytest.mark.parametrize(
    ("node", "params", "field", "said"),
    [
        ("data.group", {"rows": ROWS, "summaries": SIZES}, "summaries", "in row 3 it is 'two'"),
        ("data.pivot", {"rows": ROWS, "columns": "team", "value": "size"}, "value", "needs numbers, but in row 3"),
        ("data.pivot", {"rows": [{"t": "a"}, {"t": {}}], "columns": "t"}, "columns", "in row 2 it is a record"),
        ("data.unpivot", {"rows": [{"a": 1}, {"a": 2}, None]}, "rows", "Row 3 must be a record"),
        ("data.statistics", {"values": [1, 2, "x"]}, "values", "Item 3 is 'x'"),
        ("flow.merge", {"lists": [[{"id": 1}, {"id": 2}, None], []], "mode": "key"}, "lists", "item 3 of wire 1"),
        ("data.build_json", {"value": nested(3_000)}, "value", "nested too deeply"),
        ("data.build_yaml", {"value": nested(3_000)}, "value", "nested too deeply"),
        ("data.parse_json", {"text": "[" * 100_000 + "]" * 100_000}, "text", "nested too deeply"),
        ("data.parse_xml", {"text": ENTITIES.format("lol")}, "text", "entities are disabled"),
        ("data.parse_xml", {"text": "<a>" * 50_000 + "</a>" * 50_000}, "text", "deeper than 200 levels"),
        ("data.parse_yaml", {"text": "!!python/object/apply:os.system ['id']"}, "text", "line 1, column 1"),
        ("data.parse_yaml", {"text": "a: &a [*a]"}, "text", "deeper than 200 levels"),
        ("data.validate", {"value": 1, "json_schema": OUTSIDE}, "json_schema", "Retrieval is disabled"),
        ("data.calculate", {"formula": "9**9**9"}, "formula", "too large"),
        ("data.calculate", {"formula": "().__class__"}, "formula", "cannot be worked out"),
        ("files.read_csv", {"file": ("a.csv", b"a\n" + b"x" * 12_000_000)}, "file", "cannot be read at line"),
        ("files.read_xlsx", {"file": ("a.xlsx", WORKBOOK)}, "file", "workbook"),
        ("images.convert", {"file": PICTURE, "format": "png"}, "file", "no picture"),
    ],
)  # fmt: skip
def test_the_field_and_the_item_are_named(
    run: Callable[..., Any], node: str, params: dict[str, Any], field: str, said: str
) -> None:
    with pytest.raises(BadParams) as refused:
        run(node, **params)
    assert refused.value.field == field
    assert said in refused.value.message


@pytest.mark.parametrize(
    ("node", "params"),
    [
        ("files.unpack", {"file": ("a.zip", zipped(("x", b"0" * 30_000_000)))}),
        ("files.unpack", {"file": ("a.gz", gzip.compress(b"0" * 30_000_000))}),
        ("images.resize", {"file": ("a.png", picture(2**31 - 1, 2**31 - 1)), "width": 10}),
        ("images.metadata", {"file": ("a.png", picture(50_000, 50_000))}),
        ("data.parse_yaml", {"text": ALIASES}),
        ("data.range", {"stop": 10**12}),
        ("data.text", {"text": "x" * 10**6, "change": "repeat", "times": 10**6}),
        ("files.read_ics", {"file": calendar("FREQ=SECONDLY"), **YEARS}),
        ("files.read_ics", {"file": calendar(NEVER), **YEARS}),
        ("files.read_ics", {"file": calendar(EACH_MINUTE), **YEARS}),
    ],
)  # fmt: skip
def test_a_bomb_is_not_set_off(run: Callable[..., Any], node: str, params: dict[str, Any]) -> None:
    with pytest.raises(OutputTooLarge):
        run(node, **params)


def test_a_rule_that_never_meets_a_day_ends(run: Callable[..., Any]) -> None:
    rule = "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"
    (first,) = run("files.read_ics", file=calendar(rule), **YEARS)
    assert first["start"] == "2026-01-01T00:00:00+00:00", "an event takes place when it says, whatever its rule"


def test_names_in_archives_lead_nowhere(run: Callable[..., Any]) -> None:
    entries = [(name, b"x") for name in ("../../etc/passwd", "/abs/solute", "..\\win", "ok/a.txt")]
    for file in run("files.unpack", file=("a.zip", zipped(*entries))):
        assert not {"/", "\\"} & set(file["name"])
    (inner,) = run("files.unpack", file=("a.tar.gz", tarred()))
    assert inner["name"] == "a.tar"


@pytest.mark.parametrize("operation", ["extract", "replace", "test"])
def test_no_expression_runs_away(run: Callable[..., Any], operation: str) -> None:
    for pattern in ("(a+)+$", "(a|a)*$", "(a+a+)+y"):
        run("data.regex", text="a" * 5_000 + "!", pattern=pattern, operation=operation)
    run("data.json_path", value=["a" * 5_000 + "!"], path="$[?search(@, '(a+)+$')]")
    run("data.validate", value="a" * 5_000 + "!", json_schema={"type": "string", "pattern": "^(a+)+$"})


def test_no_script_gets_out_of_a_text(run: Callable[..., Any]) -> None:
    evil = "<script>alert(1)</script> <img src=x onerror=alert(1)> <a href='javascript:alert(1)'>x</a>"
    for html in (
        run("data.markdown_to_html", text=f"{evil} [a](javascript:alert(1))"),
        run("data.build_html", rows=[{"<script>": evil, "link": "javascript:alert(1)"}]),
    ):
        assert "<script" not in html
        assert "<img src=x onerror" not in html
        assert 'href="javascript:' not in html
    assert "alert" not in run("data.html_to_markdown", html=evil)


def test_no_cell_is_a_formula(run: Callable[..., Any], files: FolderFiles) -> None:
    row = {"a": "=cmd|' /C calc'!A0", "b": "@x", "c": "\t=1", "d": "+1+1"}
    text = files.read(run("files.write_csv", rows=[row])).decode()
    assert all(not cell.startswith(("=", "@", "\t")) for cell in text.splitlines()[1].split(","))
    sheet = openpyxl.load_workbook(io.BytesIO(files.read(run("files.write_xlsx", rows=[row])))).active
    assert sheet is not None
    assert {cell.data_type for cell in sheet[2]} == {"s"}


@pytest.mark.parametrize(
    ("value", "change", "expected"),
    [
        ("2026-03-29T02:30", {}, "2026-03-29T03:30:00+02:00"),  # skipped by the change of clocks
        ("2026-10-25T02:30", {"amount": 1, "unit": "hours"}, "2026-10-25T02:30:00+01:00"),  # comes twice
        ("2026-10-24T02:30", {"amount": 1, "unit": "days"}, "2026-10-25T02:30:00+02:00"),
        ("2026-01-31", {"amount": 1, "unit": "months"}, "2026-02-28T00:00:00+01:00"),
    ],
)
def test_dates_at_the_edge(run: Callable[..., Any], value: str, change: dict[str, Any], expected: str) -> None:
    operation = "add" if change else "read"
    assert run("data.date", value=value, operation=operation, time_zone="Europe/Berlin", **change) == expected
