"""Set fields and Split out: what a record holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract import BadParams, KeyValue, Params, Port, Select, ShowIf, action
from integrations.core.data.rows import FieldNames
from integrations.core.values import kind, pick, record, show


class SetFields(Params):
    record: Annotated[Any, Port()] = Field(description="The record to change; {} starts a new one", examples=[{"a": 1}])
    fields: Annotated[dict[str, Any], KeyValue(add="Add field")] = Field(
        title="Set fields",
        default_factory=dict,
        description="Names and values to set; a dot in a name reaches into a nested record",
        examples=[{"b": 2}],
    )
    rename: Annotated[dict[str, str], KeyValue(add="Add new name")] = Field(
        title="Rename fields",
        default_factory=dict,
        description="Fields to rename: the old name, then the new one",
        examples=[{"a": "amount"}],
    )
    remove: FieldNames = Field(
        title="Remove fields",
        default_factory=list,
        description="Fields to take away; dots reach deeper",
        examples=[["internal_note"]],
    )
    keep: Annotated[
        Literal["all", "some", "none"], Select(options=("all", "some", "none"), labels=("All", "Some", "None"))
    ] = Field(
        title="Other fields stay", default="all", description="Which of the record's own fields stay", examples=["all"]
    )
    kept: Annotated[FieldNames, ShowIf(field="keep", values=("some",))] = Field(
        title="Fields that stay",
        default_factory=list,
        description="The fields that stay, in this order",
        examples=[["name", "email"]],
    )


@action(
    "data.set",
    title="Set fields",
    category="data",
    icon="pencil",
    subtitle="Add, change, rename, remove",
    keywords=("edit", "map", "assign", "transform", "rename", "remove", "delete", "keep", "pick", "record"),
)
def set_fields(params: SetFields) -> dict[str, Any]:
    """Set, rename, remove or choose fields of a record, or build a new one. The incoming record is never changed.

    First it is decided which fields stay, then fields are removed, renamed, and last set. A field to rename or remove
    that a record does not have is passed over.

    With a list: each record is changed by itself, in order. Lists in the fields are paired with it, item by item.
    """
    changed = record(params.record, "record") if params.keep != "none" else {}
    if params.keep == "some":
        changed = {name: changed[name] for name in params.kept if name in changed}
    for name in params.remove:
        _remove(changed, name)
    changed = _renamed(changed, params.rename)
    for name, value in params.fields.items():
        if "." not in name or name in changed:
            changed[name] = value
        else:
            _put(changed, name, value)
    return changed


def _remove(target: dict[str, Any], path: str) -> None:
    """Take a field away, also a nested one, copying each record on the way."""
    if path in target:
        del target[path]
        return
    top, dot, rest = path.partition(".")
    if dot and isinstance(inner := target.get(top), Mapping):
        target[top] = dict(inner)
        _remove(target[top], rest)


def _renamed(source: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """All renamed at once, so that two fields can swap names; each stays in its place."""
    renamed: dict[str, Any] = {}
    for name, value in source.items():
        new = names.get(name, name)
        if new in renamed:
            raise BadParams(
                f"Two fields would be called “{show(new)}”.",
                field="rename",
                hint="Choose another name, or remove the other field.",
            )
        renamed[new] = value
    return renamed


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
    category="lists",
    icon="list-tree",
    subtitle="A list inside a record",
    keywords=("explode", "flatten", "unwind", "items", "expand"),
)
def split_out(params: SplitOut) -> list[Any]:
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
