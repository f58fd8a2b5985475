"""A run watched while it happens, and looked into afterwards."""

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.rest import QUICK, add_workflow, start

SLOW: dict[str, Any] = {
    "weft": 1,
    "name": "Wait a little",
    "nodes": {
        "start": {"type": "trigger.manual"},
        "pause": {
            "type": "flow.wait",
            "label": "Pause",
            "with": {"amount": 4, "unit": "seconds"},
            "after": ["{{ start }}"],
        },
        "text": {"type": "data.template", "label": "Say it", "with": {"text": "It is over"}, "after": ["{{ pause }}"]},
        "out": {"type": "flow.output", "with": {"value": "{{ text }}", "name": "said", "label": "Said"}},
    },
}
BROKEN: dict[str, Any] = {
    "weft": 1,
    "name": "Break",
    "nodes": {
        "numbers": {"type": "code.python", "label": "Numbers", "with": {"code": "[1, 2, 3]"}},
        "stop": {"type": "flow.stop", "label": "Give up", "with": {"message": "There is no stock left"},
                 "after": ["{{ numbers }}"]},
    },
}  # fmt: skip
LONG: dict[str, Any] = {
    "weft": 1,
    "name": "Many items",
    "nodes": {
        "many": {
            "type": "code.python",
            "label": "Make many",
            "with": {"code": "[{'number': i, 'square': i * i} for i in range(100000)]"},
        },
        "out": {
            "type": "flow.output",
            "with": {"value": "{{ many.value }}", "name": "many", "label": "Many", "show": "table"},
        },
    },
}

WRITES: dict[str, Any] = {
    "weft": 1,
    "name": "Writes",
    "nodes": {"keep": {"type": "data.remember", "label": "Remember it", "with": {"name": "seen", "value": 7}}},
}


def _state(page: Page) -> Any:
    return page.locator(".page-head [data-state]")


def test_a_run_is_followed_without_reloading(signed_in: Page) -> None:
    page = signed_in
    run = start(page.request, add_workflow(page.request, SLOW), trigger="start")
    page.goto(f"/runs/{run['id']}")
    step = page.locator("[data-step=text]")
    expect(step).to_have_attribute("data-state", re.compile("^$|queued"))
    expect(page.locator("[data-step=pause]")).to_have_attribute("data-state", "waiting")
    page.evaluate("window.sameDocument = true")
    expect(step).to_have_attribute("data-state", "done", timeout=30_000)
    expect(_state(page)).to_have_attribute("data-state", "done")
    expect(page.get_by_text("It is over")).to_be_visible()
    assert page.evaluate("window.sameDocument")


def test_a_failed_run_says_what_and_where(signed_in: Page) -> None:
    page = signed_in
    run = start(page.request, add_workflow(page.request, BROKEN), wait=30)
    page.goto(f"/runs/{run['id']}")
    alert = page.locator(".notice.bad").first
    expect(alert).to_contain_text("There is no stock left")
    expect(alert).to_contain_text("Give up")
    panel = page.get_by_role("complementary", name="Chosen step")
    expect(panel.get_by_role("tab", name="Error")).to_have_attribute("aria-selected", "true")
    page.locator("[data-step=numbers]").click()
    expect(panel.get_by_text("1 to 3 of 3")).to_be_visible()


def test_a_hundred_thousand_items_are_turned_by_the_page(signed_in: Page) -> None:
    page = signed_in
    run = start(page.request, add_workflow(page.request, LONG), wait=60)
    page.goto(f"/runs/{run['id']}")
    page.locator("[data-step=many]").click()
    panel = page.get_by_role("complementary", name="Chosen step")
    expect(panel.get_by_text("1 to 50 of 100,000")).to_be_visible()
    panel.get_by_role("button", name="Next page").click()
    expect(panel.get_by_text("51 to 100 of 100,000")).to_be_visible()
    expect(panel.get_by_role("cell", name="2,500", exact=True)).to_be_visible()
    expect(panel.locator("tbody tr")).to_have_count(50)


def test_a_run_is_cancelled_and_run_again(signed_in: Page) -> None:
    page = signed_in
    slow = {**SLOW, "nodes": {**SLOW["nodes"], "pause": {**SLOW["nodes"]["pause"], "with": {"amount": 30}}}}
    run = start(page.request, add_workflow(page.request, slow), trigger="start")
    page.goto(f"/runs/{run['id']}")
    expect(page.locator("[data-step=pause]")).to_have_attribute("data-state", "waiting")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the run").click()
    expect(_state(page)).to_have_attribute("data-state", "cancelled", timeout=20_000)
    page.get_by_role("button", name="Run again", exact=True).click()
    expect(page).not_to_have_url(re.compile(run["id"]))
    expect(page.locator("[data-step=pause]")).to_have_attribute("data-state", "waiting", timeout=20_000)


def test_a_run_that_wrote_asks_before_it_writes_again(signed_in: Page) -> None:
    page = signed_in
    run = start(page.request, add_workflow(page.request, WRITES), wait=30)
    page.goto(f"/runs/{run['id']}")
    page.get_by_role("button", name="Run again", exact=True).click()
    asked = page.get_by_role("dialog")
    expect(asked).to_contain_text("“Remember it” would write once more")
    asked.get_by_role("button", name="Keep as it is").click()
    expect(page).to_have_url(re.compile(run["id"]))
    page.get_by_role("button", name="Run again", exact=True).click()
    asked.get_by_role("button", name="Run again, and write again").click()
    expect(page).not_to_have_url(re.compile(run["id"]))


def test_the_list_of_runs_grows_by_itself(signed_in: Page) -> None:
    page = signed_in
    workflow_id = add_workflow(page.request, {**QUICK, "name": "Seen in the list"})
    page.goto("/runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    start(page.request, workflow_id)
    row = page.get_by_role("row", name=re.compile("Seen in the list"))
    expect(row).to_be_visible()
    expect(row.locator("[data-state=done]")).to_be_visible(timeout=20_000)


def test_the_timeline_is_walked_with_the_keyboard(signed_in: Page) -> None:
    page = signed_in
    run = start(page.request, add_workflow(page.request, QUICK), wait=30)
    page.goto(f"/runs/{run['id']}")
    page.locator("[data-step=name]").focus()
    page.keyboard.press("ArrowDown")
    expect(page.locator("[data-step=text]")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("complementary", name="Chosen step").get_by_text("Hello Ada")).to_be_visible()
