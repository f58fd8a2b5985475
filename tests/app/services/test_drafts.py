"""Edits of a draft: the log, merging, undo and redo."""

import asyncio
from typing import Any

import pytest

from app.services import checked, drafts, unit, workflows
from app.services.access import Actor
from app.services.errors import Conflict, Forbidden, Invalid, NotFound
from tests.app.services.conftest import Tenants, person

SMALL: dict[str, Any] = {
    "weft": 1,
    "name": "Small",
    "nodes": {
        "hand": {"type": "trigger.manual"},
        "first": {"type": "data.template", "with": {"text": "one"}},
        "second": {"type": "data.template", "with": {"text": "{{ first }} two"}},
    },
}


def text_of(result: drafts.EditResult | workflows.Draft, node: str = "first") -> Any:
    return result.graph.nodes[node].params.get("text")


def write(text: str, node: str = "first") -> list[dict[str, Any]]:
    return [{"op": "set_field", "node": node, "path": "text", "value": text}]


async def make(actor: Actor) -> str:
    return await unit.ask(workflows.create, actor, "", SMALL)


async def edit(actor: Actor, workflow_id: str, ops: list[dict[str, Any]], seq: int) -> drafts.EditResult:
    return await unit.ask(workflows.edit, actor, workflow_id, ops, seq)


async def test_edits_are_applied_in_order_and_survive_the_process(ada: Actor) -> None:
    workflow_id = await make(ada)
    for seq, text in enumerate(("a", "b", "c")):
        result = await edit(ada, workflow_id, write(text), seq)
        assert (result.seq, text_of(result), result.merged) == (seq + 1, text, False)
    checked.forget(workflow_id)
    opened = await unit.ask(workflows.get, ada, workflow_id)
    assert (opened.seq, text_of(opened)) == (3, "c")


async def test_undo_and_redo_across_sessions(ada: Actor) -> None:
    workflow_id = await make(ada)
    for seq, text in enumerate(("a", "b", "c")):
        await edit(ada, workflow_id, write(text), seq)
    seen = []
    for action in (workflows.undo, workflows.undo, workflows.redo, workflows.undo, workflows.undo):
        checked.forget(workflow_id)
        result = await unit.ask(action, ada, workflow_id)
        assert result is not None
        seen.append(text_of(result))
    assert seen == ["b", "a", "b", "a", "one"]
    assert await unit.ask(workflows.undo, ada, workflow_id) is None
    for text in ("a", "b", "c"):
        redone = await unit.ask(workflows.redo, ada, workflow_id)
        assert redone is not None
        assert text_of(redone) == text
    assert await unit.ask(workflows.redo, ada, workflow_id) is None


async def test_something_new_ends_what_could_be_redone_for_good(ada: Actor) -> None:
    workflow_id = await make(ada)
    await edit(ada, workflow_id, write("a"), 0)
    await edit(ada, workflow_id, write("b"), 1)
    await unit.ask(workflows.undo, ada, workflow_id)
    await edit(ada, workflow_id, write("x"), 3)
    assert await unit.ask(workflows.redo, ada, workflow_id) is None
    await unit.ask(workflows.undo, ada, workflow_id)
    redone = await unit.ask(workflows.redo, ada, workflow_id)
    assert redone is not None
    assert text_of(redone) == "x"
    opened = await unit.ask(workflows.get, ada, workflow_id)
    assert (opened.can_undo, opened.can_redo) == (True, False)


async def test_two_people_in_different_places_are_merged(ada: Actor) -> None:
    workflow_id = await make(ada)
    bea = await unit.ask(person, "editor", ada.workspace_id)
    await edit(ada, workflow_id, write("ada's"), 0)
    result = await edit(bea, workflow_id, write("bea's", "second"), 0)
    assert result.merged
    assert (text_of(result), text_of(result, "second")) == ("ada's", "bea's")


async def test_two_people_in_the_same_place_are_told(ada: Actor) -> None:
    workflow_id = await make(ada)
    bea = await unit.ask(person, "editor", ada.workspace_id)
    await edit(ada, workflow_id, write("ada's"), 0)
    for ops in (write("bea's"), [{"op": "remove_node", "node": "first"}]):
        with pytest.raises(Conflict, match="same place"):
            await edit(bea, workflow_id, ops, 0)
    assert text_of(await unit.ask(workflows.get, ada, workflow_id)) == "ada's"
    assert text_of(await edit(bea, workflow_id, write("bea's"), 1)) == "bea's"


async def test_the_same_person_in_two_tabs_has_the_last_word(ada: Actor) -> None:
    workflow_id = await make(ada)
    await edit(ada, workflow_id, write("tab 1"), 0)
    result = await edit(ada, workflow_id, write("tab 2"), 0)
    assert (text_of(result), result.merged) == ("tab 2", True)


async def test_edits_at_the_same_moment_all_stand(ada: Actor) -> None:
    workflow_id = await make(ada)
    moves = [[{"op": "move", "node": "first", "x": number, "y": 0}] for number in range(12)]
    results = await asyncio.gather(*(edit(ada, workflow_id, ops, 0) for ops in moves))
    assert sorted(result.seq for result in results) == list(range(1, 13))
    assert (await unit.ask(workflows.get, ada, workflow_id)).changes_since_publish == 12


async def test_an_edit_that_makes_no_sense_changes_nothing(ada: Actor) -> None:
    workflow_id = await make(ada)
    for ops in (
        [],
        [{"op": "dance"}],
        [*write("changed"), {"op": "remove_node", "node": "nobody"}],
        [{"op": "replace", "document": {"weft": 2}}],
    ):
        with pytest.raises(Invalid):
            await edit(ada, workflow_id, ops, 0)
    opened = await unit.ask(workflows.get, ada, workflow_id)
    assert (opened.seq, text_of(opened)) == (0, "one")


async def test_replacing_the_whole_can_be_undone(ada: Actor) -> None:
    workflow_id = await make(ada)
    text = "weft: 1\nname: Other\nnodes:\n  hand: {type: trigger.manual} # by hand\n"
    replaced = await unit.ask(workflows.replace, ada, workflow_id, text)
    assert list(replaced.graph.nodes) == ["hand"]
    assert "# by hand" in (await unit.ask(workflows.text, ada, workflow_id))[1]
    undone = await unit.ask(workflows.undo, ada, workflow_id)
    assert undone is not None
    assert (undone.graph.name, text_of(undone)) == ("Small", "one")


async def test_renaming_and_duplicating(ada: Actor) -> None:
    workflow_id = await make(ada)
    await unit.ask(workflows.rename, ada, workflow_id, "  Bigger   one ")
    copy = await unit.ask(workflows.duplicate, ada, workflow_id)
    names = {row.id: row.name for row in await unit.ask(workflows.list_workflows, ada)}
    assert names == {workflow_id: "Bigger one", copy: "Bigger one (copy)"}
    await unit.ask(workflows.undo, ada, workflow_id)
    assert (await unit.ask(workflows.get, ada, workflow_id)).workflow.name == "Small"
    found = await unit.ask(workflows.list_workflows, ada, "COPY")
    assert [row.id for row in found] == [copy]


async def test_changes_are_counted_from_what_is_published(ada: Actor) -> None:
    workflow_id = await make(ada)
    await edit(ada, workflow_id, write("a"), 0)
    assert (await unit.ask(workflows.publish, ada, workflow_id)).number == 1
    counts = []
    await edit(ada, workflow_id, write("b"), 1)
    counts.append((await unit.ask(workflows.get, ada, workflow_id)).changes_since_publish)
    await unit.ask(workflows.undo, ada, workflow_id)
    counts.append((await unit.ask(workflows.get, ada, workflow_id)).changes_since_publish)
    await unit.ask(workflows.undo, ada, workflow_id)
    counts.append((await unit.ask(workflows.get, ada, workflow_id)).changes_since_publish)
    assert counts == [1, 0, 1]


async def test_a_problem_keeps_a_draft_from_being_published(ada: Actor) -> None:
    workflow_id = await make(ada)
    await edit(ada, workflow_id, write("{{ nobody }}"), 0)
    with pytest.raises(Invalid) as refused:
        await unit.ask(workflows.publish, ada, workflow_id)
    assert refused.value.problems[0]["node"] == "first"
    assert "First" in refused.value.message


async def test_who_may_what(tenants: Tenants) -> None:
    workflow_id = await make(tenants.ada)
    viewer = await unit.ask(person, "viewer", tenants.ada.workspace_id)
    assert (await unit.ask(workflows.get, viewer, workflow_id)).seq == 0
    for action in (workflows.undo, workflows.redo, workflows.publish, workflows.duplicate, workflows.delete):
        with pytest.raises(Forbidden):
            await unit.ask(action, viewer, workflow_id)
        with pytest.raises(NotFound):
            await unit.ask(action, tenants.bob, workflow_id)


async def test_the_trash_gives_back(ada: Actor) -> None:
    workflow_id = await make(ada)
    await unit.ask(workflows.delete, ada, workflow_id)
    assert [row.id for row in await unit.ask(workflows.trash, ada)] == [workflow_id]
    with pytest.raises(NotFound):
        await unit.ask(workflows.get, ada, workflow_id)
    await unit.ask(workflows.undelete, ada, workflow_id)
    assert (await unit.ask(workflows.get, ada, workflow_id)).seq == 0
