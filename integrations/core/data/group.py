"""Group and summarize."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.contract import BadParams, Params, Port, Rows, action
from integrations.core.data.rows import FieldNames
from integrations.core.values import blank, identity, number, order, pick, show

Function = Literal["count", "count_unique", "sum", "average", "min", "max", "first", "last", "list"]


class Summary(BaseModel):
    """One column of the result."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    function: Function = Field(default="count", description="What is worked out", examples=["sum"])
    field: str = Field(
        default="",
        description="From which field; count, first, last and list take whole rows when this is empty",
        examples=["amount"],
    )
    name: str = Field(default="", max_length=120, description="What the result is called", examples=["Total"])

    @property
    def title(self) -> str:
        return self.name or (f"{self.function}_{self.field}" if self.field else self.function)


class Group(Params):
    rows: Annotated[list[Any], Port()] = Field(
        description="The rows to group", examples=[[{"team": "a", "size": 1}, {"team": "a", "size": 2}]]
    )
    by: FieldNames = Field(
        default_factory=list,
        description="Rows with equal values in these fields form a group; none: all rows are one group",
        examples=[["team"]],
    )
    summaries: Annotated[list[Summary], Rows(add="Add summary")] = Field(
        default_factory=lambda: [Summary(name="count")],
        description="What is worked out for each group",
        examples=[[{"function": "sum", "field": "size", "name": "Total"}]],
    )


@action(
    "data.group",
    title="Group and summarize",
    category="lists",
    icon="group",
    cpu=True,
    subtitle="Count, add up, average",
    keywords=("aggregate", "pivot", "sum", "count", "average", "total", "summarise"),
)
def group(params: Group) -> list[dict[str, Any]]:
    """Put rows with equal fields together and work out a line for each group.

    A line can hold how many there are, the sum, the average, the smallest, the largest, the first, the last, or the
    list of all. Groups come in the order in which they first appear. Empty values are left out, but for the count of
    rows. A text that spells a number counts as one.

    With a list: takes it whole. No rows give no groups, or one line when there is nothing to group by.
    """
    _distinct_names(params)
    groups: dict[Hashable, list[Any]] = {} if params.by else {(): []}
    for row in params.rows:
        groups.setdefault(identity([pick(row, name) for name in params.by]) if params.by else (), []).append(row)
    return [
        {name: pick(rows[0], name) for name in params.by} | {s.title: _summarize(s, rows) for s in params.summaries}
        for rows in groups.values()
    ]


def _distinct_names(params: Group) -> None:
    names = [*params.by, *(summary.title for summary in params.summaries)]
    for name in names:
        if names.count(name) > 1:
            raise BadParams(
                f"Two columns of the result are called “{name}”.",
                field="summaries",
                hint="Give each summary a name of its own.",
            )


def _summarize(summary: Summary, rows: list[Any]) -> Any:
    if not summary.field:
        if summary.function in WHOLE_ROWS:
            return OF_VALUES[summary.function](rows)
        raise BadParams(
            f"“{summary.title}” needs to know of which field to take the {summary.function}.",
            field="summaries",
            hint="Choose a field for this summary.",
        )
    values = [value for row in rows if not blank(value := pick(row, summary.field))]
    if summary.function in NUMERIC:
        return NUMERIC[summary.function]([_number(value, summary) for value in values])
    return OF_VALUES[summary.function](values)


def _number(value: Any, summary: Summary) -> int | float:
    if (found := number(value)) is None:
        raise BadParams(
            f"The {summary.function} of “{summary.field}” needs numbers, but one value is {show(value)!r}.",
            field="summaries",
            hint="Filter out such rows first, or use count, first or list.",
        )
    return found


def _sum(numbers: list[int | float]) -> int | float:
    """Exact for whole numbers, correctly rounded for others (`math.fsum`)."""
    try:
        return sum(numbers) if all(isinstance(n, int) for n in numbers) else math.fsum(numbers)
    except OverflowError as error:
        raise BadParams("The sum is too large for a number.", field="summaries") from error


def _average(numbers: list[int | float]) -> float | None:
    return _sum(numbers) / len(numbers) if numbers else None


def _extreme(choose: Callable[..., Any]) -> Callable[[list[Any]], Any]:
    """The smallest or largest by the order that Sort uses: as numbers where all spell one."""

    def extreme(values: list[Any]) -> Any:
        numbers = [number(value) for value in values]
        return choose(values, key=order, default=None) if None in numbers else choose(numbers, default=None)

    return extreme


NUMERIC: Mapping[str, Callable[[list[int | float]], Any]] = {"sum": _sum, "average": _average}
OF_VALUES: Mapping[str, Callable[[list[Any]], Any]] = {
    "count": len,
    "count_unique": lambda values: len({identity(value) for value in values}),
    "min": _extreme(min),
    "max": _extreme(max),
    "first": lambda values: values[0] if values else None,
    "last": lambda values: values[-1] if values else None,
    "list": list,
}
WHOLE_ROWS = frozenset({"count", "count_unique", "first", "last", "list"})
