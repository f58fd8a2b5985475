"""Running again in the browser: the Run menu, what is stale, kept outputs, a dry run, a retry from the run's page."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.e2e.editing import Editor
from tests.e2e.looks import RULES
from tests.e2e.rest import add_workflow, start

HALVES: dict[str, Any] = {
    "weft": 1,
    "name": "Halves",
    "nodes": {
        "numbers": {"type": "data.parse_json", "label": "Fetch orders", "with": {"text": "[1, 2, 0, 4]"}},
        "half": {
            "type": "data.template",
            "label": "Work out",
            "with": {"text": "{{ 10 / numbers }}"},
            "on_error": "output",
        },
        "word": {"type": "data.template", "label": "Write the line", "with": {"text": "Order {{ half }}"}},
        "out": {"type": "flow.output", "label": "Lines", "with": {"value": "{{ word }}", "name": "lines"}},
    },
    "layout": {"numbers": [0, 0], "half": [286, 0], "word": [572, 0], "out": [858, 0]},
}
POST: dict[str, Any] = {
    "weft": 1,
    "name": "Tell the shop",
    "nodes": {
        "order": {"type": "data.parse_json", "label": "Order", "with": {"text": '{"id": 7}'}},
        "tell": {
            "type": "http.request",
            "label": "Tell the shop",
            "with": {
                "method": "POST",
                "url": "https://shop.example.com/orders",
                "headers": {"X-Api-Key": "s3cret"},
                "body_kind": "json",
                "body": "{{ order }}",
            },
        },
    },
    "layout": {"order": [0, 0], "tell": [330, 0]},
}


@pytest.fixture
def editor(signed_in: Page) -> Editor:
    editor = Editor(signed_in, HALVES).open()
    signed_in.get_by_test_id("run").click()
    expect(editor.card("word").locator('[data-state="done"]')).to_be_visible(timeout=60_000)
    expect(signed_in.get_by_role("heading", name="Results")).to_be_visible()
    signed_in.get_by_role("button", name="Close the results").click()
    return editor


def menu(page: Page, entry: str) -> None:
    page.get_by_label("More ways to run").click()
    page.get_by_test_id(entry).click()


def test_only_what_is_stale_runs_and_the_cards_say_why(editor: Editor) -> None:
    page = editor.page
    editor.select("word")
    editor.field("text").get_by_role("textbox").fill("No. {{ half }}")
    editor.field("text").get_by_role("textbox").blur()
    editor.saved()
    mark = editor.card("word").locator("[data-stale]")
    expect(mark).to_have_attribute("title", "Stale. Settings changed")
    expect(editor.card("out").locator("[data-stale]")).to_have_attribute(
        "title", "Stale. Input changes: Write the line runs again"
    )
    expect(editor.card("half").locator("[data-stale]")).to_have_count(0)
    editor.tab("Out")
    expect(page.locator("#inspector-body")).to_contain_text("Settings changed")
    found = Axe().run(page, options=RULES)
    assert not found.response["violations"], found.generate_report()
    page.get_by_label("More ways to run").click()
    expect(page.get_by_test_id("menu-stale")).to_contain_text("(2)")
    page.get_by_test_id("menu-stale").click()
    expect(mark).to_have_count(0, timeout=30_000)
    expect(editor.card("word").locator(".fc-out")).to_contain_text("No. 10")
    newest = page.request.get(f"/api/v1/runs?workflow={editor.workflow_id}").json()["runs"][0]["id"]
    page.goto(f"/runs/{newest}")
    expect(page.locator("[data-step=half]")).to_contain_text("Reused")
    page.locator("[data-step=half]").click()
    expect(page.get_by_role("complementary", name="Chosen step")).to_contain_text("From run …")


def test_an_output_is_kept_edited_and_let_go(editor: Editor) -> None:
    page = editor.page
    editor.select("numbers")
    editor.tab("Out")
    page.locator(".fc-canvas").focus()
    page.keyboard.press("p")
    expect(editor.card("numbers").get_by_title("Its output is kept")).to_be_visible()
    page.locator("#inspector-body").get_by_role("button", name="Edit").click()
    box = page.get_by_role("textbox", name="The output as JSON")
    box.fill("[5")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("This is no JSON")
    box.fill("[5]")
    page.get_by_role("button", name="Keep", exact=True).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_test_id("run").click()
    expect(editor.card("word").locator(".fc-out")).to_contain_text("Order 2", timeout=30_000)
    page.get_by_test_id("publish").click()
    expect(page.get_by_role("dialog")).to_contain_text("Published runs call these nodes: Fetch orders")
    page.get_by_role("button", name="Not yet").click()
    page.locator("#inspector-body").get_by_role("button", name="Let go").click()
    expect(editor.card("numbers").get_by_title("Its output is kept")).to_have_count(0)


def test_a_dry_run_shows_what_it_would_send(signed_in: Page) -> None:
    page = signed_in
    editor = Editor(page, POST).open()
    menu(page, "menu-dry")
    expect(editor.card("tell").locator('[data-state="done"]')).to_be_visible(timeout=30_000)
    page.get_by_role("link", name="Open run").click()
    expect(page.get_by_text("Dry run: nothing was sent")).to_be_visible()
    page.locator("[data-step=tell]").click()
    panel = page.get_by_role("complementary", name="Chosen step")
    expect(panel).to_contain_text("POST https://shop.example.com/orders")
    expect(panel).to_contain_text('"id": 7')
    expect(panel).not_to_contain_text("s3cret")
    expect(page.get_by_role("button", name=re.compile("Retry failed"))).to_have_count(0)


def test_failed_items_are_retried_from_the_page_of_the_run(signed_in: Page) -> None:
    page = signed_in
    first = start(page.request, add_workflow(page.request, HALVES), wait=30)["id"]
    page.goto(f"/runs/{first}")
    page.get_by_role("button", name="Retry failed item (1)").click()
    expect(page).not_to_have_url(re.compile(first))
    expect(page.get_by_text("Again of")).to_be_visible()
    expect(page.locator("[data-step=numbers]")).to_contain_text("Reused", timeout=30_000)
    expect(page.locator("[data-step=half]")).to_contain_text("4 items, 3 reused, 1 failed", timeout=30_000)
    page.get_by_role("link", name=f"…{first[-6:]}").first.click()
    expect(page).to_have_url(re.compile(first))
    expect(page.get_by_text("Followed by")).to_be_visible()
