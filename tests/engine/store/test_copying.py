"""Payloads copied between folder and bucket: all of them, verified, and again from where it ended."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import cli
from engine.settings import settings
from engine.store.bucket import Bucket
from engine.store.copying import copy
from engine.store.folder import Folder
from engine.store.storage import Storage, folder_of, place_of
from tests.servers import S3Server
from tests.shelves import BucketShelf

ROWS = [{"n": n, "text": "x" * 100} for n in range(3_000)]


def test_all_of_it_and_only_once(s3_server: S3Server, bucket: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, shelf = folder_of(settings()), BucketShelf(s3_server, bucket)
    refs = [Storage(folder).put_json(owner, [*ROWS, owner]) for owner in ("one", "two")]
    aside = Storage(folder).put("two", b"set aside")
    folder.set_aside("two", [aside])
    keep, broken = Bucket._upload, 3

    def breaks_off(self: Bucket, *given: object) -> None:
        nonlocal broken
        broken -= 1
        if broken == 0:
            raise KeyboardInterrupt
        keep(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Bucket, "_upload", breaks_off)
    with pytest.raises(KeyboardInterrupt):
        copy(folder, shelf.place, lambda done: None)
    done = copy(folder, shelf.place, lambda done: None)
    assert (done.count, done.there, done.damaged) == (3, 2, [])
    for owner, ref in zip(("one", "two"), refs, strict=True):
        assert Storage(shelf.place).get_json(owner, ref.hash) == [*ROWS, owner]
    assert Storage(shelf.place).read("two", aside) == b"set aside"


def test_the_command_tells_what_is_damaged_and_copies_back(bucket: str, tmp_path: Path) -> None:
    storage = Storage(folder_of(settings()))
    good, bad = storage.put("one", b"good"), storage.put("one", b"bad")
    (storage.place.root / "one" / bad[:2] / bad).write_bytes(b"worse")  # type: ignore[attr-defined]
    told = CliRunner().invoke(cli.app, ["payloads", "copy"])
    assert told.exit_code == 1
    assert "1 payloads copied" in told.output and f"Damaged, and not copied: one/{bad}" in told.output
    place = place_of(settings())
    assert (place.read("one", good), place.size("one", bad)) == (b"good", None)
    folder_of(settings()).root.rename(tmp_path / "elsewhere")
    assert CliRunner().invoke(cli.app, ["payloads", "copy", "--back"]).exit_code == 0
    assert Folder(settings().home / "payloads").read("one", good) == b"good"


def test_without_a_bucket_there_is_nothing_to_copy_to() -> None:
    told = CliRunner().invoke(cli.app, ["payloads", "copy"])
    assert told.exit_code == 2 and "WEFT_PAYLOADS" in told.output
