"""Calls of nodes under the governor: put off as rows, held together with all other callers, and what stands in."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from engine.catalog import catalog
from engine.delivery.governor import Governor
from engine.delivery.rates import FAILURES_TO_OPEN
from engine.models import Credential, new_id
from engine.run.executor import Executor
from engine.run.plans import Plans
from engine.run.scopes import Tools
from engine.run.toolbox import Toolbox
from engine.store import vault
from engine.store.vault import Accounts
from tests.engine.bench import Bench, NoFiles, opened


class Service:
    """Answers what it is told to, and notes when it was called."""

    def __init__(self) -> None:
        self.calls: list[float] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                service.calls.append(time.monotonic())
                status, headers = service.answers.pop(0) if service.answers else (200, {})
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", "Content-Length": "4", **headers}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(b"true")

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()


@pytest.fixture
def service() -> Iterator[Service]:
    made = Service()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
async def bench(any_database: str, valkey_url: str, tmp_path: Path) -> AsyncIterator[Bench]:
    async with opened(any_database, tmp_path / "home") as bench:
        toolbox = Toolbox(
            NoFiles,
            lambda workspace_id: Accounts(bench.database, workspace_id),
            ("127.0.0.0/8",),
            governor=Governor(valkey_url),
        )
        tools = Tools(bench.pool, toolbox)
        bench.executor = Executor(Plans(catalog(), bench._document), bench.checkpoints, bench.storage, tools)
        yield bench
        await toolbox.aclose()


def call(service: Service, **more: Any) -> dict[str, Any]:
    options = {name: more.pop(name) for name in ("retry", "fallback", "on_error", "limit") if name in more}
    return {"type": "http.request", "with": {"url": service.url, **more}, **options}


def account(bench: Bench, run_id: str, limits: dict[str, Any]) -> str:
    """An account of the run's workspace."""
    workspace, credential = bench.row(run_id).workspace_id, new_id()
    sealed, key = vault.seal(workspace, credential, {"token": "t"})
    with bench.database.transaction() as session:
        session.add(
            Credential(
                id=credential,
                workspace_id=workspace,
                name="Shop",
                type="core.bearer",
                sealed=sealed,
                key_id=key,
                limits=limits,
            )
        )
    return credential


async def test_calls_beyond_the_rate_are_put_off_and_none_is_a_failed_try(bench: Bench, service: Service) -> None:
    given = {"type": "flow.input", "with": {"name": "all", "kind": "rows", "default": []}}
    send = call(service, account="{{ all.who }}")
    run_id = await bench.start(
        {"all": given, "send": {**send, "with": {**send["with"], "query": {"n": "{{ all.n }}"}}}},
    )
    who = account(bench, run_id, {"per_second": 2, "burst": 1})
    with bench.database.transaction() as session:
        run = session.get(type(bench.row(run_id)), run_id)
        assert run is not None
        run.input = {"trigger": None, "payload": None, "inputs": {"all": [{"n": n, "who": who} for n in range(6)]}}
    ran = await bench.finish(run_id)
    assert ran.run.status == "done", ran.run.error
    assert len(service.calls) == 6
    gaps = [later - earlier for earlier, later in zip(service.calls, service.calls[1:], strict=False)]
    assert min(gaps) > 0.3
    put_off = [wait["detail"] for wait in ran.history.waits]
    assert put_off
    assert {detail["held_by"] for detail in put_off} == {"Rate limit of the account “Shop”."}
    assert {row["status"] for row in ran.history.steps} == {"done"}
    told = [line["text"] for row in ran.history.steps for line in row["log"] or ()]
    assert any("for its turn to call 127.0.0.1" in line for line in told)


async def test_what_a_service_asks_of_one_caller_holds_for_the_others(bench: Bench, service: Service) -> None:
    service.answers = [(429, {"Retry-After": "2"})]
    ran = await bench.run({"one": call(service, retry={"times": 1})})
    assert ran.run.status == "done", ran.run.error
    assert service.calls[1] - service.calls[0] >= 2
    assert [row["attempt"] for row in ran.history.steps] == [2]


async def test_a_fallback_stands_where_a_service_stays_away(bench: Bench, service: Service) -> None:
    service.answers = [(503, {})] * 2
    ran = await bench.run(
        {
            "ask": call(service, retry={"times": 1, "wait": 0.01}, fallback={"value": {"rate": 1}}),
            "after": {"type": "data.set", "with": {"record": {}, "fields": {"rate": "{{ ask.rate }}"}}},
        }
    )
    assert ran.run.status == "done", ran.run.error
    assert len(service.calls) == 2
    assert ran.output("after") == {"rate": 1}
    row = ran.steps["ask"]
    assert row["stand_in"]["by"] == "fallback"
    assert "answered 503" in row["stand_in"]["why"]
    assert any("fallback value was used" in line["text"] for line in row["log"])


async def test_a_fallback_hides_no_mistake(bench: Bench, service: Service) -> None:
    service.answers = [(404, {})]
    ran = await bench.run({"ask": call(service, fallback={"value": 1})})
    assert ran.run.status == "failed"


async def test_a_service_that_fails_again_and_again_is_left_alone(bench: Bench, service: Service) -> None:
    service.answers = [(500, {})] * (FAILURES_TO_OPEN + 5)
    items = [{"n": n} for n in range(FAILURES_TO_OPEN + 5)]
    ran = await bench.run(
        {
            "all": {"type": "flow.input", "with": {"name": "all", "kind": "rows", "default": items}},
            "ask": call(service, query={"n": "{{ all.n }}"}, on_error="output", limit=1),
        }
    )
    assert len(service.calls) == FAILURES_TO_OPEN
    kinds = [row["error"]["kind"] for row in ran.items("ask").values()]
    assert kinds.count("CircuitOpen") == 5
    last = ran.items("ask")[str(len(items) - 1)]["error"]
    assert "is not called just now" in last["message"]


@pytest.mark.parametrize("status", [200, 404])
async def test_no_row_shows_a_secret_of_a_query(bench: Bench, service: Service, status: int) -> None:
    service.answers = [(status, {})]
    given = {"url": f"{service.url}orders?token=s3cr3t-value&page=2", "query": {"key": "s3cr3t-value", "since": "now"}}
    send = call(service, **given, headers={"X-Key": "s3cr3t-value", "Key": "s3cr3t-value"})
    ran = await bench.run({"send": send})
    row = ran.steps["send"]
    assert row["input"]["url"]["v"] == f"{service.url}orders?token=[hidden]&page=2"
    assert row["input"]["query"]["v"] == {"key": "[hidden]", "since": "now"}
    assert "s3cr3t-value" not in str([ran.history.steps, ran.run.model_dump()])
    if status == 200:
        assert ran.output("send")["url"].endswith("&page=2&key=•••&since=now")
