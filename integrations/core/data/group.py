"""Group and summarize."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from engine.contract import BadParams, Params, Rows, action
from integrations.core.data.rows import FieldNames, ManyRows
from integrations.core.data.summing import NUMERIC, TALLIES, WHOLE_ROWS
from integrations.core.values import blank, identity, number, pick, show

Function = Literal["count", "count_unique", "sum", "average", "min", "max", "first", "last", "list"]
MOST_GROUPS = 200_000  # lines that are worked on at a time


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
    rows: ManyRows = Field(
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
def group(params: Group) -> Iterator[dict[str, Any]]:
    """Put rows with equal fields together and work out a line for each group.

    A line can hold how many there are, the sum, the average, the smallest, the largest, the first, the last, or the
    list of all. Groups come in the order in which they first appear. Empty values are left out, but for the count of
    rows. A text that spells a number counts as one.

    With a list: takes it whole, whatever its length. No rows give no groups, or one line when there is nothing to group
    by.
    """
    _distinct_names(params)
    for summary in params.summaries:
        if not summary.field and summary.function not in WHOLE_ROWS:
            raise BadParams(
                f"“{summary.title}” needs to know of which field to take the {summary.function}.",
                field="summaries",
                hint="Choose a field for this summary.",
            )
    groups: dict[Hashable, _Group] = {} if params.by else {(): _Group(params, {})}
    for place, row in enumerate(params.rows, 1):
        key = identity([pick(row, name) for name in params.by]) if params.by else ()
        found = groups.get(key)
        if found is None:
            found = groups[key] = _Group(params, {name: pick(row, name) for name in params.by})
            _check_number(len(groups))
        found.take(row, place)
    yield from (found.line() for found in groups.values())


class _Group:
    """One line of the result, as it comes about."""

    def __init__(self, params: Group, names: dict[str, Any]) -> None:
        self._names = names
        self._tallies = [(summary, TALLIES[summary.function]()) for summary in params.summaries]

    def take(self, row: Any, place: int) -> None:
        for summary, tally in self._tallies:
            if not summary.field:
                tally.take(row)
            elif not blank(value := pick(row, summary.field)):
                tally.take(_number(value, summary, place) if summary.function in NUMERIC else value)

    def line(self) -> dict[str, Any]:
        return self._names | {summary.title: tally.result() for summary, tally in self._tallies}


def _check_number(groups: int) -> None:
    if groups > MOST_GROUPS:
        raise BadParams(
            f"There are more than {MOST_GROUPS:,} groups.",
            field="by",
            hint="Group by fewer fields, or by fields with fewer different values.",
        )


def _distinct_names(params: Group) -> None:
    names = [*params.by, *(summary.title for summary in params.summaries)]
    for name in names:
        if names.count(name) > 1:
            raise BadParams(
                f"Two columns of the result are called “{name}”.",
                field="summaries",
                hint="Give each summary a name of its own.",
            )


def _number(value: Any, summary: Summary, place: int) -> int | float:
    if (found := number(value)) is None:
        raise BadParams(
            f"The {summary.function} of “{summary.field}” needs numbers, but in row {place:,} it is {show(value)!r}.",
            field="summaries",
            hint="Filter out such rows first, or use count, first or list.",
        )
    return found
