"""Retention from end to end on both databases: which runs go, what goes with them, and that the disk has room again."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url

from engine.models import (
    Attempt,
    Payload,
    Run,
    RunPayload,
    Step,
    StoredFile,
    Workflow,
    Workspace,
    from_ms,
    new_id,
    now,
    to_ms,
)
from engine.store import retention, space, starting
from engine.store.changes import Changes, StepRow
from engine.store.checkpoint import Checkpoints
from engine.store.collector import Collector
from engine.store.db import Database
from engine.store.files import RunFiles
from engine.store.lease import Leases
from engine.store.results import Delivery
from engine.store.starting import EarlierRunGone, Taken
from engine.store.storage import Storage, storage
from engine.store.writer import Writer
from engine.upkeep import Upkeep
from tests.engine.seed import seed
from tests.shelves import Shelf


class Bench:
    """A database with a writer, the payload store, and an upkeep that collects what is older than nothing."""

    def __init__(self, url: str) -> None:
        self.data = Database(url)
        self.writer = Writer(self.data)
        self.seed = seed(self.data)
        self.storage: Storage = storage()
        self.workspace = self.seed.workspace_id
        self.upkeep = Upkeep(self.data, self.writer, self.storage, Collector(self.data, self.storage, grace=-1))

    async def run(self, values: tuple[Any, ...] = (), rows: int = 1, ends: bool = True, **more: Any) -> str:
        """A run whose steps gave these values, stored as payloads, and empty steps to fill up to `rows`."""
        new = self.seed.run(**more)
        started = await self.writer.submit(partial(starting.start, new=new))
        claim = await Leases(self.writer, 15).claim(Delivery(started.run_id, 0, 0))
        assert claim
        refs = [self.storage.put_json(self.workspace, value) for value in values]
        held = [{"main": {"ref": ref.hash, "count": ref.count, "size": ref.size}} for ref in refs]
        steps = [StepRow(f"n{n}", "done", output=output) for n, output in enumerate(held)]
        steps += [StepRow("many", "done", str(n), output={"main": {"v": "x" * 200}}) for n in range(rows)]
        changes = Changes(steps=steps, payloads=refs, end="done" if ends else None)
        await Checkpoints(self.data, self.writer).save(claim, changes)
        return started.run_id

    def keep(self, **bounds: Any) -> None:
        with self.data.transaction() as session:
            session.execute(sa.update(Workflow).values(limits={"retention": bounds}))

    def ids(self) -> set[str]:
        with self.data.transaction(write=False) as session:
            return set(session.scalars(sa.select(Run.id)))  # type: ignore[call-overload]

    def count(self, *tables: Any) -> int:
        with self.data.transaction(write=False) as session:
            return sum(session.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in tables)

    async def collect(self) -> None:
        """Two passes: one sets aside, the next deletes."""
        await self.upkeep.collect()
        await self.upkeep.collect()


@pytest.fixture
async def bench(any_database: str) -> AsyncIterator[Bench]:
    bench = Bench(any_database)
    bench.writer.start()
    yield bench
    bench.writer.stop()
    bench.data.close()


def payload_bytes(shelf: Shelf) -> int:
    return sum(shelf.things().values())


async def test_of_many_runs_the_newest_stay_with_all_their_rows(bench: Bench) -> None:
    runs = [await bench.run(rows=3) for _ in range(6)]
    bench.keep(runs=2)
    assert await bench.upkeep.remove() == 4
    assert bench.ids() == set(runs[-2:])
    assert bench.count(Step) == 6
    assert await bench.upkeep.remove() == 0


async def test_old_runs_go_and_the_workflows_own_words_replace_the_workspaces(bench: Bench) -> None:
    old, young = await bench.run(), await bench.run()
    with bench.data.transaction() as session:
        ago = from_ms(to_ms(now()) - 3 * retention.DAY_MILLISECONDS)
        session.execute(sa.update(Run).where(sa.column("id") == old).values(finished_at=ago))
        session.execute(sa.update(Workspace).values(limits={"retention": {"days": 2}}))
    bench.keep(days=None)
    assert await bench.upkeep.remove() == 0
    with bench.data.transaction() as session:
        session.execute(sa.update(Workflow).values(limits={}))
    assert await bench.upkeep.remove() == 1
    assert bench.ids() == {young}


async def test_what_takes_too_much_room_goes_but_never_the_newest(bench: Bench) -> None:
    value = [{"n": n, "text": "y" * 80} for n in range(5_000)]
    first = await bench.run((value,))
    second = await bench.run(([*value, 1],))
    bench.keep(bytes=100_000)
    assert await bench.upkeep.measure() == 2
    with bench.data.transaction(write=False) as session:
        row = session.get(Run, first)
        assert row and row.row_bytes and row.payload_bytes
        assert row.payload_bytes > 5_000 * 80
        assert 600 < row.row_bytes < 2_000
    assert await bench.upkeep.remove() == 1
    assert bench.ids() == {second}


async def test_what_is_under_way_stays_and_what_it_needs(bench: Bench) -> None:
    earlier = await bench.run()
    await bench.run(ends=False, again_of=earlier)
    caller = await bench.run(ends=False)
    child = await bench.run(parent_run_id=caller)
    started_by = await bench.run()
    await bench.run(ends=False, parent_run_id=started_by)
    free = await bench.run()
    everything = bench.ids()
    bench.keep(runs=0)
    assert await bench.upkeep.remove() == 1
    assert bench.ids() == everything - {free}
    assert {earlier, child, started_by} < bench.ids()
    # Not even if a process that knew no better asks for it.
    assert await bench.writer.submit(partial(retention.give_up, runs=[earlier, caller, child])) == []


async def test_a_large_run_goes_in_pieces_and_another_process_goes_on(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS_AT_ONCE", 50)
    run = await bench.run(rows=180)
    await bench.writer.submit(partial(retention.give_up, runs=[run]))
    assert not await bench.writer.submit(partial(retention.remove, run_id=run))
    assert bench.count(Step) == 130
    # The first process was killed here.
    assert await bench.upkeep.remove() == 1
    assert bench.count(Run, Step, Attempt) == 0


async def test_nothing_is_taken_over_from_a_run_that_is_going(bench: Bench) -> None:
    run = await bench.run(([1],))
    await bench.writer.submit(partial(retention.give_up, runs=[run]))
    new = bench.seed.run(again_of=run, taken=(Taken(run, ("n0",)),))
    with pytest.raises(EarlierRunGone):
        await bench.writer.submit(partial(starting.start, new=new))
    rounds = bench.seed.run(again_of=run, taken=(Taken(run, (), rounds=("many",)),))
    with pytest.raises(EarlierRunGone):
        await bench.writer.submit(partial(starting.start, new=rounds))


async def test_the_disk_has_room_again(shelf: Shelf, bench: Bench) -> None:
    text = "".join(chr(97 + n % 26) for n in range(1_000))
    for n in range(20):
        await bench.run(([{"n": n, "text": text} for _ in range(500)],), rows=1_000)
        RunFiles(bench.workspace, new_id()).save("lost.bin", "application/octet-stream", bytes([n]) * 100_000)
    await bench.upkeep.give_back()
    rows, payloads = space.database_bytes(bench.data), payload_bytes(shelf)
    assert rows > 4_000_000
    assert payloads > 10_000_000
    bench.keep(runs=1)
    assert await bench.upkeep.remove() == 19
    await bench.collect()
    await bench.upkeep.give_back()
    assert payload_bytes(shelf) < payloads / 10
    assert bench.count(StoredFile) == 0
    assert bench.count(Payload) == 1
    if bench.data.kind == "sqlite":
        # Readers that are still there only put the cutting off.
        file = str(bench.data.url.database)
        assert os.path.getsize(file) < rows / 3  # noqa: ASYNC240, PTH202 - a test may block
        assert os.path.getsize(f"{file}-wal") < 1_000_000  # noqa: ASYNC240, PTH202 - a test may block
    # What is kept lies at the end of PostgreSQL's tables: the room before it is used again, and given back with it.
    bench.keep(runs=0)
    assert await bench.upkeep.remove() == 1
    await bench.upkeep.give_back()
    assert space.database_bytes(bench.data) < rows - 4_000_000


async def test_a_value_that_a_living_run_names_stays_with_all_that_it_names(shelf: Shelf, bench: Bench) -> None:
    inner = bench.storage.put_json(bench.workspace, [{"n": n} for n in range(20_000)])
    nested = {"rows": bench.storage.list_of(bench.workspace, inner.hash, 20_000), "title": "z" * 100_000}
    first = await bench.run((nested,))
    second = await bench.run((nested,))
    bench.keep(runs=1)
    await bench.upkeep.remove()
    await bench.collect()
    assert bench.ids() == {second} != {first}
    again = bench.storage.get_json(bench.workspace, bench.storage.put_json(bench.workspace, nested).hash)
    assert again["rows"].read(19_999, 20_000) == [{"n": 19_999}]


async def test_an_old_database_is_compacted_once_and_gives_pages_back_from_then_on(
    sqlite_url: str, tmp_path: Path
) -> None:
    old = Database(sqlite_url)
    with closing(space._sqlite(old)) as connection:
        connection.execute("PRAGMA auto_vacuum=NONE")
        connection.execute("VACUUM")
    assert not space.gives_back(old)
    await asyncio.to_thread(space.compact, old)
    assert space.gives_back(old)
    new = Database(f"sqlite:///{tmp_path / 'new' / 'weft.db'}")
    with new.transaction() as session:
        session.execute(sa.text("CREATE TABLE one (id INTEGER)"))
    assert space.gives_back(new)
    for each in (old, new):
        each.close()


async def test_two_removers_at_once_remove_everything_once_and_nothing_else(bench: Bench) -> None:
    runs = [await bench.run(([n],), rows=30) for n in range(12)]
    bench.keep(runs=2)
    other = Writer(bench.data)
    other.start()
    both = [bench.upkeep, Upkeep(bench.data, other, bench.storage)]
    try:
        await asyncio.gather(*(one.measure() for one in both))
        removed = await asyncio.gather(*(one.remove() for one in both))
    finally:
        other.stop()
    assert sum(removed) >= 10  # either may find the other's runs half removed, and finish them
    assert bench.ids() == set(runs[-2:])
    assert bench.count(Step) == 62
    assert bench.count(RunPayload) == 2
    assert await bench.upkeep.remove() == 0


async def test_compacting_gives_all_room_back_while_others_read(bench: Bench) -> None:
    for _ in range(10):
        await bench.run(rows=1_500)
    bench.keep(runs=1)
    await bench.upkeep.remove()
    before = space.database_bytes(bench.data)
    with bench.data.transaction(write=False) as session:
        assert session.scalar(sa.select(sa.func.count()).select_from(Workflow)) == 1
    await asyncio.to_thread(space.compact, bench.data)
    assert space.database_bytes(bench.data) < before - 3_000_000
    assert bench.count(Step) == 1_500
    assert len(bench.ids()) == 1
    assert await bench.run()


async def test_a_compaction_that_fails_changes_nothing_and_says_why(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    await bench.run(rows=10)
    lost = make_url("postgresql+psycopg://nobody:hunter2@127.0.0.1:1/weft")
    monkeypatch.setattr(bench.data, "url", lost if bench.data.kind == "postgresql" else make_url("sqlite:////proc/no"))
    with pytest.raises((psycopg.Error, sqlite3.Error)) as refused:
        await asyncio.to_thread(space.compact, bench.data)
    assert "hunter2" not in str(refused.value)
    assert bench.count(Step) == 10
