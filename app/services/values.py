"""Values of steps and results in the form in which a screen shows them: tables by the page, bars, texts, files."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import orjson

from app.services.shown import Record, size

PAGE: Final = 50
MOST_COLUMNS: Final = 12
LONGEST_CELL: Final = 400
LONGEST_TEXT: Final = 20_000
LONGEST_LIST: Final = 20
SHORT_LABEL: Final = 24
MOST_LABELS: Final = 14
MOST_BARS: Final = 40

EMPTY: Final[Record] = {
    "kind": "empty",
    "text": "",
    "columns": [],
    "rows": [],
    "start": 0,
    "shown": "",
    "has_before": False,
    "has_after": False,
    "file_name": "",
    "file_size": "",
    "file_href": "",
}


class Review:
    """Which rows a person should check: those whose number in ``column`` is below ``below``."""

    def __init__(self, column: str = "", below: float | None = None) -> None:
        self.column, self.below = column, below

    def doubts(self, row: Any) -> bool:
        """Whether this row should be checked."""
        if self.below is None or not isinstance(row, Mapping):
            return False
        value = row.get(self.column)
        return isinstance(value, int | float) and not isinstance(value, bool) and value < self.below


NO_REVIEW: Final = Review()


def is_number(value: Any) -> bool:
    """Whether this is a number; true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def view(
    items: Sequence[Any],
    start: int,
    total: int | None,
    file_href: Callable[[Mapping[str, Any]], str],
    *,
    columns: Sequence[str] = (),
    review: Review = NO_REVIEW,
) -> Record:
    """A page of a list, or a single value when ``total`` is None, ready to be shown."""
    if total is None:
        return single(items[0] if items else None, file_href)
    if not total:
        return EMPTY
    names, rows = _table(items, columns)
    chips = {name for i, name in enumerate(names) if _like_a_label([row[i] for row in rows])}
    shown_rows = [
        _row(start + i + 1, names, cells, chips=chips, review=review, doubtful=review.doubts(item))
        for i, (item, cells) in enumerate(zip(items, rows, strict=True))
    ]
    stop = start + len(items)
    return {
        **EMPTY,
        "kind": "table",
        "columns": [{"name": name, "numeric": _numeric(rows, i)} for i, name in enumerate(names)],
        "rows": shown_rows,
        "start": start,
        "shown": f"{start + 1:,} to {stop:,} of {total:,}",
        "has_before": start > 0,
        "has_after": stop < total,
    }


def single(value: Any, file_href: Callable[[Mapping[str, Any]], str]) -> Record:
    """One value: a file, a text, or JSON."""
    if value is None:
        return EMPTY
    if isinstance(value, Mapping) and "$file" in value:
        return {
            **EMPTY,
            "kind": "file",
            "file_name": str(value.get("name", "file")),
            "file_size": size(int(value.get("size", 0))),
            "file_href": file_href(value),
        }
    return {**EMPTY, "kind": "text", "text": text(value)}


def text(value: Any) -> str:
    """A value as text: strings as they are, everything else as indented JSON; cut when very long."""
    said = value if isinstance(value, str) else orjson.dumps(_shortened(value), option=orjson.OPT_INDENT_2).decode()
    return said if len(said) <= LONGEST_TEXT else f"{said[:LONGEST_TEXT]}\n… ({len(said):,} characters in all)"


def _shortened(value: Any) -> Any:
    """The value with the tail of long lists left out and counted."""
    if isinstance(value, Mapping):
        return {str(name): _shortened(inner) for name, inner in value.items()}
    if isinstance(value, list) and len(value) > LONGEST_LIST:
        return [*map(_shortened, value[:LONGEST_LIST]), f"… {len(value) - LONGEST_LIST:,} more"]
    return [_shortened(inner) for inner in value] if isinstance(value, list) else value


def number(value: Any) -> str:
    """A number with its thousands apart; at most four digits after the point."""
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def bars(items: Sequence[Any], columns: Sequence[str] = ()) -> list[Record]:
    """Bars out of records with a name and a number: by ``columns``, or the first of each kind."""
    records = [item for item in items if isinstance(item, Mapping)][:MOST_BARS]
    names, _ = _table(records, columns)
    label = next((name for name in names if not _all_numbers(records, name)), "")
    value = next((name for name in names if name != label and _all_numbers(records, name)), "")
    if not (label and value):
        return []
    longest = max((abs(record[value]) for record in records), default=0) or 1
    return [
        {
            "label": cell(record.get(label)),
            "text": number(record[value]),
            "percent": round(100 * abs(record[value]) / longest, 1),
        }
        for record in records
    ]


def cell(value: Any) -> str:
    """A value in a cell: short, in one piece."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "Yes" if value else "No"
    if isinstance(value, int | float):
        return number(value)
    if isinstance(value, Mapping) and "$file" in value:
        return str(value.get("name", "file"))
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        said = ", ".join(map(str, value))
    else:
        said = value if isinstance(value, str) else orjson.dumps(value).decode()
    return said if len(said) <= LONGEST_CELL else f"{said[:LONGEST_CELL]}…"


def _all_numbers(records: Sequence[Mapping[str, Any]], name: str) -> bool:
    return bool(records) and all(is_number(record.get(name)) for record in records)


def _table(items: Sequence[Any], columns: Sequence[str]) -> tuple[list[str], list[list[Any]]]:
    """Column names and the raw cells; what is no record stands in one column named value."""
    if not all(isinstance(item, Mapping) and "$file" not in item for item in items):
        return ["value"], [[item] for item in items]
    names = list(columns) or list(dict.fromkeys(name for item in items for name in item))[:MOST_COLUMNS]
    return names, [[item.get(name) for name in names] for item in items]


def _numeric(rows: Sequence[Sequence[Any]], i: int) -> bool:
    values = [row[i] for row in rows if row[i] is not None]
    return bool(values) and all(is_number(value) for value in values)


def _like_a_label(values: Sequence[Any]) -> bool:
    """A column of few short words, which read best as chips."""
    words = [value for value in values if isinstance(value, str)]
    few = len(set(words)) <= min(MOST_LABELS, max(1, len(words) // 2))
    return len(words) > 3 and len(words) == len(values) and few and all(0 < len(word) <= SHORT_LABEL for word in words)


def _row(
    index: int, names: Sequence[str], cells: Sequence[Any], *, chips: set[str], review: Review, doubtful: bool
) -> Record:
    shown_cells = []
    for name, value in zip(names, cells, strict=True):
        said, tone = cell(value), "plain" if name in chips else ""
        if name == review.column and is_number(value):
            said = f"{value:.2f}"
            if doubtful:
                said, tone = f"Check · {said}", "wait"
        elif doubtful and tone:
            tone = "wait"
        shown_cells.append({"text": said, "tone": tone, "numeric": is_number(value)})
    return {"number": f"{index:,}", "cells": shown_cells, "mark": "Check this" if doubtful else ""}
