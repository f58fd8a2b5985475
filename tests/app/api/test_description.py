"""REST on loopback against its own description: made-up requests, and every answer must be as described."""

import os
import signal
import sys
import time
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.error import URLError

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import ignored_auth, positive_data_acceptance

from app.processes import free_port, start_child, stop_child
from app.services import api_keys, unit
from engine.settings import CHECKOUT
from tests.app.services.conftest import person

# What runs for a long time is tested by itself; signing out or in would change who asks.
LEFT_OUT = ("/api/v1/runs/{run_id}/events", "/api/v1/session", "/api/v1/owner", "/api/v1/me/password")

# What a schema cannot say (a document that makes sense, a page of at most 500 items) is refused with 422. Wrong proofs
# are tried on every route by test_tenancy; here their limit would answer.
NOT_ASKED = [positive_data_acceptance, ignored_auth]
HOW_MANY = settings(
    max_examples=12, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture
def rest(sqlite_url: str, valkey_url: str) -> Iterator[str]:
    """REST alone, served on loopback by the server that Weft uses."""
    port = free_port()
    command = [sys.executable, "-m", "granian", "--interface", "asgi", "--port", str(port), "app.api.main:api"]
    child = start_child(command, env=os.environ, cwd=CHECKOUT, orphan_signal=signal.SIGKILL)
    address = f"http://127.0.0.1:{port}"
    until = time.monotonic() + 60
    while True:
        try:
            urllib.request.urlopen(f"{address}/healthz").close()
            break
        except URLError:
            assert child.poll() is None and time.monotonic() < until, "REST did not come up"
            time.sleep(0.1)
    yield address
    stop_child(child, grace=10)


@pytest.fixture
def key(rest: str) -> str:
    """An owner's API key."""
    return unit.call(api_keys.create, unit.call(person), "Made-up requests")[1]


def test_answers_are_as_described(rest: str, key: str) -> None:
    description = schemathesis.openapi.from_url(f"{rest}/api/v1/openapi.json")
    operations = [found.ok() for found in description.get_all_operations()]
    asked = [operation for operation in operations if operation.path not in LEFT_OUT]
    assert len(asked) > 30
    for operation in asked:

        @HOW_MANY
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            case.call_and_validate(headers={"Authorization": f"Bearer {key}"}, excluded_checks=NOT_ASKED)

        ask()
