"""What names a payload: rows of every table, runs that are over by what was noted of them, and payloads themselves."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from engine.models import PayloadNames, Run, RunPayload, Step, Workflow, new_id, now
from engine.store import retention
from engine.store.db import Database
from engine.store.folder import Folder
from engine.store.naming import Names, named_by_rows
from engine.store.storage import Storage
from engine.store.writer import Writer
from tests.engine.seed import seed

ONE, TWO = "1" * 64, "2" * 64


class Bench:
    def __init__(self, url: str, home: Path) -> None:
        self.data = Database(url)
        self.seed = seed(self.data)
        self.writer = Writer(self.data)
        self.storage = Storage(Folder(home))

    def run(self, name: str) -> str:
        """A run that is over, whose step gave a payload."""
        whose = {"workspace_id": self.seed.workspace_id}
        run_id = new_id()
        with self.data.transaction() as session:
            version = {"workflow_id": self.seed.workflow_id, "version_id": self.seed.version_id}
            session.add(Run(**whose, **version, id=run_id, source="manual", status="done", input={}, finished_at=now()))
            session.flush()
            session.add(Step(**whose, run_id=run_id, node_id="a", status="done", output={"main": {"ref": name}}))
        return run_id

    async def measure(self) -> None:
        with self.data.reader() as driver:
            found = retention.unmeasured(driver)
        for _ in range(2):  # as two processes do
            await self.writer.submit(partial(retention.measured, found=found))

    @property
    def named(self) -> set[str]:
        return set(named_by_rows(self.data, self.seed.workspace_id))

    def count(self, table: Any) -> int:
        with self.data.transaction(write=False) as session:
            return session.scalar(sa.select(sa.func.count()).select_from(table)) or 0


@pytest.fixture
def bench(any_database: str, tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(any_database, tmp_path)
    bench.writer.start()
    yield bench
    bench.writer.stop()
    bench.data.close()


async def test_the_rows_of_a_measured_run_are_not_read_again(bench: Bench) -> None:
    run_id = bench.run(ONE)
    assert bench.named == {ONE}
    await bench.measure()
    assert bench.count(RunPayload) == 1
    with bench.data.transaction() as session:
        session.execute(sa.update(Step).values(output={"main": {"ref": TWO}}))
    assert bench.named == {ONE}
    bench.run(TWO)
    assert bench.named == {ONE, TWO}
    with bench.data.transaction() as session:
        session.execute(sa.delete(Run).where(col(Run.id) == run_id))
    assert bench.named == {TWO}


async def test_whatever_row_names_a_payload_counts(bench: Bench) -> None:
    with bench.data.transaction() as session:
        session.execute(sa.update(Workflow).values(limits={"anything": [{"$file": ONE}]}))
    assert bench.named == {ONE}


def test_a_payload_is_read_once_by_whoever_asks_first(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = bench.seed.workspace_id
    rows = bench.storage.put_json(owner, [{"n": n, "text": "x" * 100} for n in range(5_000)])
    files = bench.storage.put_json(owner, [{"n": n, "file": {"$file": ONE}} for n in range(5_000)])
    value = bench.storage.put_json(owner, {"rows": bench.storage.list_of(owner, rows.hash, 5_000), "file": TWO})
    opened: list[str] = []
    kept = Folder.open

    def opening(self: Folder, owner: str, name: str) -> Any:
        opened.append(name)
        return kept(self, owner, name)

    monkeypatch.setattr(Folder, "open", opening)

    def inside(*names: str) -> set[str]:
        return set(Names(bench.data, bench.storage, owner).inside(names))

    (lines,) = inside(rows.hash)
    assert inside(lines) == set()
    assert lines not in opened  # its manifest says that no name stands in it
    (named,) = inside(files.hash)
    assert inside(named) == {ONE}
    assert inside(value.hash) == {rows.hash, TWO}
    opened.clear()
    assert inside(rows.hash, lines, files.hash, named, value.hash) == {lines, named, ONE, rows.hash, TWO}
    assert opened == []
    assert inside("0" * 64) == set()
    with bench.data.transaction(write=False) as session:
        assert len(session.exec(select(PayloadNames)).all()) == 5
