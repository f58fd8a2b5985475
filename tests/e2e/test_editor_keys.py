"""The editor without a mouse: a workflow from the empty canvas to its result, and the keys that act on the drawing."""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.editing import Editor

EMPTY = {"weft": 1, "name": "By keys", "nodes": {}}


@pytest.fixture
def editor(signed_in: Page) -> Iterator[Editor]:
    yield Editor(signed_in).open()


def pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.escape(text))


def add(page: Page, words: str) -> None:
    page.locator(".fc-canvas").focus()
    page.keyboard.press("/")
    expect(page.get_by_role("combobox", name="Find a node")).to_be_focused()
    page.keyboard.type(words)
    page.keyboard.press("Enter")


def test_a_workflow_is_drawn_grouped_and_run_with_the_keyboard_alone(signed_in: Page) -> None:
    editor, page = Editor(signed_in, EMPTY).open(), signed_in
    add(page, "text template")
    expect(page.locator("#node-name")).to_have_value("Text template")
    page.locator('.react-flow__node[data-id="template"]').focus()
    page.keyboard.press("Enter")
    text = editor.field("text").locator("textarea")
    text.focus()
    page.keyboard.type("Hello")
    add(page, "output")
    editor.saved()
    expect(page.locator("#node-name")).to_have_value("Output")
    layout = editor.document()["layout"]
    assert layout["output"][0] > layout["template"][0] + 236
    editor.field("name").locator("input, textarea").first.focus()
    page.keyboard.type("said")
    page.locator('.react-flow__node[data-id="template"]').focus()
    page.keyboard.press("Enter")
    expect(page.locator("#node-name")).to_have_value("Text template")
    page.locator(".fc-canvas").focus()
    page.keyboard.press("c")
    expect(page.get_by_role("dialog", name="Connect Text template").get_by_role("button").first).to_be_focused()
    page.keyboard.press("Enter")
    expect(editor.wires()).to_have_count(1)
    page.keyboard.press("Control+Enter")
    expect(editor.card("output").locator(".fc-node")).to_have_attribute("data-status", "done", timeout=20_000)
    editor.saved()
    page.locator(".fc-canvas").focus()
    page.keyboard.press("g")
    menu = page.get_by_role("dialog", name="Group into a container")
    expect(menu.get_by_role("button").first).to_be_focused()
    page.keyboard.press("Enter")
    editor.saved()
    (box,) = {node.get("in") for node in editor.document()["nodes"].values()} - {None}
    page.keyboard.press("Shift+G")
    expect(editor.card(box)).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(editor.card(box)).to_be_visible()


def test_keys_change_what_is_selected(editor: Editor) -> None:
    page = editor.page
    editor.select("largest")
    page.locator(".fc-canvas").focus()
    page.keyboard.press("Control+d")
    expect(editor.card("largest_2")).to_be_visible()
    expect(page.locator("#node-name")).to_have_value("Largest first")
    page.locator(".fc-canvas").focus()
    page.keyboard.press("F2")
    page.keyboard.press("Control+a")
    page.keyboard.type("Smallest")
    page.keyboard.press("Enter")
    expect(editor.card("largest_2")).to_contain_text("Smallest")
    page.locator(".fc-canvas").focus()
    page.keyboard.press("Delete")
    expect(editor.card("largest_2")).to_have_count(0)
    page.keyboard.press("Control+z")
    expect(editor.card("largest_2")).to_be_visible()
    page.keyboard.press("Control+Shift+z")
    expect(editor.card("largest_2")).to_have_count(0)
    page.keyboard.press("Control+a")
    expect(page.locator(".react-flow__node.selected")).to_have_count(4)
    page.keyboard.press("Escape")
    expect(page.locator(".react-flow__node.selected")).to_have_count(0)


def test_a_note_is_written_in_markdown_and_colored(editor: Editor) -> None:
    page = editor.page
    page.locator(".fc-canvas").focus()
    page.keyboard.press("Shift+S")
    note = editor.card("note")
    expect(note).to_be_visible()
    editor.field("text").locator("textarea").fill("**Ten** calls a second")
    expect(note.locator("strong")).to_have_text("Ten")
    editor.field("color").locator("select").select_option("Blue")
    expect(note.locator(".fc-node")).to_contain_class("blue")


def test_the_view_follows_its_keys(editor: Editor) -> None:
    page = editor.page
    view = page.locator(".react-flow__viewport")
    page.locator(".fc-canvas").focus()
    page.keyboard.press("1")
    expect(view).to_have_attribute("style", pattern("scale(1)"))
    page.keyboard.press("-")
    expect(view).not_to_have_attribute("style", pattern("scale(1)"))
    page.keyboard.press("0")
    expect(editor.card("orders")).to_be_in_viewport()
    expect(editor.card("shown")).to_be_in_viewport()


def test_the_run_goes_on_from_the_selection(editor: Editor) -> None:
    page = editor.page
    page.keyboard.press("Control+Enter")
    expect(editor.card("shown").locator(".fc-node")).to_have_attribute("data-status", "done", timeout=20_000)
    opened = page.locator(".ed-results").get_by_role("link", name="Open run")
    first = str(opened.get_attribute("href"))
    editor.select("route")
    page.locator(".fc-canvas").focus()
    page.keyboard.press("Control+Shift+Enter")
    page.keyboard.press("Escape")
    expect(opened).not_to_have_attribute("href", first, timeout=20_000)
    run = str(opened.get_attribute("href")).rpartition("/")[2]
    steps = {one["node_id"]: one for one in page.request.get(f"/api/v1/runs/{run}/steps").json()}
    assert {name for name, one in steps.items() if one["reused_from"]} == {"orders", "largest"}
