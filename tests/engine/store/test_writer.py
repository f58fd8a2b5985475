"""The one writer of a process: groups, order, offenders, and a database that goes away."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import pytest
from sqlalchemy import make_url

from engine.store.db import Database, DatabaseUnavailable, database
from engine.store.driver import Driver, Operation
from engine.store.sqlite import SqliteDriver
from engine.store.statement import Statement
from engine.store.writer import Writer
from tests.relay import port_relay
from tests.servers import PostgresServer

CREATE = Statement("CREATE TABLE IF NOT EXISTS note (name TEXT PRIMARY KEY, number INTEGER NOT NULL)")
PUT = Statement("INSERT INTO note (name, number) VALUES (:name, :number)")
ALL = Statement("SELECT name, number FROM note ORDER BY name")


def create(driver: Driver) -> Operation:
    driver.send(CREATE, {})
    yield


def put(driver: Driver, name: str, number: int | None = 1) -> Operation:
    driver.send(PUT, {"name": name, "number": number})
    yield
    return name


def read(driver: Driver) -> Operation:
    found = driver.send(ALL, {})
    yield
    return [tuple(row) for row in found.rows()]


def block(driver: Driver, gate: threading.Event) -> Operation:
    gate.wait(10)
    yield


@pytest.fixture
async def writer(any_database: str) -> AsyncIterator[Writer]:
    writer = Writer(database())
    writer.start()
    await writer.submit(create)
    yield writer
    await asyncio.to_thread(writer.stop)


async def test_what_waits_during_a_commit_goes_into_the_next_together(writer: Writer) -> None:
    gate = threading.Event()
    blocking = writer.submit(partial(block, gate=gate))
    await asyncio.sleep(0.05)
    before = writer.batches
    puts = [writer.submit(partial(put, name=f"n{number:03}")) for number in range(100)]
    gate.set()
    assert await asyncio.gather(*puts) == [f"n{number:03}" for number in range(100)]
    await blocking
    assert writer.batches - before <= 3
    assert len(await writer.submit(read)) == 100


async def test_an_urgent_operation_goes_ahead_of_all_others(writer: Writer) -> None:
    gate = threading.Event()
    writer.submit(partial(block, gate=gate))
    await asyncio.sleep(0.05)
    late = writer.submit(partial(put, name="late"))
    first = writer.submit(read, urgent=True)
    gate.set()
    assert await first == []
    await late


async def test_only_the_offenders_of_a_batch_hear_of_it(writer: Writer) -> None:
    await writer.submit(partial(put, name="taken"))
    gate = threading.Event()
    writer.submit(partial(block, gate=gate))
    await asyncio.sleep(0.05)
    puts = [
        writer.submit(partial(put, name=name, number=number))
        for name, number in [("a", 1), ("taken", 2), ("b", 1), ("nothing", None), ("c", 1)]
    ]
    gate.set()
    results = await asyncio.gather(*puts, return_exceptions=True)
    assert [isinstance(result, Exception) for result in results] == [False, True, False, True, False]
    assert [name for name, _ in await writer.submit(read)] == ["a", "b", "c", "taken"]


async def test_an_error_of_our_own_is_the_callers_too(writer: Writer) -> None:
    def broken(driver: Driver) -> Operation:
        driver.send(PUT, {"name": "half", "number": 1})
        yield
        raise ArithmeticError("wrong")

    with pytest.raises(ArithmeticError, match="wrong"):
        await writer.submit(broken)
    assert await writer.submit(read) == []


async def test_a_caller_that_went_away_disturbs_nobody(writer: Writer) -> None:
    future = writer.submit(partial(put, name="abandoned"))
    future.cancel()
    await writer.submit(partial(put, name="next"))
    assert [name for name, _ in await writer.submit(read)] == ["abandoned", "next"]


async def test_a_thread_can_wait_for_the_writer(writer: Writer) -> None:
    assert await asyncio.to_thread(writer.call, partial(put, name="from a thread")) == "from a thread"
    with pytest.raises(Exception, match=r"(?i)unique"):
        await asyncio.to_thread(writer.call, partial(put, name="from a thread"))


async def test_commits_are_told_after_they_happened(any_database: str) -> None:
    told: list[Any] = []
    writer = Writer(database(), committed=told.extend)
    writer.start()
    await writer.submit(create)
    await writer.submit(partial(put, name="a"))
    assert told == [None, "a"]
    await asyncio.to_thread(writer.stop)
    with pytest.raises(DatabaseUnavailable):
        await writer.submit(read)


async def test_a_writer_that_dies_says_so(sqlite_url: str) -> None:
    died: list[BaseException] = []

    def fail(_results: Any) -> None:
        raise KeyError("broken hook")

    writer = Writer(database(), committed=fail, died=died.append)
    writer.start()
    # Committed before the hook failed, so that is what its caller hears.
    assert await writer.submit(create) is None
    while not died:
        await asyncio.sleep(0.01)
    assert isinstance(died[0], KeyError)
    with pytest.raises(DatabaseUnavailable):
        await writer.submit(read)


async def test_a_dying_writer_answers_those_it_was_working_for(
    sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_driver: SqliteDriver) -> None:
        raise MemoryError("nothing left")

    writer = Writer(database())
    writer.start()
    monkeypatch.setattr(SqliteDriver, "begin", broken)
    with pytest.raises(DatabaseUnavailable, match="died"):
        await writer.submit(create)


async def test_an_absent_database_is_told_at_the_start(sqlite_url: str) -> None:
    with pytest.raises(DatabaseUnavailable):
        Writer(Database("postgresql://postgres@127.0.0.1:1/weft")).start()


async def test_what_was_written_while_postgres_restarted_is_written_once(own_postgres: PostgresServer) -> None:
    data = Database(own_postgres.url())
    writer = Writer(data)
    writer.start()
    await writer.submit(create)
    going_on = True
    written: list[str] = []

    async def keep_writing(who: str) -> None:
        number = 0
        while going_on:
            number += 1
            written.append(await writer.submit(partial(put, name=f"{who}-{number:05}")))

    writing = [asyncio.create_task(keep_writing(f"w{number}")) for number in range(10)]
    for _ in range(2):
        await asyncio.sleep(0.4)
        await asyncio.to_thread(own_postgres.kill)
        await asyncio.to_thread(own_postgres.start)
    await asyncio.sleep(0.5)
    going_on = False
    await asyncio.gather(*writing)
    assert sorted(written) == [name for name, _ in await writer.submit(read)]
    await asyncio.to_thread(writer.stop)
    data.close()


@pytest.mark.parametrize("deaf", [True, False], ids=["its answer is lost", "it does not arrive"])
async def test_a_connection_that_breaks_in_a_commit_makes_it_once(postgres_url: str, deaf: bool) -> None:
    there = make_url(postgres_url)
    assert there.port
    relay, port = port_relay(there.port, [], deaf)
    data = Database(there.set(port=port).render_as_string(hide_password=False))
    writer = Writer(data)
    writer.start()
    await writer.submit(create)
    relay.left = [b"COMMIT"]
    assert await writer.submit(partial(put, name="once")) == "once"
    assert relay.left == []
    assert await writer.submit(read) == [("once", 1)]
    await asyncio.to_thread(writer.stop)
    data.close()
    relay.close()


async def test_a_batch_lets_others_write_in_between(sqlite_url: str) -> None:
    writer = Writer(database())
    writer.start()
    await writer.submit(create)

    def slow(driver: Driver, name: str) -> Operation:
        time.sleep(0.004)
        yield from put(driver, name)

    before = writer.batches
    await asyncio.gather(*(writer.submit(partial(slow, name=f"s{number}")) for number in range(20)))
    # 80 ms of work does not fit into one turn of 15 ms.
    assert writer.batches - before >= 4
    await asyncio.to_thread(writer.stop)
