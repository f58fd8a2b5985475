"""Statistics of a list of numbers."""

from __future__ import annotations

import math
import statistics as stats

from pydantic import BaseModel, Field

from engine.contract import BadParams, Params, action
from integrations.core.data.rows import ManyRows
from integrations.core.values import blank, number, pick, show

MOST = 5_000_000


class Statistics(Params):
    values: ManyRows = Field(description="The numbers, or rows that hold them", examples=[[3, 5, 8]])
    field: str = Field(
        title="Numbers from field",
        default="",
        description="The field with the numbers, if these are rows",
        examples=["amount"],
    )
    percentiles: list[float] = Field(
        default_factory=list, description="Which percentiles to work out, from 0 to 100", examples=[[25, 75, 95]]
    )


class Summary(BaseModel):
    """What a list of numbers looks like. Without numbers, all but count and sum are nothing."""

    count: int = Field(description="How many numbers there are; empty values do not count")
    sum: int | float = Field(description="All together")
    average: float | None = Field(description="The arithmetic mean")
    median: int | float | None = Field(description="The one in the middle")
    lowest: int | float | None = Field(description="The smallest")
    highest: int | float | None = Field(description="The largest")
    most_common: int | float | None = Field(description="The one that comes most often, the first of several")
    deviation: float | None = Field(description="The standard deviation of a sample; nothing for fewer than two")
    percentiles: dict[str, float] = Field(description="By their number, such as 95")


@action(
    "data.statistics",
    title="Statistics",
    category="dates",
    icon="chart-no-axes-column",
    cpu=True,
    subtitle="Average, median, percentiles",
    keywords=("mean", "sum", "min", "max", "deviation", "variance", "percentile", "quantile", "mode", "math"),
)
def statistics(params: Statistics) -> Summary:
    """Work out what a list of numbers looks like: how many, sum, average, median, extremes, spread, percentiles.

    A text that spells a number counts as one; empty values are left out. Percentiles lie between two numbers where
    they must, as in a spreadsheet. For a line per group, use Group and summarize.

    With a list: takes it whole, up to 5 million numbers.
    """
    for percentile in params.percentiles:
        if not 0 <= percentile <= 100:
            raise BadParams("A percentile lies between 0 and 100.", field="percentiles")
    numbers = _numbers(params)
    found = sorted(numbers)
    total = math.fsum(found) if any(isinstance(n, float) for n in found) else sum(found)
    if not found:
        return Summary(
            count=0, sum=0, average=None, median=None, lowest=None, highest=None, most_common=None, deviation=None,
            percentiles={},
        )  # fmt: skip
    return Summary(
        count=len(found),
        sum=total,
        average=total / len(found),
        median=stats.median(found),
        lowest=found[0],
        highest=found[-1],
        most_common=stats.mode(numbers),
        deviation=stats.stdev(found) if len(found) > 1 else None,
        percentiles={f"{p:g}": _percentile(found, p) for p in params.percentiles},
    )


def _numbers(params: Statistics) -> list[int | float]:
    found = []
    for i, row in enumerate(params.values, 1):
        value = pick(row, params.field) if params.field else row
        if blank(value):
            continue
        if (as_number := number(value)) is None or abs(as_number) > 1e150:
            raise BadParams(
                f"Item {i} is {show(value)!r}, which is no number to work with.",
                field="values",
                hint="Filter out such items first, or choose the field with the numbers.",
            )
        found.append(as_number)
        if len(found) > MOST:
            raise BadParams(f"There are more than {MOST:,} numbers.", field="values", hint="Work with a part of them.")
    return found


def _percentile(numbers: list[int | float], percentile: float) -> float:
    """Between the two nearest ranks (Hyndman and Fan's type 7, a spreadsheet's PERCENTILE.INC)."""
    place = (len(numbers) - 1) * percentile / 100
    lower = math.floor(place)
    upper = min(lower + 1, len(numbers) - 1)
    return numbers[lower] + (numbers[upper] - numbers[lower]) * (place - lower)
