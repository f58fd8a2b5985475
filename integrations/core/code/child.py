"""The child process in which JavaScript runs: V8 without a way out, one fresh context per request.

Started as a script by `processes.py`, so it imports nothing of Weft. It reads requests from standard input and writes
replies to standard output, both as four bytes of length and JSON. It ends when its parent does, when nobody asks it
for a minute, and after anything that leaves V8 in doubt.

V8 as embedded here has no files, no network and no processes. Should a fault of V8 be used to break out of it, the
kernel still refuses: no file descriptor can be opened, no socket made, no program started, no memory taken beyond
the limit (setrlimit(2), seccomp(2)).
"""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import platform
import re
import resource
import select
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Any

from py_mini_racer import JSEvalException, JSOOMException, MiniRacer, mini_racer

IDLE_SECONDS = 60.0
SPARE_BYTES = 96 * 1024 * 1024  # what V8 and this process take beside the code's own values
_LONGEST_MESSAGE = 2_000
_SYNTAX = re.compile(r"^[^\n:]*:(\d+): (\w*Error: [^\n]*)")

_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS = 1, 38
_SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC = 1, 1
_EPERM_RETURN, _ALLOW = 0x00050000 | 1, 0x7FFF0000
# Refused, by Linux's numbers: opening and changing files, sockets, starting programs, looking into others, new name
# spaces, and the ways around these.
_CALLS = {
    "x86_64": (
        0xC000003E,
        317,
        """open=2 openat=257 openat2=437 creat=85 open_by_handle_at=304 truncate=76 rename=82 renameat=264 renameat2=316
        mkdir=83 mkdirat=258 rmdir=84 link=86 linkat=265 unlink=87 unlinkat=263 symlink=88 symlinkat=266 mknod=133
        mknodat=259 chmod=90 fchmodat=268 chown=92 fchownat=260 chdir=80 chroot=161 pivot_root=155 mount=165 umount2=166
        socket=41 socketpair=53 connect=42 bind=49 accept=43 accept4=288 execve=59 execveat=322 fork=57 vfork=58
        ptrace=101 process_vm_readv=310 process_vm_writev=311 pidfd_open=434 pidfd_getfd=438 kill=62 unshare=272
        setns=308 io_uring_setup=425 io_uring_enter=426 io_uring_register=427 userfaultfd=323 bpf=321
        perf_event_open=298 add_key=248 request_key=249 keyctl=250 memfd_create=319 init_module=175 finit_module=313""",
    ),
    "aarch64": (
        0xC00000B7,
        277,
        """openat=56 openat2=437 open_by_handle_at=265 truncate=45 renameat=38 renameat2=276 mkdirat=34 unlinkat=35
        symlinkat=36 linkat=37 mknodat=33 fchmodat=53 fchownat=54 chdir=49 chroot=51 pivot_root=41 mount=40 umount2=39
        socket=198 socketpair=199 bind=200 connect=203 accept=202 accept4=242 execve=221 execveat=281 ptrace=117
        process_vm_readv=270 process_vm_writev=271 pidfd_open=434 pidfd_getfd=438 kill=129 unshare=97 setns=268
        io_uring_setup=425 io_uring_enter=426 io_uring_register=427 userfaultfd=282 bpf=280 perf_event_open=241
        add_key=217 request_key=218 keyctl=219 memfd_create=279 init_module=105 finit_module=273""",
    ),
}


class _Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(_Instruction))]


def lock_down() -> None:
    """Give up, for good and for all threads, what computing needs nothing of."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
    resource.setrlimit(resource.RLIMIT_NOFILE, (highest, highest))  # its own listing took one more
    for limit in (resource.RLIMIT_FSIZE, resource.RLIMIT_CORE):
        resource.setrlimit(limit, (0, 0))
    calls = _CALLS.get(platform.machine())
    if sys.platform != "linux" or calls is None:
        return
    architecture, seccomp, named = calls
    refused = [int(number) for number in re.findall(r"=(\d+)", named)]
    load, jump_equal, jump_above, give = 0x20, 0x15, 0x35, 0x06
    steps = [(load, 0, 0, 4), (jump_equal, 1, 0, architecture), (give, 0, 0, _EPERM_RETURN), (load, 0, 0, 0)]
    steps += [(jump_above, len(refused) + 1, 0, 0x40000000)]  # x32, the same calls under other numbers
    steps += [(jump_equal, len(refused) - i, 0, number) for i, number in enumerate(refused)]
    steps += [(give, 0, 0, _ALLOW), (give, 0, 0, _EPERM_RETURN)]
    program = _Program(len(steps), (_Instruction * len(steps))(*(_Instruction(*step) for step in steps)))
    if libc.syscall(seccomp, _SECCOMP_SET_MODE_FILTER, _SECCOMP_FILTER_FLAG_TSYNC, ctypes.byref(program)):
        # A kernel without seccomp, or a container that forbids it: V8's own walls and the limits above remain.
        ctypes.set_errno(0)


def limit_memory(statm: int, megabytes: int) -> None:
    """Let this process take that much more private memory than it has now; V8 dies where it would take more."""
    pages = int(os.pread(statm, 200, 0).split()[5])
    most = pages * os.sysconf("SC_PAGE_SIZE") + megabytes * 1024 * 1024 + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (most, resource.RLIM_INFINITY))


async def run(context: MiniRacer, harness: str, request: dict[str, Any]) -> dict[str, Any]:
    """What came of one piece of code. `ends` in the reply: this process is not to be used again."""
    until = time.monotonic() + float(request["seconds"])
    context.set_hard_memory_limit(int(request["megabytes"]) * 1024 * 1024)
    try:
        take = await _within(until, context.eval_cancelable(f"({harness})({json.dumps(request)})"))
        # Only now, since what the code awaits is done after the evaluation itself.
        return dict(json.loads(await _within(until, take.cancelable()())))
    except TimeoutError:
        return {"error": "time", "ends": True}
    except JSOOMException:
        return {"error": "memory", "ends": True}
    except JSEvalException as error:
        return _unreadable(str(error))


async def _within(until: float, work: Any) -> Any:
    """Not `asyncio.wait_for`: that waits for a cancelled task, and V8 may be in a loop that nothing ends."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=max(0.01, until - time.monotonic()))
    if not done:
        raise TimeoutError
    return task.result()


def _unreadable(text: str) -> dict[str, Any]:
    found = _SYNTAX.match(text)
    if found is None:
        return {"error": "broken", "text": text[:_LONGEST_MESSAGE], "ends": True}
    return {"error": "syntax", "line": int(found[1]), "text": found[2][:_LONGEST_MESSAGE]}


def read(size: int) -> bytes:
    """So many bytes of standard input; fewer if it ends or nobody writes for a while."""
    parts: list[bytes] = []
    while size and select.select([0], [], [], IDLE_SECONDS)[0]:
        part = os.read(0, min(size, 1 << 20))
        if not part:
            break
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def write(reply: dict[str, Any]) -> None:
    """Send a reply whole."""
    content = json.dumps(reply).encode()
    left = memoryview(struct.pack("<I", len(content)) + content)
    while left:
        left = left[os.write(1, left) :]


async def serve() -> None:
    """Answer requests until there are no more."""
    harness = Path(__file__).with_name("harness.js").read_text()
    statm = os.open("/proc/self/statm", os.O_RDONLY)
    with mini_racer() as first:
        await first.eval_cancelable("0")
    lock_down()
    while len(head := read(4)) == 4:
        request = json.loads(read(struct.unpack("<I", head)[0]))
        with mini_racer() as context:
            limit_memory(statm, int(request["megabytes"]))
            reply = await run(context, harness, request)
            write(reply)
            if "ends" in reply:
                os._exit(0)


if __name__ == "__main__":
    asyncio.run(serve())
