"""Compare lists and Compare values: what was added, removed, changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, Field

from engine.contract import Fired, Output, OutputTooLarge, Params, Port, Whole, action
from integrations.core.data.matching import key_of, places
from integrations.core.data.rows import FieldNames, RowsIn
from integrations.core.values import identity, loose, pick

MOST_CHANGES = 10_000


class CompareLists(Params):
    first: RowsIn = Field(
        title="First list", description="The list as it was", examples=[[{"id": 1, "price": 5}, {"id": 2, "price": 7}]]
    )
    second: RowsIn = Field(title="Second list", description="The list as it is now", examples=[[{"id": 1, "price": 6}]])
    key: FieldNames = Field(
        title="Match by",
        default_factory=lambda: ["id"],
        description="The fields that say which rows are the same thing; none: whole rows are compared",
        examples=[["id"]],
    )
    fields: FieldNames = Field(
        title="Only these fields",
        default_factory=list,
        description="The fields in which a change counts; none: all",
        examples=[["price"]],
    )
    ignore: FieldNames = Field(
        title="Ignore fields",
        default_factory=list,
        description="Fields in which a change does not count",
        examples=[["updated_at"]],
    )
    loose: bool = Field(
        title="Allow other spelling",
        default=False,
        description='Whether 7 and "7" are equal, and Ada and ada',
        examples=[True],
    )


class FieldChange(BaseModel):
    """A field that differs."""

    field: str = Field(description="The field's name")
    before: Any = Field(description="The value in the first list; nothing if it was not there")
    after: Any = Field(description="The value in the second list; nothing if it is not there")


class Changed(BaseModel):
    """A row that is in both lists and differs."""

    before: Any = Field(description="The row of the first list")
    after: Any = Field(description="The row of the second list")
    changes: list[FieldChange] = Field(description="The fields that differ")


@action(
    "data.compare",
    title="Compare lists",
    category="lists",
    icon="git-compare",
    outputs=(
        Output("only_first", "Only in the first", "Rows that the second list does not have: removed"),
        Output("only_second", "Only in the second", "Rows that the first list does not have: added"),
        Output("changed", "Changed", "Rows in both that differ: before, after, and the changes by field"),
        Output("same", "Same", "Rows in both that are equal"),
    ),
    subtitle="Added, removed, changed",
    keywords=("diff", "difference", "sync", "added", "removed", "changed", "intersection", "except"),
)
def compare_lists(params: CompareLists) -> tuple[Fired, ...]:
    """Compare two lists and tell apart what was removed, what was added, what changed and what is the same.

    Rows belong together when they have the same key. Where several rows have the same key, the first meets the first,
    the second the second. Rows with an empty key belong to none. All four outputs fire; an empty list says that there
    is nothing of that kind.

    With a list: takes both lists whole.
    """
    index = places(params.second, params.key, params.loose)
    meetings = {key: iter(found) for key, found in index.items()}
    met: set[int] = set()
    removed: list[Any] = []
    changed: list[Changed] = []
    same: list[Any] = []
    for row in params.first:
        key = key_of(row, params.key, params.loose)
        place = None if key is None else next(meetings.get(key, iter(())), None)
        if place is None:
            removed.append(row)
            continue
        met.add(place)
        other = params.second[place]
        if changes := list(_changes(row, other, params)):
            changed.append(Changed(before=row, after=other, changes=changes))
        else:
            same.append(row)
    added = [row for place, row in enumerate(params.second) if place not in met]
    return (
        Fired("only_first", removed),
        Fired("only_second", added),
        Fired("changed", changed),
        Fired("same", same),
    )


def _changes(before: Any, after: Any, params: CompareLists) -> Iterator[FieldChange]:
    names = params.fields
    if not names:
        both = [row for row in (before, after) if isinstance(row, Mapping)]
        names = list(dict.fromkeys(name for row in both for name in row))
    equal = loose if params.loose else identity
    for name in names:
        old, new = pick(before, name), pick(after, name)
        if name not in params.ignore and equal(old) != equal(new):
            yield FieldChange(field=name, before=old, after=new)


class CompareValues(Params):
    first: Annotated[Any, Port(), Whole()] = Field(
        title="First value", description="The value as it was", examples=[{"a": 1, "b": [1, 2]}]
    )
    second: Annotated[Any, Port(), Whole()] = Field(
        title="Second value", description="The value as it is now", examples=[{"a": 2, "b": [1]}]
    )
    loose: bool = Field(
        title="Allow other spelling",
        default=False,
        description='Whether 7 and "7" are equal, and Ada and ada',
        examples=[True],
    )


class Difference(BaseModel):
    """One place in which two values differ."""

    path: str = Field(description="Where, such as customer.lines.0.price; empty for the value itself")
    change: str = Field(description="added, removed or changed")
    before: Any = Field(description="What was there")
    after: Any = Field(description="What is there now")


class Comparison(BaseModel):
    """How two values differ."""

    equal: bool = Field(description="Whether they are the same")
    differences: list[Difference] = Field(description="Where they differ, in order")


@action(
    "data.compare_values",
    title="Compare values",
    category="data",
    icon="equal",
    subtitle="Where two records differ",
    keywords=("diff", "difference", "equal", "changes", "json"),
)
def compare_values(params: CompareValues) -> Comparison:
    """Compare two values of any kind, and list every place inside them that was added, removed or changed.

    With a list: takes both whole, and compares them place by place. To match rows by a key, use Compare lists.
    """
    found: list[Difference] = []
    for difference in _differences("", params.first, params.second, params.loose):
        if len(found) == MOST_CHANGES:
            raise OutputTooLarge(
                f"The values differ in more than {MOST_CHANGES:,} places.",
                hint="Compare lists by a key, with Compare lists.",
            )
        found.append(difference)
    return Comparison(equal=not found, differences=found)


def _differences(path: str, before: Any, after: Any, is_loose: bool) -> Iterator[Difference]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        names: list[Any] = list(dict.fromkeys([*before, *after]))
        old, new = before, after
    elif isinstance(before, list) and isinstance(after, list):
        names = list(range(max(len(before), len(after))))
        old, new = dict(enumerate(before)), dict(enumerate(after))
    else:
        equal = loose if is_loose else identity
        if equal(before) != equal(after):
            yield Difference(path=path, change="changed", before=before, after=after)
        return
    for name in names:
        place = f"{path}.{name}" if path else str(name)
        if name not in old:
            yield Difference(path=place, change="added", before=None, after=new[name])
        elif name not in new:
            yield Difference(path=place, change="removed", before=old[name], after=None)
        else:
            yield from _differences(place, old[name], new[name], is_loose)
