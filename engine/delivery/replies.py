"""Hearing of the ends of runs that somebody waits for: one Redis list and one reading thread per process."""

from __future__ import annotations

import asyncio
import secrets
import threading
import time
from dataclasses import dataclass
from typing import Any

import orjson
import redis
import structlog

from engine.delivery.outbox import REPLY_LIST
from engine.store.db import Database
from engine.store.statement import Statement

OVER = frozenset({"done", "failed", "cancelled"})
REPLY_BATCH = 200
READ_RESULTS = Statement("SELECT id, status, output, error FROM run WHERE id {in:runs}")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class RunResult:
    """How a run stands, or ended: `output` as the executor recorded it, `error` if it failed."""

    run_id: str
    status: str
    output: dict[str, Any] | None
    error: dict[str, Any] | None

    @property
    def over(self) -> bool:
        """Whether nothing will change any more."""
        return self.status in OVER

    @property
    def answered(self) -> bool:
        """Whether a Respond node has answered, though the run may go on."""
        return bool(self.output and "response" in self.output)


class Replies:
    """The ends of runs that this process waits for: one Redis list, and one thread that reads it."""

    def __init__(self, data: Database, redis_url: str) -> None:
        self._database = data
        self._client = redis.Redis.from_url(redis_url, socket_timeout=5)
        self._name = secrets.token_hex(8)
        self._expected: dict[str, asyncio.Future[RunResult]] = {}
        self._starting = threading.Lock()
        self._thread: threading.Thread | None = None
        self._stopping = False

    def expect(self, run_id: str) -> str:
        """Notes that somebody of the running loop waits for this run. Gives the name that replies are sent to."""
        self._expected[run_id] = asyncio.get_running_loop().create_future()
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._live, name="replies", daemon=True)
                self._thread.start()
        return self._name

    def expected(self, run_id: str) -> asyncio.Future[RunResult] | None:
        return self._expected.get(run_id)

    def forget(self, run_id: str) -> None:
        self._expected.pop(run_id, None)

    def stop(self) -> None:
        self._stopping = True
        if self._thread:
            self._thread.join()
        self._client.close()

    def _live(self) -> None:
        name = REPLY_LIST + self._name
        while not self._stopping:
            try:
                first: Any = self._client.blpop([name], timeout=1)
                if first:
                    more: Any = self._client.lpop(name, REPLY_BATCH) if self._client.llen(name) else None
                    self._hand_out([first[1], *(more or ())])
            except redis.RedisError as error:
                log.warning("replies.not_read", error=str(error))
                time.sleep(0.5)
            except Exception:
                # Those who wait look at the rows every few seconds.
                log.exception("replies.not_handed_out")

    def _hand_out(self, messages: list[bytes]) -> None:
        runs = [message.decode().partition(" ")[0] for message in messages]
        results = read_results(self._database, [run for run in runs if run in self._expected])
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[RunResult], RunResult]]] = {}
        for run, result in results.items():
            future = self._expected.get(run)
            if future is not None:
                by_loop.setdefault(future.get_loop(), []).append((future, result))
        for loop, pairs in by_loop.items():
            if not loop.is_closed():
                loop.call_soon_threadsafe(_resolve, pairs)


def _resolve(pairs: list[tuple[asyncio.Future[RunResult], RunResult]]) -> None:
    for future, result in pairs:
        if not future.done():
            future.set_result(result)


def read_results(data: Database, runs: list[str]) -> dict[str, RunResult]:
    """How these runs stand, by id; those that do not exist are left out."""
    if not runs:
        return {}
    with data.reader() as driver:
        rows = driver.send(READ_RESULTS, {"runs": runs}).rows()
    return {
        run: RunResult(run, status, orjson.loads(output) if output else None, orjson.loads(error) if error else None)
        for run, status, output, error in rows
    }
