"""Containers on the canvas: nodes go in and come out, a selection is grouped, bodies fold up; the draft has it all."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Browser, FloatRect, Locator, Page, expect

from tests.e2e.editing import Editor

LETTERS: dict[str, Any] = {
    "weft": 1,
    "name": "Letters",
    "nodes": {
        "go": {
            "type": "trigger.manual",
            "label": "Start",
            "with": {"sample": [{"orders": [{"name": "Ada"}, {"name": "Bo"}]}]},
        },
        "hello": {"type": "data.template", "label": "Hello", "with": {"text": "Hello"}},
        "regions": {
            "type": "flow.for_each",
            "label": "Each region",
            "with": {"items": "{{ go }}", "result": "{{ orders }}"},
        },
        "orders": {
            "type": "flow.for_each",
            "in": "regions",
            "label": "Each order",
            "with": {"items": "{{ item.orders }}"},
        },
        "safe": {"type": "flow.try", "in": "orders", "label": "Try it"},
        "again": {"type": "flow.repeat", "in": "safe", "label": "Again", "with": {"until": "{{ index >= 1 }}"}},
        "letter": {"type": "data.template", "in": "again", "label": "Letter", "with": {"text": "Dear {{ item.name }}"}},
        "shown": {"type": "flow.output", "label": "Result", "with": {"value": "{{ regions }}", "name": "result"}},
    },
}
STRAIGHT: dict[str, Any] = {
    "weft": 1,
    "name": "Straight",
    "nodes": {
        "go": {"type": "trigger.manual", "label": "Start", "with": {"sample": [{"name": "Ada"}]}},
        "hello": {"type": "data.template", "label": "Hello", "with": {"text": "{{ go.name }}"}},
        "loud": {"type": "data.template", "label": "Loud", "with": {"text": "{{ hello|upper }}"}},
        "shown": {"type": "flow.output", "label": "Result", "with": {"value": "{{ loud }}", "name": "result"}},
        "box": {"type": "flow.try", "label": "Try it"},
    },
    "layout": {"go": [0, 0], "hello": [286, 0], "loud": [572, 0], "shown": [858, 0], "box": [286, 220]},
}


@pytest.fixture
def nested(signed_in: Page) -> Iterator[Editor]:
    yield Editor(signed_in, LETTERS).open()


@pytest.fixture
def straight(signed_in: Page) -> Iterator[Editor]:
    yield Editor(signed_in, STRAIGHT).open()


def box(what: Locator) -> FloatRect:
    found = what.bounding_box()
    assert found is not None
    return found


def holds(outer: FloatRect, inner: FloatRect) -> bool:
    return (
        outer["x"] <= inner["x"]
        and outer["y"] <= inner["y"]
        and outer["x"] + outer["width"] >= inner["x"] + inner["width"]
        and outer["y"] + outer["height"] >= inner["y"] + inner["height"]
    )


def chosen(editor: Editor, *nodes: str) -> None:
    """Select these, on the canvas."""
    for number, node in enumerate(nodes):
        editor.card(node).locator("header").first.click(modifiers=["Control"] if number else [])


def test_containers_are_drawn_around_what_stands_in_them_four_deep(nested: Editor) -> None:
    line = ["regions", "orders", "safe", "again", "letter"]
    for node in line:
        expect(nested.card(node)).to_be_visible()
    nested.at_rest(nested.card("letter"))
    for outer, inner in pairwise(line):
        assert holds(box(nested.card(outer)), box(nested.card(inner))), f"{inner} in {outer}"
    expect(nested.card("orders")).to_contain_text("item.orders")
    expect(nested.page.get_by_role("group", name="Each region, 1 node")).to_be_attached()


def test_a_container_folds_up_and_its_wires_end_at_it(nested: Editor) -> None:
    nested.page.get_by_role("button", name="Fold up Each order").click()
    for node in ("safe", "again", "letter"):
        expect(nested.card(node)).to_be_hidden()
    expect(nested.card("orders")).to_contain_text("1 node")
    nested.page.reload()
    expect(nested.page.get_by_role("button", name="Open Each order")).to_be_visible()
    nested.page.get_by_role("button", name="Open Each order").click()
    expect(nested.card("letter")).to_be_visible()


def test_a_selection_is_grouped_with_a_key_and_ungrouped_again(straight: Editor) -> None:
    chosen(straight, "hello", "loud")
    straight.page.keyboard.press("g")
    straight.page.get_by_role("dialog", name="Group into a container").get_by_text("For each").click()
    expect(straight.card("for_each")).to_be_visible()
    straight.at_rest(straight.card("for_each"))
    assert holds(box(straight.card("for_each")), box(straight.card("loud")))
    nodes = straight.document()["nodes"]
    assert (nodes["hello"]["in"], nodes["loud"]["in"]) == ("for_each", "for_each")
    assert nodes["for_each"]["with"] == {"items": "{{ go.name }}"}
    assert nodes["hello"]["with"]["text"] == "{{ item }}" and nodes["shown"]["with"]["value"] == "{{ for_each }}"
    straight.select("for_each")
    straight.page.locator(".fc-canvas").focus()
    straight.page.keyboard.press("Shift+G")
    expect(straight.card("for_each")).to_have_count(0)
    straight.saved()
    assert straight.document()["nodes"]["shown"]["with"]["value"] == "{{ loud }}"


def test_a_node_is_dragged_into_a_container_and_out_again(straight: Editor) -> None:
    straight.drag(straight.card("loud").locator("header"), straight.card("box").locator(".fc-drop"))
    straight.at_rest(straight.card("box"))
    assert straight.document()["nodes"]["loud"]["in"] == "box"
    assert holds(box(straight.card("box")), box(straight.card("loud")))
    header, pane = straight.at_rest(straight.card("loud").locator("header")), box(straight.page.locator(".fc-canvas"))
    mouse = straight.page.mouse
    mouse.move(header["x"] + 60, header["y"] + 20)
    mouse.down()
    mouse.move(header["x"] + 90, header["y"] + 40, steps=4)
    mouse.move(pane["x"] + pane["width"] - 200, pane["y"] + pane["height"] - 120, steps=12)
    mouse.up()
    straight.saved()
    assert "in" not in straight.document()["nodes"]["loud"]


def test_what_starts_runs_stays_outside(straight: Editor) -> None:
    straight.drag(straight.card("go").locator("header"), straight.card("box").locator(".fc-drop"))
    expect(straight.page.locator(".fc-toast").first).to_contain_text("cannot stand in a container")
    straight.saved()
    assert "in" not in straight.document()["nodes"]["go"]


def test_a_node_is_added_inside(straight: Editor) -> None:
    straight.card("box").locator(".fc-drop").click()
    straight.page.get_by_role("combobox", name="Find a node").fill("text template")
    straight.page.keyboard.press("Enter")
    expect(straight.card("template")).to_be_visible()
    straight.at_rest(straight.card("template"))
    assert straight.document()["nodes"]["template"]["in"] == "box"
    assert holds(box(straight.card("box")), box(straight.card("template")))


def test_a_wire_goes_into_a_body_but_not_out_of_it(nested: Editor) -> None:
    nested.drag(nested.port("hello", "main", "source"), nested.port("letter", "text", "target"))
    expect(nested.wires()).to_have_count(4)
    nested.saved()
    assert nested.document()["nodes"]["letter"]["with"]["text"] == "{{ hello }}"
    nested.drag(nested.port("letter", "main", "source"), nested.port("shown", "value", "target"))
    expect(nested.page.locator(".fc-toast").first).to_contain_text("stands inside “Again”")
    nested.saved()
    assert nested.document()["nodes"]["shown"]["with"]["value"] == "{{ regions }}"


def test_a_container_is_deleted_with_its_body_and_comes_back(nested: Editor) -> None:
    nested.select("orders")
    nested.page.locator(".fc-canvas").focus()
    nested.page.keyboard.press("Delete")
    for node in ("orders", "safe", "letter"):
        expect(nested.card(node)).to_have_count(0)
    nested.page.locator(".fc-toast").get_by_text("Undo").click()
    expect(nested.card("letter")).to_be_visible()
    nested.saved()
    assert nested.document()["nodes"]["letter"]["in"] == "again"


def test_the_drawing_is_tidied_up_with_a_key(straight: Editor) -> None:
    straight.card("shown").locator("header").click()
    straight.page.keyboard.press("Escape")
    straight.page.keyboard.press("Shift+Alt+T")
    straight.saved()
    layout = straight.document()["layout"]
    assert layout["go"][0] < layout["hello"][0] < layout["loud"][0] < layout["shown"][0]
    assert layout["box"][0] == 0 and layout["box"][1] != layout["go"][1]


def test_keys_lead_into_a_container_and_out_and_say_where_one_is(nested: Editor) -> None:
    nested.select("safe")
    nested.page.locator(".fc-canvas").focus()
    nested.page.keyboard.press("i")
    spoken = nested.page.locator(".ed-stage [role=status].sr-only")
    expect(spoken).to_contain_text("in Try it")
    expect(nested.page.locator("#node-name")).to_have_value("Again")
    nested.page.locator(".fc-canvas").focus()
    nested.page.keyboard.press("o")
    expect(nested.page.locator("#node-name")).to_have_value("Try it")


def test_a_run_shows_its_rounds_on_the_canvas_in_the_inspector_and_on_its_page(nested: Editor) -> None:
    page = nested.page
    page.keyboard.press("Control+Enter")
    expect(nested.card("regions").locator(".fc-box").first).to_have_attribute("data-status", "done")
    expect(nested.card("letter").locator(".fc-node")).to_have_attribute("data-status", "done")
    expect(nested.card("letter")).to_contain_text("4 rounds")
    nested.select("letter")
    nested.tab("Out")
    levels = page.get_by_role("group", name="Rounds")
    expect(levels).to_contain_text("Each order")
    expect(levels).to_contain_text("round 1 of 2")
    expect(page.locator("#inspector-body")).to_contain_text("Dear Ada")
    levels.locator(".ed-stepper", has_text="Each order").get_by_role("button", name="Next round").click()
    expect(page.locator("#inspector-body")).to_contain_text("Dear Bo")
    nested.select("orders")
    nested.tab("In")
    expect(page.locator("#inspector-body")).to_contain_text("Start")
    expect(page.get_by_text("This did not work")).to_have_count(0)
    run = page.request.get(f"/api/v1/runs?workflow_id={nested.workflow_id}").json()["runs"][0]["id"]
    page.goto(f"/runs/{run}")
    expect(page.locator("[data-step]")).to_have_count(4)
    page.get_by_role("button", name="Open Each region").click()
    page.get_by_role("button", name="Open Round 1").click()
    page.get_by_role("button", name="Open Each order").click()
    expect(page.locator('[data-step="@regions.0/orders.1"]')).to_be_visible()
    page.locator('[data-step="orders@regions.0"]').click()
    expect(page.get_by_role("complementary", name="Chosen step")).to_contain_text("Each order")
    page.get_by_role("button", name="Close Each region").click()
    expect(page.locator("[data-step]")).to_have_count(4)


def test_a_phone_lists_what_stands_inside_indented(nested: Editor, browser: Browser, base_url: str) -> None:
    context = browser.new_context(
        base_url=base_url, viewport={"width": 390, "height": 844}, storage_state=nested.page.context.storage_state()
    )
    page = context.new_page()
    page.goto(f"/w/{nested.workflow_id}")
    steps = page.locator(".fc-step")
    expect(steps).to_have_count(8)
    assert [step.get_attribute("data-level") for step in steps.all()] == ["0", "0", "0", "1", "2", "3", "4", "0"]
    expect(steps.nth(3)).to_contain_text("in Each region")
    context.close()
