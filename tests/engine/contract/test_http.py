"""The client for calls to the outside, against a loopback server."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread

import pytest

from engine.contract import BadParams, NodeError, OutputTooLarge, PermanentError, TimedOut, Unavailable
from engine.contract.http import HttpClient, open_client, retry_after
from engine.contract.redaction import HIDDEN, shown_url


class Site:
    """Answers by path; keeps the headers of each call."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, str]]] = []
        self.elsewhere = ""
        self.release = Event()
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.calls.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
                status, headers, body = site.answer(self.path)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):  # a caller that read enough hangs up
                    self.wfile.write(body)

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def answer(self, path: str) -> tuple[int, dict[str, str], bytes]:
        answers = {
            "/": (200, {"Set-Cookie": "who=ada"}, b"hello"),
            "/away": (302, {"Location": self.elsewhere}, b""),
            "/circle": (302, {"Location": "/circle"}, b""),
            "/file": (302, {"Location": "file:///etc/passwd"}, b""),
            "/bomb": (200, {"Content-Encoding": "gzip"}, gzip.compress(b"0" * 5_000_000)),
            "/damaged": (200, {"Content-Encoding": "gzip"}, b"this is no gzip"),
        }
        if path.startswith("/slow"):
            self.release.wait(10)
        return answers.get(path, (200, {}, b""))


def running() -> Iterator[Site]:
    site = Site()
    site.thread.start()
    yield site
    site.release.set()
    site.server.shutdown()
    site.thread.join()
    site.server.server_close()


site = pytest.fixture(running, name="site")
other = pytest.fixture(running, name="other")


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    async with open_client(["127.0.0.1"]) as client:
        yield client


# What has been used to reach a machine's own services through a client that looks only at the text of an address.
TRICKS = [
    "http://127.0.0.1:{port}/", "http://localhost:{port}/", "http://[::1]:{port}/", "http://[::ffff:127.0.0.1]:{port}/",
    "http://0.0.0.0:{port}/", "http://127.1:{port}/", "http://2130706433:{port}/", "http://0x7f.1:{port}/",
    "http://017700000001:{port}/", "http://user@127.0.0.1:{port}/", "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/", "http://[2002:7f00:1::]:{port}/", "http://169.254.169.254/latest/meta-data",
    "http://[fd00:ec2::254]/", "http://100.64.0.1/", "http://[fe80::1%25lo]:{port}/", "file:///etc/passwd",
    "gopher://127.0.0.1:{port}/", "//127.0.0.1:{port}/", "http:///x", "nonsense", "",
]  # fmt: skip


@pytest.mark.parametrize("trick", TRICKS)
async def test_no_way_to_private_addresses(site: Site, trick: str) -> None:
    async with open_client() as http:
        with pytest.raises(BadParams):
            await http.send("GET", trick.format(port=site.server.server_port), timeout=5)
    assert site.calls == []


async def test_open_and_closed_ports_inside_look_the_same(site: Site) -> None:
    messages = set()
    async with open_client() as http:
        for port in (site.server.server_port, 1):
            with pytest.raises(BadParams) as refused:
                await http.send("GET", f"http://localhost:{port}/")
            messages.add(refused.value.message.replace(str(port), "PORT"))
    assert len(messages) == 1


async def test_no_way_through_a_redirect(site: Site, other: Site) -> None:
    site.elsewhere = other.url.replace("127.0.0.1", "localhost")
    async with open_client(["127.0.0.1/32"]) as http:
        with pytest.raises(BadParams, match="not on the public internet"):
            await http.send("GET", f"{site.url}/away".replace("127.0.0.1", "[::1]"))
        with pytest.raises(NodeError, match="not on the web"):
            await http.send("GET", f"{site.url}/file")
    assert other.calls == []


async def test_proxies_of_the_environment_are_not_used(
    site: Site, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with open_client(["127.0.0.1"]) as fresh:
        assert (await fresh.send("GET", site.url)).text == "hello"


async def test_cookies_of_one_call_never_reach_another(site: Site, http: HttpClient) -> None:
    await http.send("GET", site.url)
    await http.send("GET", site.url)
    assert all("cookie" not in headers for _, headers in site.calls)


async def test_secrets_stay_at_home(site: Site, other: Site, http: HttpClient) -> None:
    site.elsewhere = f"{other.url}/"
    await http.send(
        "GET",
        f"{site.url}/away",
        headers={"Authorization": "Bearer x", "X-Auth-Thing": "y", "Accept": "text/plain"},
        secret_headers={"X-Odd": "z"},
    )
    assert site.calls[0][1]["x-odd"] == "z"
    told = other.calls[0][1]
    assert told["accept"] == "text/plain"
    assert not {"authorization", "x-auth-thing", "x-odd"} & set(told)


async def test_limits(site: Site, http: HttpClient) -> None:
    with pytest.raises(OutputTooLarge, match=r"1\.0 MB"):
        await http.send("GET", f"{site.url}/bomb", max_bytes=1024 * 1024)
    with pytest.raises(PermanentError, match="redirects more than 10 times"):
        await http.send("GET", f"{site.url}/circle")
    with pytest.raises(TimedOut) as slow:
        await http.send("GET", f"{site.url}/slow?token=abc", timeout=0.2)
    assert slow.value.request is not None
    assert slow.value.request["url"] == f"{site.url}/slow?token={HIDDEN}"
    with pytest.raises(PermanentError, match="damaged"):
        await http.send("GET", f"{site.url}/damaged")
    with pytest.raises(Unavailable, match="cannot be reached"):
        await http.send("GET", "http://127.0.0.1:1/")


async def test_cancelled_is_cancelled(site: Site, http: HttpClient) -> None:
    call = asyncio.create_task(http.send("GET", f"{site.url}/slow"))
    while not site.calls:
        await asyncio.sleep(0.01)
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call


def test_retry_after() -> None:
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after({"retry-after": "120"}) == 120
    assert 80 < (retry_after({"retry-after": later}) or 0) <= 90
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"retry-after": "soon"}) is None
    assert retry_after({}) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://ada:pw@x.example/a?b=1", "https://x.example/a?b=1"),
        ("https://x.example/?api_key=1&Signature=2&q=3", f"https://x.example/?api_key={HIDDEN}&Signature={HIDDEN}&q=3"),
        ("http://ada:pw@[bad?x=1", "http://%5bbad?x=1"),
    ],
)
def test_shown_url(url: str, shown: str) -> None:
    assert shown_url(url) == shown
