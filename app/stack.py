"""`./weft up`: Valkey, migrations, workers, scheduler and web server, started and stopped as one."""

import contextlib
import errno
import fcntl
import os
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

from app import frontend, migrations, valkey
from app.failures import Failure
from app.supervisor import Part, StopRequested, StopSignals, Supervisor
from engine.settings import CHECKOUT, Settings

LEAST_FREE_BYTES = 200 * 2**20
REDIS_SECONDS = 5.0
EVERY_INTERFACE = ("0.0.0.0", "::", "")  # noqa: S104 - compared with, not listened on


class CannotStart(Failure):
    """The stack cannot start as things are. The message is one sentence that says what to do."""


def run(config: Settings, say: Callable[[str], None]) -> None:
    """Start everything, watch over it until a signal comes, stop everything.

    Raises:
        CannotStart, PartFailed, BuildFailed: fit to be shown.
    """
    check_disk(config)
    with _only_one_in(config), StopSignals().listening() as signals:
        check_port(config)
        supervisor = Supervisor(config.home / "logs", say, signals)
        try:
            frontend.build(config.home, say, signals.wait)
            _start_all(supervisor, config, say)
            supervisor.watch()
        except (StopRequested, frontend.BuildStopped):
            pass
        finally:
            say("Stopping …")
            supervisor.stop()
    say("Stopped.")


def _start_all(supervisor: Supervisor, config: Settings, say: Callable[[str], None]) -> None:
    env = {**os.environ, "PYTHONUNBUFFERED": "1"}
    if config.embedded_redis:
        say("Starting Valkey …")
        data = config.home / "valkey"
        valkey.prepare(data, config.embedded_socket)
        command = valkey.command(data, config.embedded_socket)
        supervisor.start(Part("valkey", command, env, ready=lambda _pid: valkey.answers(config.redis_url)))
        supervisor.wait_ready()
    elif not valkey.wait_until_answers(config.redis_url, REDIS_SECONDS):
        address = config.redis_url.rpartition("@")[2]
        raise CannotStart(f"No Redis or Valkey answers at {address}: start it, or correct REDIS_URL.")
    if config.owner_email or config.owner_password or not migrations.is_current(config.database_url):
        say("Bringing the database up to date …")
        _prepare_database(env)

    def listens(pid: int) -> bool:
        return pid in valkey.worker_heartbeats(config.redis_url)

    say("Starting workers, scheduler and web server …")
    for number in range(1, config.workers + 1):
        supervisor.start(_python_part(f"worker-{number}", "worker", env, listens, grace=20.0))
    supervisor.start(_python_part("scheduler", "scheduler", env, ready=lambda _pid: True))
    supervisor.start(_python_part("web", "web", env, ready=lambda _pid: web_answers(config)))
    supervisor.wait_ready()
    say(f"Weft is ready at {address_of(config)} (Ctrl-C stops it; logs are in {config.home / 'logs'})")


def _python_part(
    name: str, command: str, env: dict[str, str], ready: Callable[[int], bool], grace: float = 10.0
) -> Part:
    return Part(name, [sys.executable, "-m", "app.cli", command], env, ready, grace=grace)


def _prepare_database(env: dict[str, str]) -> None:
    """Migrate and create the owner in a process of its own, so that this one stays small."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli", "prepare"],
        env=env,
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # Ctrl-C lets a migration end first
        text=True,
        check=False,
    )
    if done.returncode:
        raise CannotStart(done.stderr.strip())


def web_answers(config: Settings) -> bool:
    """Whether the web server is up and reaches all that it needs."""
    try:
        with urllib.request.urlopen(f"http://{_reachable_host(config)}:{config.port}/readyz", timeout=2) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _reachable_host(config: Settings) -> str:
    return "127.0.0.1" if config.host in EVERY_INTERFACE else config.host


def address_of(config: Settings) -> str:
    """The address to print: PUBLIC_URL, which is http://localhost:PORT unless it was set."""
    return config.public_url


def check_disk(config: Settings) -> None:
    """Raise CannotStart unless `home` can be written and has room."""
    try:
        config.home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(config.home).free
        if not os.access(config.home, os.W_OK):
            raise PermissionError(errno.EACCES, "not writable")
    except OSError as error:
        raise CannotStart(
            f"The folder {config.home} cannot be used ({error.strerror}): set WEFT_HOME to another one."
        ) from None
    if free < LEAST_FREE_BYTES:
        raise CannotStart(
            f"The disk of {config.home} is full ({free // 2**20} MB free, Weft needs {LEAST_FREE_BYTES // 2**20} MB): "
            "make room, or set WEFT_HOME to a folder on another disk."
        )


def check_port(config: Settings) -> None:
    """Raise CannotStart if something listens on our port already."""
    with socket.socket(socket.AF_INET6 if ":" in config.host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((config.host, config.port))
        except PermissionError:
            raise CannotStart(f"Port {config.port} needs root: choose one above 1023 with PORT.") from None
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise CannotStart(f"Cannot listen on {config.host}: {error.strerror}. Correct WEFT_HOST.") from None
            raise CannotStart(
                f"Port {config.port} is taken by another program: stop that, or choose another port, "
                f"such as PORT={config.port + 1} ./weft up."
            ) from None


@contextlib.contextmanager
def _only_one_in(config: Settings) -> Iterator[None]:
    """Hold the home's lock, which the system lets go however this process ends."""
    path: Path = config.home / "up.lock"
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise CannotStart(
                f"Weft is already running in {config.home} ({file.read().strip()}): stop it there, or set WEFT_HOME to "
                "another folder."
            ) from None
        file.truncate(0)
        file.write(f"process {os.getpid()}, {address_of(config)}")
        file.flush()
        yield
