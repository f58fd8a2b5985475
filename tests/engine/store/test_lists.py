"""Lists of the payload store: what was written piece by piece reads as the list it is, a line at a time."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract import LongList, OutputTooLarge
from engine.contract.lists import Joined, Picked, picked
from engine.store.folder import Folder
from engine.store.lists import ListWriter, StoredList
from engine.store.storage import Storage
from tests.shelves import Shelf


@pytest.fixture
def storage(shelf: Shelf) -> Storage:
    return Storage(shelf.place, largest_value=4_000_000, long_items=100)


def rows(count: int) -> list[dict[str, Any]]:
    return [{"n": n, "text": "x" * (n % 50)} for n in range(count)]


def stored(storage: Storage, items: list[Any], line_bytes: int = 200) -> StoredList:
    with ListWriter(storage, "one", storage.largest_value, line_bytes) as writer:
        writer.extend(items)
        ref = writer.close()
    assert ref.count == len(items)
    return storage.list_of("one", ref.hash, len(items))


def test_it_reads_as_the_list_it_is(storage: Storage) -> None:
    found, wanted = stored(storage, rows(500)), rows(500)
    assert list(found) == wanted and found == wanted and len(found) == 500
    assert found[0] == wanted[0] and found[-1] == wanted[-1] and found[123] == wanted[123]
    assert list(found[7:400]) == wanted[7:400] and list(found[::-1]) == wanted[::-1]
    assert found.read(490, 900) == wanted[490:]
    with pytest.raises(IndexError):
        found[500]


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_any_pick_is_that_of_a_plain_list(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    items = data.draw(st.lists(st.integers(-(2**63), 2**63) | st.text(max_size=30), max_size=40))
    place = Storage(Folder(tmp_path_factory.mktemp("picks")))
    found = stored(place, items, data.draw(st.integers(1, 100)))
    positions = data.draw(st.lists(st.integers(0, max(0, len(items) - 1)), max_size=30)) if items else []
    assert picked(found, positions) == [items[at] for at in positions]
    part = slice(*data.draw(st.tuples(*[st.integers(-50, 50) | st.none()] * 2)), data.draw(st.sampled_from([1, 2, -1])))
    assert list(found[part]) == items[part]
    both = Joined([found, items, Picked(found, range(len(items)))])
    assert list(both) == items * 3 and list(both[part]) == (items * 3)[part]


def test_only_a_few_lines_are_in_memory(storage: Storage) -> None:
    found = stored(storage, rows(5_000))
    for _ in found:
        assert len(found._kept) <= 2
    held = sum(map(len, found._kept.values()))
    assert 0 < held < 30


def test_it_travels_as_its_name(storage: Storage) -> None:
    found = stored(storage, rows(5_000))
    assert found[3] == rows(4)[3]
    text = pickle.dumps(found)
    assert len(text) < 1_000
    assert pickle.loads(text) == rows(5_000)
    assert pickle.loads(pickle.dumps(found[10:20])) == rows(20)[10:]


def test_joining_copies_nothing(storage: Storage, shelf: Shelf) -> None:
    parts = [stored(storage, rows(300)), stored(storage, []), stored(storage, [[1], [2]])]
    before = shelf.things().keys()
    ref = storage.join("one", parts)
    assert len(shelf.things().keys() - before) == 1
    whole = storage.list_of("one", ref.hash, ref.count or 0)
    assert whole == [*rows(300), [1], [2]] and ref.count == 302
    assert storage.page("one", ref.hash, 299, 301) == [rows(300)[299], [1]]


@pytest.mark.parametrize(("items", "flat"), [([1, {"a": "b"}], True), ([{"a": [1]}], False), ([], True)])
def test_it_knows_whether_an_item_may_hold_a_list(storage: Storage, items: list[Any], flat: bool) -> None:
    assert stored(storage, items).flat is flat


def test_a_list_inside_a_value_stays_where_it_is(storage: Storage) -> None:
    inner = stored(storage, rows(200))
    ref = storage.put_json("one", {"rows": inner, "columns": ["n"], "looks": {"$list": "like one"}})
    assert ref.size < 300
    again = storage.get_json("one", ref.hash)
    assert isinstance(again["rows"], StoredList) and again["rows"] == rows(200)
    assert again["columns"] == ["n"] and again["looks"] == {"$list": "like one"}
    outer = storage.put_json("one", [{"name": "a", "rows": inner[5:9]}])
    (sheet,) = storage.get_json("one", outer.hash)
    assert isinstance(sheet["rows"], LongList) and sheet["rows"] == rows(9)[5:]


def test_what_only_looks_like_a_list_is_none(storage: Storage) -> None:
    told = {"$list": "0" * 64, "count": 3}
    assert storage.get_json("one", storage.put_json("one", told).hash) == told
    assert storage.get_json("one", storage.put_json("one", [told]).hash) == [told]


@pytest.mark.parametrize("count", [0, 100, 101, 1_000])
def test_few_are_held_and_many_are_stored(storage: Storage, count: int, shelf: Shelf) -> None:
    def coming() -> Iterator[Any]:
        yield from rows(count)

    kept = storage.keep("one", coming())
    assert isinstance(kept, list if count <= 100 else StoredList)
    assert kept == rows(count)
    assert bool(shelf.things()) is (count > 100)


def test_too_much_is_refused_while_it_comes_and_leaves_nothing(storage: Storage, shelf: Shelf) -> None:
    taken = 0

    def endless() -> Iterator[Any]:
        nonlocal taken
        while True:
            taken += 1
            yield "x" * 1_000

    with pytest.raises(OutputTooLarge, match=r"list of [\d,]+ items is too large"):
        storage.keep("one", endless())
    assert taken < 5_000
    assert shelf.things() == {}
