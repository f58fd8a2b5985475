"""(e) The editor in a real browser: one edit's round trip to the server, the same from the key to "Saved" on screen,
and the bytes of one change of status."""

from __future__ import annotations

import itertools
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright

from benchmarks.table import Row
from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack

SIZES = (10, 300, 1_000)
EDITS = 30
BETWEEN_EDITS_MS = 250  # as a quick hand; what follows an answer (checking, drawing) is over by then
CHROMIUM = "/usr/bin/chromium"

# Presses D (turn off or on) and takes the time until the edit is in the draft's log and the mark says "Saved" again.
ROUND_TRIP = """() => new Promise((done) => {
  const mark = document.querySelector('[data-testid=saved]');
  let sent = false;
  const watch = new MutationObserver(() => {
    if (mark.classList.contains('saving')) sent = true;
    else if (sent && mark.classList.contains('saved')) { watch.disconnect(); done(performance.now() - begun); }
  });
  watch.observe(mark, { attributes: true, attributeFilter: ['class'] });
  const begun = performance.now();
  window.dispatchEvent(new KeyboardEvent('keydown', { key: 'd', bubbles: true }));
})"""

# Takes the time from an edit's message to the server to the message that answers it, as the page's socket sees them.
SOCKET = """() => { window.round_trips = []; let sent = 0;
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    if (!this.timed) {
      this.timed = true;
      this.addEventListener('message', (event) => {
        if (sent && typeof event.data === 'string' && event.data.includes('answer_seq')) {
          window.round_trips.push(performance.now() - sent); sent = 0;
        }
      });
    }
    if (typeof data === 'string' && data.includes('draft_state.batch')) sent = performance.now();
    return send.call(this, data);
  }; }"""

# Frames while the view is dragged by the mouse; the browser counts them itself.
FRAMES = """() => { window.frames_seen = []; let last = performance.now();
  const tick = (now) => { window.frames_seen.push(now - last); last = now; requestAnimationFrame(tick); };
  requestAnimationFrame(tick); }"""


def document(size: int) -> dict[str, Any]:
    """A chain of nodes in a square; the last writes nothing, so that it can run."""
    side = max(4, round(size**0.5))
    names = [f"step_{number}" for number in range(size)]
    nodes: dict[str, Any] = {names[0]: {"type": "data.template", "with": {"text": "start"}}}
    for before, name in itertools.pairwise(names):
        nodes[name] = {"type": "data.template", "with": {"text": f"{{{{ {before} }}}}"}}
    layout = {name: [i % side * 290, i // side * 150] for i, name in enumerate(names)}
    return {"weft": 1, "name": f"{size} nodes", "nodes": nodes, "layout": layout}


@contextmanager
def _browser() -> Iterator[Page]:
    owner = {"WEFT_OWNER_EMAIL": OWNER_EMAIL, "WEFT_OWNER_PASSWORD": OWNER_PASSWORD}
    with tempfile.TemporaryDirectory() as home, sync_playwright() as playwright:
        stack = Stack(Path(home), owner).start()
        try:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
            page = browser.new_context(base_url=stack.url, viewport={"width": 1440, "height": 900}).new_page()
            page.add_init_script(f"({SOCKET})()")
            page.request.post("/api/v1/session", data={"email": OWNER_EMAIL, "password": OWNER_PASSWORD})
            yield page
            browser.close()
        finally:
            stack.stop()


def measure() -> list[Row]:
    """Edits and status changes at 10, 300 and 1,000 nodes."""
    with _browser() as page:
        found = [row for size in SIZES for row in _at(page, size)]
    return found


def _at(page: Page, size: int) -> list[Row]:
    workflow = page.request.post("/api/v1/workflows", data=document(size)).json()["id"]
    received: list[int] = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: received.append(len(frame))))
    page.goto(f"/w/{workflow}")
    page.locator('.react-flow__node[data-id="step_1"] header').click()
    page.locator("#inspector").wait_for()
    page.wait_for_timeout(1_000)
    page.evaluate(ROUND_TRIP)  # the first fills the caches
    times, before = [], sum(received)
    for _ in range(EDITS):
        times.append(float(page.evaluate(ROUND_TRIP)))
        page.wait_for_timeout(BETWEEN_EDITS_MS)
    bytes_of_edit = (sum(received) - before) / EDITS
    name = f"{size:,} nodes"
    trips = page.evaluate("window.round_trips.slice(1)")
    return [
        Row("e", f"round trip of one edit, {name}, median", statistics.median(trips), "ms", aim="below 20 at 1,000"),
        Row("e", f"from the key to “Saved” on screen, {name}, median", statistics.median(times), "ms"),
        Row("e", f"answer to one edit, {name}", bytes_of_edit, "bytes"),
        Row("e", f"one change of status, {name}", _status_bytes(page, received), "bytes"),
        Row("e", f"frames while panning, {name}", _frame_rate(page), "per second", aim="60"),
    ]


def _status_bytes(page: Page, received: list[int]) -> float:
    """Runs ten nodes' worth of the workflow at least, and divides what arrived while it ran by the states told."""
    page.keyboard.press("Escape")
    page.wait_for_timeout(300)
    before = sum(received)
    page.get_by_test_id("run").click()
    page.locator('.ed-strip .chip[data-state="done"]').first.wait_for(timeout=120_000)
    page.locator('.fc-node[data-status="done"]').first.wait_for(timeout=120_000)
    states = int(page.locator('.ed-strip li [data-state="done"]').count()) * 2
    return (sum(received) - before) / max(1, states)


def _frame_rate(page: Page) -> float:
    """Frames in a second while a hand pans the canvas to and fro."""
    pane = page.locator(".react-flow__pane").bounding_box()
    assert pane
    page.evaluate(FRAMES)
    page.mouse.move(pane["x"] + 300, pane["y"] + 30)
    page.mouse.down()
    for step in range(60):
        page.mouse.move(pane["x"] + 300 + (step % 20) * 12, pane["y"] + 30 + step % 7)
    page.mouse.up()
    gaps = page.evaluate("window.frames_seen.slice(1)")
    return 1000 / statistics.median(gaps) if gaps else 0.0
