"""A published form, filled in by somebody who is signed out."""

import re
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.looks import faults
from tests.e2e.rest import add_workflow

COLUMNS = [
    {"name": "name", "label": "Name"},
    {"name": "description", "label": "Description", "kind": "long_text"},
    {"name": "examples", "label": "Examples", "kind": "list"},
]
SORT: dict[str, Any] = {
    "weft": 1,
    "name": "Sort by mood",
    "nodes": {
        "messages": {"type": "flow.input", "with": {"name": "messages", "kind": "file", "label": "Messages"}},
        "departments": {
            "type": "flow.input",
            "with": {
                "name": "departments",
                "kind": "rows",
                "label": "Departments",
                "columns": COLUMNS,
                "default": [{"name": "Cards", "description": "Lost and new cards", "examples": ["My card is lost"]}],
            },
        },
        "read": {"type": "files.read_csv", "with": {"file": "{{ messages }}", "numbers": True}},
        "counts": {
            "type": "data.group",
            "with": {
                "rows": "{{ read.rows }}",
                "by": ["mood"],
                "summaries": [{"function": "count", "field": "mood", "name": "Messages"}],
            },
        },
        "chart": {
            "type": "flow.output",
            "with": {"value": "{{ counts }}", "name": "moods", "label": "Moods", "show": "bar_chart"},
        },
        "table": {
            "type": "flow.output",
            "with": {
                "value": "{{ read.rows }}",
                "name": "rows",
                "label": "Rows",
                "show": "table",
                "review_column": "sure",
                "review_below": 0.6,
            },
        },
        "names": {
            "type": "flow.output",
            "with": {"value": "{{ departments }}", "name": "departments", "label": "As filled in"},
        },
        "book": {"type": "files.write_xlsx", "with": {"rows": "{{ read.rows }}", "name": "sorted"}},
        "file": {"type": "flow.output", "with": {"value": "{{ book }}", "name": "book", "label": "Workbook"}},
    },
}
ROWS = [("Lost my card", "sad", 0.9), ("Thank you", "happy", 0.8), ("Where is it?", "sad", 0.4)]
CSV = "text,mood,sure\n" + "\n".join(",".join(map(str, row)) for row in ROWS) + "\n"


def _publish(page: Page) -> str:
    page.goto(f"/w/{add_workflow(page.request, SORT)}")
    page.get_by_role("button", name="Share", exact=True).click()
    page.get_by_role("button", name="Publish the form").click()
    address = page.get_by_label("Address of the form")
    expect(address).to_have_value(re.compile("/f/"))
    return address.input_value()


def _visitor(browser: Browser, **options: Any) -> BrowserContext:
    return browser.new_context(locale="en-US", timezone_id="UTC", **options)


def test_a_visitor_uploads_edits_submits_and_downloads(signed_in: Page, browser: Browser) -> None:
    address = _publish(signed_in)
    visitor = _visitor(browser, viewport={"width": 1440, "height": 900})
    page = visitor.new_page()
    page.goto(address)
    expect(page.get_by_role("heading", name="Sort by mood")).to_be_visible()
    file = {"name": "moods.csv", "mimeType": "text/csv", "buffer": CSV.encode()}
    page.locator("input[type=file]").set_input_files([file])  # type: ignore[list-item]
    expect(page.get_by_text("3 rows, columns “text”, “mood”, “sure”").first).to_be_visible()
    page.get_by_text("Edit", exact=True).click()
    page.get_by_label("Name").fill("Cards and PINs")
    page.get_by_role("button", name="Add").click()
    page.get_by_label("Name").nth(1).fill("Cash")
    page.get_by_role("button", name="Run").click()
    expect(page.locator("#outcome [data-state=done]")).to_be_visible(timeout=60_000)
    chart = page.locator(".bars")
    expect(chart).to_contain_text("sad")
    expect(chart.locator("dd").first).to_contain_text("2")
    expect(page.get_by_role("cell", name="Check · 0.40")).to_be_visible()
    assert faults(page) == []
    page.set_viewport_size({"width": 390, "height": 844})
    assert faults(page) == []
    page.get_by_role("button", name="Check these (1)").click()
    expect(page.get_by_text("1 to 1 of 1")).to_be_visible()
    expect(page.get_by_role("cell", name="Cards and PINs")).to_be_visible()
    expect(page.get_by_role("cell", name="Cash", exact=True)).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="Download XLSX").click()
    assert started.value.path().read_bytes()[:2] == b"PK"
    page.reload()
    expect(page.locator("#outcome [data-state=done]")).to_be_visible()
    visitor.close()


def test_what_is_missing_is_said_at_its_field_on_a_phone(signed_in: Page, browser: Browser) -> None:
    address = _publish(signed_in)
    visitor = _visitor(browser, viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    page = visitor.new_page()
    page.goto(address)
    page.get_by_role("button", name="Run").tap()
    expect(page.get_by_role("alert")).to_contain_text("Messages")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    visitor.close()
