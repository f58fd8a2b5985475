"""Every page, wide and on a phone, light and dark: nothing cut off, nothing unnamed, nothing said in the console."""

from collections.abc import Mapping
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.e2e.looks import COLORS, RULES, faults, listen
from tests.e2e.rest import QUICK, add_workflow, start
from tests.e2e.test_approvals import REFUND
from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack

# Where a heading stands before it is known that there is nothing to head.
TITLES = {"no such workflow": "Not here", "no such run": "This run does not exist"}
# Colored as others are, so that the dark scheme need not see them too.
ALIKE = {"trash", "no run fits", "no values", "import", "no such run", "no such workflow"}
UNBROKEN = "Unbroken" * 12
LONG: dict[str, Any] = {
    **QUICK,
    "name": "Unbroken" * 20,
    "nodes": {**QUICK["nodes"], "count": {"type": "data.counter", "with": {"name": UNBROKEN}}},
}


@pytest.fixture(scope="module")
def places(stack: Stack, browser: Browser) -> Mapping[str, str]:
    """Addresses with something to fit: names without a space, long values, a failure, and questions that are open."""
    context = browser.new_context(base_url=stack.url)
    request = context.request
    assert request.post("/api/v1/session", data={"email": OWNER_EMAIL, "password": OWNER_PASSWORD}).ok
    workflow = add_workflow(request, LONG)
    run = start(request, workflow, wait=30)
    start(request, workflow, wait=30, dry=True)
    stored = request.put(f"/api/v1/workflows/{workflow}/values/long?trial=true", data={"value": "x" * 900})
    assert stored.ok, stored.text()
    broken = {"stop": {"type": "flow.stop", "with": {"message": "No stock left. " * 30}}}
    failed = start(request, add_workflow(request, {"weft": 1, "name": "Breaks", "nodes": broken}), wait=30)
    asking = start(request, add_workflow(request, REFUND), trigger="start")
    _add_account(context.new_page())
    context.close()
    return {
        "home": "/",
        "workflows": "/workflows",
        "trash": "/workflows?trash=1",
        "runs": "/runs",
        "what needs me": "/runs?show=needs",
        "no run fits": f"/runs?workflow={workflow}&show=cancelled",
        "a run": f"/runs/{run['id']}",
        "a run that failed": f"/runs/{failed['id']}",
        "a run that asks": f"/runs/{asking['id']}",
        "no such run": "/runs/nothing",
        "values": f"/workflows/{workflow}/values?runs=trial",
        "no values": f"/workflows/{workflow}/values",
        "accounts": "/accounts",
        "templates": "/templates",
        "a template": "/templates?open=sort_customer_messages",
        "settings": "/settings",
        "system": "/system",
        "import": "/workflows?import=1",
        "no such workflow": "/w/nothing",
        "closed form": "/f/nothing",
    }


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_every_page_is_whole(
    stack: Stack, browser: Browser, places: Mapping[str, str], scheme: str, width: int
) -> None:
    phone = width < 500
    context = browser.new_context(
        base_url=stack.url,
        viewport={"width": width, "height": 900},
        color_scheme=scheme,  # type: ignore[arg-type]
        has_touch=phone,
        is_mobile=phone,
        reduced_motion="reduce",
        locale="en-US",
    )
    heard = listen(context)
    page = context.new_page()
    page.goto("/login")
    expect(page.get_by_role("button", name="Sign in")).to_be_visible()
    rules = RULES if scheme == "light" else COLORS
    found = {"sign-in": faults(page, rules)}
    assert context.request.post("/api/v1/session", data={"email": OWNER_EMAIL, "password": OWNER_PASSWORD}).ok
    for name, address in places.items():
        if scheme == "dark" and name in ALIKE:
            continue
        page.goto(address)
        expect(page.get_by_role("heading", level=1, name=TITLES.get(name))).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        found[name] = faults(page, rules)
    context.close()
    assert "\n".join(f"{name}: {one}" for name, said in found.items() for one in said) == ""
    assert heard == []


def test_tables_fit_a_tablet(signed_in: Page, places: Mapping[str, str]) -> None:
    page = signed_in
    page.set_viewport_size({"width": 780, "height": 1000})
    found = {}
    for name in ("home", "workflows", "runs", "values", "accounts", "system"):
        page.goto(places[name])
        expect(page.get_by_role("table").first).to_be_visible()
        expect(page.locator("[aria-busy=true]")).to_have_count(0)
        found[name] = faults(page, COLORS)
    assert {name: said for name, said in found.items() if said} == {}


def _add_account(page: Page) -> None:
    page.goto("/accounts")
    page.get_by_role("button", name="Add account").first.click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Kind of account").select_option("core.bearer")
    dialog.get_by_label("Name").fill(UNBROKEN)
    dialog.get_by_label("Token").fill("secret")
    dialog.get_by_role("button", name="Add account").click()
    expect(page.get_by_text(UNBROKEN)).to_be_visible()
