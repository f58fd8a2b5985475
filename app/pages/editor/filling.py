"""What the inspector asks others for: choices of accounts and workflows, and the first values of a run."""

from collections.abc import Sequence
from typing import Any

from app.pages.editor import choices, words
from app.pages.editor.seen import Seen
from app.services import callees, credentials, preview, unit
from app.services.access import Actor
from engine.contract import NodeType
from engine.graph import Node

Field = dict[str, Any]


class Surroundings:
    """What the containers around a node give its body in the rounds that are looked at: by name, and of a Repeat what
    the round before gave, by container. A plain class, so that Reflex wraps no proxy around the values."""

    def __init__(self, given: dict[str, Any] | None = None, before: dict[str, Any] | None = None) -> None:
        self.given, self.before = given or {}, before or {}


class Sampled:
    """The first values of a run. A plain class, so that Reflex wraps no proxy around them."""

    def __init__(self, run_id: str = "", values: preview.Samples | None = None, scope: str = "") -> None:
        self.run_id, self.values, self.scope = run_id, values or {}, scope


async def filled(actor: Actor, fields: Sequence[Field], seen: Seen, node: Node, one: NodeType) -> list[Field]:
    """The form's fields with the choices of accounts and workflows, as far as the node has such fields."""
    widgets = {field["widget"] for field in fields}
    if "account" in widgets:
        fields = await _with_accounts(actor, fields, one)
    return await _with_workflows(actor, fields, seen, node) if "workflow" in widgets else list(fields)


async def _with_accounts(actor: Actor, fields: Sequence[Field], one: NodeType) -> list[Field]:
    known = await unit.ask(credentials.list_credentials, actor)
    accounts = [{"id": row.id, "name": row.name, "type": row.type} for row in known]
    return [
        {**view, "options": choices.account_options(accounts, one, view["name"])}
        if view["widget"] == "account"
        else view
        for view in fields
    ]


async def _with_workflows(actor: Actor, fields: Sequence[Field], seen: Seen, node: Node) -> list[Field]:
    """The workflows to choose from, and a field for each input of the chosen one, with what is wrong there."""
    known = await unit.ask(callees.choices, actor, seen.workflow_id)
    workflows = seen.checked.outside.workflows
    other = workflows.get(str(node.params.get("workflow"))) if workflows is not None else None
    wrong = {one.field: one.message for one in seen.checked.problems if one.node == node.id}
    found: list[Field] = []
    for view in fields:
        if view["widget"] == "workflow":
            found.append({**view, "options": choices.workflow_options(known)})
        elif view["name"] == "inputs":
            for part in choices.of_workflow(view, other, node):
                badge = words.badge(seen.graph, part["value"])
                found.append({**part, "problem": wrong.get(part["name"], part["problem"]), "reference": badge})
        else:
            found.append(view)
    return found


def head(node: Node, one: NodeType | None) -> dict[str, Any]:
    """What stands over the form."""
    return {
        "id": node.id,
        "label": node.title,
        "title": one.title if one else node.type,
        "icon": one.icon if one else "circle-help",
        "kind": one.category if one else "flow",
        "help": words.plain(one.doc) if one else "",
        "effect": words.effect_word(one, node) if one else "",
        "trigger": one is not None and one.kind == "trigger",
    }
