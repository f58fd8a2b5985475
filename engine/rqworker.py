"""An RQ worker that runs jobs as coroutines, about a hundred in flight, and the process around it.

What RQ 3.0.0 asks of such a class, beside its documented interface:
- exactly one queue: only then RQ's protocol moves an id to the intermediate queue while it is being taken, so that a
  kill in that moment loses nothing;
- an `Execution` per job in the started registry, kept alive by heartbeats: a short lease, since RQ's own takes up to 18
  minutes to give up a dead worker;
- time limits of our own, since RQ's are signals, which a coroutine never sees;
- `handle_job_failure(…, execution=…)`, or the failure path leaves the execution's keys behind.

Two threads speak to Redis, so that the event loop never waits for it: one takes jobs, the other ends them, keeps the
heartbeats and cleans up after workers that died.
"""

from __future__ import annotations

import asyncio
import queue
import signal
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import redis
import structlog
import uvloop
from rq.command import handle_command, parse_payload
from rq.executions import Execution
from rq.job import Job, JobStatus
from rq.utils import now
from rq.worker import BaseWorker

from engine.queue import FUNCTION, QUEUE_NAME
from engine.rqcleaning import Cleaning, forget_jobs, take_back
from engine.settings import Settings, settings

MOST_AT_ONCE = 64
BLOCK_SECONDS = 1
WORKER_TTL_SECONDS = 30
GRACE_SECONDS = 12.0
RETRY_SECONDS = 0.5

log = structlog.get_logger()
Function = Callable[..., Awaitable[Any]]


@dataclass(slots=True)
class _Flight:
    """A job under way."""

    job: Job
    execution: Execution
    task: asyncio.Task[None] | None = None
    error: BaseException | None = None
    stopped: bool = False


class CoroutineWorker(BaseWorker):
    """Runs the jobs of one queue as coroutines of one event loop.

    `functions` are the coroutine functions that jobs may name; a job with any other name fails, and nothing is imported
    because a job says so. `drain` is called, on the loop, when the process is asked to stop: jobs under way should then
    come to an end. `lease` is how many seconds a job stays started without a heartbeat.
    """

    def __init__(
        self,
        queue_name: str,
        connection: redis.Redis,
        functions: Mapping[str, Function],
        *,
        concurrency: int = 100,
        lease: int = 15,
        drain: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(
            [queue_name], connection=connection, serializer="json", worker_ttl=WORKER_TTL_SECONDS, default_result_ttl=0
        )
        self.queue = self.queues[0]
        self._functions = functions
        self._lease = lease
        self._call_drain = drain
        self._flights: dict[str, _Flight] = {}
        self._ended: queue.SimpleQueue[_Flight | None] = queue.SimpleQueue()
        self._free = concurrency
        self._room = threading.Condition()
        self._concurrency = concurrency
        self._burst = False
        self._stopping = threading.Event()
        self._cleaning = Cleaning(connection, self.queue, lease)

    def get_heartbeat_ttl(self, job: Job, working_time: float = 0.0) -> int:
        """How long a job stays started without a heartbeat, in seconds."""
        return self._lease

    def teardown(self) -> None:
        """Takes the worker off RQ's register, and stops listening to commands."""
        super().teardown()  # type: ignore[no-untyped-call]

    def work(self, burst: bool = False, **_options: Any) -> bool:  # type: ignore[override]
        """Works until a signal asks to stop, or with `burst` until the queue is empty."""
        self._burst = burst
        self.bootstrap("WARNING")
        try:
            asyncio.run(self.work_here())
        finally:
            self.teardown()
        return True

    async def work_here(self) -> None:
        """The work itself, on the running event loop; between `bootstrap` and `teardown`."""
        self._loop = asyncio.get_running_loop()
        self._asked = asyncio.Event()
        for sign in (signal.SIGINT, signal.SIGTERM):
            self._loop.add_signal_handler(sign, self._asked.set)
        taker = threading.Thread(target=self._take_for_ever, name="taker", daemon=True)
        ender = threading.Thread(target=self._end_for_ever, name="ender", daemon=True)
        taker.start()
        ender.start()
        try:
            await self._asked.wait()
            await self._drain(taker)
        finally:
            self._ended.put(None)
            await asyncio.to_thread(ender.join)
            for sign in (signal.SIGINT, signal.SIGTERM):
                self._loop.remove_signal_handler(sign)

    def handle_payload(self, message: Any) -> None:
        """Commands of RQ's own tools; `stop-job` cancels one coroutine."""
        payload = parse_payload(message)
        if payload.get("command") != "stop-job":
            handle_command(self, payload)
            return
        self._loop.call_soon_threadsafe(self._stop, str(payload.get("job_id")))

    def _stop(self, job_id: str, tries: int = 5) -> None:
        found = [flight for flight in self._flights.values() if flight.job.id == job_id and flight.task]
        for flight in found:
            flight.stopped = True
            flight.task.cancel()  # type: ignore[union-attr]
        if not found and tries:
            # Marked as started already, but still on its way from the taker's thread.
            self._loop.call_later(0.1, self._stop, job_id, tries - 1)

    async def _drain(self, taker: threading.Thread) -> None:
        self._stopping.set()
        self._call_drain()
        with self._room:
            self._room.notify()
        await asyncio.to_thread(taker.join)
        tasks = [flight.task for flight in self._flights.values() if flight.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # --- taking jobs, on the taker's thread ---

    def _take_for_ever(self) -> None:
        waiting = 0
        while not self._stopping.is_set():
            try:
                free = self._wait_for_room()
                if self._stopping.is_set():
                    break
                ids = self._take(min(free, waiting, MOST_AT_ONCE)) if waiting else self._take_first()
                flights, waiting = self._prepare(ids) if ids else ([], 0)
            except redis.RedisError as error:
                log.warning("worker.no_jobs_taken", error=str(error))
                time.sleep(RETRY_SECONDS)
                waiting = 0
                continue
            with self._room:
                self._free -= len(flights)
            if flights:
                self._loop.call_soon_threadsafe(self._begin, flights)
            elif self._burst and not waiting:
                self._stop_when_idle()
                return

    def _wait_for_room(self) -> int:
        with self._room:
            while not self._free and not self._stopping.is_set():
                self._room.wait()
            return self._free

    def _stop_when_idle(self) -> None:
        with self._room:
            while self._free < self._concurrency and not self._stopping.is_set():
                self._room.wait()
        self._loop.call_soon_threadsafe(self._asked.set)

    def _take_first(self) -> list[str]:
        source, between = self.queue.key, self.queue.intermediate_queue_key
        if self._burst:
            found: Any = self.connection.lmove(source, between)
        else:
            found = self.connection.blmove(source, between, BLOCK_SECONDS)
        return [found.decode()] if found else []

    def _take(self, count: int) -> list[str]:
        with self.connection.pipeline(transaction=False) as pipe:
            for _ in range(count):
                pipe.lmove(self.queue.key, self.queue.intermediate_queue_key)
            return [found.decode() for found in pipe.execute() if found]

    def _prepare(self, ids: list[str]) -> tuple[list[_Flight], int]:
        """Marks jobs as started, in one transaction; gives those that exist, and how many more are waiting."""
        if self._stopping.is_set():
            take_back(self.connection, self.queue, ids)
            return [], 0
        flights: list[_Flight] = []
        with self.connection.pipeline() as pipe:
            for name in ids:
                job = Job(name, connection=self.connection, serializer=self.serializer)
                job.origin = self.queue.name
                pipe.hgetall(job.key)
            for name in ids:
                job = Job(name, connection=self.connection, serializer=self.serializer)
                job.origin = self.queue.name
                execution = Execution.create(job, self._lease, pipeline=pipe, worker_name=self.name)
                job.prepare_for_execution(self.name, pipeline=pipe)
                pipe.lrem(self.queue.intermediate_queue_key, 1, name)
                flights.append(_Flight(job, execution))
            pipe.llen(self.queue.key)
            *answers, waiting = pipe.execute()
        there: list[_Flight] = []
        for flight, stored in zip(flights, answers, strict=False):
            if stored:
                flight.job.restore(stored)
                flight.job._status = JobStatus.STARTED
                flight.job.started_at = now()
                there.append(flight)
            else:
                # Deleted, or delivered twice and over: nothing to run, only what was just written to take away.
                self._ended.put(flight)
        return there, waiting

    # --- running jobs, on the loop ---

    def _begin(self, flights: list[_Flight]) -> None:
        for flight in flights:
            self._flights[flight.execution.id] = flight
            flight.task = self._loop.create_task(self._run(flight), name=flight.job.id)

    async def _run(self, flight: _Flight) -> None:
        job = flight.job
        try:
            function = self._functions.get(str(job.func_name))
            if function is None:
                raise LookupError(f"This worker has no function {job.func_name!r}")
            limit = job.timeout if job.timeout and job.timeout > 0 else None
            async with asyncio.timeout(limit):
                await function(*job.args, **job.kwargs)
        except BaseException as error:
            flight.error = error
        finally:
            self._flights.pop(flight.execution.id, None)
            self._ended.put(flight)
            with self._room:
                self._free += 1
                self._room.notify()

    # --- ending jobs, on the ender's thread ---

    def _end_for_ever(self) -> None:
        beat = time.monotonic()
        going_on = True
        while going_on:
            batch: list[_Flight] = []
            try:
                first = self._ended.get(timeout=max(0.0, beat - time.monotonic()))
                while first is not None:
                    batch.append(first)
                    first = self._ended.get_nowait()
                going_on = False
            except queue.Empty:
                pass
            self._patiently(lambda ended=batch: self._end(ended))  # type: ignore[misc]
            if time.monotonic() >= beat:
                beat = time.monotonic() + self._lease / 3
                self._patiently(self._beat, tries=1)

    def _patiently(self, call: Callable[[], None], tries: int = 20) -> None:
        for _ in range(tries):
            try:
                call()
            except redis.RedisError as error:
                log.warning("worker.redis_away", error=str(error))
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _end(self, batch: list[_Flight]) -> None:
        good = [flight for flight in batch if flight.error is None]
        if good:
            with self.connection.pipeline() as pipe:
                forget_jobs(pipe, [(flight.job, flight.execution) for flight in good])
                pipe.hincrby(self.key, "successful_job_count", len(good))
                pipe.execute()
        for flight in batch:
            if flight.error is not None:
                self._fail(flight, flight.error)
        batch.clear()

    def _fail(self, flight: _Flight, error: BaseException) -> None:
        flight.job.ended_at = now()
        if flight.stopped:
            self._stopped_job_id = flight.job.id
        else:
            log.error("worker.job_failed", job=flight.job.id, error=repr(error))
        said = "".join(traceback.format_exception(error))
        self.handle_job_failure(flight.job, self.queue, exc_string=said, execution=flight.execution)

    def _beat(self) -> None:
        flights = list(self._flights.values())
        with self.connection.pipeline() as pipe:
            self.heartbeat(self.worker_ttl + 60, pipeline=pipe)
            for flight in flights:
                flight.execution.heartbeat(flight.job.started_job_registry, self._lease, pipeline=pipe)
            was_forgotten = pipe.execute()[0] == 1
        if was_forgotten:
            # Redis came back without its data: be known again, to `./weft up` and to RQ's tools.
            self.register_birth()  # type: ignore[no-untyped-call]
        self._cleaning.run()


def main() -> None:
    """`./weft worker`: runs segments until a signal asks to stop. Raises DatabaseUnavailable."""
    uvloop.run(_work(settings()))


async def _work(config: Settings) -> None:
    from engine import worker  # noqa: PLC0415 - the class above serves without the rest of the engine

    async with worker.opened(config) as segments:
        connection = redis.Redis.from_url(config.redis_url)
        await _reach(connection)
        mine = CoroutineWorker(
            QUEUE_NAME,
            connection,
            {FUNCTION: segments.execute},
            lease=config.lease_seconds,
            drain=segments.drain,
        )
        mine.bootstrap("WARNING")
        try:
            await mine.work_here()
        finally:
            mine.teardown()


async def _reach(connection: redis.Redis) -> None:
    """Waits until Redis answers."""
    while True:
        try:
            await asyncio.to_thread(connection.ping)
            return
        except redis.RedisError as error:
            log.warning("worker.redis_away", error=str(error))
            await asyncio.sleep(RETRY_SECONDS)
