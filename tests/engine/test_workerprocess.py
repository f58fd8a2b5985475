"""A worker or scheduler comes up, and goes down, whatever Redis and the database do meanwhile."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import Popen

import pytest
import redis

from app import migrations
from app.processes import start_child, stop_child
from engine.presence import alive
from engine.settings import CHECKOUT
from tests.engine.test_rqworker import until
from tests.relay import unix_relay
from tests.servers import PostgresServer, ValkeyServer

# What a worker tells Redis as it starts, in that order: who it is, that it listens, how it is.
GREETINGS = (b"rq:workers", b"SUBSCRIBE", b"started")


@contextmanager
def running(log: Path, part: str = "worker", **variables: str) -> Iterator[Popen[bytes]]:
    command = [sys.executable, "-m", "app.cli", part]
    with log.open("ab") as output:
        process = start_child(
            command, env=os.environ | variables, cwd=CHECKOUT, output=output, orphan_signal=signal.SIGKILL
        )
    try:
        yield process
    finally:
        stop_child(process, grace=10)


def wait_until_it_works(process: Popen[bytes], own_valkey: ValkeyServer, log: Path) -> None:
    with redis.Redis.from_url(own_valkey.url()) as client:
        until(lambda: alive(client) or process.poll() is not None)
    assert process.poll() is None, log.read_text()


@pytest.mark.usefixtures("sqlite_url")
def test_redis_may_go_away_between_any_two_greetings(own_valkey: ValkeyServer, tmp_path: Path) -> None:
    socket, log = tmp_path / "relay.sock", tmp_path / "worker.log"
    relay = unix_relay(socket, own_valkey.socket, GREETINGS)
    with running(log, REDIS_URL=f"unix://{socket}") as process:
        wait_until_it_works(process, own_valkey, log)
    relay.close()
    assert relay.left == []


@pytest.mark.usefixtures("sqlite_url")
def test_a_worker_ends_well_while_redis_is_away(own_valkey: ValkeyServer, tmp_path: Path) -> None:
    log = tmp_path / "worker.log"
    with running(log) as process:
        wait_until_it_works(process, own_valkey, log)
        own_valkey.kill()
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()


@pytest.mark.parametrize("part", ["worker", "scheduler"])
def test_a_database_may_come_later(
    part: str, own_valkey: ValkeyServer, own_postgres: PostgresServer, tmp_path: Path
) -> None:
    log, url = tmp_path / "log", own_postgres.url()
    migrations.upgrade(url)
    own_postgres.kill()
    with running(log, part, DATABASE_URL=url) as process:
        until(lambda: "launcher.database_away" in log.read_text() or process.poll() is not None)
        own_postgres.start()
        wait_until_it_works(process, own_valkey, log)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0, log.read_text()
