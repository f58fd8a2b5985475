"""Merge: several lists become one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field

from engine.contract import BadParams, Items, ListLengthMismatch, Params, Port, Select, ShowIf, action, is_list
from integrations.core.data.matching import key_of, places
from integrations.core.data.rows import FieldNames
from integrations.core.values import identity

MOST_MATCHED = 200_000  # rows of the list that is looked up in

Clash = Literal["last", "first", "both"]
Join = Literal["inner", "left", "right", "outer", "only_first", "only_second"]


def _as_lists(value: Any) -> Any:
    """Each wire as a list: a single value counts as a list of one, a skipped branch as nothing."""
    if not isinstance(value, list):
        return value
    return [item if is_list(item) else [item] for item in value if item is not None]


class Merge(Params):
    lists: Annotated[list[Items[Any]], BeforeValidator(_as_lists), Port()] = Field(
        description="The wires that meet here, in this order", examples=[[[{"id": 1}], [{"id": 2}]]]
    )
    mode: Annotated[
        Literal["append", "pair", "key"],
        Select(options=("append", "pair", "key"), labels=("One after the other", "Item by item", "Match by a field")),
    ] = Field(
        default="append",
        description="How the lists become one",
        examples=["append"],
    )
    uneven: Annotated[Literal["error", "shortest", "longest"], ShowIf(field="mode", values=("pair",))] = Field(
        default="error", description="What to do when lists to pair differ in length", examples=["error"]
    )
    key: Annotated[FieldNames, ShowIf(field="mode", values=("key",))] = Field(
        title="Match by",
        default_factory=lambda: ["id"],
        description="The field to match by in the first list; with several, all must be equal",
        examples=[["customer_id"]],
    )
    other_key: Annotated[FieldNames, ShowIf(field="mode", values=("key",))] = Field(
        title="Match by, in the second list",
        default_factory=list,
        description="The fields in the second list, if they are called something else, in the same order",
        examples=[["id"]],
    )
    join: Annotated[
        Join,
        Select(
            options=get_args(Join),
            labels=(
                "Only rows with a match",
                "All of the first list",
                "All of the second list",
                "All of both lists",
                "Only what the second list lacks",
                "Only what the first list lacks",
            ),
        ),
        ShowIf(field="mode", values=("key",)),
    ] = Field(
        default="left",
        description="Which rows the result has: those of an inner, left, right or outer join, or only "
        "those of one list without a match in the other",
        examples=["left"],
    )
    loose: Annotated[bool, ShowIf(field="mode", values=("key",))] = Field(
        title="Allow other spelling",
        default=False,
        description='Whether 7 and "7" match, and Ada and ada',
        examples=[True],
    )
    clash: Clash = Field(
        title="Same field on both sides",
        default="last",
        description="Which value stays when both sides have a field of the same name; both keeps the second as name_2",
        examples=["last"],
    )


@action(
    "flow.merge",
    title="Merge",
    category="flow",
    icon="merge",
    subtitle="Append, pair, or match",
    keywords=("join", "combine", "concatenate", "union", "zip", "lookup", "vlookup"),
)
def merge(params: Merge) -> Iterator[Any]:
    """Make one list out of several: one after the other, paired item by item, or matched by a key as in a spreadsheet's
    lookup.

    A branch that was skipped counts as nothing. Matching by key takes exactly two lists; when several rows of the
    second match, each match gives a row. Rows whose key is empty match nothing. To see what differs between two lists,
    use Compare lists.

    With a list: takes every wire's list whole, whatever its length; a single value counts as a list of one.
    """
    yield from MODES[params.mode](params)


def _append(params: Merge) -> Iterator[Any]:
    yield from (item for items in params.lists for item in items)


def _pair(params: Merge) -> Iterator[Any]:
    lengths = {f"wire {i + 1}": len(items) for i, items in enumerate(params.lists)}
    if params.uneven == "error" and len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} has {length}" for name, length in lengths.items())
        raise ListLengthMismatch(
            f"The lists to pair differ in length: {listed} items.",
            lengths=lengths,
            hint="Set “Uneven” to shortest or longest, or match by key.",
        )
    groups = zip(*params.lists, strict=False) if params.uneven == "shortest" else zip_longest(*params.lists)
    yield from (_combine(list(group), params.clash) for group in groups)


def _combine(group: list[Any], clash: Clash) -> Any:
    """One item out of a pair: records become one record, other values a list."""
    present = [item for item in group if item is not None]
    if not present or not all(isinstance(item, Mapping) for item in present):
        return group
    combined: dict[str, Any] = {}
    for item in present:
        combined = join_records(combined, item, clash)
    return combined


def join_records(left: Mapping[str, Any], right: Mapping[str, Any], clash: Clash) -> dict[str, Any]:
    """The fields of both. Under `both` a field that differs is kept twice, the second as `name_2` or the next free."""
    if clash == "last":
        return {**left, **right}
    if clash == "first":
        return {**right, **left} if not left else {**left, **{k: v for k, v in right.items() if k not in left}}
    joined = dict(left)
    for name, value in right.items():
        if name not in joined:
            joined[name] = value
        elif identity(joined[name]) != identity(value):
            n = 2
            while f"{name}_{n}" in joined or f"{name}_{n}" in right:
                n += 1
            joined[f"{name}_{n}"] = value
    return joined


def _by_key(params: Merge) -> Iterator[Any]:
    if len(params.lists) != 2:
        raise BadParams(
            f"Matching by key takes two lists, but {len(params.lists)} arrived.",
            field="lists",
            hint="Wire exactly two lists to this node; use another Merge for a third.",
        )
    left, right = params.lists
    _only_records(left, right)
    names, other_names = params.key, params.other_key or params.key
    if len(names) != len(other_names):
        raise BadParams(
            f"The first list is matched by {len(names)} fields and the second by {len(other_names)}.",
            field="other_key",
            hint="Name as many fields of the second list as of the first, in the same order.",
        )
    if params.join in ("right", "only_second"):
        return _matched((right, other_names), (left, names), params)
    return _matched((left, names), (right, other_names), params)


Keyed = tuple[Sequence[Any], list[str]]


def _matched(one: Keyed, other: Keyed, params: Merge) -> Iterator[Any]:
    """The rows of one list, each with its matches in the other, which is held in memory."""
    rows, names = one
    others, other_names = other
    if len(others) > MOST_MATCHED:
        raise BadParams(
            f"The list to look up in has {len(others):,} rows; a match goes up to {MOST_MATCHED:,}.",
            field="lists",
            hint="Wire the longer list first, or keep only the rows and fields that are needed of the other.",
        )
    others = list(others)
    index, used = places(others, other_names, params.loose), set[int]()
    turned = params.join in ("right", "only_second")
    for row in rows:
        key = key_of(row, names, params.loose)
        matches = index.get(key, []) if key is not None else []
        used.update(matches)
        if not params.join.startswith("only"):
            pairs = ((others[i], row) if turned else (row, others[i]) for i in matches)
            yield from (join_records(first, second, params.clash) for first, second in pairs)
        if not matches and params.join != "inner":
            yield dict(row)
    if params.join == "outer":
        yield from (dict(row) for i, row in enumerate(others) if i not in used)


def _only_records(*lists: Sequence[Any]) -> None:
    for wire, items in enumerate(lists, 1):
        for i, item in enumerate(items, 1):
            if not isinstance(item, Mapping):
                raise BadParams(
                    f"Matching by key needs records, but item {i} of wire {wire} is none.",
                    field="lists",
                    hint="Use append or pair for lists of plain values.",
                )


MODES: Mapping[str, Callable[[Merge], Iterator[Any]]] = {"append": _append, "pair": _pair, "key": _by_key}
