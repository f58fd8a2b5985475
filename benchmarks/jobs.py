"""(a) Jobs per second that do nothing: our coroutine worker beside RQ's own workers, on the same queue and Valkey.

`python -m benchmarks.jobs <kind> <redis url>` is one such worker: it works until the queue is empty and prints the
seconds that took.
"""

from __future__ import annotations

import subprocess
import sys
import time

import redis
from rq import Queue, SimpleWorker, Worker
from rq.worker import BaseWorker

from benchmarks.ground import ROOT, valkey
from benchmarks.table import Row
from engine.rqworker import CoroutineWorker

AMOUNTS = {"fork": 300, "simple": 2_000, "ours": 10_000}
QUEUE = "bench"


def noop() -> None:
    """What RQ's workers call."""


async def async_noop() -> None:
    """What ours calls."""


def work(kind: str, url: str) -> float:
    """Work until the queue is empty; the seconds that took."""
    client = redis.Redis.from_url(url)
    worker: BaseWorker
    if kind == "ours":
        worker = CoroutineWorker(QUEUE, client, {"noop": async_noop})
    else:
        queue = Queue(QUEUE, connection=client, serializer="json")
        worker = (Worker if kind == "fork" else SimpleWorker)([queue], connection=client, serializer="json")
    began = time.perf_counter()
    worker.work(burst=True, logging_level="ERROR")
    return time.perf_counter() - began


def jobs_per_second(kind: str, url: str) -> float:
    """Fill the queue, let one worker process empty it."""
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        queue = Queue(QUEUE, connection=client, serializer="json")
        name = "noop" if kind == "ours" else "benchmarks.jobs.noop"
        data = [Queue.prepare_data(name, result_ttl=0, timeout=-1) for _ in range(AMOUNTS[kind])]
        for start in range(0, len(data), 500):
            queue.enqueue_many(data[start : start + 500])
        command = [sys.executable, "-m", "benchmarks.jobs", kind, url]
        seconds = float(subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True).stdout)
        if queue.count:
            raise RuntimeError(f"{queue.count} jobs were left behind")
    return AMOUNTS[kind] / seconds


def measure() -> list[Row]:
    """Ours and both of RQ's."""
    with valkey() as url:
        found = {kind: jobs_per_second(kind, url) for kind in AMOUNTS}
    names = {"fork": "RQ Worker (fork)", "simple": "RQ SimpleWorker"}
    rows = [Row("a", f"no-op jobs, {name}", found[kind], "jobs/s") for kind, name in names.items()]
    ratio = f"{found['ours'] / found['simple']:.1f} times Simple, {found['ours'] / found['fork']:.0f} times fork"
    aim = "≥ 4 times Simple, 30 times fork"
    return [*rows, Row("a", "no-op jobs, our worker", found["ours"], "jobs/s", ratio, aim)]


if __name__ == "__main__":
    print(work(sys.argv[1], sys.argv[2]))
