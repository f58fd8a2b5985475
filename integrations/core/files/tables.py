"""What CSV and XLSX have in common: column names, cells as text, names of files."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, Field

from engine.contract import BadParams, Items
from integrations.core.values import kind, number

_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]+')
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Sheet(BaseModel):
    """The rows of a table, with its columns in their order."""

    rows: Items[dict[str, Any]] = Field(description="One record per row")
    columns: list[str] = Field(description="The columns, in their order")
    count: int = Field(description="How many rows there are")


def column_names(header: Sequence[Any], width: int) -> list[str]:
    """A name for every column: those of the header, numbered where one is empty or comes twice."""
    names: list[str] = []
    for i in range(max(width, len(header))):
        text = str(header[i]).strip() if i < len(header) and header[i] is not None else ""
        name = text or f"column_{i + 1}"
        n = 2
        while name in names:
            name = f"{text or 'column'}_{n}"
            n += 1
        names.append(name)
    return names


def records(rows: Any, field: str = "rows") -> list[Mapping[str, Any]]:
    """Rows as records; plain values stand in a column called value. Nothing (a skipped branch) is no rows."""
    if rows is None:
        return []
    if isinstance(rows, Mapping):
        rows = [rows]
    if not isinstance(rows, list):
        raise BadParams(f"Rows must be a list of records, but this is {kind(rows)}.", field=field)
    return [row if isinstance(row, Mapping) else {"value": row} for row in rows]


def records_of(rows: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    """The same one after the other, for a list of any length."""
    return (row if isinstance(row, Mapping) else {"value": row} for row in rows)


def columns_of(rows: Iterable[Mapping[str, Any]], chosen: Sequence[str]) -> list[str]:
    """The columns to write: those chosen, else all, in the order in which they first appear."""
    return list(chosen) or list(dict.fromkeys(name for row in rows for name in row))


def defuse(text: str) -> str:
    """A quote before what a spreadsheet would run as a formula (OWASP, "CSV injection"); numbers stay as they are."""
    return f"'{text}" if text.startswith(_FORMULA) and number(text) is None else text


def storable(text: str, place: str, field: str = "rows") -> str:
    """The text as it is. Raises `BadParams` naming the place for one that UTF-8 cannot hold: half a surrogate pair."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            raise BadParams(
                f"{place} holds half of a character (U+{ord(text[error.start]):04X}), which no file can hold.",
                field=field,
                hint="A text was cut in the middle of an emoji or the like. Cut it elsewhere, or leave that part out.",
            ) from None
    return text


def place_of(row: int, column: str) -> str:
    """A field of a row as errors name it; rows count from 1, and 0 is no row."""
    shown = column.encode(errors="replace").decode()
    return f"“{shown}” in row {row:,}" if row else f"“{shown}”"


def file_name(name: str, extension: str) -> str:
    """`name` as a file's name on any system, with its extension. Raises `BadParams` when nothing is left of it."""
    clean = _UNSAFE.sub("_", name).strip(" .")
    if not clean.strip("_"):
        raise BadParams(f"“{name}” cannot be a file's name.", field="name", hint="Use letters or digits.")
    clean = clean if clean.lower().endswith(extension) else clean + extension
    return clean if len(clean) <= 200 else clean[: 200 - len(extension)] + extension
