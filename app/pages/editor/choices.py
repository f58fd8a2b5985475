"""Fields that choose among what the workspace has: workflows with their inputs, and accounts."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.pages.editor.controls import Option, resolved, titled
from engine.contract import NodeType
from engine.graph import Node
from engine.validation import Interface


def of_workflow(view: dict[str, Any], other: Interface | None, node: Node) -> list[dict[str, Any]]:
    """The inputs of a workflow that is run as a step, each a field of its own; as pairs where they are not known."""
    given = node.params.get(view["name"]) or {}
    if other is None or not other.takes or not isinstance(given, Mapping):
        return [view]
    names = {one.name: one.label or titled(one.name) for one in other.takes}
    needed = {one.name for one in other.takes if one.required}
    names.update({name: name for name in given if name not in names})
    return [
        {
            **view,
            "key": f"{view['key']}-{name}",
            "name": f"{view['name']}.{name}",
            "path": [*view["path"], name],
            "title": title,
            "help": "",
            "required": name in needed,
            "widget": "value",
            "type": "any",
            "value": given.get(name),
            "problem": "",
            "fix": "",
        }
        for name, title in names.items()
    ]


def workflow_options(workflows: Sequence[Mapping[str, Any]]) -> list[Option]:
    """The workspace's workflows; of one that cannot run yet it says so."""
    return [
        Option(
            value=one["id"],
            label=one["name"] if one["published"] else f"{one['name']} (not published)",
            raw=one["id"],
        )
        for one in workflows
    ]


def account_options(accounts: Sequence[Mapping[str, Any]], node_type: NodeType, name: str) -> list[Option]:
    """The workspace's accounts that fit this field."""
    schema = node_type.params_schema
    plain = resolved(schema["properties"][name], schema.get("$defs", {}))
    types = plain.get("x-ui", {}).get("types", ())
    fitting = [one for one in accounts if not types or one.get("type") in types]
    return [Option(value=str(one["id"]), label=str(one["name"]), raw=one["id"]) for one in fitting]
