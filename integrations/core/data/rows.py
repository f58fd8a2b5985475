"""Filter, Sort, Limit and Unique: nodes that take a list whole."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from engine.contract import BadParams, Expression, Items, LongList, Params, PerItem, Port, action
from integrations.core.data.sorting import RUN, Backwards, first_of_each, merge_sorted
from integrations.core.dates import parse, zone
from integrations.core.values import blank, canonical, identity, number, order, pick, show, truth


def one_or_more(value: Any) -> Any:
    """A single name counts as a list of one."""
    return [value] if isinstance(value, str) else value


FieldNames = Annotated[list[str], BeforeValidator(one_or_more)]
RowsIn = Annotated[list[Any], Port()]
ManyRows = Annotated[Items[Any], Port()]  # piece by piece: for nodes that never hold all of them


class Filter(Params):
    rows: ManyRows = Field(description="The rows to choose from", examples=[[{"amount": 5}, {"amount": 50}]])
    when: Annotated[Items[Any], Expression(), PerItem("rows")] = Field(
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
def filter_rows(params: Filter) -> Iterator[Any]:
    """Keep the rows that meet a condition, in their order.

    Empty, 0 and the words false, no and off count as no. If no row is left, the output is an empty list.

    With a list: takes it whole, whatever its length, and asks the condition of each row.
    """
    if len(params.when) != len(params.rows):
        raise BadParams(
            f"There are {len(params.rows):,} rows, but {len(params.when):,} answers to the condition.",
            field="when",
            hint="Write one condition about `item`; it is asked of each row.",
        )
    yield from (row for row, keep in zip(params.rows, params.when, strict=True) if truth(keep))


class Sort(Params):
    rows: ManyRows = Field(description="The rows to sort", examples=[[{"name": "b"}, {"name": "a"}]])
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
def sort(params: Sort) -> Iterator[Any]:
    """Put rows in order, by one field or by several.

    Rows that compare equal stay in the order in which they came; empty values come last, either way. Text compares
    without regard to case. Values of mixed kinds come as numbers, texts, yes and no, then the rest.

    With a list: takes it whole, whatever its length.
    """
    columns = [_Column(name.removeprefix("-"), params.descending != name.startswith("-")) for name in params.by or [""]]
    for column in columns:
        column.compare = _comparing(params, column.field)
    run = max(100, RUN * RUN_BYTES // max(RUN_BYTES, RUN * _bytes_each(params.rows)))
    yield from merge_sorted(params.rows, lambda row: tuple(column.key(row) for column in columns), run)


RUN_BYTES = 16 * 1024 * 1024


def _bytes_each(rows: Sequence[Any]) -> int:
    return rows.size // max(1, len(rows)) if isinstance(rows, LongList) else 0


@dataclass(slots=True)
class _Column:
    """One field to sort by: empty ones last, either way."""

    field: str
    backwards: bool
    compare: Callable[[Any], Any] = order

    def key(self, row: Any) -> tuple[bool, Any]:
        value = pick(row, self.field) if self.field else row
        if blank(value):
            return True, None
        key = self.compare(value)
        if not self.backwards:
            return False, key
        return False, -key if isinstance(key, int | float) else Backwards(key)


def _comparing(params: Sort, field: str) -> Callable[[Any], Any]:
    """How the values of a field compare; looks at all of them where that depends on them."""
    if params.compare == "text":
        return order
    if params.compare == "date":
        utc = zone("UTC")
        return lambda value: parse(value, utc, "by")
    for place, row in enumerate(params.rows, 1):
        value = pick(row, field) if field else row
        if number(value) is not None or blank(value):
            continue
        if params.compare == "auto":
            return order
        raise BadParams(
            f"Row {place} cannot be sorted by number: “{field or 'the value'}” is {show(value)!r}.",
            field="by",
            hint="Compare as text, or clean that column first.",
        )
    return number


class Limit(Params):
    rows: ManyRows = Field(description="The rows to cut", examples=[[1, 2, 3, 4]])
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
def limit(params: Limit) -> Items[Any]:
    """Keep only the first or last few rows, in their order.

    With a list: takes it whole.
    """
    if params.start == "first":
        return params.rows[params.skip : params.skip + params.count]
    stop = max(len(params.rows) - params.skip, 0)
    return params.rows[max(stop - params.count, 0) : stop]


class Unique(Params):
    rows: ManyRows = Field(description="The rows to compare", examples=[[{"id": 1}, {"id": 1}, {"id": 2}]])
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
def unique(params: Unique) -> Iterator[Any]:
    """Keep one row of those that are equal, in their order.

    With a list: takes it whole, whatever its length.
    """
    if isinstance(params.rows, LongList):
        keys = (canonical(_compared(row, params)) for row in params.rows)
        chosen = first_of_each(keys, len(params.rows), last=params.keep == "last")
        yield from (row for row, keep in zip(params.rows, chosen, strict=True) if keep)
        return
    rows = params.rows if params.keep == "first" else params.rows[::-1]
    kept: dict[Hashable, Any] = {}
    for row in rows:
        kept.setdefault(identity(_compared(row, params)), row)
    found = list(kept.values())
    yield from found if params.keep == "first" else found[::-1]


def _compared(row: Any, params: Unique) -> list[Any]:
    values = [pick(row, name) for name in params.by] if params.by else [row]
    if params.ignore_case:
        values = [value.strip().casefold() if isinstance(value, str) else value for value in values]
    return values
