"""Payloads on disk and in a bucket: what was put in comes out, pages read little, each workspace sees its own alone."""

import io
from pathlib import Path
from typing import Any

import pytest

from engine.contract.errors import NotFound, OutputTooLarge
from engine.store import storage as module
from engine.store.storage import Storage
from tests.shelves import Shelf


@pytest.fixture
def storage(shelf: Shelf) -> Storage:
    return Storage(shelf.place, largest_value=4_000_000, largest_file=1_000_000)


VALUES: list[Any] = [
    {"b": 1, "a": [None, True, 1.5, "ü", {"$file": "x"}]},
    "text",
    "weft-list\n{}",
    7,
    None,
    [],
    [[]],
    list(range(20_000)),
    [{"n": n, "text": "x" * 100} for n in range(5_000)],
]


@pytest.mark.parametrize("value", VALUES, ids=range(len(VALUES)))
def test_a_value_comes_back_as_it_was(storage: Storage, value: Any) -> None:
    ref = storage.put_json("one", value)
    assert storage.get_json("one", ref.hash) == value
    assert ref.count == (len(value) if isinstance(value, list) else None)
    assert list(storage.get_json("one", storage.put_json("one", {"b": 1, "a": 2}).hash)) == ["b", "a"]


def test_equal_values_are_kept_once(storage: Storage, shelf: Shelf) -> None:
    rows = [{"n": n} for n in range(1000)]
    assert storage.put_json("one", rows) == storage.put_json("one", list(rows))
    assert len(shelf.things()) == 2


@pytest.mark.parametrize(("start", "stop"), [(0, 50), (49_990, 60_000), (12_345, 12_346), (7, 7), (-5, 3)])
def test_a_page_is_the_slice(storage: Storage, start: int, stop: int) -> None:
    rows = [{"n": n} for n in range(50_000)]
    ref = storage.put_json("one", rows)
    assert storage.page("one", ref.hash, start, stop) == rows[max(0, start) : stop]


def test_a_page_of_a_long_list_reads_a_small_part_of_it(storage: Storage, monkeypatch: pytest.MonkeyPatch) -> None:
    ref = storage.put_json("one", [{"n": n, "text": "x" * 20} for n in range(80_000)])
    kind = type(storage.place)
    read, whole, part = 0, kind.read, kind.read_part

    def counted(data: bytes) -> bytes:
        nonlocal read
        read += len(data)
        return data

    monkeypatch.setattr(kind, "read", lambda *asked: counted(whole(*asked)))
    monkeypatch.setattr(kind, "read_part", lambda *asked: counted(part(*asked)))
    assert len(storage.page("one", ref.hash, 60_000, 60_050)) == 50
    assert 0 < read < ref.size / 10


def test_only_a_list_has_pages(storage: Storage) -> None:
    with pytest.raises(ValueError, match="only a list"):
        storage.page("one", storage.put_json("one", {"a": 1}).hash, 0, 1)


def test_another_workspace_finds_nothing(storage: Storage) -> None:
    ref = storage.put_json("one", {"secret": True})
    file = storage.put_file("one", io.BytesIO(b"bytes"), "a.txt", "text/plain")
    with pytest.raises(NotFound):
        storage.get_json("two", ref.hash)
    with pytest.raises(NotFound):
        storage.open_file("two", file.id)
    assert storage.has("one", file.id)
    assert not storage.has("two", file.id)


@pytest.mark.parametrize("name", ["../one", "a/b", "", "..", "a\0b"])
def test_a_path_is_no_name(storage: Storage, name: str) -> None:
    file = storage.put_file("one", io.BytesIO(b"bytes"), "a.txt", "text/plain")
    with pytest.raises(NotFound):
        storage.open_file(name, file.id)
    with pytest.raises(NotFound):
        storage.open_file("one", name)
    with pytest.raises(NotFound):
        storage.put_json(name, 1)


@pytest.mark.parametrize(
    "stream", [lambda: io.BytesIO(b"abc" * 1000), lambda: iter([b"abc"] * 1000)], ids=["file", "pieces"]
)
def test_a_file_is_streamed(storage: Storage, stream: Any) -> None:
    file = storage.put_file("one", stream(), "Größe.csv", "text/csv")
    assert (file.name, file.media_type, file.size) == ("Größe.csv", "text/csv", 3000)
    with storage.open_file("one", file.id) as content:
        assert content.read() == b"abc" * 1000


def test_what_is_too_large_is_refused_and_leaves_nothing(storage: Storage, shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(OutputTooLarge, match=r"file big\.bin is too large"):
        storage.put_file("one", iter([b"x" * 100_000] * 11), "big.bin", "application/octet-stream")
    with pytest.raises(OutputTooLarge, match=r"list of \d+ items"):
        storage.put_json("one", ["x" * 100_000] * 60)
    with pytest.raises(OutputTooLarge):
        storage.put_json("one", {"x": "x" * 4_000_000})
    assert shelf.things() == {}
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_a_missing_payload_says_so(storage: Storage) -> None:
    with pytest.raises(NotFound, match="missing"):
        storage.get_json("one", "0" * 64)


def test_the_limit_for_rows() -> None:
    assert not module.is_large(b"x" * 65_536)
    assert module.is_large(b"x" * 65_537)
