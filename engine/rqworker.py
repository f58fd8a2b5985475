"""An RQ worker that runs jobs as coroutines, about a hundred in flight.

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
from rq.command import handle_command, parse_payload
from rq.exceptions import NoSuchJobError
from rq.executions import Execution
from rq.job import Job
from rq.utils import now
from rq.worker import BaseWorker

from engine.delivery.cleaning import Cleaning
from engine.delivery.room import announce, withdraw
from engine.delivery.scripts import Taken, end
from engine.delivery.taking import Slots, Taker

WORKER_TTL_SECONDS = 30
GRACE_SECONDS = 12.0
RETRY_SECONDS = 0.5

log = structlog.get_logger()
Function = Callable[..., Awaitable[Any]]


@dataclass(slots=True)
class _Flight:
    """A job under way."""

    taken: Taken
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
        self._slots = Slots(concurrency)
        self._burst = False
        self._cleaning = Cleaning(connection, self.queue, lease)

    @property
    def slots(self) -> int:
        """How many jobs may be under way."""
        return self._slots.count

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
        self._taker = self._make_taker()
        ender = threading.Thread(target=self._end_for_ever, name="ender", daemon=True)
        self._taker.start()
        ender.start()
        try:
            await self._asked.wait()
            await self._drain()
        finally:
            self._ended.put(None)
            await asyncio.to_thread(ender.join)
            for sign in (signal.SIGINT, signal.SIGTERM):
                self._loop.remove_signal_handler(sign)

    def _make_taker(self) -> Taker:
        return Taker(
            self.connection,
            self.queue,
            worker=self.name,
            lease=self._lease,
            slots=self._slots,
            begin=lambda taken: self._loop.call_soon_threadsafe(self._begin, taken),
            idle=lambda: self._loop.call_soon_threadsafe(self._asked.set),
            burst=self._burst,
        )

    def handle_payload(self, message: Any) -> None:
        """Commands of RQ's own tools; `stop-job` cancels one coroutine."""
        payload = parse_payload(message)
        if payload.get("command") != "stop-job":
            handle_command(self, payload)
            return
        self._loop.call_soon_threadsafe(self._stop, str(payload.get("job_id")))

    def _stop(self, job_id: str, tries: int = 5) -> None:
        found = [flight for flight in self._flights.values() if flight.taken.job_id == job_id and flight.task]
        for flight in found:
            flight.stopped = True
            flight.task.cancel()  # type: ignore[union-attr]
        if not found and tries:
            # Marked as started already, but still on its way from the taker's thread.
            self._loop.call_later(0.1, self._stop, job_id, tries - 1)

    async def _drain(self) -> None:
        self._taker.stop()
        await asyncio.to_thread(self._patiently, self._withdraw, 1)
        self._call_drain()
        await asyncio.to_thread(self._taker.join)
        tasks = [flight.task for flight in self._flights.values() if flight.task]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=GRACE_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    # --- running jobs, on the loop ---

    def _begin(self, taken: list[Taken]) -> None:
        for job in taken:
            flight = self._flights[job.execution_id] = _Flight(job)
            flight.task = self._loop.create_task(self._run(flight), name=job.job_id)

    async def _run(self, flight: _Flight) -> None:
        try:
            name, arguments, named = flight.taken.call()
            function = self._functions.get(name)
            if function is None:
                raise LookupError(f"This worker has no function {name!r}")
            if flight.taken.timeout is None:
                await function(*arguments, **named)
            else:
                async with asyncio.timeout(flight.taken.timeout):
                    await function(*arguments, **named)
        except BaseException as error:
            flight.error = error
        finally:
            del self._flights[flight.taken.execution_id]
            self._ended.put(flight)
            self._slots.give_back()

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
            except Exception as error:
                log.warning("worker.redis_away", error=repr(error))
                time.sleep(RETRY_SECONDS)
            else:
                return

    def _end(self, batch: list[_Flight]) -> None:
        good = [(flight.taken.job_id, flight.taken.execution_id) for flight in batch if flight.error is None]
        if good:
            end(self.connection, self.queue, good, worker=self.name, counted_on=self.key)
        for flight in batch:
            if flight.error is not None:
                self._fail(flight, flight.error)
        batch.clear()

    def _fail(self, flight: _Flight, error: BaseException) -> None:
        execution = self._execution(flight)
        try:
            job = Job.fetch(flight.taken.job_id, connection=self.connection, serializer=self.serializer)
        except NoSuchJobError:
            end(self.connection, self.queue, [(flight.taken.job_id, flight.taken.execution_id)], worker=self.name)
            return
        job.ended_at = now()
        if flight.stopped:
            self._stopped_job_id = job.id
        else:
            log.error("worker.job_failed", job=job.id, error=repr(error))
        said = "".join(traceback.format_exception(error))
        self.handle_job_failure(job, self.queue, exc_string=said, execution=execution)

    def _withdraw(self) -> None:
        withdraw(self.connection, self.queue, self.name, self._slots.count)

    def _execution(self, flight: _Flight) -> Execution:
        return Execution(flight.taken.execution_id, flight.taken.job_id, self.connection, self.name)

    def _beat(self) -> None:
        registry = self.queue.started_job_registry
        with self.connection.pipeline() as pipe:
            self.heartbeat(self.worker_ttl + 60, pipeline=pipe)
            if not self._taker.stopping:
                announce(pipe, self.queue, self.name, self._slots.count, self._lease)
            for flight in list(self._flights.values()):
                self._execution(flight).heartbeat(registry, self._lease, pipeline=pipe)
            was_forgotten = pipe.execute()[0] == 1
        if was_forgotten:
            # Redis came back without its data: be known again, to `./weft up` and to RQ's tools.
            self.register_birth()  # type: ignore[no-untyped-call]
        self._cleaning.run()
