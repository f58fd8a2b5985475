"""JavaScript: a piece of code of the user's own, run by V8 in a child process."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Annotated, Any

from pydantic import BaseModel, Field

from engine.contract import (
    BadParams,
    Code,
    KeyValue,
    Log,
    OutputTooLarge,
    Params,
    PermanentError,
    Port,
    RunInfo,
    TimedOut,
    Whole,
    action,
)
from integrations.core.code.processes import Child, Children, Died, Overdue

MOST_PRINTED = 64 * 1024
MOST_BYTES = 32 * 1024 * 1024  # of what goes in, and of what comes out
_NAME = re.compile(r"[A-Za-z_$][\w$]*", re.ASCII)
_HEADER_LINES = 3  # what stands before the code in harness.js
_PLACE = re.compile(r"code\.js:(\d+):\d+")
# Words that cannot be a parameter's name in strict code (ECMA-262, 12.7.2), and the names that are taken.
_RESERVED = re.compile(
    "await|break|case|catch|class|const|continue|debugger|default|delete|do|else|enum|export|extends|false|finally|for|"
    "function|if|implements|import|in|instanceof|interface|let|new|null|package|private|protected|public|return|static|"
    "super|switch|this|throw|true|try|typeof|var|void|while|with|yield|eval|arguments|items|inputs"
)


class JavaScript(Params):
    code: Annotated[str, Code(language="javascript")] = Field(
        min_length=1,
        max_length=100_000,
        description="JavaScript; what it returns is the output",
        examples=["return items.filter((item) => item.amount > 10)"],
    )
    items: Annotated[Any, Whole(), Port()] = Field(
        default=None, description="What the code sees as items: a list, or any other value", examples=[[{"amount": 12}]]
    )
    inputs: Annotated[dict[str, Any], Whole(), KeyValue(add="Add variable")] = Field(
        default_factory=dict,
        description="Further variables that the code can use; inputs holds all of them",
        examples=[{"limit": 10}],
    )
    time_limit: float = Field(default=10, gt=0, le=60, description="Seconds that it may run", examples=[5])
    memory_limit: int = Field(default=128, ge=16, le=1024, description="Megabytes that it may use", examples=[256])


class Returned(BaseModel):
    """What the code gave back."""

    value: Any = Field(description="What the code returned")


@action(
    "code.javascript",
    title="JavaScript",
    category="code",
    icon="braces",
    time_limit=120,
    subtitle="Your own code, in a sandbox",
    keywords=("script", "function", "js", "node", "transform", "custom", "program"),
)
async def javascript(params: JavaScript, log: Log, run: RunInfo) -> Returned:
    """Run JavaScript in a sandbox. What it returns is the output: `return items.map((item) => item.name)`.

    The code sees `items`, each of the variables by its name, and `inputs` with all of them. It is run by V8 as strict
    code, with today's language, Intl and Temporal, and without files, network, timers, packages and `require`. Time and
    memory are limited. What `console.log` prints stands in the step's log. An error names its line. What is returned
    goes on as JSON: dates become texts, functions and undefined fields are left out.

    With a list: the code gets it whole and decides what to do with it.
    """
    request = _request(params)
    child_box: list[Child] = []
    work = asyncio.get_running_loop().run_in_executor(
        _threads(), _ask, run.workspace_id, request, params.time_limit, child_box
    )
    try:
        reply = await asyncio.shield(work)
    except asyncio.CancelledError:
        # The thread that waits for the child is freed by the child's end.
        for child in child_box:
            child.kill()
        raise
    except Overdue:
        raise _too_slow(params) from None
    except Died:
        raise _too_big(params) from None
    return Returned(value=_value(reply, params, log))


@cache
def _threads() -> ThreadPoolExecutor:
    """One thread per child: a thread only waits for its process."""
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="javascript-node")


@cache
def _children() -> Children:
    return Children(os.cpu_count() or 1)


def _request(params: JavaScript) -> dict[str, Any]:
    for name in params.inputs:
        if not _NAME.fullmatch(name) or _RESERVED.fullmatch(name):
            raise BadParams(
                f"“{name}” cannot be a variable's name in JavaScript.",
                field="inputs",
                hint="Use letters, digits and underscores, and no word of the language itself.",
            )
    try:
        size = len(json.dumps([params.items, params.inputs], allow_nan=False))
    except (TypeError, ValueError, RecursionError) as error:
        raise BadParams(f"An input cannot be handed to the code: {error}.", field="inputs") from error
    if size > MOST_BYTES:
        raise OutputTooLarge(
            f"The inputs take {size:,} bytes as JSON; code takes {MOST_BYTES:,}.",
            hint="Hand the code fewer items at once: cut the list with Chunk, or filter it before.",
        )
    return {
        "code": params.code, "items": params.items, "inputs": params.inputs, "seconds": params.time_limit,
        "megabytes": params.memory_limit, "most_printed": MOST_PRINTED, "most_result": MOST_BYTES,
    }  # fmt: skip


def _ask(workspace_id: str, request: Mapping[str, Any], seconds: float, child_box: list[Child]) -> dict[str, Any]:
    """In a thread: have a child run the code. One that was kept may have ended meanwhile: then a new one does it."""
    child, used = _children().take(workspace_id)
    child_box[:] = [child]
    try:
        reply = child.ask(request, seconds)
    except Died:
        if not used:
            raise
        child = Child()
        child_box[:] = [child]
        reply = child.ask(request, seconds)
    child_box.clear()
    if "ends" in reply:
        child.kill()
    else:
        _children().give_back(workspace_id, child)
    return reply


def _value(reply: Mapping[str, Any], params: JavaScript, log: Log) -> Any:
    """What the code returned, its printed lines told. Raises NodeError as the reply says."""
    for level, line in reply.get("lines", ()):
        for part in str(line).split("\n"):
            (log.warning if level == "warning" else log.info)(part)
    if reply.get("printed", 0) > MOST_PRINTED:
        log.warning(f"The code printed more than {MOST_PRINTED // 1024} kB; the rest is not kept.")
    if (error := reply.get("error")) is not None:
        raise _refusal(str(error), reply, params)
    if "too_large" in reply:
        raise OutputTooLarge(
            f"The code returned {reply['too_large']:,} characters of JSON; {MOST_BYTES:,} can go on.",
            hint="Return less, or write it to a file.",
        )
    if reply["failed"] is not None:
        raise _failure(reply["failed"], unfit=reply.get("unfit", False))
    if not reply["done"]:
        raise BadParams(
            "The code awaits something that never comes.",
            field="code",
            hint="There are no timers, no network and no events here. Use an HTTP node or a Wait node before it.",
        )
    if reply.get("nothing"):
        log.warning("The code returned nothing. End it with return and a value.")
    return json.loads(reply["value"])


def _refusal(error: str, reply: Mapping[str, Any], params: JavaScript) -> Exception:
    if error == "time":
        return _too_slow(params)
    if error == "memory":
        return _too_big(params)
    if error == "syntax":
        return BadParams(
            f"The code cannot be read in line {_line(reply['line'], params)}: {reply['text']}.", field="code"
        )
    return PermanentError(f"The code failed: {reply['text']}.")


def _too_slow(params: JavaScript) -> TimedOut:
    return TimedOut(
        f"The code ran longer than {params.time_limit:g} s.", hint="Raise its time limit, or do less at once."
    )


def _too_big(params: JavaScript) -> OutputTooLarge:
    return OutputTooLarge(
        f"The code needed more than {params.memory_limit} MB.", hint="Raise its limit, or work on less at once."
    )


def _failure(failed: Mapping[str, Any], *, unfit: bool) -> Exception:
    message = ": ".join(filter(None, (failed["name"], failed["message"].split("\n")[0])))[:500].rstrip(".")
    if unfit:
        return BadParams(
            f"What the code returned cannot go on: {message}.",
            field="code",
            hint="Return texts, numbers, true or false, lists and plain objects.",
        )
    found = _PLACE.search(failed["stack"])
    where = f" in line {int(found[1]) - _HEADER_LINES}" if found else ""
    return PermanentError(f"The code failed{where}: {message}.")


def _line(number: int, params: JavaScript) -> int:
    """The code's own line; a mistake that shows only at the end stands in the last one."""
    return max(1, min(number - _HEADER_LINES, params.code.count("\n") + 1))
