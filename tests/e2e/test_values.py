"""Stored values on a phone: found from the list of workflows, written, changed and forgotten."""

import re

from playwright.sync_api import Page, expect

from tests.e2e.rest import QUICK, add_workflow

LONG = "One long text about the spring trade fair. " * 20


def test_values_are_kept_changed_and_forgotten_on_a_phone(signed_in: Page) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    workflow = add_workflow(page.request, {**QUICK, "name": "Numbers invoices"})
    page.goto("/workflows")
    page.get_by_label("More about Numbers invoices").click()
    page.get_by_role("link", name="Stored values").click()
    expect(page.get_by_text("Nothing stored yet")).to_be_visible()
    page.get_by_role("button", name="Store a value").first.click()
    dialog = page.get_by_role("dialog", name="Store a value")
    dialog.get_by_label("Name").fill("note")
    dialog.get_by_label("Value").fill(LONG)
    dialog.get_by_role("button", name="Store").click()
    row = page.get_by_role("row", name=re.compile("note"))
    expect(row).to_contain_text("by a person")
    change = row.get_by_role("button", name="Change note")
    expect(change).to_be_in_viewport(ratio=1)  # a long value does not push the buttons off the screen
    change.click()
    dialog = page.get_by_role("dialog", name="Change “note”")
    expect(dialog.get_by_label("Value")).to_have_value(re.compile("trade fair"))
    dialog.get_by_label("Value").fill("4411")
    dialog.get_by_role("button", name="Store").click()
    expect(row.get_by_text("4411").filter(visible=True)).to_be_visible()
    kept = page.request.get(f"/api/v1/workflows/{workflow}/values/note")
    assert kept.json()["value"] == 4411
    row.get_by_role("button", name="Forget note").click()
    page.get_by_role("dialog", name="Forget this value?").get_by_role("button", name="Forget").click()
    expect(page.get_by_text("Nothing stored yet")).to_be_visible()
