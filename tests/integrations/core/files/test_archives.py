"""What was packed can be unpacked, and what was unpacked lies nowhere but in the workspace."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from integrations.core.files.archives import Compress, Unpack, compress, unpack
from tests.integrations.services import FolderFiles

names = st.sampled_from(["a.txt", "a.txt", "b.csv", "folder/c.bin", "../d", "Größe.txt", "e"])
contents = st.binary(max_size=2_000)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(names, contents), max_size=5), st.integers(0, 9))
def test_unpacking_takes_back_what_packing_did(wanted: list[tuple[str, bytes]], level: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = FolderFiles(Path(folder))
        stored = [files.save(name, "application/octet-stream", content) for name, content in wanted]
        archive = compress.function(Compress(files=stored, level=level), files)
        back = unpack.function(Unpack(file=archive), files)
        assert [files.read(file.model_dump(by_alias=True)) for file in back] == [content for _, content in wanted]
        assert len({file.name for file in back}) == len(back)
        assert not any("/" in file.name or file.name.startswith(".") for file in back)
        again = compress.function(Compress(files=stored, level=level), files)
        assert again.id == archive.id, "the same files give the same archive"


@pytest.mark.parametrize("content", [b"", b"hello", bytes(range(256)) * 50])
def test_gzip_takes_back_too(content: bytes, tmp_path: Path) -> None:
    files: Any = FolderFiles(tmp_path)
    stored = files.save("data.bin", "application/octet-stream", content)
    (back,) = unpack.function(Unpack(file=compress.function(Compress(files=[stored], kind="gzip"), files)), files)
    assert back.name == "data.bin" and files.read(back.model_dump(by_alias=True)) == content
