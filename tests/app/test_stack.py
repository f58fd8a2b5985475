"""`./weft up` as a user starts it: real parts, real ports, a home of its own."""

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import valkey
from app.processes import free_port
from engine.settings import CHECKOUT, Settings
from tests.stack import OWNER_EMAIL, OWNER_PASSWORD, Stack

pytestmark = pytest.mark.timeout(300)  # the first start builds the front end
OWNER = {"WEFT_OWNER_EMAIL": OWNER_EMAIL, "WEFT_OWNER_PASSWORD": OWNER_PASSWORD}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    started = Stack(tmp_path_factory.mktemp("stack"), OWNER).start()
    yield started
    started.stop()


def weft(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: held for name, held in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL", "PORT")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        cwd=CHECKOUT,
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def processes_of(home: Path) -> list[int]:
    """Every living process that was started for this home."""
    found = []
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and f"WEFT_HOME={home}\0".encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
        except OSError:  # it ended meanwhile
            continue
    return found


def workers_of(home: Path) -> set[int]:
    return set(valkey.worker_heartbeats(Settings(home=home).redis_url))


def test_one_port_serves_pages_and_rest(stack: Stack) -> None:
    assert b"<html" in stack.get("/")
    assert b'"openapi"' in stack.get("/api/v1/openapi.json")


def test_an_unknown_webhook_is_refused_in_the_form_of_all_refusals(stack: Stack) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as refused:
        stack.get("/hooks/nobody/nothing")
    with refused.value as answer:
        assert answer.headers["content-type"] == "application/problem+json"
        assert (answer.headers["cache-control"], answer.headers["x-content-type-options"]) == ("no-store", "nosniff")


def test_the_owner_of_the_settings_can_sign_in(stack: Stack) -> None:
    body = f'{{"email": "{OWNER_EMAIL}", "password": "{OWNER_PASSWORD}"}}'.encode()
    request = urllib.request.Request(stack.url + "/api/v1/session", body, {"content-type": "application/json"})
    with urllib.request.urlopen(request) as answer:
        assert "httponly" in answer.headers["set-cookie"].lower()


def test_another_sites_page_may_not_open_our_socket(stack: Stack) -> None:
    asked = urllib.request.Request(
        stack.url + "/_event/?EIO=4&transport=polling", headers={"Origin": "https://elsewhere.example"}
    )
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(asked)


def test_doctor_finds_everything_in_order(stack: Stack) -> None:
    found = weft("doctor", WEFT_HOME=str(stack.home), PORT=str(stack.port))
    assert found.returncode == 0, found.stdout + found.stderr
    for line in ("✓ Database", "✓ Migrations", "✓ Valkey", "✓ Workers", "✓ Web", "✓ Front end"):
        assert line in found.stdout


def test_a_killed_worker_is_restarted_and_said(stack: Stack) -> None:
    (before,) = workers_of(stack.home)
    os.kill(before, signal.SIGKILL)
    stack.wait_for("worker-1 ended with signal SIGKILL and is started again", seconds=20)
    until = time.monotonic() + 60
    while not workers_of(stack.home) - {before}:
        assert time.monotonic() < until
        time.sleep(0.1)


def test_the_same_home_is_not_used_twice(stack: Stack) -> None:
    second = weft("up", WEFT_HOME=str(stack.home), PORT=str(free_port()))
    assert second.returncode == 1
    assert second.stderr.startswith(f"Weft is already running in {stack.home} (process {stack.process_id}, ")


def test_a_taken_port_is_said_in_one_sentence(stack: Stack, tmp_path: Path) -> None:
    second = weft("up", WEFT_HOME=str(tmp_path / "other"), PORT=str(stack.port))
    assert second.returncode == 1
    assert second.stderr.startswith(f"Port {stack.port} is taken by another program")
    assert second.stderr.count("\n") == 1


def test_stop_start_again_on_another_port_and_be_killed(tmp_path: Path) -> None:
    first = Stack(tmp_path / "home").start()
    assert first.stop(signal.SIGINT) == 0
    assert first.output.rstrip().endswith("Stopped.")
    assert processes_of(first.home) == []
    again = Stack(first.home).start()
    assert again.port != first.port
    assert "Building the front end" not in again.output
    assert b"<html" in again.get("/")
    os.kill(again.process_id, signal.SIGKILL)
    until = time.monotonic() + 30
    while processes_of(first.home) and time.monotonic() < until:
        again.reap()
        time.sleep(0.1)
    assert processes_of(first.home) == [], "a killed supervisor left parts behind"


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"DATABASE_URL": "mysql://db/weft"}, "DATABASE_URL is not right: must begin with sqlite:/// or postgresql://"),
        ({"DATABASE_URL": "postgresql://nobody@127.0.0.1:1/weft"}, "The database "),
        ({"REDIS_URL": "redis://127.0.0.1:1/0"}, "No Redis or Valkey answers at "),
        ({"WEFT_OWNER_EMAIL": "owner@example.com"}, "Set both WEFT_OWNER_EMAIL and WEFT_OWNER_PASSWORD"),
    ],
)
def test_wrong_settings_are_said_in_one_sentence(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    ended = weft("up", WEFT_HOME=str(tmp_path / "home"), PORT=str(free_port()), **settings)
    assert ended.returncode == 1
    assert ended.stderr.startswith(sentence), ended.stderr
    assert "Traceback" not in ended.stderr
    assert processes_of(tmp_path / "home") == []
