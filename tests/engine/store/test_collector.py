"""What the collector deletes and what it must not, at every moment between storing a value and naming it."""

import multiprocessing
import os
import random
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from engine.contract.errors import NotFound
from engine.models import StoredFile, Workflow, now
from engine.store.collector import Collector
from engine.store.db import Database
from engine.store.places import Place
from engine.store.storage import Storage
from tests.engine.seed import Seed, seed
from tests.shelves import BucketShelf, FolderShelf, Shelf, aside

GRACE = 100.0
ROWS = [{"n": n, "text": "x" * 100} for n in range(3_000)]


class Bench:
    def __init__(self, url: str, shelf: Shelf) -> None:
        self.data = Database(url)
        self.seed: Seed = seed(self.data)
        self.shelf = shelf
        self.storage = Storage(shelf.place)
        self.workspace = self.seed.workspace_id

    def collect(self) -> None:
        # A new one each time, as another process would be.
        Collector(self.data, self.storage, GRACE).collect(self.workspace)

    def age(self) -> None:
        """All that is stored was stored long ago."""
        self.shelf.age(2 * GRACE)

    def name(self, value: object) -> None:
        """Lets a row hold a value, any row of any table."""
        with self.data.transaction() as session:
            session.execute(sa.update(Workflow).values(pins={"node": value}))

    def things(self) -> list[str]:
        return [*self.shelf.things()]


@pytest.fixture
def bench(any_database: str, shelf: Shelf) -> Iterator[Bench]:
    bench = Bench(any_database, shelf)
    yield bench
    bench.data.close()


def test_what_was_stored_just_now_stays_though_nothing_names_it_yet(bench: Bench) -> None:
    ref = bench.storage.put_json(bench.workspace, ROWS)
    bench.collect()
    bench.collect()
    assert bench.storage.get_json(bench.workspace, ref.hash) == ROWS


def test_what_nothing_names_is_set_aside_can_be_read_and_is_gone_the_next_time(bench: Bench) -> None:
    ref = bench.storage.put_json(bench.workspace, ROWS)
    bench.age()
    bench.collect()
    assert aside(bench.shelf) == bench.things()
    assert bench.storage.get_json(bench.workspace, ref.hash) == ROWS
    bench.collect()
    assert bench.things()
    for _ in range(2):  # in a bucket it was put back by being read, so it is set aside once more
        bench.age()
        bench.collect()
    assert bench.things() == []
    with pytest.raises(NotFound):
        bench.storage.get_json(bench.workspace, ref.hash)


def test_the_same_value_stored_again_at_any_moment_is_there(bench: Bench) -> None:
    value = {"text": "v" * 100_000}
    ref = bench.storage.put_json(bench.workspace, value)
    bench.age()
    bench.storage.put_json(bench.workspace, value)  # before the collector looks: it has a new time
    bench.collect()
    assert aside(bench.shelf) == []
    bench.age()
    bench.collect()
    bench.age()
    bench.storage.put_json(bench.workspace, value)  # after it was set aside: it is written again
    held = {"ref": ref.hash, "count": None, "size": ref.size}
    bench.collect()
    assert aside(bench.shelf) == []
    bench.name(held)
    bench.age()
    bench.collect()
    assert bench.storage.value_of(bench.workspace, held) == value


def test_what_is_named_while_it_is_aside_comes_back(bench: Bench) -> None:
    ref = bench.storage.put_json(bench.workspace, ROWS)
    bench.age()
    bench.collect()
    bench.name({"ref": ref.hash, "count": ref.count, "size": ref.size})
    bench.age()
    for _ in range(2):  # in a bucket the copy goes when the next look finds what it was made of in its place
        bench.collect()
    assert aside(bench.shelf) == []
    assert bench.storage.page(bench.workspace, ref.hash, 2_999, 3_000) == ROWS[-1:]


def test_what_a_named_value_names_stays_however_deep(bench: Bench) -> None:
    inner = bench.storage.put_json(bench.workspace, ROWS)
    file = bench.storage.put_file(bench.workspace, [b"bytes"], "a.txt", "text/plain")
    rows = bench.storage.list_of(bench.workspace, inner.hash, len(ROWS))
    items = [{"n": n, "rows": rows, "file": file.model_dump(by_alias=True)} for n in range(3)]
    middle = bench.storage.put_json(bench.workspace, items)
    joined = bench.storage.join(bench.workspace, [bench.storage.list_of(bench.workspace, middle.hash, 3), rows])
    bench.name({"ref": joined.hash, "count": joined.count, "size": joined.size})
    for _ in range(3):
        bench.age()
        bench.collect()
    found = bench.storage.get_json(bench.workspace, joined.hash)
    assert len(found) == 3_003
    assert found[2]["rows"].read(0, 1) == ROWS[:1]
    with bench.storage.open_file(bench.workspace, found[0]["file"]["$file"]) as stream:
        assert stream.read() == b"bytes"


def test_what_a_killed_process_left_unfinished_goes(sqlite_url: str, tmp_path: Path) -> None:
    shelf = FolderShelf(tmp_path)
    bench = Bench(sqlite_url, shelf)
    bench.storage.put_json(bench.workspace, ROWS)
    draft = shelf.root / bench.workspace / f".{'0' * 32}"
    draft.write_bytes(b"half")
    bench.collect()
    assert draft.exists()
    os.utime(draft, (0, 0))
    bench.collect()
    assert not draft.exists()
    bench.data.close()


def test_the_payloads_of_a_workspace_that_is_gone_go(bench: Bench) -> None:
    bench.storage.put_json("other", ROWS)
    collector = Collector(bench.data, bench.storage, grace=-1)
    assert collector.workspaces() == ["other"]
    collector.collect("other")
    assert collector.collect("other").deleted == 2
    assert bench.things() == []


def _collect_for_ever(url: str, place: Place, workspace: str, grace: float) -> None:
    collector = Collector(Database(url), Storage(place), grace)
    while True:
        collector.collect(workspace)


@pytest.mark.parametrize(
    ("database", "kind", "grace"), [("sqlite", "folder", 1), ("postgres", "folder", 1), ("sqlite", "bucket", 3)]
)
def test_collectors_that_are_killed_take_nothing_that_is_named(
    database: str, kind: str, grace: float, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue(f"{database}_url")
    shelf: Shelf = FolderShelf(tmp_path)
    if kind == "bucket":
        shelf = BucketShelf(request.getfixturevalue("s3_server"), request.getfixturevalue("bucket"))
    bench = Bench(url, shelf)
    values = [{"n": n, "text": "v" * 70_000} for n in range(5)]
    spawn = multiprocessing.get_context("spawn")
    arguments = (url, shelf.place, bench.workspace, grace)
    collectors = [spawn.Process(target=_collect_for_ever, args=arguments) for _ in range(2)]
    for process in collectors:
        process.start()
    chance = random.Random(7)
    until = time.monotonic() + 5 + grace
    stored = 0
    while time.monotonic() < until:
        # As two runs do that come to the same values: store, name a moment later, be removed.
        chosen = chance.sample(values, 2)
        refs = [bench.storage.put_json(bench.workspace, value) for value in chosen]
        time.sleep(chance.uniform(0, grace / 4))
        held = [{"ref": ref.hash, "count": None, "size": ref.size} for ref in refs]
        bench.name(held)
        time.sleep(chance.uniform(0, 2))
        assert [bench.storage.value_of(bench.workspace, one) for one in held] == chosen
        stored += 1
        if stored % 3 == 0:
            victim = chance.randrange(2)
            collectors[victim].kill()
            collectors[victim].join()
            collectors[victim] = spawn.Process(target=_collect_for_ever, args=arguments)
            collectors[victim].start()
    for process in collectors:
        process.kill()
        process.join()
    assert stored > 3
    # And nothing that is not named stays for good.
    bench.name(None)
    for _ in range(3):
        bench.age()
        bench.collect()
    assert bench.things() == []
    bench.data.close()


def test_an_uploaded_file_stays_for_a_week_and_then_while_something_names_it(bench: Bench) -> None:
    def uploaded(content: bytes, days: float) -> dict[str, Any]:
        file = bench.storage.put_file(bench.workspace, [content], "a.txt", "text/plain")
        with bench.data.transaction() as session:
            about = {"name": "a.txt", "media_type": "text/plain", "size": file.size}
            ago = now() - timedelta(days=days)
            session.add(StoredFile(workspace_id=bench.workspace, hash=file.id, created_at=ago, **about))
        return file.model_dump(by_alias=True)

    named, lost, again = uploaded(b"named", 8), uploaded(b"lost", 8), uploaded(b"again", 8)
    young = [uploaded(content, 6) for content in (b"young", b"again")]
    bench.name(named)
    for _ in range(3):
        bench.age()
        bench.collect()
    assert young[1]["$file"] == again["$file"]
    for file in (named, *young):
        assert bench.storage.has(bench.workspace, file["$file"])
    assert not bench.storage.has(bench.workspace, lost["$file"])
    with bench.data.transaction(write=False) as session:
        rows = session.scalars(sa.select(StoredFile.hash)).all()  # type: ignore[call-overload]
    assert sorted(rows) == sorted(file["$file"] for file in (named, again, *young))
