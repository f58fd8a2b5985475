"""A folder whose disk is full: a sentence, nothing half written, and all well once there is room."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.store.folder import Folder
from engine.store.places import StoreUnavailable
from engine.store.storage import Storage


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    mounted = subprocess.run(mount, capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_told_and_leaves_nothing_half_written(small_disk: Path) -> None:
    storage = Storage(Folder(small_disk / "payloads"))
    kept = storage.put("one", b"a" * 1_000_000)
    for act in (
        lambda: storage.put("one", b"b" * 1_500_000),
        lambda: storage.put_file("one", iter([b"c" * 500_000] * 4), "c", "text/plain"),
        lambda: storage.put_json("one", ["d" * 1_000] * 2_000),
    ):
        with pytest.raises(StoreUnavailable, match="disk of the payload store is full"):
            act()
    assert [path.name for path in small_disk.rglob("*") if path.is_file()] == [kept]
    (small_disk / "payloads" / "one" / kept[:2] / kept).unlink()
    assert storage.read("one", storage.put("one", b"b" * 1_500_000)) == b"b" * 1_500_000


def test_a_folder_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    Folder(tmp_path / "not" / "there" / "yet").check()
    (tmp_path / "file").touch()
    with pytest.raises(StoreUnavailable, match="cannot be written to"):
        Folder(tmp_path / "file" / "payloads").check()
