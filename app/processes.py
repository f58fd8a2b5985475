"""Child processes that cannot outlive their parent, and free ports."""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

PR_SET_PDEATHSIG = 1  # prctl(2), Linux


def _die_with_parent(parent: int, sign: signal.Signals) -> Callable[[], None] | None:
    """What a child runs before exec, so that the kernel signals it when its parent dies, however it dies."""
    if not sys.platform.startswith("linux"):
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl

    def tie() -> None:
        prctl(PR_SET_PDEATHSIG, sign)
        if os.getppid() != parent:  # it died before prctl was called
            os._exit(1)

    return tie


def start_child(
    command: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    output: IO[bytes] | int | None = None,
    user: int | None = None,
    orphan_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start a process as the leader of its own process group; it gets `orphan_signal` when this process dies.

    Args:
        command: program and arguments.
        output: where its standard output and error go; None for ours.
        user: the user and group id to run as; None for our own.

    Call it from the main thread: Linux ties the child to the thread that started it.
    """
    return subprocess.Popen(  # noqa: S603 - the commands are this project's own
        [str(part) for part in command],
        env=dict(env) if env is not None else None,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=[] if user is not None else None,
        preexec_fn=_die_with_parent(os.getpid(), orphan_signal),  # noqa: PLW1509 - no threads yet when this runs
    )


def signal_group(process: subprocess.Popen[bytes], sign: signal.Signals) -> None:
    """Send a signal to a child and all of its descendants in its group; none left is no error."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, sign)


def stop_child(process: subprocess.Popen[bytes], grace: float, sign: signal.Signals = signal.SIGTERM) -> int:
    """Ask a child to end, wait `grace` seconds, then kill what is left of its group; gives the exit code."""
    if process.poll() is None:
        process.send_signal(sign)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(grace)
    signal_group(process, signal.SIGKILL)
    return process.wait()


def free_port(host: str = "127.0.0.1") -> int:
    """A TCP port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
