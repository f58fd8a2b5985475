"""Aggregate, Chunk, Flatten and Range: lists made, cut and joined."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract import BadParams, OutputTooLarge, Params, Port, Select, ShowIf, Streamed, Whole, action, is_list
from integrations.core.data.rows import ManyRows, RowsIn
from integrations.core.values import blank, kind, pick, show

LONGEST_RANGE = 1_000_000
DEEPEST = 500

Into = Literal["values", "record", "columns", "lookup"]


class Aggregate(Params):
    items: RowsIn = Field(description="The items to bring together", examples=[[{"id": 1, "name": "Ada"}]])
    into: Annotated[
        Into,
        Select(
            options=("values", "record", "columns", "lookup"),
            labels=(
                "Values of one field",
                "One record with the list",
                "One record with a list per field",
                "A lookup by key",
            ),
        ),
    ] = Field(
        default="record",
        description="What becomes of the items",
        examples=["values"],
    )
    name: Annotated[str, ShowIf(field="into", values=("record",))] = Field(
        title="List name",
        default="items",
        min_length=1,
        description="What the list is called in the record",
        examples=["orders"],
    )
    key: Annotated[str, ShowIf(field="into", values=("lookup",))] = Field(
        title="Name from field", default="id", description="The field whose value becomes the name", examples=["id"]
    )
    field: Annotated[str, ShowIf(field="into", values=("values", "lookup"))] = Field(
        title="Values from field",
        default="",
        description="The field whose values are taken; none: the whole items",
        examples=["name"],
    )
    skip_empty: Annotated[bool, ShowIf(field="into", values=("values",))] = Field(
        title="Skip empty values", default=False, description="Whether to leave out empty values", examples=[True]
    )


@action(
    "data.aggregate",
    title="Aggregate",
    category="lists",
    icon="layers",
    subtitle="Many items into one",
    keywords=("collect", "combine", "array", "dictionary", "lookup", "implode", "pluck"),
)
def aggregate(params: Aggregate) -> Any:
    """Bring the items of a list together into one value.

    As one record that holds the list; as the list of one field's values; as one record with a list for each field; or
    as a lookup, a record in which each item stands under the value of its key field. To work out sums or counts, use
    Group and summarize.

    With a list: takes it whole. No items give an empty list or record.
    """
    return INTO[params.into](params)


def _values(params: Aggregate) -> list[Any]:
    values = [pick(item, params.field) if params.field else item for item in params.items]
    return [value for value in values if not blank(value)] if params.skip_empty else values


def _record(params: Aggregate) -> dict[str, Any]:
    return {params.name: params.items}


def _columns(params: Aggregate) -> dict[str, list[Any]]:
    for i, item in enumerate(params.items):
        if not isinstance(item, Mapping):
            raise _no_record(i, item)
    names = dict.fromkeys(name for item in params.items for name in item)
    return {name: [item.get(name) for item in params.items] for name in names}


def _lookup(params: Aggregate) -> dict[str, Any]:
    found: dict[str, Any] = {}
    seen: dict[str, int] = {}
    for i, item in enumerate(params.items):
        if not isinstance(item, Mapping):
            raise _no_record(i, item)
        key = pick(item, params.key)
        if blank(key) or isinstance(key, Mapping | list):
            raise BadParams(
                f"Item {i + 1} cannot be named by “{params.key}”: it is {kind(key)}.",
                field="key",
                hint="Choose a field that every item has, or filter out the items without it.",
            )
        name = str(key)
        if name in seen:
            raise BadParams(
                f"Items {seen[name] + 1} and {i + 1} have the same “{params.key}”: {show(name)}.",
                field="key",
                hint="Choose a field that differs, or use Unique or Group and summarize first.",
            )
        seen[name] = i
        found[name] = pick(item, params.field) if params.field else item
    return found


def _no_record(i: int, item: Any) -> BadParams:
    return BadParams(
        f"Item {i + 1} must be a record with named fields, but it is {kind(item)}.",
        field="items",
        hint="Use Record or Values for lists of plain values.",
    )


INTO: Mapping[str, Callable[[Aggregate], Any]] = {
    "values": _values,
    "record": _record,
    "columns": _columns,
    "lookup": _lookup,
}


class Chunk(Params):
    items: ManyRows = Field(description="The list to cut", examples=[[1, 2, 3, 4, 5]])
    by: Annotated[
        Literal["size", "parts"], Select(options=("size", "parts"), labels=("Length of a part", "Number of parts"))
    ] = Field(
        title="Cut by",
        default="size",
        description="Whether to say how long a part is, or how many parts there are",
        examples=["size"],
    )
    count: int = Field(default=10, ge=1, description="Items in a part, or the number of parts", examples=[100])


@action(
    "data.chunk",
    title="Chunk",
    category="lists",
    icon="square-stack",
    subtitle="Cut into smaller lists",
    keywords=("batch", "split", "partition", "pages", "groups"),
)
def chunk(params: Chunk) -> Iterator[list[Any]]:
    """Cut a list into smaller lists, in order: parts of one size, of which the last may be shorter, or a number of
    parts as equal in length as can be.

    With a list: takes it whole, whatever its length, and gives a list of lists. An empty list gives no parts.
    """
    items = params.items
    if params.by == "size":
        starts = [*range(0, len(items), params.count), len(items)]
    else:
        each, longer = divmod(len(items), params.count)
        starts = [part * each + min(part, longer) for part in range(min(params.count, len(items)) + 1)]
    yield from (list(items[start:stop]) for start, stop in pairwise(starts))


class Flatten(Params):
    lists: Annotated[Any, Port(), Whole(), Streamed()] = Field(
        description="A list with lists in it", examples=[[[1, 2], [3, [4]], 5]]
    )
    levels: int = Field(
        default=1, ge=0, le=100, description="How many levels of lists to open; 0 opens all", examples=[1]
    )
    skip_empty: bool = Field(
        title="Skip empty values", default=False, description="Whether to leave out empty values", examples=[True]
    )


@action(
    "data.flatten",
    title="Flatten",
    category="lists",
    icon="list",
    subtitle="Lists of lists into one",
    keywords=("concat", "merge", "nested", "unnest", "expand"),
)
def flatten(params: Flatten) -> Iterator[Any]:
    """Make one list out of a list of lists, in order. What is no list stays as it is.

    With a list: takes it whole, whatever its length, with all lists inside. A single value gives a list of one, nothing
    an empty list.
    """
    if params.lists is None:
        return
    items = params.lists if is_list(params.lists) else [params.lists]
    for item in _opened(items, params.levels or DEEPEST):
        if not (params.skip_empty and blank(item)):
            yield item


def _opened(items: Iterable[Any], levels: int) -> Iterator[Any]:
    for item in items:
        if levels and is_list(item):
            yield from _opened(item, levels - 1)
        else:
            yield item


class Range(Params):
    start: Annotated[int | float, Port()] = Field(default=1, description="The first number", examples=[1])
    stop: Annotated[int | float, Port()] = Field(description="Where to end", examples=[5])
    step: int | float = Field(default=1, description="From one number to the next; negative counts down", examples=[2])
    include_stop: bool = Field(default=True, description="Whether the end itself belongs to the list", examples=[False])


@action(
    "data.range",
    title="Range of numbers",
    category="lists",
    icon="list-ordered",
    subtitle="1, 2, 3 and so on",
    keywords=("sequence", "count", "series", "numbers", "loop", "pages"),
)
def number_range(params: Range) -> Iterator[int | float]:
    """Make the list of numbers from a start to an end, with equal steps. Decimal steps such as 0.1 stay exact.

    Counting away from the end gives an empty list.

    With a list: each start or end gives its own list, so the output is a list of lists.
    """
    start, stop, step = (Decimal(str(value)) for value in (params.start, params.stop, params.step))
    if not all(value.is_finite() for value in (start, stop, step)) or not step:
        raise BadParams(
            "The step is 0, so the list would never end." if step == 0 else "A range needs finite numbers.",
            field="step" if step == 0 else "stop",
            hint="Use a step such as 1 or -1.",
        )
    count = int((stop - start) / step) if (stop - start) / step >= 0 else -1
    if count >= LONGEST_RANGE:
        raise OutputTooLarge(
            f"The list would have {count + 1:,} numbers, more than {LONGEST_RANGE:,}.",
            hint="Use a larger step, or bring start and end closer together.",
        )
    if count >= 0 and start + step * count == stop and not params.include_stop:
        count -= 1
    whole = all(isinstance(value, int) for value in (params.start, params.step))
    yield from (int(start + step * i) if whole else float(start + step * i) for i in range(count + 1))
