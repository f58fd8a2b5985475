"""Settings, previews, runs, results, publishing, the phone, and that everybody can use it."""

import re
from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.editing import Editor
from tests.stack import Stack


@pytest.fixture
def editor(signed_in: Page) -> Iterator[Editor]:
    yield Editor(signed_in).open()


def _run(editor: Editor) -> None:
    editor.page.get_by_test_id("run").click()
    expect(editor.page.get_by_role("heading", name="Results")).to_be_visible(timeout=60_000)


def test_a_run_shows_status_counts_and_results_beside_the_canvas(editor: Editor) -> None:
    _run(editor)
    results = editor.page.locator(".ed-results")
    expect(results).to_contain_text("1 to 15 of 15")
    expect(results.locator("tbody tr").first).to_contain_text("199")
    for node in ("orders", "largest", "route", "shown"):
        expect(editor.card(node).locator('[data-status="done"]')).to_be_visible()
    expect(editor.card("largest").locator(".fc-out")).to_contain_text('"amount":199')
    results.get_by_role("button", name="Close the results").click()
    expect(results).to_have_count(0)
    expect(editor.page.locator(".fc-label", has_text="15")).to_be_visible()


def test_the_inspector_shows_what_came_in_and_went_out(editor: Editor) -> None:
    _run(editor)
    editor.select("route")
    editor.tab("Out")
    body = editor.page.locator("#inspector-body")
    expect(body.get_by_role("button", name=re.compile("Big"))).to_contain_text("15")
    expect(body).to_contain_text("1 to 15 of 15")
    editor.tab("In")
    expect(body).to_contain_text("1 to 30 of 30")
    expect(body.get_by_role("button", name=re.compile("amount"))).to_be_visible()


def test_a_field_completes_names_and_previews_the_value_of_the_last_run(editor: Editor) -> None:
    _run(editor)
    editor.page.get_by_role("button", name="Close the results").click()
    editor.page.locator('.fc-pal[data-type="data.template"]').first.click()
    expect(editor.page.locator("#node-name")).to_have_value("Text template")
    box = editor.field("text").get_by_role("textbox")
    box.fill("Order ")
    box.press("End")
    box.press_sequentially("{{ largest.am")
    names = editor.page.get_by_role("listbox", name="Names")
    expect(names.get_by_role("option", name=re.compile("Largest first . amount"))).to_be_visible()
    box.press("Enter")
    expect(box).to_have_value("Order {{ largest.amount }}")
    expect(editor.field("text")).to_contain_text("Order 199")
    editor.page.get_by_role("button", name="Next item").click()
    expect(editor.field("text")).to_contain_text("Order 192")
    editor.saved()
    assert editor.document()["nodes"]["template"]["with"]["text"] == "Order {{ largest.amount }}"


def test_a_problem_is_marked_on_the_field_and_on_the_card(editor: Editor) -> None:
    editor.select("largest")
    editor.field("rows").locator(".ref").get_by_role("button", name="Remove").click()
    expect(editor.field("rows").locator(".nf-problem")).to_contain_text("required")
    expect(editor.card("largest").locator(".has-problem")).to_be_visible()
    editor.page.get_by_test_id("run").click()
    expect(editor.page.get_by_text("This draft cannot run yet")).to_be_visible()


def test_a_failed_node_opens_by_itself_and_says_what_to_do(signed_in: Page) -> None:
    document = {
        "weft": 1,
        "name": "Fails on purpose",
        "nodes": {
            "start": {"type": "trigger.manual", "with": {}},
            "halt": {
                "type": "flow.stop",
                "label": "Check the order",
                "with": {"message": "The order has no lines."},
                "after": ["{{ start }}"],
            },
        },
    }
    editor = Editor(signed_in, document).open()
    editor.page.get_by_test_id("run").click()
    expect(editor.page.locator("#inspector-body")).to_contain_text("The order has no lines.", timeout=30_000)
    expect(editor.card("halt").locator('[data-status="failed"]')).to_be_visible()
    expect(editor.page.locator(".ed-strip-error")).to_contain_text("The order has no lines.")


def test_publishing_asks_whether_to_turn_on_and_the_badge_counts_changes(signed_in: Page) -> None:
    document = {
        "weft": 1,
        "name": "Every morning",
        "nodes": {"morning": {"type": "trigger.schedule", "with": {"cron": "0 9 * * *", "time_zone": "Europe/Berlin"}}},
    }
    editor = Editor(signed_in, document).open()
    page = editor.page
    page.get_by_test_id("publish").click()
    page.get_by_role("dialog").get_by_role("button", name="Publish").click()
    asked = page.get_by_role("dialog", name="Turn on now?")
    expect(asked).to_be_visible()
    asked.get_by_role("button", name="Turn on").click()
    expect(page.get_by_role("switch", name=re.compile("^On"))).to_be_checked()
    expect(page.get_by_test_id("draft-badge")).to_have_text("v1")
    page.locator('.fc-pal[data-type="data.template"]').click()
    expect(page.get_by_test_id("draft-badge")).to_have_text("Draft · 1 change since v1")
    editor.saved()
    page.reload()
    expect(page.get_by_test_id("draft-badge")).to_have_text("Draft · 1 change since v1")


def test_the_text_view_is_the_drawing_both_ways(editor: Editor) -> None:
    page = editor.page
    page.get_by_role("button", name="Text view").first.click()
    text = page.get_by_label("The workflow as YAML")
    expect(text).to_have_value(re.compile("largest:"))
    text.fill("weft: 1\nnodes: [")
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_text("This cannot be read yet")).to_be_visible()
    text.fill("weft: 1\nname: From text\nnodes:\n  one:\n    type: data.template\n    with: {text: Hello}\n")
    page.get_by_role("button", name="Apply").click()
    expect(editor.card("one")).to_be_visible()
    expect(page.locator(".react-flow__node")).to_have_count(1)


def test_a_form_is_shared_under_an_address_of_its_own(editor: Editor) -> None:
    editor.page.get_by_role("button", name="Share").first.click()
    editor.page.get_by_role("button", name="Publish the form").click()
    address = editor.page.get_by_label("Address of the form")
    expect(address).to_have_value(re.compile(r"/f/[\w-]{20,}"))


def test_an_unknown_workflow_says_so_and_leads_on(signed_in: Page) -> None:
    signed_in.goto("/w/0123456789abcdef0123456789abcdef")
    expect(signed_in.get_by_text("does not exist, or you have no access")).to_be_visible()
    expect(signed_in.get_by_role("link", name="All workflows")).to_be_visible()


@pytest.fixture
def phone(signed_in: Page) -> Editor:
    signed_in.set_viewport_size({"width": 390, "height": 844})
    return Editor(signed_in).open()


def test_a_phone_shows_steps_first_then_canvas_and_a_full_sheet(phone: Editor) -> None:
    page = phone.page
    steps = page.get_by_role("list", name="Steps")
    expect(steps.get_by_role("button")).to_have_count(4)
    steps.get_by_role("button", name=re.compile("Largest first")).click()
    sheet = page.locator("#inspector")
    expect(sheet).to_be_visible()
    box = sheet.bounding_box()
    assert box
    assert (box["x"], box["y"], box["width"]) == (0, 0, 390)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    sheet.get_by_role("button", name="Close").click()
    expect(sheet).to_have_count(0)
    page.get_by_role("button", name="Canvas", exact=True).click()
    expect(phone.card("orders")).to_be_visible()
    page.get_by_role("button", name="Add a node").click()
    page.locator('.fc-pal[data-type="data.limit"]').click()
    phone.saved()
    assert "limit" in phone.document()["nodes"]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_everybody_can_use_the_editor(editor: Editor, dark: bool) -> None:
    """WCAG 2.2 AA as far as axe can tell, with the inspector open and a run shown."""
    page = editor.page
    if dark:
        page.evaluate("document.documentElement.classList.add('dark')")
    _run(editor)
    editor.select("largest")
    page.wait_for_timeout(300)  # colors move for 140 ms
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]})
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.timeout(400)
def test_the_first_minutes(browser: Browser, fresh_stack: Stack) -> None:
    """Sign up, press the one button, see the results and three things to try."""
    page = browser.new_context(base_url=fresh_stack.url, viewport={"width": 1440, "height": 900}).new_page()
    page.goto("/")
    page.get_by_label("Name").fill("Ada Byron")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_role("textbox", name="Password").fill("a long enough password")
    page.keyboard.press("Enter")
    button = page.get_by_role("button", name="Sort 3,080 messages")
    expect(button).to_have_count(1, timeout=20_000)
    expect(page.get_by_text("messages.csv is loaded")).to_be_visible()
    button.click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible(timeout=300_000)
    expect(page.locator(".ed-results")).to_contain_text("of 3,080")
    expect(page.locator(".ed-results .bars")).to_be_visible()
    expect(page.get_by_role("link", name=re.compile(r"\.xlsx"))).to_be_visible()
    prompts = page.get_by_label("What to try next")
    prompts.get_by_role("button", name="Dismiss: Use your own CSV").click()
    expect(prompts.get_by_text("Use your own CSV")).to_have_count(0)
    prompts.get_by_role("button", name=re.compile("^Change a department")).click()
    expect(page.locator("#node-name")).to_have_value("Departments")
    prompts.get_by_role("button", name=re.compile("^Share the form")).click()
    expect(page.get_by_label("Address of the form")).to_have_value(re.compile("/f/"))
    page.context.close()


def test_a_run_from_here_writes_for_the_first_items_only_until_told_otherwise(signed_in: Page) -> None:
    document = {
        "weft": 1,
        "name": "Writes",
        "nodes": {
            "rows": {
                "type": "flow.input",
                "with": {"name": "rows", "kind": "rows", "default": [{"id": n} for n in range(8)]},
            },
            "post": {
                "type": "http.request",
                "label": "Tell the shop",
                "with": {"method": "POST", "url": "http://127.0.0.1:9/{{ rows.id }}"},
                "on_error": "output",
            },
        },
    }
    editor = Editor(signed_in, document).open()
    editor.page.get_by_test_id("run").click()
    held = editor.page.locator(".ed-strip-trial")
    expect(held).to_contain_text("Tell the shop: the first 5 items only.", timeout=30_000)
    expect(editor.card("post")).to_contain_text(re.compile("runs 5."))
    held.get_by_role("button", name="Run for all items").click()
    expect(editor.card("post")).to_contain_text(re.compile("runs 8."), timeout=30_000)
    expect(held).to_have_count(0)
