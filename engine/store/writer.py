"""The one writer of a process: a thread that commits in groups.

Whatever is submitted while a commit is under way forms the next transaction, so durability costs one flush for all who
wait (group commit; DeWitt et al., "Implementation techniques for main memory database systems", 1984).
A batch that fails is replayed with a savepoint per operation, so that only the offender's caller sees the error.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import structlog

from engine import metrics
from engine.store.db import Database, DatabaseUnavailable
from engine.store.driver import Driver, Operation

BATCH_SECONDS = 0.015
BATCH_OPERATIONS = 400
PATIENCE_SECONDS = 8.0

log = structlog.get_logger()
Make = Callable[[Driver], Operation]


@dataclass(slots=True)
class _Ticket:
    make: Make
    future: asyncio.Future[Any] | Future[Any]


class Writer:
    """Takes operations from any thread, commits them in batches, and answers when they are durable.

    `committed` is told the results of each batch after its commit, on the writer's thread. `died` is called when the
    thread cannot go on; a process that holds leases must end then, since nothing it does can be recorded any more.
    """

    def __init__(
        self,
        database: Database,
        committed: Callable[[Sequence[Any]], None] | None = None,
        died: Callable[[BaseException], None] | None = None,
    ) -> None:
        self._database = database
        self._committed, self._died = committed, died
        self._urgent: deque[_Ticket] = deque()
        self._queue: deque[_Ticket] = deque()
        self._wake = threading.Condition(threading.Lock())
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.batches = 0
        self.operations = 0

    def start(self) -> None:
        """Connects, so that a wrong address is told at once, and starts the thread. Raises DatabaseUnavailable."""
        self._database.check()
        self._thread = threading.Thread(target=self._live, name="writer", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether operations are still taken."""
        return not self._stopping

    def stop(self) -> None:
        """Commits what is queued, then ends the thread. Later submissions fail."""
        with self._wake:
            self._stopping = True
            self._wake.notify()
        if self._thread:
            self._thread.join()

    def submit(self, make: Make, urgent: bool = False) -> asyncio.Future[Any]:
        """Queues the operation that `make` builds (again for a replay). The future holds its result once committed.

        `urgent` puts it ahead of all others: a lease that is renewed too late is lost. The future raises
        DatabaseUnavailable if the database stayed away, or whatever the operation itself raised.
        """
        future = asyncio.get_running_loop().create_future()
        self._add(_Ticket(make, future), urgent)
        return future

    def call(self, make: Make) -> Any:
        """As `submit`, from a plain thread: waits for the result."""
        future: Future[Any] = Future()
        self._add(_Ticket(make, future), False)
        return future.result()

    def _add(self, ticket: _Ticket, urgent: bool) -> None:
        with self._wake:
            if self._stopping:
                raise DatabaseUnavailable("The writer of this process has stopped")
            (self._urgent if urgent else self._queue).append(ticket)
            self._wake.notify()

    def _live(self) -> None:
        driver: Driver | None = None
        batch: list[_Ticket] = []
        try:
            while batch := self._gather():
                driver = self._commit(driver, batch)
        except BaseException as error:
            log.critical("writer.died", error=repr(error))
            self._refuse(error, batch)
            if self._died:
                self._died(error)
        finally:
            if driver:
                driver.close()

    def _gather(self) -> list[_Ticket]:
        with self._wake:
            while not (self._urgent or self._queue or self._stopping):
                self._wake.wait()
            batch = list(self._urgent)
            self._urgent.clear()
            while self._queue and len(batch) < BATCH_OPERATIONS:
                batch.append(self._queue.popleft())
            return batch

    def _refuse(self, error: BaseException, batch: list[_Ticket]) -> None:
        with self._wake:
            self._stopping = True
            left = [*batch, *self._urgent, *self._queue]
            self._urgent.clear()
            self._queue.clear()
        _answer(left, [DatabaseUnavailable(f"The writer of this process died: {error!r}")] * len(left))

    def _commit(self, driver: Driver | None, batch: list[_Ticket]) -> Driver | None:
        """Makes one batch durable and answers it, however often the connection must be renewed for that."""
        give_up = time.monotonic() + PATIENCE_SECONDS
        pause = 0.05
        while True:
            try:
                driver = driver or self._database.driver()
                results = self._attempt(driver, batch)
            except Exception as error:
                if driver is not None and not driver.is_lost(error):
                    raise
                if driver is not None:
                    driver.close()
                driver = None
                if time.monotonic() > give_up:
                    log.error("writer.database_away", error=str(error), operations=len(batch))
                    _answer(batch, [DatabaseUnavailable(f"The database does not answer: {error}")] * len(batch))
                    return None
                time.sleep(pause)
                pause = min(1.0, pause * 2)
            else:
                self._settle(batch, results)
                return driver

    def _settle(self, batch: list[_Ticket], results: list[Any]) -> None:
        done = batch[: len(results)]
        if len(results) < len(batch):
            with self._wake:
                self._queue.extendleft(reversed(batch[len(results) :]))
        self.batches += 1
        self.operations += len(done)
        metrics.COMMIT_OPERATIONS.observe(len(done))
        try:
            if self._committed:
                self._committed(results)
        finally:
            _answer(done, results)

    @metrics.COMMIT_SECONDS.time()
    def _attempt(self, driver: Driver, batch: list[_Ticket]) -> list[Any]:
        driver.begin()
        until = time.monotonic() + BATCH_SECONDS
        try:
            results = driver.run([ticket.make(driver) for ticket in batch], until)
        except Exception as error:
            driver.rollback()
            if driver.is_lost(error):
                raise
            return self._replay(driver, batch)
        return self._seal(driver, results)

    def _replay(self, driver: Driver, batch: list[_Ticket]) -> list[Any]:
        driver.begin()
        results: list[Any] = []
        for ticket in batch:
            try:
                results.append(driver.run_apart(ticket.make(driver)))
            except Exception as error:
                if driver.is_lost(error):
                    driver.rollback()
                    raise
                results.append(error)
        return self._seal(driver, results)

    def _seal(self, driver: Driver, results: list[Any]) -> list[Any]:
        try:
            driver.commit()
        except Exception as error:
            log.warning("writer.commit_unknown", error=str(error))
            if not driver.committed():
                raise
        return results


def _answer(tickets: Sequence[_Ticket], results: Sequence[Any]) -> None:
    """Hands each caller its result, with one hop per event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], Any]]] = {}
    for ticket, result in zip(tickets, results, strict=True):
        if isinstance(ticket.future, asyncio.Future):
            by_loop.setdefault(ticket.future.get_loop(), []).append((ticket.future, result))
        elif not ticket.future.done():
            _resolve(ticket.future, result)
    for loop, pairs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_deliver, pairs)


def _deliver(pairs: Sequence[tuple[asyncio.Future[Any], Any]]) -> None:
    for future, result in pairs:
        if not future.done():
            _resolve(future, result)


def _resolve(future: asyncio.Future[Any] | Future[Any], result: Any) -> None:
    if isinstance(result, BaseException):
        future.set_exception(result)
    else:
        future.set_result(result)
