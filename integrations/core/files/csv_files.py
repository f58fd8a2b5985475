"""Read and write CSV."""

from __future__ import annotations

import csv
import io
import itertools
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract import BadParams, File, FileField, Files, Items, Lists, Params, Port, action
from integrations.core.files.encodings import find_encoding
from integrations.core.files.tables import (
    Sheet,
    column_names,
    columns_of,
    defuse,
    file_name,
    place_of,
    records_of,
    storable,
)
from integrations.core.values import cell_text, number

_DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
_LONGEST_CELL = 10_000_000
_SAMPLE_LINES = 200
_TOLD = re.compile(r"sep=[,;|\t]")  # the line by which Excel is told the delimiter

Encoding = Literal["auto", "utf-8", "utf-16", "windows-1252", "iso-8859-15"]
Delimiter = Literal["auto", "comma", "semicolon", "tab", "pipe"]


class ReadCsv(Params):
    file: Annotated[File, Port(), FileField(accept=".csv,.tsv,.txt,text/csv")] = Field(
        description="The file to read",
        examples=[{"$file": "0" * 64, "name": "messages.csv", "media_type": "text/csv", "size": 12}],
    )
    header: bool = Field(default=True, description="Whether the first row names the columns", examples=[True])
    delimiter: Delimiter = Field(
        default="auto", description="What stands between cells; auto finds it in the first rows", examples=["semicolon"]
    )
    encoding: Encoding = Field(
        default="auto",
        description="How characters are stored; auto reads UTF-8 and UTF-16, and else Windows-1252",
        examples=["utf-8"],
    )
    numbers: bool = Field(
        default=False,
        description="Turn cells that spell a number into numbers, except those with leading zeros",
        examples=[True],
    )
    skip: int = Field(default=0, ge=0, description="How many lines to leave out at the top", examples=[2])


@action(
    "files.read_csv",
    title="Read CSV",
    category="files",
    icon="file-spreadsheet",
    cpu=True,
    subtitle="A table from a text file",
    keywords=("import", "spreadsheet", "excel", "tsv", "comma", "table"),
)
def read_csv(params: ReadCsv, files: Files, lists: Lists) -> Sheet:
    """Read a CSV file as rows.

    Cells stay text unless numbers are asked for. Empty lines are left out. A row that is too short is filled with
    empty cells; one that is too long gets columns of its own. Quotes may hold delimiters and line ends. An error names
    the line.

    With a list: each file is read by itself, whatever its size.
    """
    with files.open(params.file) as stream:
        encoding = find_encoding(stream) if params.encoding == "auto" else params.encoding
        text = io.TextIOWrapper(stream, encoding=encoding, newline="")
        try:
            width = max((len(row) for row in _rows(text, params)), default=0)
            text.seek(0)
            rows = _rows(text, params)
            columns = column_names(next(rows, []) if params.header else [], width)
            kept = lists.keep(_records(rows, columns, params.numbers))
        except UnicodeDecodeError as error:
            raise BadParams(
                f"“{params.file.name}” is not written in {encoding}: byte {error.start:,} does not fit.",
                field="encoding",
                hint="Choose another encoding, or save the file as UTF-8.",
            ) from error
    return Sheet(rows=kept, columns=columns, count=len(kept))


def _records(rows: Iterator[list[str]], columns: list[str], numbers: bool) -> Iterator[dict[str, Any]]:
    for row in rows:
        cells: list[Any] = [_typed(cell) for cell in row] if numbers else list(row)
        yield dict(itertools.zip_longest(columns, cells, fillvalue=""))


def _rows(text: io.TextIOWrapper, params: ReadCsv) -> Iterator[list[str]]:
    """The rows that hold something, that of the header included."""
    lines = itertools.islice(_without_nul(text, params), params.skip, None)
    sample = list(itertools.islice(lines, _SAMPLE_LINES))
    told = sample.pop(0).strip()[4:] if sample and _TOLD.fullmatch(sample[0].strip()) else ""
    csv.field_size_limit(_LONGEST_CELL)
    delimiter = _DELIMITERS.get(params.delimiter) or told or _find_delimiter(sample)
    reader = csv.reader(itertools.chain(sample, lines), delimiter=delimiter, strict=False)
    try:
        for row in reader:
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise BadParams(
            f"“{params.file.name}” cannot be read at line {reader.line_num + params.skip}: {error}.",
            field="file",
            hint="Check the quotes there, or the delimiter.",
        ) from error


def _without_nul(text: io.TextIOWrapper, params: ReadCsv) -> Iterator[str]:
    for i, line in enumerate(text, 1):
        if "\0" in line:
            raise BadParams(
                f"“{params.file.name}” is no text file: line {i} holds a zero byte.",
                field="file",
                hint="Open it in a spreadsheet program and save it as CSV, or use Read XLSX.",
            )
        yield line


def _find_delimiter(sample: list[str]) -> str:
    """The delimiter that cuts the first rows into the most columns of equal number; a comma when none does."""

    def fit(delimiter: str) -> tuple[float, int]:
        try:
            rows = [row for row in csv.reader(sample, delimiter=delimiter) if row][:50]
        except csv.Error:
            return (0.0, 0)  # reading the file says where and why
        widths = [len(row) for row in rows] or [1]
        usual = max(set(widths), key=widths.count)
        return (widths.count(usual) / len(widths) if usual > 1 else 0.0, usual)

    best = max(_DELIMITERS.values(), key=fit)
    return best if fit(best)[1] > 1 else ","


def _typed(cell: str) -> Any:
    found = number(cell)
    digits = cell.strip().lstrip("+-")
    keeps_zeros = len(digits) > 1 and digits[0] == "0" and digits[1].isdigit()
    return cell if found is None or keeps_zeros else found


class WriteCsv(Params):
    rows: Annotated[Items[Any], Port()] = Field(
        description="The rows to write", examples=[[{"name": "Ada", "age": 36}]]
    )
    name: str = Field(default="rows.csv", min_length=1, description="The file's name", examples=["people.csv"])
    columns: list[str] = Field(
        default_factory=list, description="The columns, in this order; none: all", examples=[["name", "age"]]
    )
    delimiter: Literal["comma", "semicolon", "tab", "pipe"] = Field(
        default="comma", description="What stands between cells", examples=["comma"]
    )
    header: bool = Field(default=True, description="Whether the first row names the columns", examples=[True])
    for_excel: bool = Field(
        default=False, description="Begin with a byte order mark, by which Excel knows UTF-8", examples=[True]
    )
    guard_formulas: bool = Field(
        default=True,
        description="Put a quote before texts that a spreadsheet would run as a formula",
        examples=[True],
    )


@action(
    "files.write_csv",
    title="Write CSV",
    category="files",
    icon="file-down",
    cpu=True,
    subtitle="Rows to a text file",
    keywords=("export", "download", "save", "spreadsheet", "table"),
)
def write_csv(params: WriteCsv, files: Files) -> File:
    """Write rows as a CSV file in UTF-8. Records and lists inside a cell are written as JSON.

    With a list: takes it whole, whatever its length; a list is one file.
    """
    columns = columns_of(records_of(params.rows), params.columns)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rows.csv"
        with path.open("w", encoding="utf-8-sig" if params.for_excel else "utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter=_DELIMITERS[params.delimiter], lineterminator="\r\n")
            guard = defuse if params.guard_formulas else str
            if params.header and columns:
                writer.writerow([storable(guard(name), place_of(0, name)) for name in columns])
            for i, row in enumerate(records_of(params.rows), 1):
                cells = [_cell(row.get(name), guard) for name in columns]
                try:
                    writer.writerow(cells)
                except UnicodeEncodeError:
                    for name, cell in zip(columns, cells, strict=True):
                        storable(cell, place_of(i, name))
                    raise
        return files.save(file_name(params.name, ".csv"), "text/csv", path)


def _cell(value: Any, guard: Any) -> str:
    text = cell_text(value)
    return str(guard(text)) if isinstance(value, str | dict | list) else text
