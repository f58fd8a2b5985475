"""(c) "Size it" as a synchronous webhook through the real stack, and (d) the stack's start and memory."""

from __future__ import annotations

import asyncio
import json
import statistics
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
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
EXPECTED = {"value": 7, "name": "bench", "doubled": 14, "size": "big"}


class Caller:
    """One connection to the web server, kept open: HTTP/1.1 as short as it can be, so that little of what is measured
    is the measuring."""

    def __init__(self, port: int, path: str) -> None:
        self._port = port
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
                if json.loads(body) != EXPECTED:
                    raise RuntimeError(f"a wrong answer: {head!r} {body!r}")
        finally:
            writer.close()


async def load(port: int, path: str, connections: int, requests: int) -> tuple[float, list[float]]:
    """Seconds that all took, and each request's."""
    turns, times = iter(range(requests)), list[float]()
    began = time.perf_counter()
    await asyncio.gather(*(Caller(port, path).run(turns, times) for _ in range(connections)))
    return time.perf_counter() - began, times


def publish(stack: Stack) -> str:
    """Create "Size it" over REST, publish it, switch it on; the path of its webhook."""
    token = _ask(stack, "POST", "/api/v1/tokens", {"email": OWNER_EMAIL, "password": OWNER_PASSWORD})["access_token"]
    made = _ask(stack, "POST", "/api/v1/workflows", SIZE_IT, token)["id"]
    _ask(stack, "POST", f"/api/v1/workflows/{made}/publish", {}, token)
    _ask(stack, "PUT", f"/api/v1/workflows/{made}/on", {"on": True}, token)
    return f"/hooks/{_ask(stack, 'GET', '/api/v1/me', None, token)['workspace_slug']}/size"


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
            path = publish(stack)
            asyncio.run(load(stack.port, path, 4, WARM_UP))
            rows += [row for n in CONNECTIONS for row in _webhook(stack.port, path, n, title)]
            if kind == "sqlite":
                rows.append(Row("d", "second start to first page", first, "s", aim="≤ 5"))
                rows.append(Row("d", "memory of all processes, idle", idle, "MB"))
                loaded = memory(stack.process_id)
                rows.append(Row("d", "the same after the load above", loaded, "MB", f"{loaded / idle:.2f} of idle"))
    return rows


def _webhook(port: int, path: str, connections: int, title: str) -> list[Row]:
    seconds, times = asyncio.run(load(port, path, connections, REQUESTS[connections]))
    marks = statistics.quantiles(times, n=100)
    name = f"webhook, {connections} connection{'s' if connections > 1 else ''}, {title}"
    aims = {1: ("< 15", ""), 16: ("", "≥ 300")}.get(connections, ("", ""))
    return [
        Row("c", f"{name}: p50", marks[49] * 1000, "ms", aim=aims[0]),
        Row("c", f"{name}: p99", marks[98] * 1000, "ms", f"{marks[98] / marks[49]:.1f} of p50"),
        Row("c", f"{name}: throughput", len(times) / seconds, "requests/s", aim=aims[1]),
    ]
