"""What a bucket alone can do wrong: answers that refuse, requests that come too late, large files, and its secrets."""

import io
import pickle
import re
import tracemalloc
from datetime import UTC, datetime, timedelta
from pathlib import Path

import obstore
import pytest

from engine.contract.errors import NotFound, Unavailable
from engine.settings import settings
from engine.store import bucket as module
from engine.store import s3
from engine.store.bucket import Bucket
from engine.store.places import StoreUnavailable
from engine.store.s3 import Address
from engine.store.storage import Storage, place_of
from tests.servers import S3Server
from tests.shelves import BucketShelf, aside

NAME = "a" * 64
MEGABYTE = 1024 * 1024


@pytest.fixture
def shelf(s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> BucketShelf:
    monkeypatch.setattr(s3, "PATIENCE", timedelta(seconds=0.2))
    return BucketShelf(s3_server, bucket)


def test_a_large_file_goes_up_and_comes_back_in_parts_and_never_lies_in_memory(shelf: BucketShelf) -> None:
    storage = Storage(shelf.place)
    pieces = [bytes([n]) * MEGABYTE for n in range(40)]
    tracemalloc.start()
    file = storage.put_file("one", iter(pieces), "big.bin", "application/octet-stream")
    with storage.open_file("one", file.id) as stream:
        for piece in pieces:
            assert stream.read(MEGABYTE) == piece
        stream.seek(-3, io.SEEK_END)
        assert stream.read() == pieces[-1][:3]
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    asked = shelf.server.ask("requests", bucket=shelf.bucket)
    assert len([path for method, path, _ in asked if method == "PUT"]) == 5
    assert all(span for method, _, span in asked if method == "GET")
    assert most < 3 * module.READER_BYTES
    assert not list(shelf.place._spool.iterdir())


def test_what_was_stored_a_moment_ago_is_not_uploaded_again(shelf: BucketShelf) -> None:
    storage = Storage(shelf.place)
    data = b"x" * (2 * MEGABYTE)

    def uploads() -> int:
        storage.put("one", data)
        storage.put_file("one", io.BytesIO(data), "x", "text/plain")
        return len([1 for method, *_ in shelf.server.ask("requests", bucket=shelf.bucket) if method == "PUT"])

    assert uploads() == 1
    assert uploads() == 0
    shelf.age(module.FRESH_SECONDS + 1)
    assert uploads() == 1


def test_an_empty_file_is_one(shelf: BucketShelf) -> None:
    storage = Storage(shelf.place)
    file = storage.put_file("one", io.BytesIO(b""), "empty", "text/plain")
    assert storage.read("one", file.id) == b"" == storage.read_part("one", file.id, 0, 10)
    with storage.open_file("one", file.id) as stream:
        assert stream.read() == b""


@pytest.mark.parametrize(
    ("status", "code", "said"),
    [
        (403, "AccessDenied", "refuses what Weft wants"),
        (403, "SignatureDoesNotMatch", "refuses what Weft wants"),
        (403, "RequestTimeTooSkewed", "clock of this server"),
        (507, "XMinioStorageFull", "no room left"),
        (403, "QuotaExceeded", "no room left"),
        (503, "SlowDown", "does not answer"),
    ],
)
def test_a_refusal_is_told_in_a_sentence_and_its_cause_without_a_secret(
    shelf: BucketShelf, status: int, code: str, said: str
) -> None:
    shelf.server.ask("fail", bucket=shelf.bucket, status=str(status), code=code)
    storage = Storage(shelf.place)
    for act in (
        lambda: storage.put("one", b"data"),
        lambda: storage.read("one", NAME),
        lambda: storage.put_file("one", io.BytesIO(b"x" * MEGABYTE * 9), "x", "text/plain"),
        shelf.place.check,
        shelf.place.try_out,
        shelf.place.owners,
        lambda: list(shelf.place.stored("one")),
        lambda: shelf.place.set_aside("one", [NAME]),
    ):
        with pytest.raises(StoreUnavailable, match=said) as refused:
            act()
        assert isinstance(refused.value, Unavailable)
        assert code in refused.value.cause and shelf.bucket in refused.value.cause
        told = f"{refused.value.told} {refused.value.cause}"
        assert "not to be shown" not in told
        assert shelf.bucket not in refused.value.told
        assert pickle.loads(pickle.dumps(refused.value)).cause == refused.value.cause
    shelf.server.ask("heal", bucket=shelf.bucket)
    shelf.place.try_out()
    assert shelf.things() == {}


def test_a_bucket_that_is_not_there_and_a_server_that_is_away(shelf: BucketShelf, tmp_path: Path) -> None:
    there = shelf.place.address
    other = Bucket(Address("none-here", "", there.endpoint, there.region, there.key, there.secret), tmp_path)
    away = Bucket(Address("b", "", "http://127.0.0.1:9", there.region, there.key, there.secret), tmp_path)
    for place, said in ((other, "does not exist"), (away, "does not answer")):
        for act in (place.check, lambda: place.put("one", NAME, b"x"), lambda: place.read("one", NAME)):  # noqa: B023
            with pytest.raises(StoreUnavailable, match=said):
                act()


def test_the_secret_is_shown_nowhere_and_the_place_travels_into_other_processes(shelf: BucketShelf) -> None:
    shelf.place.put("one", NAME, b"bytes")
    again = pickle.loads(pickle.dumps(shelf.place))
    assert again.read("one", NAME) == b"bytes"
    for shown in (repr(shelf.place.address), str(shelf.place), repr(settings()), repr(again._store)):
        assert "not to be shown" not in shown


def test_without_a_bucket_in_the_settings_payloads_lie_in_the_home() -> None:
    assert str(place_of(settings())) == str(settings().home / "payloads")


def test_what_is_stored_again_while_it_is_being_set_aside_is_still_there(
    shelf: BucketShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = shelf.place
    place.put("one", NAME, b"bytes")
    late = Bucket._fenced

    def stored_meanwhile(self: Bucket, *asked: str) -> bool:
        place.put("one", NAME, b"bytes")
        return late(self, *asked)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "_fenced", stored_meanwhile)
    assert place.set_aside("one", [NAME]) == 1
    assert aside(shelf) == [*shelf.things()]
    (copy,) = place.aside("one")
    assert place.put_back("one", [copy], old=0) == 1
    assert [entry.name for entry in place.stored("one")] == [NAME]


def test_a_deletion_that_comes_too_late_is_refused_by_the_store(
    shelf: BucketShelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = shelf.place
    place.put("one", NAME, b"bytes")
    (address,) = obstore.sign(place._store, "DELETE", [module._key("one", NAME)], module.FENCE)
    ago = f"{datetime.now(UTC) - module.FENCE - timedelta(seconds=1):%Y%m%dT%H%M%SZ}"
    monkeypatch.setattr(obstore, "sign", lambda *_: [re.sub(r"(X-Amz-Date=)\w+", rf"\g<1>{ago}", address)])
    assert place.set_aside("one", [NAME]) == 0
    assert [entry.name for entry in place.stored("one")] == [NAME]


def test_a_copy_goes_once_it_is_old_and_what_it_was_made_of_is_in_its_place(shelf: BucketShelf) -> None:
    place = shelf.place
    place.put("one", NAME, b"bytes")
    place.set_aside("one", [NAME])
    assert place.read("one", NAME) == b"bytes"  # which puts it back
    (copy,) = place.aside("one")
    assert place.put_back("one", [copy], old=copy.moment - 1) == 0
    assert len(shelf.things()) == 2
    assert place.put_back("one", [copy], old=copy.moment + 1) == 0
    assert [entry.name for entry in place.stored("one")] == [NAME]
    assert aside(shelf) == []
    with pytest.raises(NotFound):
        place.read("two", NAME)


def test_a_long_list_is_read_a_megabyte_at_a_time(shelf: BucketShelf) -> None:
    storage = Storage(shelf.place)
    items = [{"n": n, "text": "x" * 100} for n in range(40_000)]
    ref = storage.put_json("one", items)
    shelf.server.ask("requests", bucket=shelf.bucket)
    found = storage.list_of("one", ref.hash, ref.count or 0)
    assert sum(len(piece) for piece in found.pieces()) == len(items)
    assert len(shelf.server.ask("requests", bucket=shelf.bucket)) < 1 + 2 * ref.size / MEGABYTE
    assert found.read(19_000, 23_096) == items[19_000:23_096]
    assert len(shelf.server.ask("requests", bucket=shelf.bucket)) == 1
    assert found[0] == items[0]
    assert len(shelf.server.ask("requests", bucket=shelf.bucket)) == 1
