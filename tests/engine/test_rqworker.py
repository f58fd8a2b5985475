"""RQ's contract with our worker class: whatever happens to a job, nothing of it stays behind in Redis."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import redis
from rq import Queue
from rq.command import send_stop_job_command
from rq.job import Job

from tests.engine.rq_process import LEASE_SECONDS

PATIENCE_SECONDS = 30


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as client:
        yield client


@pytest.fixture
def jobs(client: redis.Redis) -> Queue:
    return Queue("contract", connection=client, serializer="json")


def enqueue(jobs: Queue, name: str, job_id: str, timeout: int = -1) -> Job:
    return jobs.enqueue_call(name, job_id=job_id, result_ttl=0, failure_ttl=60, timeout=timeout)


@contextmanager
def worker(url: str, *arguments: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-m", "tests.engine.rq_process", url, *arguments])
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()


def until(true: Callable[[], object]) -> None:
    end = time.monotonic() + PATIENCE_SECONDS
    while not true():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.02)


OURS = ("weft:cleaning:", "weft:ended:", "weft:slots:")


def left_behind(client: redis.Redis) -> list[str]:
    """Every key but those that say which queues and workers there are, and what a failed job keeps for its time."""
    keys: Any = client.keys("*")
    names = sorted(key.decode() for key in keys)
    register = ("rq:queues", "rq:workers", "rq:clean_registries", "rq:group", *OURS)
    return [name for name in names if not name.startswith(register) and name.count("rq:worker:") == 0]


def started(client: redis.Redis) -> int:
    count: Any = client.zcard("rq:wip:contract")
    return int(count)


def test_success_leaves_nothing(jobs: Queue, client: redis.Redis, valkey_url: str) -> None:
    for number in range(300):
        enqueue(jobs, "fine", f"job-{number}")
    with worker(valkey_url, "burst") as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    assert left_behind(client) == []


def test_failure_keeps_the_failed_job_and_nothing_else(jobs: Queue, client: redis.Redis, valkey_url: str) -> None:
    enqueue(jobs, "failing", "bad")
    enqueue(jobs, "unheard_of", "unknown")
    enqueue(jobs, "fine", "good")
    with worker(valkey_url, "burst") as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    assert left_behind(client) == [
        *("rq:failed:contract", "rq:job:bad", "rq:job:unknown", "rq:results:bad", "rq:results:unknown"),
    ]
    failed = Job.fetch("bad", connection=client, serializer="json")
    assert failed.is_failed
    assert "as it was told to" in str(failed.latest_result().exc_string)  # type: ignore[union-attr]


def test_a_time_limit_ends_a_coroutine(jobs: Queue, client: redis.Redis, valkey_url: str) -> None:
    enqueue(jobs, "endless", "slow", timeout=1)
    with worker(valkey_url, "burst") as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    assert started(client) == 0
    assert Job.fetch("slow", connection=client, serializer="json").is_failed


def test_a_stop_command_ends_one_job(jobs: Queue, client: redis.Redis, valkey_url: str) -> None:
    enqueue(jobs, "endless", "stopped")
    with worker(valkey_url):
        until(lambda: started(client) == 1)
        send_stop_job_command(client, "stopped", serializer="json")
        until(lambda: started(client) == 0)
        enqueue(jobs, "fine", "next")
        until(lambda: not client.exists("rq:job:next"))
    assert Job.fetch("stopped", connection=client, serializer="json").is_stopped
    assert not client.keys("rq:execution*")


def test_a_killed_workers_jobs_are_forgotten(jobs: Queue, client: redis.Redis, valkey_url: str) -> None:
    for number in range(20):
        enqueue(jobs, "endless", f"lost-{number}")
    with worker(valkey_url) as process:
        until(lambda: started(client) == 20)
        process.kill()
    # As if killed in the moment of taking this one.
    enqueue(jobs, "fine", "taken")
    client.lmove(jobs.key, jobs.intermediate_queue_key)
    time.sleep(LEASE_SECONDS)
    with worker(valkey_url):
        until(lambda: started(client) == 0)
        until(lambda: not client.exists("rq:job:taken"))
        until(lambda: left_behind(client) == [])


def test_a_job_delivered_twice_leaves_nothing(jobs: Queue, client: redis.Redis, valkey_url: str) -> None:
    enqueue(jobs, "fine", "twice")
    client.rpush(jobs.key, "twice", "never-was")
    with worker(valkey_url, "burst") as process:
        assert process.wait(PATIENCE_SECONDS) == 0
    assert left_behind(client) == []


def test_sigterm_lets_jobs_end_and_takes_no_more(jobs: Queue, client: redis.Redis, valkey_url: str) -> None:
    enqueue(jobs, "until_drained", "last")
    with worker(valkey_url) as process:
        until(lambda: started(client) == 1)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE_SECONDS) == 0
    assert left_behind(client) == []
    assert client.smembers("rq:workers") == set()


def test_no_job_is_lost_when_valkey_comes_back(own_valkey: Any) -> None:
    url = own_valkey.url()
    client = redis.Redis.from_url(url)
    jobs = Queue("contract", connection=client, serializer="json")
    with worker(url):
        enqueue(jobs, "fine", "before")
        until(lambda: not client.exists("rq:job:before"))
        own_valkey.kill()
        time.sleep(1)
        own_valkey.start()
        enqueue(jobs, "fine", "after")
        until(lambda: not client.exists("rq:job:after"))
        until(lambda: left_behind(client) == [])
    client.close()
