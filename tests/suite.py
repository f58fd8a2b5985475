"""`./weft test`: linters, types, architecture, the front end, the servers, then all tests, in this order."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from app import frontend
from engine.settings import CHECKOUT
from tests.conftest import POSTGRES_URL, S3_URL, VALKEY_URL
from tests.servers import PostgresServer, S3Server, ValkeyServer

PROGRAMS = Path(sys.executable).parent
CHROMIUM = Path("/usr/bin/chromium")
BROWSER_TESTS = "tests/e2e"
PROCESSES = 3  # on two cores: many tests wait for a lease, a timer or a server
TRIED_AGAIN = 3
CHECKS: dict[str, Sequence[str]] = {
    "format": ("ruff", "format", "--check", "."),
    "ruff": ("ruff", "check", "--quiet", "."),
    "mypy": ("mypy", "--no-error-summary"),
    "import-linter": ("lint-imports", "--no-cache", "--no-logo"),
}
Say = Callable[[str], None]


@dataclass(frozen=True)
class Outcome:
    """How one step ended: what it is called, whether it was well, and its numbers in words."""

    name: str
    well: bool
    said: str
    failed: int = 0


def run(arguments: Sequence[str], say: Say) -> int:
    """Run everything, or with arguments only the tests that they choose. Gives the exit code."""
    started = time.monotonic()
    outcomes: list[Outcome] = [] if arguments else _checks(say)
    with tempfile.TemporaryDirectory(prefix="weft-test-") as folder:
        home = Path(folder)
        outcomes.append(_build(home, say))
        _install_chromium(say)
        _install_faketime(say)
        with _servers(say) as addresses:
            outcomes.extend(_tests(arguments, addresses, home, say))
    return _sum_up(outcomes, time.monotonic() - started, say)


def check(say: Say) -> int:
    """Run the linters alone. Gives the exit code."""
    started = time.monotonic()
    return _sum_up(_checks(say), time.monotonic() - started, say)


def _checks(say: Say) -> list[Outcome]:
    outcomes = []
    for name, (program, *arguments) in CHECKS.items():
        say(f"── {name}")
        code = subprocess.run([PROGRAMS / program, *arguments], cwd=CHECKOUT, check=False).returncode
        outcomes.append(Outcome(name, code == 0, "ok" if code == 0 else "failed"))
    return outcomes


def _build(home: Path, say: Say) -> Outcome:
    say("── front end")
    try:
        built = frontend.build(home, say)
    except frontend.BuildFailed as error:
        say(str(error))
        return Outcome("front end", False, "failed")
    if built.lock_changed:
        say("The build changed reflex.lock: look at the difference and commit it.")
        return Outcome("front end", False, "its package lock is stale")
    return Outcome("front end", True, "ok")


def _install_faketime(say: Say) -> None:
    """What lets a test give a process a wrong clock; where it cannot be installed, that test is skipped."""
    if shutil.which("faketime") or os.getuid() != 0 or not shutil.which("apt-get"):
        return
    say("Installing faketime …")
    _apt_get("update", "-qq")
    _apt_get("install", "-y", "-qq", "faketime")


def _apt_get(*arguments: str) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(["apt-get", *arguments], env=environment, stdout=subprocess.DEVNULL, check=False)
    return done.returncode == 0


def _install_chromium(say: Say) -> None:
    if CHROMIUM.exists():
        return
    if os.getuid() != 0 or not shutil.which("apt-get"):
        sys.exit(
            "The browser tests need Chromium at /usr/bin/chromium: run 'sudo apt install chromium' and start again."
        )
    say("Installing Chromium …")
    if not (_apt_get("update", "-qq") and _apt_get("install", "-y", "-qq", "chromium", "fonts-liberation")):
        sys.exit("Chromium could not be installed: see apt's message above.")


@contextmanager
def _servers(say: Say) -> Iterator[dict[str, str]]:
    """Valkey, PostgreSQL and S3 for all test processes, as the environment that tells them so."""
    say("── servers: Valkey, PostgreSQL and S3")
    valkey, postgres, s3 = ValkeyServer(), PostgresServer(), S3Server()
    try:
        yield {VALKEY_URL: valkey.start().url(), POSTGRES_URL: postgres.start().url(), S3_URL: s3.start().url}
    finally:
        s3.stop()
        valkey.stop()
        postgres.stop()


def _tests(arguments: Sequence[str], addresses: dict[str, str], home: Path, say: Say) -> Iterator[Outcome]:
    """The tests in three processes; then those in a browser, whose event loop tolerates no other beside it."""
    if arguments:
        yield _pytest("tests", arguments, addresses, home, say)
        return
    parallel = ("-n", str(PROCESSES), "--dist", "loadscope", f"--ignore={BROWSER_TESTS}")
    yield _pytest("tests", parallel, addresses, home, say)
    browser = _pytest("browser tests", (BROWSER_TESTS,), addresses, home, say)
    yield browser if browser.well or browser.failed > TRIED_AGAIN else _tried_again(browser, addresses, home, say)


def _tried_again(first: Outcome, addresses: dict[str, str], home: Path, say: Say) -> Outcome:
    """The few browser tests that failed, once more: a busy machine can outlast their patience, a fault fails twice."""
    second = _pytest("browser tests, the failed ones again", (BROWSER_TESTS, "--last-failed"), addresses, home, say)
    return Outcome(first.name, second.well, f"{first.said}; tried again: {second.said}", second.failed)


def _pytest(name: str, arguments: Sequence[str], addresses: dict[str, str], home: Path, say: Say) -> Outcome:
    say(f"── {name}")
    record = home / f"{name.replace(' ', '-').replace(',', '')}.xml"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--durations=10", f"--junit-xml={record}", *arguments],
        cwd=CHECKOUT,
        env={**os.environ, **addresses},
        check=False,
    )
    said, failed = _counts(record)
    return Outcome(name, done.returncode == 0, said, failed)


def _counts(record: Path) -> tuple[str, int]:
    """In words, and how many failed."""
    if not record.exists():
        return "did not run", TRIED_AGAIN + 1
    (suite,) = ElementTree.parse(record).getroot().iter("testsuite")
    total, skipped = int(suite.get("tests", 0)), int(suite.get("skipped", 0))
    failed = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
    said = f"{total - failed - skipped} passed, {failed} failed" + (f", {skipped} skipped" if skipped else "")
    return said, failed


def _sum_up(outcomes: Sequence[Outcome], seconds: float, say: Say) -> int:
    well = all(outcome.well for outcome in outcomes)
    parts = "; ".join(f"{outcome.name}: {outcome.said}" for outcome in outcomes)
    say(f"{'PASSED' if well else 'FAILED'} in {int(seconds) // 60} min {int(seconds) % 60} s: {parts}")
    return 0 if well else 1
