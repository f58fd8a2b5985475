"""Filter, Sort, Limit and Unique: nodes that take a list whole."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from engine.contract import BadParams, Expression, Params, PerItem, Port, action
from integrations.core.dates import parse, zone
from integrations.core.values import blank, identity, number, order, pick, show, truth


def one_or_more(value: Any) -> Any:
    """A single name counts as a list of one."""
    return [value] if isinstance(value, str) else value


FieldNames = Annotated[list[str], BeforeValidator(one_or_more)]
RowsIn = Annotated[list[Any], Port()]


class Filter(Params):
    rows: RowsIn = Field(description="The rows to choose from", examples=[[{"amount": 5}, {"amount": 50}]])
    when: Annotated[list[Any], Expression(), PerItem("rows")] = Field(
        description="The condition that a row must meet; `item` is the row", examples=["{{ item.amount > 10 }}"]
    )


@action(
    "data.filter",
    title="Filter",
    category="lists",
    icon="funnel",
    subtitle="Keep some rows",
    keywords=("where", "condition", "search", "remove"),
)
async def filter_rows(params: Filter) -> list[Any]:
    """Keep the rows that meet a condition, in their order.

    Empty, 0 and the words false, no and off count as no. If no row is left, the output is an empty list.

    With a list: takes it whole and asks the condition of each row.
    """
    if len(params.when) != len(params.rows):
        raise BadParams(
            f"There are {len(params.rows):,} rows, but {len(params.when):,} answers to the condition.",
            field="when",
            hint="Write one condition about `item`; it is asked of each row.",
        )
    return [row for row, keep in zip(params.rows, params.when, strict=True) if truth(keep)]


class Sort(Params):
    rows: RowsIn = Field(description="The rows to sort", examples=[[{"name": "b"}, {"name": "a"}]])
    by: FieldNames = Field(
        default_factory=list,
        description="Fields to sort by, the first counts most; a minus in front turns one around. "
        "None: the values themselves",
        examples=[["-amount", "name"]],
    )
    descending: bool = Field(default=False, description="Largest first", examples=[True])
    compare: Literal["auto", "number", "text", "date"] = Field(
        default="auto",
        description="How values compare. Auto: as numbers where every value of a field spells one, else as text",
        examples=["auto"],
    )


@action(
    "data.sort",
    title="Sort",
    category="lists",
    icon="arrow-down-up",
    cpu=True,
    subtitle="Order rows",
    keywords=("order", "rank", "arrange"),
)
def sort(params: Sort) -> list[Any]:
    """Put rows in order, by one field or by several.

    Rows that compare equal stay in the order in which they came; empty values come last, either way. Text compares
    without regard to case. Values of mixed kinds come as numbers, texts, yes and no, then the rest.

    With a list: takes it whole.
    """
    rows = list(params.rows)
    for name in reversed(params.by or [""]):
        field, backwards = name.removeprefix("-"), name.startswith("-")
        column = [pick(row, field) if field else row for row in rows]
        keys = COMPARE[params.compare](column, field)
        filled = [i for i, key in enumerate(keys) if key is not None]
        filled.sort(key=keys.__getitem__, reverse=params.descending != backwards)
        rows = [rows[i] for i in filled] + [row for row, key in zip(rows, keys, strict=True) if key is None]
    return rows


def _auto(column: list[Any], field: str) -> list[Any]:
    numbers = [number(value) for value in column]
    if all(found is not None or blank(value) for found, value in zip(numbers, column, strict=True)):
        return numbers
    return _as_text(column, field)


def _as_text(column: list[Any], field: str) -> list[Any]:
    return [None if blank(value) else order(value) for value in column]


def _as_number(column: list[Any], field: str) -> list[Any]:
    numbers = [number(value) for value in column]
    for i, (found, value) in enumerate(zip(numbers, column, strict=True), 1):
        if found is None and not blank(value):
            raise BadParams(
                f"Row {i} cannot be sorted by number: “{field or 'the value'}” is {show(value)!r}.",
                field="by",
                hint="Compare as text, or clean that column first.",
            )
    return numbers


def _as_date(column: list[Any], field: str) -> list[Any]:
    utc = zone("UTC")
    return [None if blank(value) else parse(value, utc, "by") for value in column]


COMPARE: Mapping[str, Callable[[list[Any], str], list[Any]]] = {
    "auto": _auto,
    "text": _as_text,
    "number": _as_number,
    "date": _as_date,
}


class Limit(Params):
    rows: RowsIn = Field(description="The rows to cut", examples=[[1, 2, 3, 4]])
    count: int = Field(default=10, ge=0, description="How many rows stay at most", examples=[10])
    start: Literal["first", "last"] = Field(default="first", description="From which end", examples=["first"])
    skip: int = Field(default=0, ge=0, description="How many rows to pass over at that end first", examples=[0])


@action(
    "data.limit",
    title="Limit",
    category="lists",
    icon="scissors",
    subtitle="First or last few",
    keywords=("top", "head", "tail", "take", "slice", "first", "last"),
)
async def limit(params: Limit) -> list[Any]:
    """Keep only the first or last few rows, in their order.

    With a list: takes it whole.
    """
    if params.start == "first":
        return params.rows[params.skip : params.skip + params.count]
    stop = max(len(params.rows) - params.skip, 0)
    return params.rows[max(stop - params.count, 0) : stop]


class Unique(Params):
    rows: RowsIn = Field(description="The rows to compare", examples=[[{"id": 1}, {"id": 1}, {"id": 2}]])
    by: FieldNames = Field(
        default_factory=list, description="The fields that must differ; none: the whole row", examples=[["email"]]
    )
    keep: Literal["first", "last"] = Field(default="first", description="Which of equal rows stays", examples=["first"])
    ignore_case: bool = Field(
        default=False,
        description="Whether texts count as equal that differ only in case or in spaces around them",
        examples=[True],
    )


@action(
    "data.unique",
    title="Unique",
    category="lists",
    icon="fingerprint",
    cpu=True,
    subtitle="Remove doubles",
    keywords=("distinct", "duplicates", "deduplicate", "dedupe"),
)
def unique(params: Unique) -> list[Any]:
    """Keep one row of those that are equal, in their order.

    With a list: takes it whole.
    """
    rows = params.rows if params.keep == "first" else params.rows[::-1]
    kept: dict[Hashable, Any] = {}
    for row in rows:
        values = [pick(row, name) for name in params.by] if params.by else [row]
        if params.ignore_case:
            values = [value.strip().casefold() if isinstance(value, str) else value for value in values]
        kept.setdefault(identity(values), row)
    chosen = list(kept.values())
    return chosen if params.keep == "first" else chosen[::-1]
