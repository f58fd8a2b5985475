"""A person decides, on a phone and at home; somebody without an account opens a one-time address."""

import re
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.e2e.looks import faults
from tests.e2e.rest import add_workflow, start
from tests.stack import Stack

REFUND: dict[str, Any] = {
    "weft": 1,
    "name": "Refunds",
    "nodes": {
        "start": {"type": "trigger.manual"},
        "made": {
            "type": "data.set",
            "label": "Refund",
            "with": {"record": {}, "fields": {"customer": "Lena Fuchs", "refund": "$790"}},
        },
        "ask": {
            "type": "flow.approval",
            "label": "Ask finance",
            "with": {"title": "Approve refund of $790", "evidence": "{{ made }}"},
        },
        "call": {
            "type": "flow.wait_for_call",
            "label": "Customer confirms",
            "with": {"title": "Confirm your refund", "message": "It takes two days.", "button": "Yes, send it"},
        },
        "mail": {"type": "data.template", "label": "Mail", "with": {"text": "{{ call.opened.url }}"}},
        "out": {
            "type": "flow.output",
            "with": {"name": "said", "label": "Said", "value": "{{ ask.approved.note }}"},
            "after": ["{{ call.called }}"],
        },
    },
}


def _waiting(page: Page) -> dict[str, Any]:
    run = start(page.request, add_workflow(page.request, REFUND), trigger="start")
    page.goto(f"/runs/{run['id']}")
    expect(page.locator(".page-head [data-state]")).to_have_attribute("data-state", "asking")
    return run


def test_who_decides_sees_the_evidence_first_and_leaves_a_note(signed_in: Page) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    run = _waiting(page)
    card = page.locator(".ask")
    expect(card).to_contain_text("Lena Fuchs")
    facts, approve = card.locator("dl").bounding_box(), card.get_by_role("button", name="Approve").bounding_box()
    assert facts and approve and facts["y"] < approve["y"]
    assert approve["height"] >= 44, "fit for a thumb"
    page.goto("/")
    card = page.locator(".ask", has=page.locator(f"a[href='/runs/{run['id']}']"))
    card.get_by_label("A note").fill("Paid by card")
    card.get_by_role("button", name="Approve").click()
    expect(card).to_have_count(0)


def test_rejecting_asks_why(signed_in: Page) -> None:
    page = signed_in
    _waiting(page)
    page.locator(".ask").get_by_role("button", name="Reject").click()
    dialog = page.get_by_role("dialog", name="Reject this")
    dialog.get_by_label("Why is it rejected?").fill("Too much")
    dialog.get_by_role("button", name="Reject").click()
    expect(page.locator(".ask")).to_have_count(0)
    expect(page.locator("[data-step=ask]")).to_have_attribute("data-state", "done")


def test_a_one_time_address_is_opened_without_an_account(signed_in: Page, browser: Browser, stack: Stack) -> None:
    page = signed_in
    run = _waiting(page)
    items = page.request.get(f"/api/v1/runs/{run['id']}/steps/mail/items").json()
    address = items["items"][0]
    assert address.startswith(f"{stack.url}/c/")
    stranger = browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme="dark", has_touch=True, is_mobile=True
    )
    phone = stranger.new_page()
    for _ in range(2):
        phone.goto(address)
        expect(phone.get_by_role("heading")).to_have_text("Confirm your refund")
    assert faults(phone) == []
    background = phone.evaluate("getComputedStyle(document.querySelector('.call-page')).backgroundColor")
    assert background == "rgb(13, 19, 18)", "dark as the rest of the product"
    phone.get_by_role("button", name="Yes, send it").click()
    expect(phone.get_by_role("status")).to_contain_text("It has arrived")
    answer = phone.goto(address)
    assert answer is not None and answer.status == 410
    expect(phone.get_by_role("alert")).to_contain_text("has been used")
    stranger.close()
    expect(page.locator("[data-step=call]")).to_have_attribute("data-state", "done")


def test_the_list_of_runs_on_a_phone_asks_at_its_head(signed_in: Page) -> None:
    page = signed_in
    page.set_viewport_size({"width": 390, "height": 844})
    run = start(page.request, add_workflow(page.request, REFUND), trigger="start")
    page.goto("/runs?show=needs")
    card = page.locator(".ask", has=page.locator(f"a[href='/runs/{run['id']}']"))
    row = page.get_by_role("row").filter(has=page.locator(f"a[href='/runs/{run['id']}']"))
    expect(row.locator("[data-state]")).to_have_attribute("data-state", "asking")
    expect(page.get_by_role("link", name="Needs you")).to_contain_text(re.compile(r"\d"))
    card.get_by_role("button", name="Approve").click()
    expect(card).to_have_count(0)
    expect(row).to_have_count(0)
