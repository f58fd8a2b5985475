"""The editor's states without a browser: what the canvas is told, and what may be sent to it."""

from typing import Any

import pytest

from app.pages.editor import batches, drawing, form, words
from app.pages.editor.bar import BarState
from app.pages.editor.draft import DraftState
from app.pages.editor.inspector import InspectorState
from app.pages.editor.keeping import KeepState
from app.pages.editor.marks import MarksState
from app.services import pins, unit, workflows
from app.services.errors import Invalid
from engine import document
from engine.catalog import catalog
from engine.graph import Graph
from engine.models import new_id
from engine.validation import Interface, Outside, Taken, problems, ranks
from engine.validation.mapping import knowledge
from tests.app.pages.conftest import Somebody, add_workflow

NOTES: dict[str, Any] = {
    "weft": 1,
    "name": "Tell the team",
    "nodes": {
        "rows": {"type": "flow.input", "with": {"name": "rows", "kind": "rows"}},
        "kept": {"type": "data.sort", "label": "Newest first", "with": {"rows": "{{ rows }}", "by": ["at"]}},
        "post": {
            "type": "http.request",
            "label": "Tell",
            "with": {"method": "POST", "url": "https://example.com/{{ kept.id }}", "body": "{{ kept }}"},
            "after": ["{{ rows }}"],
        },
    },
    "layout": {"rows": [0, 0], "kept": [300, 0], "post": [600, 0]},
}


def _draw(graph: Graph, before: drawing.Drawing | None = None) -> drawing.Drawing:
    found = knowledge(graph, catalog()).edges
    return drawing.draw(
        graph,
        catalog(),
        found,
        problems=problems(graph, catalog()),
        ranks=ranks(graph, catalog()),
        before=before,
    )


async def _open(who: Somebody) -> tuple[str, DraftState]:
    workflow_id, _ = unit.call(add_workflow, who.actor)
    state = await who.tab.at(f"/w/{workflow_id}").state(DraftState)
    await state.open()
    return workflow_id, state


async def _send(state: DraftState, *ops: dict[str, Any], key: str = "", kind: str = "edit") -> str:
    key = key or new_id()
    async for _ in state.batch({"key": key, "kind": kind, "ops": list(ops)}):
        pass
    return key


def _move(node: str, x: int) -> dict[str, Any]:
    return {"op": "move", "node": node, "x": x, "y": 0}


async def test_opening_sends_the_whole_drawing_once(ada: Somebody) -> None:
    workflow_id, state = await _open(ada)
    assert state.snapshot["workflow"] == workflow_id
    assert [node["id"] for node in state.snapshot["nodes"]] == ["messages", "rows", "out"]
    assert [edge["id"] for edge in state.snapshot["edges"]] == ["messages.main>rows.rows", "rows.main>out.value"]
    assert {one["categoryTitle"] for one in state.types} >= {"Triggers", "Flow", "Lists and tables", "AI"}
    assert (await ada.tab.state(BarState)).badge == "v1"


async def test_an_edit_is_answered_by_its_key_and_tells_only_what_changed(ada: Somebody) -> None:
    workflow_id, state = await _open(ada)
    key = await _send(state, {"op": "rename", "node": "rows", "label": "Only the late ones"})
    assert state.answer == {"key": key, "message": "", "tone": ""}
    assert list(state.patch["nodes"]) == ["rows"]
    assert state.patch["nodes"]["rows"]["label"] == "Only the late ones"
    assert "x" not in state.patch["nodes"]["rows"], "the browser owns where a card stands"
    assert state.patch["edges"] == {}
    assert state.snapshot_seq == 1
    assert unit.call(workflows.get, ada.actor, workflow_id).graph.nodes["rows"].label == "Only the late ones"
    assert (await ada.tab.state(BarState)).badge == "Draft · 1 change since v1"


async def test_an_edit_that_is_sent_twice_counts_once(ada: Somebody) -> None:
    workflow_id, state = await _open(ada)
    op = {"op": "add_node", "id": "late", "type": "data.limit"}
    key = await _send(state, op)
    await _send(state, op, key=key)
    other_tab = await ada.tab.state(DraftState)
    other_tab._answered = []  # as after a restart of the server
    await _send(other_tab, op, key=key)
    assert other_tab.answer["message"] == ""
    assert unit.call(workflows.get, ada.actor, workflow_id).seq == 1


async def test_what_is_refused_is_said_and_the_drawing_shown_as_it_is(ada: Somebody) -> None:
    _, state = await _open(ada)
    await _send(state, _move("nobody", 10))
    assert "nobody" in state.answer["message"]
    assert state.snapshot_seq == 2


async def test_undo_and_redo_move_cards_back(ada: Somebody) -> None:
    _, state = await _open(ada)
    await _send(state, _move("rows", 990))
    await _send(state, kind="undo")
    assert state.patch["nodes"]["rows"]["x"] != 990
    await _send(state, kind="redo")
    assert state.patch["nodes"]["rows"]["x"] == 990
    await _send(state, kind="redo")
    assert state.answer["message"] == "There is nothing to redo."


async def test_foreign_workflows_are_not_found(ada: Somebody, bob: Somebody) -> None:
    workflow_id, _ = unit.call(add_workflow, bob.actor)
    state = await ada.tab.at(f"/w/{workflow_id}").state(DraftState)
    await state.open()
    assert "does not exist" in state.missing
    assert state.snapshot == {}
    answer = [one async for one in state.batch({"key": new_id(), "kind": "edit", "ops": [_move("rows", 1)]})]
    assert "does not exist" in str(answer)
    assert unit.call(workflows.get, bob.actor, workflow_id).seq == 0


async def test_the_inspector_follows_the_selection_and_the_draft(ada: Somebody) -> None:
    _, state = await _open(ada)
    inspector = await ada.tab.state(InspectorState)
    await inspector.select(["rows"])
    fields = {field["name"]: field for field in inspector.fields}
    assert inspector.head["label"] == "Keep some"
    assert fields["rows"]["reference"] == "Messages"
    assert fields["when"]["widget"] == "expression"
    assert "messages" in [name["insert"] for name in inspector.completions]
    await _send(state, {"op": "disconnect", "source": "messages", "port": "main", "target": "rows", "field": "rows"})
    fields = {field["name"]: field for field in inspector.fields}
    assert fields["rows"]["reference"] == ""
    assert "required" in fields["rows"]["problem"]
    await _send(state, {"op": "remove_node", "node": "rows"})
    assert inspector.selected == ""


async def test_another_workflow_opens_with_nothing_selected(ada: Somebody) -> None:
    await _open(ada)
    inspector = await ada.tab.state(InspectorState)
    await inspector.select(["rows"])
    await _open(ada)
    assert inspector.selected == ""


async def test_a_change_marks_what_no_longer_holds(ada: Somebody) -> None:
    workflow_id, state = await _open(ada)
    marks = await ada.tab.state(MarksState)
    assert (marks.stale, marks.kept) == (0, [])
    keep = await ada.tab.state(KeepState)
    assert "Select the node first" in str(await keep.toggle())
    inspector = await ada.tab.state(InspectorState)
    await inspector.select(["rows"])
    assert "Run the workflow first" in str(await keep.toggle())
    await keep.edit()
    assert (keep.editing, keep.text) == (True, "null")
    await keep.save({"output": "{"})
    assert keep.problem.startswith("This is no JSON")
    await keep.save({"output": "[1]"})
    assert (keep.editing, marks.kept, marks.kept_titles) == (False, ["rows"], "Keep some")
    assert marks.marks["rows"] == {"stale": "", "kept": True}
    await keep.toggle()
    assert marks.kept == []
    assert await unit.ask(pins.list_pins, ada.actor, workflow_id) == []
    assert state.patch_seq == 0


async def test_a_wire_being_drawn_is_told_where_it_fits(ada: Somebody) -> None:
    _, state = await _open(ada)
    await state.connecting("rows", "main")
    told = state.targets
    assert told["targets"]["out"]["value"]["fits"]
    assert not told["targets"]["rows"]["rows"]["fits"]
    assert told["following"]["data.sort"]["field"] == "rows"


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"key": "short", "ops": [{}]},
        {"key": "0" * 32, "kind": "drop", "ops": []},
        {"key": "0" * 32, "kind": "edit", "ops": []},
        {"key": "0" * 32, "kind": "edit", "ops": ["move"]},
        {"key": "0" * 32, "kind": "edit", "ops": [{}] * 5_001},
    ],
)
def test_what_no_canvas_would_send_is_refused(data: Any) -> None:
    with pytest.raises(Invalid):
        batches.read(data)


def test_cards_say_what_they_do_to_the_world_and_how_often() -> None:
    graph = document.load(NOTES)
    found = _draw(graph)
    post = found.nodes["post"]
    assert post["writes"]
    assert post["times"] == "once per item"
    assert post["after"]
    assert found.nodes["kept"]["times"] == ""
    kinds = {edge["field"]: edge["kind"] for edge in found.edges.values() if edge["target"] == "post"}
    assert kinds == {"url": "mention", "body": "value", "after": "after"}


def test_an_edit_redraws_only_what_it_touched() -> None:
    graph = document.load(NOTES)
    first = _draw(graph)
    changed = graph.with_node(graph.nodes["kept"].model_copy(update={"label": "Oldest first"}))
    second = _draw(changed, first)
    assert second.nodes["rows"] is first.nodes["rows"]
    assert list(drawing.changes(first, second, places=True)["nodes"]) == ["kept"]


def test_every_node_type_has_a_form() -> None:
    known = {"text", "multiline", "prose", "code", "expression", "value", "select", "account", "boolean", "number",
             "rows", "key_value", "workflow", "list", "file", "cron", "time_zone"}  # fmt: skip
    for one in catalog().all():
        graph = document.load({"weft": 1, "nodes": {"one": {"type": one.id, "with": {}}}})
        views = list(form.fields(one, graph.nodes["one"], problems={}, references={}, levels={}))
        assert {view["widget"] for view in views} <= known, one.id
        assert all(view["help"] for view in views), one.id


def test_the_default_of_an_input_is_edited_as_what_it_asks_for() -> None:
    def widget(kind: str, **more: Any) -> form.FieldView:
        body = {"type": "flow.input", "with": {"name": "a", "kind": kind, **more}}
        node = document.load({"weft": 1, "nodes": {"a": body}}).nodes["a"]
        views = form.fields(catalog()["flow.input"], node, problems={}, references={}, levels={})
        return next(view for view in views if view["name"] == "default")

    assert widget("file")["widget"] == "file"
    rows = widget("rows", columns=[{"name": "name", "label": "Department"}, {"name": "examples", "kind": "list"}])
    assert [(column["title"], column["widget"]) for column in rows["columns"]] == [
        ("Department", "text"),
        ("Examples", "list"),
    ]
    assert [one["value"] for one in widget("choice", options=["small", "large"])["options"]] == ["small", "large"]


def test_a_note_is_markdown_without_html_and_without_pictures() -> None:
    found = words.note({"text": "**So** <script>x</script> ![p](http://x/p.png) [on](https://x.org)", "color": "blue"})
    assert (found["color"], "<strong>So</strong>" in found["html"]) == ("blue", True)
    assert (
        "<script" not in found["html"] and "<img" not in found["html"] and 'rel="noreferrer noopener"' in found["html"]
    )
    assert "javascript" not in words.note({"text": "[a](javascript:alert(1))"})["html"].partition("<a")[2]


async def test_tidying_up_reckons_with_the_cards_as_they_are_drawn(ada: Somebody) -> None:
    _, state = await _open(ada)
    sizes = {"messages": [236, 300], "rows": [236, 90], "out": [400, 90]}
    async for _ in state.batch({"key": new_id(), "kind": "tidy", "sizes": sizes}):
        pass
    places = {node_id: (view.get("x"), view.get("y")) for node_id, view in state.patch["nodes"].items()}
    assert state.answer["message"] == "" and places["rows"][0] >= 236


@pytest.mark.parametrize("sizes", [[], {"a": [1]}, {"a": [0, 5]}, {"a": ["1", 2]}, {"a": [True, 1]}, {"a": [1e9, 1]}])
def test_the_size_of_a_card_is_checked(sizes: Any) -> None:
    with pytest.raises(Invalid):
        batches.read({"key": new_id(), "kind": "tidy", "sizes": sizes})


def test_a_card_that_runs_a_workflow_says_which_and_has_its_ports() -> None:
    outside = Outside(workflows={"w1": Interface("w1", "Size up", True, (Taken("amount", "Amount"),), ("total",))})
    nodes = {"c": {"type": "flow.run_workflow", "label": "Size it up", "with": {"workflow": "w1"}}}
    drawn = document.load({"weft": 1, "nodes": nodes})
    known = knowledge(drawn, catalog(), outside)
    view = drawing.draw(drawn, known.catalog, known.edges, problems=(), ranks={}, outside=outside).nodes["c"]
    assert view["sub"] == "Size up"
    assert [port["name"] for port in view["ins"]] == ["inputs.amount"]
    assert [port["name"] for port in view["outs"]] == ["main", "total"]
