"""Set fields and Split out: what a record holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract import BadParams, KeyValue, Params, Port, action
from integrations.core.values import kind, pick, record


class SetFields(Params):
    record: Annotated[Any, Port()] = Field(description="The record to change; {} starts a new one", examples=[{"a": 1}])
    fields: Annotated[dict[str, Any], KeyValue(add="Add field")] = Field(
        description="Names and values; a dot in a name reaches into a nested record", examples=[{"b": 2}]
    )
    keep: Literal["all", "none"] = Field(
        default="all", description="Whether the record's other fields stay", examples=["all"]
    )
    remove: list[str] = Field(default_factory=list, description="Fields to take away", examples=[["internal_note"]])


@action(
    "data.set",
    title="Set fields",
    category="data",
    icon="pencil",
    subtitle="Add, change, rename",
    keywords=("edit", "map", "assign", "transform", "rename", "record"),
)
async def set_fields(params: SetFields) -> dict[str, Any]:
    """Add or change fields of a record, or build a new one. The incoming record itself is never changed.

    With a list: each record is changed by itself, in order. Lists in the fields are paired with it, item by item.
    """
    changed = record(params.record, "record") if params.keep == "all" else {}
    for name in params.remove:
        changed.pop(name, None)
    for name, value in params.fields.items():
        if "." not in name or name in changed:
            changed[name] = value
        else:
            _put(changed, name, value)
    return changed


def _put(target: dict[str, Any], path: str, value: Any) -> None:
    """Set a nested field, copying each record on the way so that nothing shared is changed."""
    *parents, last = path.split(".")
    for part in parents:
        inner = target.get(part)
        if inner is not None and not isinstance(inner, Mapping):
            raise BadParams(
                f"“{path}” cannot be set: “{part}” is {kind(inner)}, not a record.",
                field="fields",
                hint="Use another name, or remove that field first.",
            )
        target[part] = dict(inner or {})
        target = target[part]
    target[last] = value


class SplitOut(Params):
    record: Annotated[Any, Port()] = Field(
        description="The record that holds a list", examples=[{"order": 7, "lines": [{"sku": "A"}, {"sku": "B"}]}]
    )
    field: str = Field(min_length=1, description="The field with the list; dots reach deeper", examples=["lines"])
    keep: Literal["none", "all"] = Field(
        default="none", description="Whether each item also gets the record's other fields", examples=["all"]
    )


@action(
    "data.split",
    title="Split out",
    category="data",
    icon="list-tree",
    subtitle="A list inside a record",
    keywords=("explode", "flatten", "unwind", "items", "expand"),
)
async def split_out(params: SplitOut) -> list[Any]:
    """Take the list out of one field of a record, as a list of items.

    With the other fields kept, each item is a record with them in it; an item that is no record stands under the
    field's own name. A missing or empty field gives an empty list.

    With a list: each record gives its own list, so the output is a list of lists.
    """
    source = record(params.record, "record")
    items = pick(source, params.field)
    if items is None:
        return []
    if not isinstance(items, list):
        raise BadParams(
            f"“{params.field}” is {kind(items)}, not a list.", field="field", hint="Choose a field that holds a list."
        )
    if params.keep == "none":
        return items
    top = params.field if params.field in source else params.field.split(".")[0]
    rest = {name: value for name, value in source.items() if name != top}
    return [{**rest, **item} if isinstance(item, Mapping) else {**rest, params.field: item} for item in items]
