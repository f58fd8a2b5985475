"""One build serves every port and every name of the host."""

import pytest
from playwright.sync_api import Page

from tests.stack import Stack


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_a_page_talks_to_the_address_that_it_came_from(page: Page, stack: Stack, host: str) -> None:
    with page.expect_websocket() as opened:
        page.goto(f"http://{host}:{stack.port}/")
    socket = opened.value
    assert socket.url.startswith(f"ws://{host}:{stack.port}/_event/")
    socket.wait_for_event("framereceived")
    assert not socket.is_closed()
