"""Nodes for tests of execution: small, real, and with an effect that can be counted from outside.

Loaded as `integrations.lab` where the setting WEFT_INTEGRATIONS names the folder above.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from engine.contract import (
    Costs,
    Effect,
    Idempotency,
    Integration,
    Lists,
    Log,
    NodeError,
    Params,
    PermanentError,
    Port,
    RateLimited,
    RunInfo,
    TimedOut,
    Unavailable,
    Waiting,
    Whole,
    action,
)


class Write(Params):
    value: Annotated[Any, Port()] = Field(default=None, description="What is written", examples=[1])
    path: str = Field(description="The log that is appended to", examples=["log"])
    seconds: float = Field(default=0, description="How long the effect takes after it happened", examples=[0])
    kind: str = Field(default="write", description="write or read", examples=["write"])
    error: str = Field(default="", description="Fail after the effect in this way", examples=[""])


def append(path: str, *words: object) -> None:
    """One line, whole or not at all, whoever else writes and whoever is killed."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, (" ".join(map(str, words)) + "\n").encode())
    finally:
        os.close(descriptor)


ERRORS: dict[str, NodeError] = {
    "timeout": TimedOut("No answer came."),
    "busy": Unavailable("Busy.", status=503, request={"url": "https://x.test", "token": "s3cret"}),
    "limited": RateLimited("Slow down.", retry_after=2, status=429),
}


@action(
    "lab.write",
    title="Write a line",
    category="lab",
    icon="pen",
    effect=lambda p: Effect.read if getattr(p, "kind", "") == "read" else Effect.write,
)
async def write(params: Write, run: RunInfo, key: Idempotency, log: Log) -> Any:
    """Append `run node item attempt key scope` to the log.

    With a list: once per item.
    """
    append(params.path, run.run_id, run.node_id, run.item or "-", run.attempt, key.key, run.scope or "-")
    log.info(f"wrote for {run.item or 'all'}")
    if params.seconds:
        await asyncio.sleep(params.seconds)
    if params.error:
        raise ERRORS[params.error]
    return params.value


class Sleep(Params):
    value: Annotated[Any, Port()] = Field(default=None, description="Passed on", examples=[1])
    seconds: float = Field(default=0, description="How long", examples=[0.1])
    marks: str = Field(default="", description="A log of starts and ends", examples=[""])


@action("lab.sleep", title="Sleep", category="lab", icon="moon", effect=Effect.read)
async def sleep(params: Sleep) -> Any:
    """Take a while, then pass the value on.

    With a list: once per item.
    """
    if params.marks:
        append(params.marks, "start", params.value)
    await asyncio.sleep(params.seconds)
    if params.marks:
        append(params.marks, "end", params.value)
    return params.value


@action("lab.think", title="Think", category="lab", icon="brain")
async def think(params: Sleep) -> Any:
    """The same, without asking anybody: pure.

    With a list: once per item.
    """
    await asyncio.sleep(params.seconds)
    return params.value


class Fail(Params):
    value: Annotated[Any, Port()] = Field(default=None, description="Passed on", examples=[1])
    when: Any = Field(default=True, description="Fail if this holds", examples=[True])
    path: str = Field(default="", description="A log of tries", examples=[""])
    times: int = Field(default=1_000_000, description="Only so often", examples=[1])
    error: str = Field(default="busy", description="How", examples=["busy"])


@action("lab.fail", title="Fail", category="lab", icon="x")
async def fail(params: Fail, run: RunInfo) -> Any:
    """Fail on demand.

    With a list: once per item.
    """
    if params.path:
        append(params.path, run.run_id, run.node_id, run.item or "-", run.attempt)
    if params.when and run.attempt <= params.times:
        raise ERRORS[params.error]
    return params.value


class Flaky(Params):
    value: Annotated[Any, Port()] = Field(default=None, description="Passed on", examples=[1])
    path: str = Field(description="A log of the calls, by value", examples=["log"])
    times: int = Field(default=1, description="Fail so often for each value", examples=[1])
    seconds: float = Field(default=0, description="How long", examples=[0])


@action("lab.flaky", title="Fail at first", category="lab", icon="x", effect=Effect.read)
async def flaky(params: Flaky) -> Any:
    """Fail the first times that a value comes, in whatever run or round.

    With a list: once per item.
    """
    told = json.dumps(params.value, separators=(",", ":"))
    append(params.path, told)
    await asyncio.sleep(params.seconds)
    if Path(params.path).read_text().splitlines().count(told) <= params.times:  # noqa: ASYNC240 - a small file of a test
        raise ERRORS["busy"]
    return params.value


class Doze(Params):
    value: Annotated[Any, Port()] = Field(default=None, description="Passed on", examples=[1])
    seconds: float = Field(description="How long", examples=[2])


@action("lab.doze", title="Doze", category="lab", icon="bed")
async def doze(params: Doze) -> Waiting:
    """Park the run.

    With a list: each item by itself.
    """
    return Waiting(datetime.now(UTC) + timedelta(seconds=params.seconds), params.value)


class Compute(Params):
    value: Annotated[Any, Port()] = Field(description="What to work on: a number, or `die`, `crash`", examples=[3])
    once: str = Field(default="", description="A file: die only while it is not there", examples=[""])
    seconds: float = Field(default=0, description="How long", examples=[0])


@action("lab.compute", title="Compute", category="lab", icon="cpu", cpu=True, batch=50)
def compute(params: list[Compute]) -> list[dict[str, Any] | NodeError]:
    """Square numbers in a child process.

    With a list: in batches.
    """
    return [_computed(one) for one in params]


def _computed(params: Compute) -> dict[str, Any]:
    if params.seconds:
        time.sleep(params.seconds)
    if params.value == "crash":
        raise ValueError("crashed as asked")
    if params.value == "die":
        if not params.once or not Path(params.once).exists():
            if params.once:
                Path(params.once).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return {"square": 0, "pid": os.getpid()}
    return {"square": params.value**2, "pid": os.getpid()}


class Pay(Params):
    value: Annotated[Any, Port()] = Field(default=None, description="Passed on", examples=[1])
    dollars: float = Field(description="What it costs", examples=[0.25])


@action("lab.pay", title="Pay", category="lab", icon="coins", effect=Effect.read)
async def pay(params: Pay, costs: Costs) -> Any:
    """Cost something.

    With a list: once per item.
    """
    costs.add(params.dollars)
    return params.value


class Total(Params):
    values: Annotated[Any, Port(), Whole()] = Field(description="A list", examples=[[1, 2]])


@action("lab.total", title="Total", category="lab", icon="sigma")
async def total(params: Total) -> int:
    """How many there are.

    With a list: takes it whole.
    """
    return len(params.values or [])


class Send(Params):
    value: Annotated[Any, Port()] = Field(default=None, description="What is sent", examples=[1])
    path: str = Field(description="The log of what was sent", examples=["log"])
    bad: str = Field(default="", description="A file of values that are refused, one a line, as JSON", examples=[""])
    kind: str = Field(default="write", description="write or read", examples=["write"])


@action(
    "lab.send",
    title="Send",
    category="lab",
    icon="send",
    effect=lambda p: Effect.read if (p.get("kind") if isinstance(p, dict) else p.kind) == "read" else Effect.write,
)
async def send(params: Send, run: RunInfo) -> Any:
    """Append `run node value` to the log, but for a value that is refused.

    With a list: once per item.
    """
    told = json.dumps(params.value, separators=(",", ":"))
    if params.bad and told in Path(params.bad).read_text().splitlines():  # noqa: ASYNC240 - a small file of a test
        raise PermanentError(f"{told} was refused.")
    append(params.path, run.run_id, run.node_id, told)
    return params.value


class Count(Params):
    to: int = Field(description="How many rows", examples=[3])


@action("lab.count", title="Count", category="lab", icon="list")
def count(params: Count) -> Iterator[dict[str, Any]]:
    """Give numbered rows, one after the other.

    With a list: once per item.
    """
    for n in range(params.to):
        yield {"n": n, "odd": n % 2 == 1}


@action("lab.sheet", title="Sheet", category="lab", icon="table", cpu=True)
def sheet(params: Count, lists: Lists) -> dict[str, Any]:
    """A record with numbers in it.

    With a list: once per item.
    """
    return {"name": "all", "rows": lists.keep(range(params.to))}


class Talk(Params):
    lines: int = Field(description="How many lines", examples=[3])


@action("lab.talk", title="Talk", category="lab", icon="message-square")
async def talk(params: Talk, log: Log) -> int:
    """Write to the log.

    With a list: once per item.
    """
    for n in range(params.lines):
        log.info(f"line {n}")
    return params.lines


integration = Integration(
    id="lab",
    name="Lab",
    description="Nodes for tests of execution",
    nodes=(pay, write, sleep, fail, flaky, doze, compute, total, send, count, talk, sheet, think),
)
