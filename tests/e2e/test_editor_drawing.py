"""Drawing: add, connect, move, delete, copy, undo; each gesture ends up in the draft on the server."""

from collections.abc import Iterator

import psutil
import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editing import Editor
from tests.stack import Stack


@pytest.fixture
def editor(signed_in: Page) -> Iterator[Editor]:
    yield Editor(signed_in).open()


def test_a_draft_opens_as_cards_and_wires(editor: Editor) -> None:
    expect(editor.page.locator(".react-flow__node")).to_have_count(4)
    expect(editor.wires()).to_have_count(3)
    expect(editor.card("route")).to_contain_text("Big ones apart")
    expect(editor.page.get_by_test_id("draft-badge")).to_have_text("Draft")


def test_a_tap_on_the_palette_adds_a_node_and_opens_its_settings(editor: Editor) -> None:
    editor.page.get_by_placeholder("Find a node").fill("text template")
    editor.page.locator(".fc-palette .fc-pal").first.click()
    expect(editor.card("template")).to_be_visible()
    expect(editor.page.locator("#node-name")).to_have_value("Text template")
    editor.saved()
    assert editor.document()["nodes"]["template"]["type"] == "data.template"


def test_a_node_is_dragged_from_the_palette(editor: Editor) -> None:
    editor.page.locator('.fc-pal[data-type="data.filter"]').drag_to(
        editor.page.locator(".react-flow__pane"), target_position={"x": 400, "y": 500}
    )
    expect(editor.card("filter")).to_be_visible()
    editor.saved()
    assert "filter" in editor.document()["layout"]


def test_quick_add_opens_with_a_key_and_finds_by_what_a_node_does(editor: Editor) -> None:
    editor.page.locator(".react-flow__pane").click(position={"x": 300, "y": 500})
    editor.page.keyboard.press("/")
    search = editor.page.get_by_role("combobox", name="Find a node")
    expect(search).to_be_focused()
    search.fill("doubles")
    editor.page.keyboard.press("Enter")
    expect(editor.card("unique")).to_be_visible()


def test_a_wire_is_drawn_by_dragging(editor: Editor) -> None:
    editor.page.locator('.fc-pal[data-type="data.filter"]').click()
    expect(editor.card("filter")).to_be_visible()
    editor.drag(editor.port("largest", "main", "source"), editor.port("filter", "rows", "target"))
    expect(editor.wires()).to_have_count(4)
    expect(editor.field("rows").locator(".ref")).to_contain_text("Largest first")
    editor.saved()
    assert editor.document()["nodes"]["filter"]["with"]["rows"] == "{{ largest }}"


def test_a_wire_is_drawn_by_two_clicks(editor: Editor) -> None:
    editor.page.locator('.fc-pal[data-type="data.unique"]').click()
    expect(editor.card("unique")).to_be_visible()
    editor.port("orders", "main", "source").click()
    editor.port("unique", "rows", "target").click()
    expect(editor.wires()).to_have_count(4)
    editor.saved()
    assert editor.document()["nodes"]["unique"]["with"]["rows"] == "{{ orders }}"


def test_a_wire_that_makes_no_sense_is_refused_with_its_reason(editor: Editor) -> None:
    editor.drag(editor.port("route", "big", "source"), editor.port("largest", "rows", "target"))
    expect(editor.page.locator(".fc-toast")).to_contain_text("circle")
    expect(editor.wires()).to_have_count(3)
    assert editor.document()["nodes"]["largest"]["with"]["rows"] == "{{ orders }}"


def test_a_wire_dropped_into_the_void_offers_what_may_follow(editor: Editor) -> None:
    first = editor.at_rest(editor.port("route", "otherwise", "source"))
    mouse = editor.page.mouse
    mouse.move(first["x"] + 5, first["y"] + 5)
    mouse.down()
    mouse.move(first["x"] - 100, first["y"] + 240, steps=10)
    mouse.up()
    search = editor.page.get_by_role("combobox", name="Find a node")
    expect(search).to_be_focused()
    expect(editor.page.get_by_text("Only what can follow is offered")).to_be_visible()
    search.fill("unique")
    editor.page.keyboard.press("Enter")
    expect(editor.card("unique")).to_be_visible()
    editor.saved()
    assert "route.otherwise" in str(editor.document()["nodes"]["unique"]["with"])


def test_wire_and_field_are_one_thing(editor: Editor) -> None:
    editor.select("largest")
    badge = editor.field("rows").locator(".ref")
    expect(badge).to_contain_text("Orders")
    badge.get_by_role("button", name="Remove").click()
    expect(editor.wires()).to_have_count(2)
    editor.saved()
    assert "rows" not in editor.document()["nodes"]["largest"]["with"]
    editor.card("shown").locator("header").click()
    expect(editor.field("value").locator(".ref")).to_be_visible()
    editor.page.locator('.react-flow__edge[data-id="route.big>shown.value"]').press("Delete")
    expect(editor.field("value").locator(".ref")).to_have_count(0)
    expect(editor.card("shown")).to_be_visible()


def test_deleting_a_node_heals_the_wire_and_undo_brings_it_back(editor: Editor) -> None:
    editor.card("largest").locator("header").click()
    editor.page.keyboard.press("Delete")
    expect(editor.card("largest")).to_have_count(0)
    expect(editor.wires()).to_have_count(2)
    editor.saved()
    assert editor.document()["nodes"]["route"]["with"]["value"] == "{{ orders }}"
    editor.page.locator(".fc-toast").get_by_role("button", name="Undo").click()
    expect(editor.card("largest")).to_be_visible()
    expect(editor.wires()).to_have_count(3)
    editor.page.reload()
    expect(editor.card("largest")).to_be_visible()
    editor.page.get_by_role("button", name="Redo").click()
    expect(editor.card("largest")).to_have_count(0)


def test_several_nodes_are_selected_and_moved_together(editor: Editor) -> None:
    before = editor.document()["layout"]
    editor.card("orders").locator("header").click()
    editor.card("largest").locator("header").click(modifiers=["Shift"])
    expect(editor.page.locator(".react-flow__node.selected")).to_have_count(2)
    head = editor.at_rest(editor.card("orders").locator("header"))
    mouse = editor.page.mouse
    mouse.move(head["x"] + 60, head["y"] + 20)
    mouse.down()
    mouse.move(head["x"] + 60, head["y"] + 160, steps=10)
    mouse.up()
    editor.saved()
    after = editor.document()["layout"]
    down = after["orders"][1] - before["orders"][1]
    assert down > 80
    assert after["largest"][1] - before["largest"][1] == down
    assert after["route"] == before["route"]


def test_nodes_are_copied_into_another_workflow(editor: Editor, signed_in: Page) -> None:
    signed_in.context.grant_permissions(["clipboard-read", "clipboard-write"])
    editor.card("orders").locator("header").click()
    editor.card("largest").locator("header").click(modifiers=["Shift"])
    editor.page.keyboard.press("Control+c")
    other_tab = signed_in.context.new_page()
    empty = {"weft": 1, "name": "Another", "nodes": {}}
    other = Editor(other_tab, empty)
    other_tab.goto(f"/w/{other.workflow_id}")
    expect(other_tab.get_by_role("heading", name="How does this start?")).to_be_visible()
    other_tab.locator(".react-flow__pane").click(position={"x": 100, "y": 100})
    other_tab.keyboard.press("Control+v")
    expect(other.card("largest")).to_be_visible()
    other_tab.keyboard.press("Control+v")
    expect(other.card("largest_2")).to_be_visible()
    other.saved()
    assert other.document()["nodes"]["largest_2"]["with"]["rows"] == "{{ orders_2 }}"


def test_keys_walk_connect_turn_off_and_explain_themselves(editor: Editor) -> None:
    page = editor.page
    editor.card("orders").locator("header").click()
    page.keyboard.press("ArrowRight")
    expect(page.locator("#node-name")).to_have_value("Largest first")
    page.keyboard.press("d")
    expect(editor.card("largest").locator('[data-status="off"]')).to_be_visible()
    page.keyboard.press("c")
    menu = page.get_by_role("dialog", name="Connect Largest first")
    expect(menu).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("heading", name="Keys")).to_be_visible()
    page.keyboard.press("Escape")
    editor.saved()
    assert editor.document()["nodes"]["largest"]["off"] is True


@pytest.mark.console_errors
def test_edits_made_without_a_connection_are_kept_and_sent(editor: Editor, signed_in: Page) -> None:
    signed_in.context.set_offline(True)
    editor.page.locator('.fc-pal[data-type="data.limit"]').click()
    expect(editor.card("limit")).to_be_visible()
    expect(editor.page.get_by_test_id("saved")).to_contain_text("kept here", timeout=20_000)
    signed_in.context.set_offline(False)
    expect(editor.page.get_by_test_id("saved")).to_contain_text("Saved", timeout=40_000)
    assert list(editor.document()["nodes"]).count("limit") == 1


@pytest.mark.console_errors
def test_edits_survive_a_reload_before_they_were_sent(editor: Editor, signed_in: Page) -> None:
    signed_in.route("**/_event/**", lambda route: route.abort())
    signed_in.context.set_offline(True)
    editor.page.locator('.fc-pal[data-type="data.limit"]').click()
    expect(editor.page.get_by_test_id("saved")).to_contain_text("kept here", timeout=20_000)
    signed_in.unroute("**/_event/**")
    signed_in.context.set_offline(False)
    editor.page.reload()
    expect(editor.card("limit")).to_be_visible(timeout=20_000)
    editor.saved()
    assert "limit" in editor.document()["nodes"]


@pytest.mark.console_errors
def test_nothing_is_lost_when_the_web_server_is_killed(editor: Editor, stack: Stack) -> None:
    children = psutil.Process(stack.process_id).children()
    (web,) = [child for child in children if child.cmdline()[-2:] == ["app.cli", "web"]]
    web.kill()
    editor.page.locator('.fc-pal[data-type="data.limit"]').click()
    expect(editor.page.get_by_test_id("saved")).to_contain_text("Saved", timeout=60_000)
    assert list(editor.document()["nodes"]).count("limit") == 1
    editor.select("limit")
    expect(editor.page.locator("#node-name")).to_have_value("Limit")
