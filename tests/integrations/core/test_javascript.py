"""The process in which JavaScript runs: what the kernel refuses it, and what its end does to the worker (nothing)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.contract import OutputTooLarge
from integrations.core.code import processes
from integrations.core.code.javascript import JavaScript, _children, javascript
from integrations.core.code.processes import Child, Children, Died, Overdue
from tests.integrations.services import RUN, LinesLog

FOLDER = Path(processes.__file__).parent

TRIES = """
import json, os, sys
sys.path.insert(0, sys.argv[1])
import child, ctypes, io, select, socket, subprocess
child.lock_down()
def refused(f):
    try:
        f()
    except OSError as error:
        return error.errno
    return None
tries = {
    "read a file": lambda: open("/etc/hostname"),
    "write a file": lambda: open("/tmp/from-a-sandbox", "w"),
    "remove a file": lambda: os.unlink("/tmp/from-a-sandbox"),
    "rename": lambda: os.rename("/tmp/a", "/tmp/b"),
    "list a folder": lambda: os.listdir("/"),
    "socket": lambda: socket.socket(),
    "unix socket": lambda: socket.socketpair(),
    "program": lambda: os.execv("/bin/true", ["true"]),
    "posix_spawn": lambda: os.posix_spawn("/bin/true", ["true"], {}),
    "kill the worker": lambda: os.kill(os.getppid(), 0),
    "pipe": lambda: os.pipe(),
    "memory file": lambda: os.memfd_create("x"),
}
print(json.dumps({name: refused(f) for name, f in tries.items()}))
"""


def test_the_kernel_refuses_a_child_everything_but_computing() -> None:
    done = subprocess.run(
        [sys.executable, "-I", "-c", TRIES, str(FOLDER)], capture_output=True, text=True, timeout=60, check=False
    )
    found = json.loads(done.stdout)
    assert all(found.values()), f"not refused: {found} {done.stderr}"


def request(code: str, **more: object) -> dict[str, object]:
    limits = {"seconds": 5, "megabytes": 64, "most_printed": 1000, "most_result": 1000}
    return {"code": code, "items": None, "inputs": {}, **limits, **more}


@pytest.fixture
def child() -> Iterator[Child]:
    made = Child()
    yield made
    made.kill()


def test_one_context_leaves_nothing_for_the_next(child: Child) -> None:
    child.ask(request("globalThis.left = 1; Array.prototype.left = 2; Object.freeze(Object.prototype); return 1"), 5)
    reply = child.ask(request("return [typeof left, [].left ?? null]"), 5)
    assert json.loads(reply["value"]) == ["undefined", None]


def test_a_child_that_does_not_answer_is_killed(child: Child) -> None:
    child.ask(request("return 1"), 5)
    with pytest.raises(Overdue):
        # It believes that it may run for long; the worker's own clock is what counts.
        child.ask(request("while (true) {}", seconds=60), 0.1)
    assert not child.alive


def test_a_child_that_is_killed_has_died_and_nothing_else(child: Child) -> None:
    child.ask(request("return 1"), 5)
    os.kill(child._process.pid, signal.SIGKILL)
    with pytest.raises(Died):
        child.ask(request("return 1"), 5)


def test_workspaces_share_no_child() -> None:
    children = Children(2)
    first, _ = children.take("a")
    children.give_back("a", first)
    other, used = children.take("b")
    assert other is not first and not used
    again, used = children.take("a")
    assert again is first and used
    for one in (first, other):
        one.kill()
    children.close()


def test_a_child_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[3])!r})
from integrations.core.code.processes import Child
child = Child()
child.ask({request("return 1")!r}, 5)
print(child._process.pid, flush=True)
child.ask({request("while (true) {}", seconds=60)!r}, 60)
"""
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < until, "the child outlived its parent"
        time.sleep(0.05)


async def test_cancelling_ends_the_child_and_the_next_call_works() -> None:
    run = replace(RUN, workspace_id="cancelled")
    task = asyncio.create_task(javascript(JavaScript(code="while (true) {}", time_limit=60), LinesLog(), run))
    await asyncio.sleep(0.6)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    result = await javascript(JavaScript(code="return 1"), LinesLog(), run)
    assert result.value == 1


async def test_a_kept_child_that_was_killed_is_replaced() -> None:
    run = replace(RUN, workspace_id="replaced")
    await javascript(JavaScript(code="return 1"), LinesLog(), run)
    kept, used = _children().take("replaced")
    assert used
    _children().give_back("replaced", kept)
    os.kill(kept._process.pid, signal.SIGSTOP)  # alive as far as anybody can tell, and then gone
    task = asyncio.create_task(javascript(JavaScript(code="return 2"), LinesLog(), run))
    await asyncio.sleep(0.3)
    os.kill(kept._process.pid, signal.SIGKILL)
    assert (await task).value == 2


async def test_a_child_that_dies_each_time_is_explained() -> None:
    # The largest buffer that the limit allows, then some more that V8 needs for itself.
    code = "const a = []; for (let i = 0; ; i++) a.push(`${i}`.repeat(1e6))"
    with pytest.raises(OutputTooLarge):
        await javascript(JavaScript(code=code, memory_limit=16), LinesLog(), RUN)
