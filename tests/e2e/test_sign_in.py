"""The first start, signing in and out."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack


@pytest.mark.console_errors  # a refused password is an answer with status 422, which Chromium reports
def test_first_start_asks_three_things_and_opens_the_first_workflow(fresh_stack: Stack, page: Page) -> None:
    page.goto(f"{fresh_stack.url}/")
    expect(page).to_have_url(re.compile("/welcome"))
    expect(page.locator("form input")).to_have_count(3)
    page.get_by_label("Your name").fill("Ada Lovelace")
    page.get_by_label("E-mail").fill("ada@example.com")
    page.get_by_label("Password", exact=True).fill("aaaaaaaaaaaa")
    page.get_by_role("button", name="Create my workspace").click()
    expect(page.get_by_role("alert")).to_contain_text("four different characters")
    expect(page.get_by_label("Password", exact=True)).to_be_focused()
    page.get_by_label("Password", exact=True).fill("correct horse battery")
    page.get_by_role("button", name="Create my workspace").click()
    expect(page).to_have_url(re.compile("/w/[0-9a-f]{32}"))
    expect(page.get_by_role("button", name="Sort 3,080 messages")).to_be_visible()
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "weft_session"]
    assert cookie["httpOnly"]
    page.goto(f"{fresh_stack.url}/welcome")
    expect(page.get_by_role("heading", name=re.compile("Ada$"))).to_be_visible()


@pytest.mark.console_errors  # a refused sign-in is an answer with status 401
def test_sign_in_and_out(page: Page, stack: Stack) -> None:
    page.goto("/settings")
    expect(page).to_have_url(re.compile("/login"))
    page.get_by_label("E-mail").fill(OWNER_EMAIL)
    page.get_by_label("Password", exact=True).fill("not the password")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text("E-mail or password is wrong.")
    page.get_by_label("Password", exact=True).fill(OWNER_PASSWORD)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=re.compile("Good|Hello"))).to_be_visible()
    page.goto("/settings")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/login"))
    page.goto("/")
    expect(page).to_have_url(re.compile("/login"))
    assert OWNER_EMAIL not in page.content()


def test_a_closed_form_and_unknown_pages_say_so(page: Page, stack: Stack) -> None:
    page.goto("/f/no-such-form")
    expect(page.get_by_text("This form is closed")).to_be_visible()
