"""What must hold for any input: the algebra of the data nodes."""

from __future__ import annotations

import asyncio
import inspect
import json
import tempfile
from collections.abc import Generator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import BadParams
from integrations.core.code.sandbox import run
from integrations.core.data.fields import SetFields, SplitOut, set_fields, split_out
from integrations.core.data.group import Group, Summary, group
from integrations.core.data.rows import Limit, Sort, Unique, limit, sort, unique
from integrations.core.data.text import dump_json, load_json
from integrations.core.files.csv_files import ReadCsv, WriteCsv, read_csv, write_csv
from integrations.core.flow.branches import Router, router
from integrations.core.flow.merge import Merge, merge
from integrations.core.values import identity, number, pick
from tests.integrations.services import FolderFiles, lists_in

scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.recursive(scalars, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3))
rows = st.lists(st.dictionaries(st.sampled_from(["a", "b", "a.c", ""]), values, max_size=3), max_size=12)
lists = st.lists(values, max_size=12)


def call(node: Any, params: Any) -> Any:
    result = node(params)
    result = asyncio.run(result) if inspect.iscoroutine(result) else result
    return list(result) if isinstance(result, Generator) else result


@given(lists)
def test_sorting_keeps_every_item_and_is_idempotent(items: list[Any]) -> None:
    once = call(sort, Sort(rows=items))
    assert sorted(map(repr, once)) == sorted(map(repr, items))
    assert repr(call(sort, Sort(rows=once))) == repr(once)


@given(
    st.lists(st.tuples(st.sampled_from(["x", "X", "y", "", None, 1, "2"]), st.integers()), max_size=20), st.booleans()
)
def test_sorting_is_stable(pairs: list[tuple[Any, int]], descending: bool) -> None:
    items = [{"key": key, "place": place} for place, (key, _) in enumerate(pairs)]
    sorted_ = call(sort, Sort(rows=items, by=["key"], descending=descending))
    for key in {repr(item["key"]) for item in items}:
        places = [item["place"] for item in sorted_ if repr(item["key"]) == key]
        assert places == sorted(places)


@given(rows, st.sampled_from(["a", "b", "a.c"]))
def test_splitting_what_was_grouped_gives_back_every_row(table: list[dict[str, Any]], by: str) -> None:
    table = [{**row, "place": place} for place, row in enumerate(table)]
    groups = call(group, Group(rows=table, by=[by], summaries=[Summary(function="list", name="rows")]))
    back = [row for one in groups for row in call(split_out, SplitOut(record=one, field="rows"))]
    assert sorted(back, key=lambda row: row["place"]) == table
    for one in groups:
        assert len({identity(pick(row, by)) for row in one["rows"]}) == 1
        places = [row["place"] for row in one["rows"]]
        assert places == sorted(places)


@given(lists)
def test_unique_is_idempotent_and_keeps_one_of_each(items: list[Any]) -> None:
    once = call(unique, Unique(rows=items))
    assert {identity(item) for item in once} == {identity(item) for item in items}
    assert len(once) == len({identity(item) for item in items})
    assert repr(call(unique, Unique(rows=once))) == repr(once)


@given(lists, st.integers(0, 15))
def test_first_and_rest_are_the_whole(items: list[Any], count: int) -> None:
    first = call(limit, Limit(rows=items, count=count))
    rest = call(limit, Limit(rows=items, count=10**9, skip=count))
    assert repr(first + rest) == repr(items)


@given(st.lists(lists, max_size=4))
def test_append_is_concatenation(wires: list[list[Any]]) -> None:
    assert call(merge, Merge(lists=wires)) == [item for wire in wires for item in wire]


@given(rows, rows)
def test_left_join_keeps_every_row_of_the_left(left: list[dict[str, Any]], right: list[dict[str, Any]]) -> None:
    merged = call(merge, Merge(lists=[left, right], mode="key", key="a", clash="first"))
    inner = call(merge, Merge(lists=[left, right], mode="key", key="a", clash="first", join="inner"))
    outer = call(merge, Merge(lists=[left, right], mode="key", key="a", clash="first", join="outer"))
    assert len(inner) <= len(merged) <= len(outer)
    assert len(merged) >= len(left)


@given(values, st.lists(st.tuples(st.text(min_size=1, max_size=8), values), max_size=5))
def test_a_router_loses_nothing(value: Any, rules: list[tuple[str, Any]]) -> None:
    for match in ("first", "all"):
        params = Router(value=value, rules=[{"name": name, "when": when} for name, when in rules], match=match)
        fired = call(router, params)
        assert fired
        assert all(repr(part.value) == repr(value) for part in fired)
        known = [output.name for output in router.outputs_for(params)]
        assert {part.output for part in fired} <= set(known) and len(known) == len(set(known))


@given(values)
def test_json_written_is_json_read(value: Any) -> None:
    assert load_json(dump_json(value), "text") == value


@given(st.text())
def test_any_text_is_json_or_a_clear_error(text: str) -> None:
    try:
        json.dumps(load_json(text, "text"), allow_nan=False)
    except BadParams as error:
        assert error.message.startswith("Not ")


cells = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r\ufeff"), min_size=1, max_size=12)


@settings(max_examples=60)
@given(st.lists(st.tuples(cells, cells, cells).filter(lambda row: any(c.strip() for c in row)), max_size=6))
def test_csv_written_is_csv_read(table: list[tuple[str, str, str]]) -> None:
    wanted = [dict(zip(("x", "y", "z"), row, strict=True)) for row in table]
    with tempfile.TemporaryDirectory() as folder:
        files = FolderFiles(Path(folder))
        file = write_csv(WriteCsv(rows=wanted, columns=["x", "y", "z"], guard_formulas=False), files)
        back = read_csv(ReadCsv(file=file, encoding="utf-8", delimiter="comma"), files, lists_in(files.folder))
    assert back.rows == wanted


@given(st.binary(max_size=300))
def test_any_file_is_rows_or_a_clear_error(content: bytes) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = FolderFiles(Path(folder))
        file = files.save("x.csv", "text/csv", content)
        try:
            sheet = read_csv(ReadCsv(file=file), files, lists_in(files.folder))
        except BadParams as error:
            assert "x.csv" in error.message
        else:
            assert sheet.count == len(sheet.rows)
            assert all(list(row) == sheet.columns for row in sheet.rows)


@given(st.one_of(st.text(), st.integers(), st.floats()))
def test_a_number_is_finite_or_none(value: Any) -> None:
    found = number(value)
    assert found is None or abs(found) < float("inf")


@given(
    st.dictionaries(st.text(max_size=5), values, max_size=4), st.dictionaries(st.text(max_size=5), values, max_size=4)
)
def test_set_fields_never_changes_what_came_in(record: dict[str, Any], fields: dict[str, Any]) -> None:
    before = repr(record)
    params = SetFields(record=record, fields=fields)
    try:
        changed = call(set_fields, params)
    except BadParams:
        return
    assert repr(params.record) == before
    nested = {name.partition(".")[0] for name in fields if "." in name}  # may make a record of an empty field
    assert all(changed[name] == value for name, value in fields.items() if "." not in name and name not in nested)


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.sampled_from(["x", "y", "rows"]), values, max_size=3))
async def test_code_gives_back_what_it_was_given(inputs: dict[str, Any]) -> None:
    code = "{" + ", ".join(f"'{name}': {name}" for name in inputs) + "}"
    outcome = await run(code, inputs, seconds=5, megabytes=64)
    assert outcome.value == inputs
