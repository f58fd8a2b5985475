"""Calls a node as a case says, with small real services, and gives back what came of it."""

from __future__ import annotations

import asyncio
import base64
import copy
import inspect
import json
from collections.abc import Generator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, fields
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from pydantic import ValidationError
from pydantic_core import to_jsonable_python

from engine.contract import (
    Answer,
    Asking,
    BadParams,
    CallWorkflow,
    Chance,
    Costs,
    Credentials,
    Files,
    Fired,
    FirstOf,
    Guard,
    Idempotency,
    Iterate,
    Lists,
    Log,
    LongList,
    NodeError,
    NodeType,
    OneTimeAddress,
    Params,
    Progress,
    Respond,
    Rounds,
    RunInfo,
    Store,
    Waiting,
)
from engine.contract.http import HttpClient, open_client
from engine.store.runvalues import RunValues
from tests.integrations.cases import Case
from tests.integrations.kept import EARLIER, Kept
from tests.integrations.services import NOW, RUN, Accounts, Bill, FolderFiles, LinesLog, lists_in

KNOWN_SERVICES = frozenset(
    {Log, Files, Lists, Progress, Idempotency, RunInfo, Credentials, HttpClient, Answer, OneTimeAddress, Store, Chance}
    | {Costs}
)


@dataclass
class Result:
    """What came of a call: outputs by name, an answer, a wait, what is asked of the engine, or
    an error; and what was told on the way."""

    outputs: dict[str, Any] = field(default_factory=dict)
    waits: datetime | None = None
    responds: Respond | None = None
    asks: dict[str, Any] | None = None
    error: NodeError | None = None
    log: list[str] = field(default_factory=list)
    params: Any = None
    unchanged: bool = True
    values: dict[str, Any] = field(default_factory=dict)


class Server:
    """Answers each call with the next exchange, and keeps what did not fit."""

    def __init__(self, exchanges: list[dict[str, Any]]) -> None:
        self.left = list(exchanges)
        self.surprises: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                outer.answer(self)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = do_OPTIONS = handle_any

            def log_message(self, *args: object) -> None: ...

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.005}, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def answer(self, call: BaseHTTPRequestHandler) -> None:
        body = call.rfile.read(int(call.headers.get("content-length") or 0)).decode("utf-8", "replace")
        exchange = self.left.pop(0) if self.left else {"request": {"method": "nothing more"}, "response": {}}
        self._compare(exchange["request"], call, body)
        response = json.loads(json.dumps(exchange["response"]).replace("$SERVER", self.url))
        content = self._content(response)
        call.send_response(response.get("status", 200))
        for name, value in response.get("headers", {}).items():
            call.send_header(name, value)
        if "json" in response:
            call.send_header("Content-Type", "application/json")
        call.send_header("Content-Length", str(len(content)))
        call.end_headers()
        if call.command != "HEAD":
            call.wfile.write(content)

    @staticmethod
    def _content(response: Mapping[str, Any]) -> bytes:
        if "json" in response:
            return json.dumps(response["json"]).encode()
        if "base64" in response:
            return base64.b64decode(response["base64"])
        return str(response.get("text", "")).encode()

    def _compare(self, wanted: Mapping[str, Any], call: BaseHTTPRequestHandler, body: str) -> None:
        target = urlsplit(call.path)
        found: dict[str, Any] = {
            "method": call.command,
            "path": target.path,
            "query": dict(parse_qsl(target.query, keep_blank_values=True)),
            "body": body,
        }
        for name, value in wanted.items():
            if name == "headers":
                seen = {header.lower(): text for header, text in call.headers.items()}
                for header, text in value.items():
                    if seen.get(header.lower()) != text:
                        self.surprises.append(f"header {header}: {seen.get(header.lower())!r} instead of {text!r}")
            elif name == "json":
                if json.loads(body or "null") != value:
                    self.surprises.append(f"body {body!r} instead of {value!r}")
            elif name == "body_contains":
                self.surprises += [f"{part!r} is not in {body!r}" for part in value if part not in body]
            elif found[name] != value:
                self.surprises.append(f"{name} {found[name]!r} instead of {value!r}")


def replay(node: NodeType, case: Case, folder: Path, *, long: bool = False) -> Result:
    """Call `node` once. What the loopback server did not expect is an AssertionError.

    With `long` lists are not in memory where the node says that it takes them piece by piece.
    """
    files = FolderFiles(folder)
    with Server(case.data.get("exchange", [])) as server:
        with Kept(folder, case.data.get("values", {})) if Store in node.services.values() else nullcontext() as kept:
            result = asyncio.run(_call(node, case, files, server, kept, long=long))
            result.values = kept.now() if kept else {}
        assert not server.surprises, server.surprises
        assert not server.left, f"calls that were not made: {server.left}"
    return result


async def _stored(node: NodeType, case: Case, kept: Kept) -> RunValues:
    """The run's stored values, after what an earlier run did."""
    for number, raw in enumerate(case.data.get("earlier", ())):
        store = RunValues(kept.database, RUN.workspace_id, RUN.workflow_id, EARLIER, f"earlier {number}")
        await node.function(node.params.model_validate(raw), store=store)
    return kept.of(RUN.run_id)


async def _call(
    node: NodeType, case: Case, files: FolderFiles, server: Server, kept: Kept | None, *, long: bool = False
) -> Result:
    raw = _fill(case.data.get("params", {}), files, case, server.url)
    result = Result()
    log = LinesLog(result.log)
    async with open_client(["127.0.0.1"]) as http:
        made: dict[Any, Any] = {
            Log: log,
            Files: files,
            Lists: lists_in(files.folder),
            Credentials: Accounts(_fill(case.data.get("accounts", {}), files, case, server.url)),
            HttpClient: http,
            Idempotency: Idempotency("run:node::0"),
            RunInfo: RUN,
            Costs: Bill(),
            Answer: Answer(**case.data.get("answer", {})),
            OneTimeAddress: OneTimeAddress("https://weft.test/c/token"),
            Chance: Chance(b"secret", "run::node:"),
        }
        if kept is not None:
            made[Store] = await _stored(node, case, kept)
        services = {name: made[kind] for name, kind in node.services.items()}
        if node.kind == "trigger":
            services["event"] = case.data.get("event")
        try:
            params = node.params.model_validate(copy.deepcopy(raw))
            before = params.model_dump()
            given = as_long(node, params) if long else params
            value = node.function([given] if node.batch else given, **services)
            value = await value if inspect.isawaitable(value) else value
            value = list(value) if isinstance(value, Generator) else value
            result.unchanged = params.model_dump() == before
            result.params = params
            value = list(value) if isinstance(value, LongList) else value
            _take(value[0] if node.batch else value, result)
        except NodeError as error:
            result.error = error
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            result.error = BadParams(first["msg"], field=".".join(map(str, first["loc"])))
    return result


class Held(LongList):
    """A list that can be read piece by piece only."""

    def __init__(self, items: list[Any]) -> None:
        self._items = items

    def __len__(self) -> int:
        return len(self._items)

    def read(self, start: int, stop: int) -> list[Any]:
        return self._items[start:stop]


def as_long(node: NodeType, params: Params) -> Params:
    """The params with every list that the node takes piece by piece as one that is not in memory."""
    lists = {name: _long(getattr(params, name), spec.levels) for name, spec in node.fields.items() if spec.streams}
    return params.model_copy(update=lists)


def _long(value: Any, levels: int) -> Any:
    if levels > 1 and isinstance(value, list):
        return [_long(inner, levels - 1) for inner in value]
    return Held(value) if isinstance(value, list) else value


def _fill(value: Any, files: FolderFiles, case: Case, url: str) -> Any:
    if isinstance(value, dict):
        if set(value) == {"$stored"}:
            return _store(value["$stored"], case, files)
        return {key: _fill(item, files, case, url) for key, item in value.items()}
    if isinstance(value, list):
        return [_fill(item, files, case, url) for item in value]
    return value.replace("$SERVER", url) if isinstance(value, str) else value


def _store(name: str, case: Case, files: FolderFiles) -> dict[str, Any]:
    stored = case.data["files"][name]
    content = (
        base64.b64decode(stored["base64"])
        if "base64" in stored
        else stored["text"].encode(stored.get("encoding", "utf-8"))
    )
    saved = files.save(name, stored.get("media_type", "application/octet-stream"), content)
    return saved.model_dump(by_alias=True)


def _told(value: Any) -> Any:
    """The items of a list that is read as its rounds begin."""
    lazy = isinstance(value, Sequence | LongList) and not isinstance(value, str | list | tuple)
    return list(value) if lazy else value


def _take(value: Any, result: Result) -> None:
    if isinstance(value, NodeError):
        raise value
    if isinstance(value, CallWorkflow | FirstOf | Guard | Iterate | Rounds):
        told = {part.name: _told(getattr(value, part.name)) for part in fields(value) if part.repr}
        result.asks, value = {type(value).__name__: told}, None
    if isinstance(value, Asking):
        told = {"kind": value.kind, "until": value.until, "detail": value.detail, "evidence": value.evidence}
        result.asks = {"Asking": to_jsonable_python(told)}
        result.outputs = {} if value.early is None else {value.early.output: to_jsonable_python(value.early.value)}
        return
    if isinstance(value, Waiting):
        result.waits, value = value.until, value.value
    if isinstance(value, Respond):
        result.responds, value = value, value.body
    fired = (value,) if isinstance(value, Fired) else value
    if isinstance(fired, tuple) and all(isinstance(part, Fired) for part in fired):
        result.outputs = {part.output: to_jsonable_python(part.value, by_alias=True) for part in fired}
    else:
        result.outputs = {"main": to_jsonable_python(value, by_alias=True)}


__all__ = ["KNOWN_SERVICES", "NOW", "Result", "replay"]
