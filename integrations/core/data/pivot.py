"""Pivot and Unpivot: values become columns, and columns values."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

from pydantic import Field

from engine.contract import BadParams, OutputTooLarge, Params, Select, action
from integrations.core.data.group import Function, Group, Summary, group
from integrations.core.data.rows import FieldNames, ManyRows, RowsIn
from integrations.core.data.summing import NUMERIC
from integrations.core.values import blank, identity, kind, number, pick, show

MOST_COLUMNS = 2_000
EMPTY = "(empty)"

_SALES = [{"shop": "A", "month": "Jan", "sold": 3}, {"shop": "A", "month": "Feb", "sold": 5}]


class Pivot(Params):
    rows: RowsIn = Field(description="The rows to lay out", examples=[_SALES])
    by: FieldNames = Field(
        title="Lines",
        default_factory=list,
        description="The fields that name the lines of the result",
        examples=[["shop"]],
    )
    columns: str = Field(
        title="Columns from", min_length=1, description="The field whose values become columns", examples=["month"]
    )
    value: str = Field(
        title="Cells from",
        default="",
        description="The field that fills the cells; none: the number of rows is counted",
        examples=["sold"],
    )
    function: Annotated[
        Function,
        Select(
            options=get_args(Function),
            labels=(
                "Count",
                "Count different ones",
                "Sum",
                "Average",
                "Smallest",
                "Largest",
                "First",
                "Last",
                "List of all",
            ),
        ),
    ] = Field(
        title="In each cell",
        default="sum",
        description="What a cell shows where several rows meet in it",
        examples=["sum"],
    )
    empty: Any = Field(
        title="Empty cells", default=None, description="What stands in a cell that no row fills", examples=[0]
    )


@action(
    "data.pivot",
    title="Pivot",
    category="lists",
    icon="table-properties",
    cpu=True,
    subtitle="Values become columns",
    keywords=("crosstab", "matrix", "spread", "wide", "transpose", "pivot table"),
)
def pivot(params: Pivot) -> list[dict[str, Any]]:
    """Make a cross table: a line for each value of the fields that rows are kept by, a column for each value of
    another field.

    Lines and columns come in the order in which they first appear. Rows without a value in the column field stand in a
    column called (empty).

    With a list: takes it whole.
    """
    wrapped = [_wrapped(row, params, place) for place, row in enumerate(params.rows, 1)]
    columns = list(dict.fromkeys(row["column"] for row in wrapped))
    _check(columns, params)
    function: Function = params.function if params.value else "count"
    field = "value" if params.value else ""
    cells = group.function(
        Group(rows=wrapped, by=["line", "column"], summaries=[Summary(function=function, field=field, name="cell")])
    )
    lines = group.function(Group(rows=wrapped, by=["line"], summaries=[]))
    table = {
        identity(line["line"]): dict(zip(params.by, line["line"], strict=True)) | dict.fromkeys(columns, params.empty)
        for line in lines
    }
    for cell in cells:
        table[identity(cell["line"])][cell["column"]] = cell["cell"]
    return list(table.values())


def _wrapped(row: Any, params: Pivot, place: int) -> dict[str, Any]:
    column = pick(row, params.columns)
    if isinstance(column, Mapping | list):
        raise BadParams(
            f"“{params.columns}” cannot name a column: in row {place:,} it is {kind(column)}.",
            field="columns",
            hint="Choose a field with texts, numbers or dates.",
        )
    value = pick(row, params.value) if params.value else None
    if params.value and params.function in NUMERIC and not blank(value) and number(value) is None:
        raise BadParams(
            f"The {params.function} of “{params.value}” needs numbers, but in row {place:,} it is {show(value)!r}.",
            field="value",
            hint="Filter out such rows first, or show count, first or list in the cells.",
        )
    return {
        "line": [pick(row, name) for name in params.by],
        "column": EMPTY if blank(column) else str(column),
        "value": value,
    }


def _check(columns: list[str], params: Pivot) -> None:
    if len(columns) > MOST_COLUMNS:
        raise OutputTooLarge(
            f"“{params.columns}” has {len(columns):,} different values: too many columns.",
            hint=f"Choose a field with at most {MOST_COLUMNS:,} values.",
        )
    if taken := set(columns) & set(params.by):
        raise BadParams(
            f"A column would be called “{min(taken)}”, like a field that names the lines.",
            field="columns",
            hint="Rename that field first, with Set fields.",
        )


class Unpivot(Params):
    rows: ManyRows = Field(description="The rows with the columns", examples=[[{"shop": "A", "Jan": 3, "Feb": 5}]])
    keep: FieldNames = Field(
        title="Keep fields", default_factory=list, description="The fields that stay as they are", examples=[["shop"]]
    )
    columns: FieldNames = Field(
        title="Columns to turn",
        default_factory=list,
        description="The columns that become rows; none: all that do not stay",
        examples=[["Jan", "Feb"]],
    )
    name_as: str = Field(
        title="Field for the name",
        default="name",
        min_length=1,
        description="What the field with the column's name is called",
        examples=["month"],
    )
    value_as: str = Field(
        title="Field for the value",
        default="value",
        min_length=1,
        description="What the field with the column's value is called",
        examples=["sold"],
    )
    skip_empty: bool = Field(
        title="Skip empty cells", default=True, description="Whether empty cells give no row", examples=[True]
    )


@action(
    "data.unpivot",
    title="Unpivot",
    category="lists",
    icon="rows-3",
    subtitle="Columns become rows",
    keywords=("melt", "long", "gather", "stack", "transpose"),
)
def unpivot(params: Unpivot) -> Iterator[dict[str, Any]]:
    """Turn columns into rows: each row gives one row for each of its columns, with the column's name and its value.

    With a list: takes it whole, whatever its length.
    """
    names = [*params.keep, params.name_as, params.value_as]
    if len(set(names)) < len(names):
        raise BadParams(
            "Two fields of the result would have the same name.",
            field="name_as",
            hint="Give the name and the value other names.",
        )
    for i, row in enumerate(params.rows, 1):
        if not isinstance(row, Mapping):
            raise BadParams(f"Row {i} must be a record with named fields, but it is {kind(row)}.", field="rows")
        kept = {name: pick(row, name) for name in params.keep}
        for column in params.columns or [name for name in row if name not in params.keep]:
            value = pick(row, column)
            if not (params.skip_empty and blank(value)):
                yield kept | {params.name_as: column, params.value_as: value}
