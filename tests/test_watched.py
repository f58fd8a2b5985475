"""A whole installation at work, watched: each figure is plausible, each line names its step, no secret shows."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
import redis
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from app.services import accounts, api_keys, credentials, stored_values, unit, workflows
from app.services.access import Actor
from engine import launch
from engine.catalog import catalog
from engine.settings import settings
from engine.store import db
from tests.collector import Collector
from tests.faults.installation import Installation

IN_ACCOUNT = "acc0unt-s3cr3t-7f3a"
IN_VALUE = "st0red-s3cr3t-91bd"
TOKEN = "scrape-me-please"
CALLED: dict[str, Any] = {
    "weft": 1,
    "name": "Called",
    "nodes": {
        "start": {"type": "trigger.manual", "with": {}},
        "double": {"type": "data.template", "with": {"text": "inside"}},
        "out": {"type": "flow.output", "with": {"name": "said", "value": "{{ double }}"}},
    },
}


class Service:
    """Answers `/good`, and fails everywhere else: with what it was sent, as careless services do."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                good = self.path.startswith("/good")
                told = {"ok": True} if good else {"got": dict(self.headers), "at": self.path}
                body = json.dumps(told).encode()
                self.send_response(200 if good else 500)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *args: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


def document(service: str, account: str, called: str) -> dict[str, Any]:
    """Calls that are well, that wait, that fail with a secret in hand; code that prints; another workflow."""
    spoken = {"X-Api-Key": "{{ kept.api_key }}", "Accept": "application/json"}
    fails: dict[str, Any] = {"on_error": "output", "retry": {"times": 1, "wait": 0.01}}
    get = {"account": account, "url": f"{service}/good?n={{{{ item }}}}"}
    return {
        "weft": 1,
        "name": "Watched",
        "nodes": {
            "start": {"type": "trigger.manual", "with": {}},
            "kept": {"type": "data.recall", "with": {"name": "kept"}},
            "each": {"type": "flow.for_each", "with": {"items": [1, 2, 3], "result": "{{ good.status }}"}},
            "good": {"type": "http.request", "in": "each", "with": get},
            "refused": {"type": "http.request", "with": {"account": account, "url": f"{service}/bad"}, **fails},
            "wrong": {
                "type": "http.request",
                "with": {"url": f"{service}/bad", "headers": spoken, "query": {"key": "{{ kept.api_key }}"}},
                **fails,
            },
            "prints": {"type": "code.python", "with": {"code": "print('said by the code')\nreturn 1"}},
            "sub": {"type": "flow.run_workflow", "with": {"workflow": called, "mode": "child"}},
            "end": {"type": "flow.output", "with": {"name": "end", "value": "{{ each }}"}},
        },
    }


@dataclass
class Watched:
    """The installation, who owns it, and what looks at it from outside."""

    there: Installation
    actor: Actor
    rest: httpx.AsyncClient
    collector: Collector
    workflow_id: str

    async def run(self) -> str:
        """One run, to its end."""
        started = await self.rest.post(f"/api/v1/workflows/{self.workflow_id}/runs?wait=30", json={})
        assert started.status_code == 200, started.text
        assert started.json()["status"] == "done", started.text
        return str(started.json()["id"])

    async def figures(self) -> dict[str, Metric]:
        """What a scraper gets."""
        answer = await self.rest.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
        assert answer.status_code == 200
        return {family.name: family for family in text_string_to_metric_families(answer.text)}

    def lines(self) -> list[dict[str, Any]]:
        """What the processes logged."""
        text = "".join(path.read_text() for path in self.there.folder.glob("*.log"))
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


@pytest.fixture
async def watched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watched]:
    collector, service = Collector(), Service()
    more = {
        "WEFT_LOG_FORMAT": "json",
        "WEFT_METRICS_TOKEN": TOKEN,
        "WEFT_ALLOW_PRIVATE_NETWORK": "127.0.0.0/8",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }
    with Installation(tmp_path / "weft", "sqlite", workers=1, more=more).running(monkeypatch.setenv) as there:
        catalog.cache_clear()
        token = await accounts.sign_up_owner("Ada", "ada@example.com", "correct horse battery")
        actor = await unit.ask(accounts.actor_for_session, token)
        assert actor is not None
        _, key = await unit.ask(api_keys.create, actor, "Watcher", "owner")
        account = await unit.ask(credentials.create, actor, "Shop", "core.bearer", {"token": IN_ACCOUNT})
        await unit.ask(credentials.set_limits, actor, account.id, {"per_second": 4, "burst": 1})
        called = await unit.ask(workflows.create, actor, "", CALLED)
        await unit.ask(workflows.publish, actor, called)
        made = await unit.ask(workflows.create, actor, "", document(service.url, account.id, called))
        await unit.ask(workflows.publish, actor, made)
        await unit.ask(stored_values.put, actor, made, "kept", {"api_key": IN_VALUE})
        async with httpx.AsyncClient(
            base_url=there.url, headers={"Authorization": f"Bearer {key}"}, timeout=60
        ) as rest:
            await answering(rest)
            yield Watched(there, actor, rest, collector, made)
        launch.dispose()
        db.dispose()
    catalog.cache_clear()
    collector.stop()
    service.server.shutdown()
    service.server.server_close()


async def answering(rest: httpx.AsyncClient) -> None:
    """Wait until the web server is up."""
    async with asyncio.timeout(60):
        while True:
            try:
                if (await rest.get("/readyz")).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)


def total(family: Metric, suffix: str = "", **labels: str) -> float:
    """The sum of a family's samples of that name, with these labels."""
    return sum(
        one.value
        for one in family.samples
        if one.name.removeprefix(family.name) == suffix and labels.items() <= one.labels.items()
    )


@pytest.mark.timeout(180)
async def test_figures_lines_and_traces_of_real_runs_and_no_secret_in_any(watched: Watched) -> None:
    run_id = await watched.run()
    await watched.run()
    waiting = await unit.ask(workflows.create, watched.actor, "", SLEEPING)
    slept = await watched.rest.post(f"/api/v1/workflows/{waiting}/runs", json={"use": "draft"})
    assert slept.status_code == 202, slept.text
    await check_figures(watched)
    check_lines(watched, run_id)
    await check_traces(watched, run_id)
    await check_secrets(watched, run_id)
    assert (await watched.rest.get("/healthz")).status_code == 200


SLEEPING: dict[str, Any] = {
    "weft": 1,
    "name": "Sleeps",
    "nodes": {
        "start": {"type": "trigger.manual", "with": {}},
        "rest": {"type": "flow.wait", "with": {"amount": 1, "unit": "hours", "value": 1}},
    },
}


async def check_figures(watched: Watched) -> None:
    """Each process tells of itself every five seconds."""
    async with asyncio.timeout(30):
        while True:
            found = await watched.figures()
            ended = found.get("weft_runs_ended")
            if (
                ended
                and total(ended, "_total", status="done") >= 4
                and total(found["weft_runs"], status="waiting") == 1
            ):
                break
            await asyncio.sleep(0.5)
    assert {one.labels["part"] for one in found["weft_process_up"].samples} == {"web", "worker", "scheduler"}
    assert all(10e6 < one.value < 2e9 for one in found["weft_process_memory_bytes"].samples)
    assert (total(found["weft_queue_depth"]), total(found["weft_queue_age_seconds"])) == (0, 0)
    assert (total(found["weft_leases"]), total(found["weft_leases_expired"])) == (0, 0)
    steps = found["weft_step_seconds"]
    assert total(steps, "_count", type="http.request", status="done") == 6
    assert (
        total(steps, "_count", type="http.request", status="failed")
        + total(steps, "_count", type="http.request", status="done")
        >= 6
    )
    assert 0 < total(steps, "_sum", type="code.python") < 60
    assert total(found["weft_retries"], "_total", type="http.request") == 4
    commits, operations = found["weft_commit_seconds"], found["weft_commit_operations"]
    assert 4 < total(commits, "_count") <= total(operations, "_sum") < 10_000
    assert 0 < total(commits, "_sum") < 60
    assert total(found["weft_leases_lost"], "_total") == 0
    waits = found["weft_rate_wait_seconds"]
    assert total(waits, "_count") >= 4
    assert 0.1 < total(waits, "_sum") < 60
    for family in (steps, commits, operations, waits):
        counts = [one for one in family.samples if one.name.endswith("_bucket") and one.labels["le"] == "+Inf"]
        assert sum(one.value for one in counts) == total(family, "_count")


def check_lines(watched: Watched, run_id: str) -> None:
    """What a step says, and what the code of a person prints, names run and step."""
    lines = watched.lines()
    assert {line["service"] for line in lines} >= {"worker", "scheduler"}
    said = [line for line in lines if line["event"] == "step.said" and line.get("run_id") == run_id]
    assert [line["step_id"] for line in said if line["text"] == "said by the code"] == ["prints"]
    waited = [line["step_id"] for line in said if "for its turn to call" in line["text"]]
    assert waited
    assert all(step_id.startswith("each.") and step_id.endswith("/good") for step_id in waited if "each" in step_id)


async def check_traces(watched: Watched, run_id: str) -> None:
    """One trace holds the run, its steps, and the run that it called."""
    async with asyncio.timeout(20):
        while True:
            spans = [span for span in watched.collector.spans if span.trace_id.hex() == run_id]
            if sum(span.name == "run" for span in spans) == 2:
                break
            await asyncio.sleep(0.2)
    by_id = {span.span_id: span for span in spans}
    runs = [span for span in spans if span.name == "run"]
    (called,) = [span for span in runs if span.parent_span_id]
    assert by_id[called.parent_span_id].name == "sub"
    inside = next(span for span in spans if span.name == "double")
    assert by_id[inside.parent_span_id] is called
    good = next(span for span in spans if span.name == "good")
    assert by_id[good.parent_span_id].name == "each"


async def check_secrets(watched: Watched, run_id: str) -> None:
    """Neither what an account holds nor what a step was sent as a secret shows anywhere but where it is kept."""
    shown = {
        "logs": "".join(path.read_text() for path in watched.there.folder.glob("*.log")),
        "metrics": (await watched.rest.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).text,
        "traces": bytes(watched.collector.received).decode("latin-1"),
        "redis": everything_in_redis(),
    }
    base = f"/api/v1/runs/{run_id}"
    steps = (await watched.rest.get(f"{base}/steps")).json()
    # What recalls a stored value gives it: that is data, and shown as such.
    shown["steps"] = json.dumps([step for step in steps if step["node_id"] != "kept"])
    for path in (base, f"{base}/events?follow=false", "/api/v1/accounts", "/api/v1/runs"):
        shown[path] = (await watched.rest.get(path)).text
    for node in ("refused", "wrong", "good", "end"):
        for side in ("input", "output"):
            path = f"{base}/steps/{node}/items?side={side}"
            shown[path] = (await watched.rest.get(path)).text
    shown["export"] = (await watched.rest.get(f"/api/v1/workflows/{watched.workflow_id}")).text
    for where, text in shown.items():
        assert IN_ACCOUNT not in text, where
        assert IN_VALUE not in text, where
    rows = everything_in(settings().database_url.removeprefix("sqlite:///"))
    assert [name for name, text in rows.items() if IN_ACCOUNT in text] == []
    # A stored value is data, which stands where it is stored and in the step that recalls it.
    assert {name for name, text in rows.items() if IN_VALUE in text} <= {
        "stored_value.value",
        "value_change.value",
        "step.output",
    }
    assert "wrong" not in rows["step.output"] or IN_VALUE not in step_of(run_id, "wrong")


def everything_in_redis() -> str:
    with redis.Redis.from_url(settings().redis_url) as client:
        readers: dict[Any, Any] = {
            b"string": client.get,
            b"hash": client.hgetall,
            b"list": lambda key: client.lrange(key, 0, -1),
            b"set": client.smembers,
            b"zset": lambda key: client.zrange(key, 0, -1),
            b"stream": client.xrange,
        }
        return str([(key, readers[client.type(key)](key)) for key in client.scan_iter()])


def everything_in(path: str) -> dict[str, str]:
    """All that stands in each column."""
    found: dict[str, str] = {}
    with closing(sqlite3.connect(path)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            cursor = connection.execute(f'SELECT * FROM "{table}"')
            names = [column[0] for column in cursor.description]
            for row in cursor:
                for name, value in zip(names, row, strict=True):
                    found[f"{table}.{name}"] = found.get(f"{table}.{name}", "") + str(value)
    return found


def step_of(run_id: str, node_id: str) -> str:
    with closing(sqlite3.connect(settings().database_url.removeprefix("sqlite:///"))) as connection:
        return str(
            connection.execute("SELECT * FROM step WHERE run_id = ? AND node_id = ?", (run_id, node_id)).fetchall()
        )
