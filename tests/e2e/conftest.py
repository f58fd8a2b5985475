"""Browser tests: the real stack, a real Chromium, one owner who has signed up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, Page

from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack

CHROMIUM = "/usr/bin/chromium"


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "console_errors: this test provokes errors in the browser's console")


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, Any]:
    """Debian's Chromium, without a sandbox since tests may run as root, reaching this machine alone."""
    return {
        "executable_path": CHROMIUM,
        "args": ["--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"],
    }


@pytest.fixture(scope="session")
def browser_context_args(base_url: str) -> dict[str, Any]:
    """A desktop window; a test for phones sets its own size."""
    return {"base_url": base_url, "viewport": {"width": 1440, "height": 900}, "locale": "en-US", "timezone_id": "UTC"}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The whole of Weft with an owner, started once for all browser tests."""
    owner = {"WEFT_OWNER_EMAIL": OWNER_EMAIL, "WEFT_OWNER_PASSWORD": OWNER_PASSWORD}
    started = Stack(tmp_path_factory.mktemp("stack"), owner).start()
    yield started
    started.stop()


@pytest.fixture
def fresh_stack(tmp_path: Path) -> Iterator[Stack]:
    """A Weft of its own for this test, without an owner: the first start."""
    started = Stack(tmp_path / "fresh").start()
    yield started
    started.stop()


@pytest.fixture(scope="session")
def base_url(stack: Stack) -> str:
    """So that `page.goto("/runs")` works."""
    return stack.url


@pytest.fixture(autouse=True)
def clean_console(request: pytest.FixtureRequest) -> Iterator[None]:
    """No test leaves errors in the console of its pages, but one marked `console_errors`."""
    if "context" not in request.fixturenames:
        yield
        return
    context: BrowserContext = request.getfixturevalue("context")
    errors: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error":
            errors.append(f"{message.text} ({message.location.get('url', '')})")

    context.on("console", note)
    context.on("weberror", lambda error: errors.append(str(error.error)))
    yield
    if not request.node.get_closest_marker("console_errors"):
        assert not errors, "errors in the browser's console"


@pytest.fixture
def signed_in(page: Page, stack: Stack) -> Page:
    """A page whose person is the owner, signed in, at home."""
    answer = page.request.post(f"{stack.url}/api/v1/session", data={"email": OWNER_EMAIL, "password": OWNER_PASSWORD})
    assert answer.ok, answer.text()
    page.goto(f"{stack.url}/")
    return page
