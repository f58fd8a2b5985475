"""Read and write XLSX."""

from __future__ import annotations

import math
import re
import tempfile
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from engine.contract import BadParams, File, FileField, Files, Params, Port, Rows, action
from integrations.core.files.tables import Sheet, column_names, columns_of, file_name, place_of, records, storable
from integrations.core.values import cell_text

MEDIA_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_MOST_ROWS, _MOST_COLUMNS, _LONGEST_CELL = 1_048_576, 16_384, 32_767  # the limits of the format
_BAD_SHEET_NAME = re.compile(r"[\[\]:*?/\\]")


class ReadXlsx(Params):
    file: Annotated[File, Port(), FileField(accept=".xlsx,.xls,.xlsb,.ods")] = Field(
        description="The workbook to read; XLSX, XLS, XLSB or ODS",
        examples=[{"$file": "0" * 64, "name": "people.xlsx", "media_type": MEDIA_TYPE, "size": 12}],
    )
    sheet: str = Field(default="", description="The sheet's name; none: the first", examples=["People"])
    header: bool = Field(default=True, description="Whether the first row names the columns", examples=[True])
    skip: int = Field(default=0, ge=0, description="How many rows to leave out at the top", examples=[1])


@action(
    "files.read_xlsx",
    title="Read XLSX",
    category="files",
    icon="file-spreadsheet",
    cpu=True,
    subtitle="A sheet of a workbook",
    keywords=("excel", "import", "spreadsheet", "xls", "ods", "table"),
)
def read_xlsx(params: ReadXlsx, files: Files) -> Sheet:
    """Read one sheet of an Excel or OpenDocument workbook as rows.

    Numbers, yes and no stay what they are; dates become ISO 8601 texts; of a formula the stored result is read. Empty
    rows are left out.

    With a list: each file is read by itself.
    """
    table = _read_sheet(params, files)[params.skip :]
    table = [row for row in table if any(cell not in ("", None) for cell in row)]
    header = table.pop(0) if params.header and table else []
    columns = column_names(header, max((len(row) for row in table), default=0))
    rows = [dict(zip(columns, [_value(cell) for cell in row], strict=False)) for row in table]
    return Sheet(rows=rows, columns=columns, count=len(rows))


def _read_sheet(params: ReadXlsx, files: Files) -> Sequence[Sequence[Any]]:
    from python_calamine import CalamineError, CalamineWorkbook, WorksheetNotFound  # noqa: PLC0415  loaded where used

    with files.open(params.file) as stream:
        try:
            workbook = CalamineWorkbook.from_filelike(stream)
            if not workbook.sheet_names:
                return []
            name = params.sheet or workbook.sheet_names[0]
            return workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
        except WorksheetNotFound as error:
            raise BadParams(
                f"“{params.file.name}” has no sheet called “{params.sheet}”.",
                field="sheet",
                hint="Its sheets are " + ", ".join(workbook.sheet_names) + ".",
            ) from error
        except (CalamineError, OSError, ValueError) as error:
            raise BadParams(
                f"“{params.file.name}” cannot be read as a workbook.",
                field="file",
                hint="Open it in a spreadsheet program and save it as XLSX, without a password.",
            ) from error


def _value(cell: Any) -> Any:
    if isinstance(cell, datetime | date | time):
        return cell.isoformat()
    if isinstance(cell, timedelta):
        return cell.total_seconds()
    if isinstance(cell, float):
        if not math.isfinite(cell):
            return None
        return int(cell) if cell.is_integer() and abs(cell) < 2**53 else cell
    return cell


class SheetToWrite(BaseModel):
    """One sheet of a workbook."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="The sheet's name, at most 31 characters", examples=["Messages"])
    rows: Annotated[list[Any], BeforeValidator(lambda rows: [] if rows is None else rows)] = Field(
        default_factory=list, description="Its rows", examples=[[{"name": "Ada"}]]
    )
    columns: list[str] = Field(
        default_factory=list, description="The columns, in this order; none: all", examples=[["name"]]
    )


class WriteXlsx(Params):
    rows: Annotated[list[Any], BeforeValidator(lambda rows: [] if rows is None else rows), Port()] = Field(
        default_factory=list, description="The rows of a workbook with one sheet", examples=[[{"name": "Ada"}]]
    )
    sheets: Annotated[list[SheetToWrite], Rows(add="Add sheet")] = Field(
        default_factory=list,
        description="Several sheets instead",
        examples=[[{"name": "Messages", "rows": [{"text": "Hi"}]}]],
    )
    name: str = Field(default="rows.xlsx", min_length=1, description="The file's name", examples=["people.xlsx"])


@action(
    "files.write_xlsx",
    title="Write XLSX",
    category="files",
    icon="file-down",
    cpu=True,
    subtitle="Rows to an Excel file",
    keywords=("excel", "export", "download", "spreadsheet", "workbook", "table"),
)
def write_xlsx(params: WriteXlsx, files: Files) -> File:
    """Write rows as an Excel workbook: one sheet, or several with names of their own.

    Numbers stay numbers; texts are written as texts, never as formulas or links. The first row is set in bold, stays in
    view, and can be filtered. Too many rows for a sheet (1,048,575) is an error; nothing is cut.

    With a list: takes it whole; a list is one file.
    """
    sheets = params.sheets or [SheetToWrite(name="Rows", rows=params.rows)]
    _check_names([sheet.name for sheet in sheets])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "book.xlsx"
        _write(path, sheets)
        return files.save(file_name(params.name, ".xlsx"), MEDIA_TYPE, path)


def _check_names(names: Sequence[str]) -> None:
    seen: set[str] = set()
    for name in names:
        if len(name) > 31 or _BAD_SHEET_NAME.search(name) or name.startswith("'") or name.endswith("'"):
            raise BadParams(
                f"“{name}” cannot be a sheet's name.",
                field="sheets",
                hint="At most 31 characters, none of [ ] : * ? / \\, and no quote at the ends.",
            )
        if name.lower() in seen:
            raise BadParams(f"Two sheets are called “{name}”.", field="sheets", hint="Give each a name of its own.")
        seen.add(name.lower())


def _write(path: Path, sheets: Sequence[SheetToWrite]) -> None:
    from xlsxwriter import Workbook  # noqa: PLC0415  loaded where used

    options = {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "in_memory": False}
    with Workbook(str(path), {**options, "tmpdir": str(path.parent)}) as book:
        bold = book.add_format({"bold": True})
        for sheet in sheets:
            rows = records(sheet.rows, "sheets")
            columns = columns_of(rows, sheet.columns)
            _check_size(sheet.name, len(rows), len(columns))
            page = book.add_worksheet(sheet.name)
            for i, width in enumerate(_widths(rows, columns)):
                page.set_column(i, i, width)
            page.freeze_panes(1, 0)
            for i, name in enumerate(columns):
                page.write_string(0, i, storable(name[:_LONGEST_CELL], place_of(0, name)), bold)
            for r, row in enumerate(rows, 1):
                for c, name in enumerate(columns):
                    _write_cell(page, r, c, row.get(name), name=name)
            if rows and columns:
                page.autofilter(0, 0, len(rows), len(columns) - 1)


def _check_size(name: str, rows: int, columns: int) -> None:
    if rows >= _MOST_ROWS or columns > _MOST_COLUMNS:
        raise BadParams(
            f"Sheet “{name}” would need {rows:,} rows and {columns:,} columns.",
            field="rows",
            hint=f"An XLSX sheet holds {_MOST_ROWS - 1:,} rows and {_MOST_COLUMNS:,} columns; write CSV instead.",
        )


def _widths(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> list[int]:
    """Wide enough for most of what stands in the first rows, between 8 and 60 characters."""
    return [
        min(60, max(8, len(name) + 2, *(len(cell_text(row.get(name))) for row in rows[:50]), 0)) for name in columns
    ]


def _write_cell(page: Any, row: int, column: int, value: Any, *, name: str) -> None:
    if value is None or value == "":
        return
    if isinstance(value, bool):
        page.write_boolean(row, column, value)
    elif isinstance(value, int | float) and abs(value) < 2**53 and math.isfinite(value):
        page.write_number(row, column, value)
    else:
        text = cell_text(value)
        if len(text) > _LONGEST_CELL:
            raise BadParams(
                f"Row {row} holds a text of {len(text):,} characters in one cell.",
                field="rows",
                hint=f"An XLSX cell holds {_LONGEST_CELL:,}; shorten it or write CSV.",
            )
        page.write_string(row, column, storable(text, place_of(row, name)))
