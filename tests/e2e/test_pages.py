"""The pages around the editor: workflows, accounts, settings, and how all of them look, sound and fit."""

import json
import re

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.e2e.looks import RULES
from tests.e2e.rest import QUICK, add_workflow, start
from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack


def test_a_workflow_is_made_imported_searched_and_deleted(signed_in: Page) -> None:
    page = signed_in
    page.goto("/workflows")
    page.get_by_role("button", name="Import").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Document").fill("nonsense: [")
    dialog.get_by_role("button", name="Import").click()
    expect(dialog.get_by_role("alert")).to_be_visible()
    dialog.get_by_label("Document").fill(json.dumps({**QUICK, "name": "Imported by hand"}))
    dialog.get_by_role("button", name="Import").click()
    expect(page).to_have_url(re.compile("/w/[0-9a-f]{32}"))
    page.goto("/workflows")
    page.get_by_placeholder("Search workflows").fill("imported BY")
    row = page.get_by_role("row", name=re.compile("Imported by hand"))
    expect(row).to_be_visible()
    expect(page.get_by_role("row")).to_have_count(2)
    row.get_by_label("More about Imported by hand").click()
    row.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_text("No workflow has this in its name")).to_be_visible()
    page.goto("/workflows?trash=1")
    row = page.get_by_role("row", name=re.compile("Imported by hand"))
    row.get_by_role("button", name="Bring back").click()
    expect(row).to_have_count(0)


def test_an_account_is_added_and_its_secret_never_comes_back(signed_in: Page) -> None:
    page = signed_in
    page.goto("/accounts")
    page.get_by_role("button", name="Add account").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kind of account").select_option("core.bearer")
    dialog.get_by_label("Name").fill("Orders API")
    dialog.get_by_label("Token").fill("very-secret-token")
    dialog.get_by_role("button", name="Add account").click()
    row = page.get_by_role("row", name=re.compile("Orders API"))
    expect(row).to_be_visible()
    assert "very-secret-token" not in page.content()
    row.get_by_role("button", name="Delete Orders API").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(row).to_have_count(0)


def test_an_api_key_is_shown_once(signed_in: Page) -> None:
    page = signed_in
    page.goto("/settings")
    page.get_by_label("Name of a new key").fill("Nightly import")
    page.get_by_role("button", name="Create key").click()
    key = page.locator("#fresh-key").inner_text()
    assert key.startswith("weft_")
    answer = page.request.get("/api/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert answer.ok
    page.reload()
    expect(page.get_by_text("Nightly import")).to_be_visible()
    expect(page.locator("#fresh-key")).to_have_count(0)  # the tab's state shows once more until the page has loaded
    assert key not in page.content()


def test_dark_is_remembered_and_there_before_the_page_runs(signed_in: Page, stack: Stack, browser: Browser) -> None:
    page = signed_in
    page.goto("/settings")
    page.get_by_label("Dark").check()
    expect(page.locator("html")).to_have_class(re.compile("dark"))
    page.add_init_script(
        "document.addEventListener('DOMContentLoaded', () => { window.early = document.documentElement.className })"
    )
    page.goto("/runs")
    assert "dark" in page.evaluate("window.early")
    other = browser.new_context(base_url=stack.url, color_scheme="light")
    answer = other.request.post("/api/v1/session", data={"email": OWNER_EMAIL, "password": OWNER_PASSWORD})
    assert answer.ok
    next_browser = other.new_page()
    next_browser.goto("/")
    expect(next_browser.locator("html")).to_have_class(re.compile("dark"))
    other.close()
    page.goto("/settings")
    page.get_by_label("As the device").check()
    expect(page.locator("html")).to_have_class(re.compile("light"))


def test_a_template_is_used(signed_in: Page) -> None:
    page = signed_in
    page.goto("/templates")
    page.get_by_role("link", name=re.compile("Sort customer messages")).click()
    page.get_by_role("dialog").get_by_role("button", name="Use this template").click()
    expect(page).to_have_url(re.compile("/w/[0-9a-f]{32}"))


def test_what_failed_stands_on_the_home_page(signed_in: Page) -> None:
    page = signed_in
    broken = {
        "weft": 1,
        "name": "Breaks at home",
        "nodes": {"stop": {"type": "flow.stop", "with": {"message": "No stock left"}}},
    }
    run = start(page.request, add_workflow(page.request, broken), wait=30)
    page.goto("/")
    card = page.get_by_role("listitem").filter(has_text="“Breaks at home” failed")
    expect(card).to_contain_text("No stock left")
    card.get_by_role("link").click()
    expect(page).to_have_url(re.compile(run["id"]))


def test_ctrl_k_goes_to_the_search_and_enter_to_what_it_finds(signed_in: Page) -> None:
    page = signed_in
    add_workflow(page.request, {**QUICK, "name": "Found from home"})
    page.goto("/")
    search = page.get_by_role("searchbox", name="Search workflows")
    expect(search).to_be_visible()
    page.keyboard.press("Control+k")
    expect(search).to_be_focused()
    page.keyboard.type("from HOME")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/workflows/?\?search=from\+HOME"))
    expect(page.get_by_role("row")).to_have_count(2)
    expect(page.get_by_role("searchbox", name="Search workflows")).to_have_value("from HOME")
    page.get_by_role("row", name=re.compile("Found from home")).get_by_role("cell").nth(3).click()
    expect(page).to_have_url(re.compile("/w/[0-9a-f]{32}"))  # anywhere in the row


def test_the_skip_link_comes_first_and_leads_to_the_content(signed_in: Page) -> None:
    page = signed_in
    page.goto("/runs")
    expect(page.get_by_role("heading", name="Runs")).to_be_visible()
    page.keyboard.press("Tab")
    skip = page.get_by_role("link", name="Skip to the content")
    expect(skip).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#content")).to_be_focused()


def test_how_long_runs_are_kept_is_set_on_the_system_page(signed_in: Page) -> None:
    page = signed_in
    start(page.request, add_workflow(page.request, {**QUICK, "name": "Kept for a while"}), wait=30)
    page.goto("/system")
    section = page.get_by_role("region", name="Storage")
    row = section.get_by_role("row", name=re.compile("Kept for a while"))
    expect(row.get_by_text("everything").filter(visible=True)).to_be_visible()
    row.get_by_role("button", name="Change how long runs of Kept for a while are kept").click()
    dialog = page.get_by_role("dialog", name="How long runs of Kept for a while are kept")
    dialog.get_by_label("Days").fill("0")
    dialog.get_by_role("button", name="Save").click()
    expect(dialog.get_by_text("Enter a number above 0")).to_be_visible()
    dialog.get_by_label("Days").fill("7")
    dialog.get_by_label("Runs").fill("500")
    assert not Axe().run(page, options=RULES).response["violations"]
    dialog.get_by_role("button", name="Save").click()
    expect(row.get_by_text("7 days, 500 runs").filter(visible=True)).to_be_visible()
    row.get_by_role("button", name=re.compile("Change")).click()
    expect(dialog.get_by_label("Days")).to_have_value("7")
    dialog.get_by_role("button", name="Use the default").click()
    expect(row.get_by_text("everything").filter(visible=True)).to_be_visible()
