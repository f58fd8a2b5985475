"""(c) "Size it" as a synchronous webhook through the real stack, and (d) the stack's start and memory."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.ground import database, home, memory
from benchmarks.table import Row
from tests.size_it import SIZE_IT
from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack

CONNECTIONS = (1, 16, 64)
REQUESTS = {1: 300, 16: 3_000, 64: 3_000}
WARM_UP = 100
BODY = b'{"value": 7, "name": "bench"}'
LEFT = ("queued", "running")
# The workflow's webhook, three times: answered by a worker, answered by the web server itself, taken and no more.
WAYS: dict[str, dict[str, str]] = {
    "size": {"respond": "answer"},
    "here": {"respond": "answer", "runs_in": "web"},
    "accept": {"respond": "now"},
}
TITLES = {"size": "webhook through a worker", "here": "webhook in the web server", "accept": "webhook taken (202)"}
AIMS = {("size", 16): ("< 100", "≥ 500"), ("here", 64): ("", "≥ 1,200")}
EXPECTED = {"value": 7, "name": "bench", "doubled": 14, "size": "big"}


class Caller:
    """One connection to the web server, kept open: HTTP/1.1 as short as it can be, so that little of what is measured
    is the measuring."""

    def __init__(self, port: int, path: str, accepted: bool) -> None:
        self._port, self._accepted = port, accepted
        head = f"POST {path} HTTP/1.1\r\nHost: localhost:{port}\r\nContent-Type: application/json\r\n"
        self._request = f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY

    async def run(self, turns: Iterator[int], times: list[float]) -> None:
        """Call as often as there are turns left; each call's seconds are added to `times`."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            for _ in turns:
                began = time.perf_counter()
                writer.write(self._request)
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                body = await reader.readexactly(int(length.partition(b":")[2]))
                times.append(time.perf_counter() - began)
                answer = json.loads(body)
                well = answer["status"] == "queued" if self._accepted else answer == EXPECTED
                if not well:
                    raise RuntimeError(f"a wrong answer: {head!r} {body!r}")
        finally:
            writer.close()


@dataclass(frozen=True, slots=True)
class Load:
    """Seconds that all took, each request's, and the share of one core that the asking itself took."""

    seconds: float
    times: list[float]
    asking: float


async def load(port: int, path: str, connections: int, requests: int, accepted: bool = False) -> Load:
    """Call so often over so many connections, and look at every answer."""
    turns, times = iter(range(requests)), list[float]()
    began, used = time.perf_counter(), time.process_time()
    await asyncio.gather(*(Caller(port, path, accepted).run(turns, times) for _ in range(connections)))
    took = time.perf_counter() - began
    return Load(took, times, (time.process_time() - used) / took)


def publish(stack: Stack) -> dict[str, str]:
    """Create "Size it" over REST in three ways, publish and switch them on; the paths of their webhooks."""
    token = _ask(stack, "POST", "/api/v1/tokens", {"email": OWNER_EMAIL, "password": OWNER_PASSWORD})["access_token"]
    slug = _ask(stack, "GET", "/api/v1/me", None, token)["workspace_slug"]
    for path, params in WAYS.items():
        hook = SIZE_IT["nodes"]["hook"]
        nodes = SIZE_IT["nodes"] | {"hook": hook | {"with": hook["with"] | {"path": path, **params}}}
        made = _ask(stack, "POST", "/api/v1/workflows", {**SIZE_IT, "name": path, "nodes": nodes}, token)["id"]
        _ask(stack, "POST", f"/api/v1/workflows/{made}/publish", {}, token)
        _ask(stack, "PUT", f"/api/v1/workflows/{made}/on", {"on": True}, token)
    return {path: f"/hooks/{slug}/{path}" for path in WAYS}


def _ask(stack: Stack, method: str, path: str, body: Mapping[str, Any] | None, token: str = "") -> Any:
    headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(stack.url + path, data, headers, method=method)
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


@contextmanager
def running(folder: Path, url: str) -> Iterator[tuple[Stack, float]]:
    """The stack on its second start, and the seconds until its first page came."""
    settings = {"WEFT_OWNER_EMAIL": OWNER_EMAIL, "WEFT_OWNER_PASSWORD": OWNER_PASSWORD}
    settings |= {"DATABASE_URL": url} if url.startswith("postgresql") else {}
    Stack(folder, settings).start().stop()
    began = time.perf_counter()
    stack = Stack(folder).launch() if not url.startswith("postgresql") else Stack(folder, settings).launch()
    try:
        while True:
            try:
                stack.get("/login")
                break
            except OSError:
                time.sleep(0.02)
        first_page = time.perf_counter() - began
        stack.wait_for("Weft is ready")
        yield stack, first_page
    finally:
        stack.stop()


def measure() -> list[Row]:
    """Both databases; start and memory on SQLite, which is what one gets without settings."""
    rows: list[Row] = []
    for kind, title in (("sqlite", "SQLite"), ("postgresql", "PostgreSQL")):
        with (
            home() as folder,
            database(kind, folder / "other") as url,
            running(folder / "stack", url) as (stack, first),
        ):
            idle = memory(stack.process_id)
            paths = publish(stack)
            for way, path in paths.items():
                asyncio.run(load(stack.port, path, 4, WARM_UP, way == "accept"))
                rows += [row for n in CONNECTIONS for row in _webhook(stack.port, way, path, n, title)]
                _drain(stack)
            if kind == "sqlite":
                rows.append(Row("d", "second start to first page", first, "s", aim="≤ 5"))
                rows.append(Row("d", "memory of all processes, idle", idle, "MB"))
                loaded = memory(stack.process_id)
                rows.append(Row("d", "the same after the load above", loaded, "MB", f"{loaded / idle:.2f} of idle"))
    return rows


def _drain(stack: Stack) -> None:
    """Wait until no run is left over from what was measured before."""
    token = _ask(stack, "POST", "/api/v1/tokens", {"email": OWNER_EMAIL, "password": OWNER_PASSWORD})["access_token"]
    while any(_ask(stack, "GET", f"/api/v1/runs?status={status}&limit=1", None, token)["runs"] for status in LEFT):
        time.sleep(0.2)


def _webhook(port: int, way: str, path: str, connections: int, title: str) -> list[Row]:
    found = asyncio.run(load(port, path, connections, REQUESTS[connections], way == "accept"))
    marks = statistics.quantiles(found.times, n=100)
    name = f"{TITLES[way]}, {connections} connection{'s' if connections > 1 else ''}, {title}"
    p99, rate = AIMS.get((way, connections), ("", ""))
    return [
        Row("c", f"{name}: p50", marks[49] * 1000, "ms"),
        Row("c", f"{name}: p99", marks[98] * 1000, "ms", f"{marks[98] / marks[49]:.1f} of p50", aim=p99),
        Row("c", f"{name}: throughput", len(found.times) / found.seconds, "requests/s", _said(found), aim=rate),
    ]


def _said(found: Load) -> str:
    return f"asking took {found.asking:.0%} of a core"
