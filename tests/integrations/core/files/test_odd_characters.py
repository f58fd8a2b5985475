"""Half of a surrogate pair is a text that no file can hold: what writes files says where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from engine.contract import BadParams
from integrations.core.files.csv_files import WriteCsv, write_csv
from integrations.core.files.json_files import WriteJson, write_json
from integrations.core.files.xlsx_files import WriteXlsx, write_xlsx
from tests.integrations.services import FolderFiles

HALF = "Hi \ud83d"
IN_A_CELL = [{"name": "Ada 😀", "text": "ü"}, {"name": "Bo", "text": HALF}]
WRITERS = [
    (write_csv, WriteCsv, "rows", {}),
    (write_xlsx, WriteXlsx, "rows", {}),
    (write_json, WriteJson, "value", {}),
    (write_json, WriteJson, "value", {"lines": True}),
]


@pytest.mark.parametrize(("write", "params", "field", "more"), WRITERS, ids=["csv", "xlsx", "json", "json lines"])
def test_half_of_a_character_is_named_by_field_and_row(
    write: Any, params: Any, field: str, more: dict[str, Any], tmp_path: Path
) -> None:
    for value, place in (
        (IN_A_CELL, "“text” in row 2"),
        ([{"deep": {"er": [HALF]}}], "“deep” in row 1"),
        ([{HALF: 1}], "“Hi ?”"),
    ):
        with pytest.raises(BadParams) as caught:
            write(params(**{field: value}, **more), FolderFiles(tmp_path))
        assert caught.value.message.startswith(f"{place} ") and "U+D83D" in caught.value.message
        assert caught.value.field == field


@pytest.mark.parametrize(("write", "params", "field", "more"), WRITERS, ids=["csv", "xlsx", "json", "json lines"])
def test_whole_characters_are_written(
    write: Any, params: Any, field: str, more: dict[str, Any], tmp_path: Path
) -> None:
    assert write(params(**{field: IN_A_CELL[:1]}, **more), FolderFiles(tmp_path)).size > 0


def test_half_of_a_character_alone_or_in_a_list_of_texts(tmp_path: Path) -> None:
    for value, place in ((HALF, "The value"), (["a", HALF], "Row 2"), ({"a": HALF}, "“a”")):
        with pytest.raises(BadParams, match=f"{place} holds half"):
            write_json(WriteJson(value=value), FolderFiles(tmp_path))
