"""Flatten fields: records inside records become plain columns, and back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract import BadParams, Params, Port, Select, action
from integrations.core.values import kind, record, show


class FlattenFields(Params):
    record: Annotated[Any, Port()] = Field(
        description="The record to change", examples=[{"id": 7, "customer": {"name": "Ada", "city": "London"}}]
    )
    direction: Annotated[
        Literal["flatten", "nest"], Select(options=("flatten", "nest"), labels=("Nested to flat", "Flat to nested"))
    ] = Field(
        default="flatten",
        description="Flatten: customer.name becomes a field of its own. Nest: the other way round",
        examples=["nest"],
    )
    separator: str = Field(
        default=".", min_length=1, max_length=10, description="What stands between the names", examples=["_"]
    )


@action(
    "data.flatten_fields",
    title="Flatten fields",
    category="data",
    icon="brackets",
    subtitle="Nested records to columns",
    keywords=("unnest", "nest", "nested", "dot notation", "columns", "expand", "json"),
)
def flatten_fields(params: FlattenFields) -> dict[str, Any]:
    """Make plain fields out of records inside a record, as a table needs them, or build nested records again.

    Lists stay as they are; to make rows of them, use Split out.

    With a list: each record is changed by itself.
    """
    source = record(params.record, "record")
    changed: dict[str, Any] = {}
    if params.direction == "flatten":
        for name, value in _leaves(source, "", params.separator):
            if name in changed:
                raise BadParams(
                    f"Two fields would be called “{show(name)}”.", field="separator", hint="Choose another separator."
                )
            changed[name] = value
        return changed
    for name, value in source.items():
        _put(changed, name, value, params.separator)
    return changed


def _leaves(value: Mapping[str, Any], before: str, separator: str) -> Iterator[tuple[str, Any]]:
    for key, inner in value.items():
        name = f"{before}{key}"
        if isinstance(inner, Mapping) and inner and "$file" not in inner:
            yield from _leaves(inner, name + separator, separator)
        else:
            yield name, inner


def _put(target: dict[str, Any], name: str, value: Any, separator: str) -> None:
    *parents, last = name.split(separator)
    place = target
    for part in parents:
        inner = place.setdefault(part, {})
        if not isinstance(inner, dict):
            raise _taken(name, inner)
        place = inner
    if last in place:
        raise _taken(name, place[last])
    place[last] = dict(value) if isinstance(value, Mapping) else value


def _taken(name: str, inner: Any) -> BadParams:
    return BadParams(
        f"“{show(name)}” finds no place: there already is {kind(inner)} under that name.",
        field="record",
        hint="Rename or remove one of the two fields, with Set fields.",
    )
