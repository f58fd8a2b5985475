"""What must hold for any file: what was written is read back, four quarters are a whole, a code says its text."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from engine.contract import BadParams, File
from integrations.core.files.ics_files import ReadIcs, WriteIcs, read_ics, write_ics
from integrations.core.files.text_files import ReadText, WriteText, read_text, write_text
from integrations.core.images.codes import MakeQr, ReadCodes, make_qr, read_codes
from integrations.core.images.shape import Crop, Resize, Rotate, crop, resize, rotate
from tests.integrations.services import FolderFiles

timeless = settings(max_examples=40, deadline=None)  # the first call loads a library
printable = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=30)


@contextmanager
def folder() -> Iterator[FolderFiles]:
    with tempfile.TemporaryDirectory() as path:
        yield FolderFiles(Path(path))


@timeless
@given(st.text(max_size=80), st.sampled_from(["utf-8", "utf-16", "gb18030"]), st.sampled_from(["unix", "windows"]))
def test_a_text_comes_back_from_its_file(text: str, encoding: Any, line_ends: Any) -> None:
    with folder() as files:
        try:
            file = write_text(WriteText(text=text, encoding=encoding, line_ends=line_ends), files)
        except BadParams:
            assert any(0xD800 <= ord(sign) < 0xE000 for sign in text)
            return
        back = read_text(ReadText(file=file, encoding=encoding), files).text
    assert back == text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")


moments = st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)).map(
    lambda one: one.replace(microsecond=0, tzinfo=UTC)
)
events = st.builds(
    lambda title, where, start, minutes, words: {
        "title": title,
        "location": where,
        "start": start.isoformat(),
        "end": (start + timedelta(minutes=minutes)).isoformat(),
        "categories": words,
    },
    printable,
    printable,
    moments,
    st.integers(0, 10_000),
    st.lists(st.text("abcdé ,;", min_size=1, max_size=5).filter(str.strip), max_size=3),
)


@timeless
@given(st.lists(events, max_size=5))
def test_events_come_back_from_their_file(given_events: list[dict[str, Any]]) -> None:
    with folder() as files:
        file = write_ics(WriteIcs(events=given_events), files)
        assert write_ics(WriteIcs(events=given_events), files).id == file.id, "the same events, the same file"
        back = [event.model_dump() for event in read_ics(ReadIcs(file=file), files)]
    kept = [{name: event[name] for name in ("title", "location", "start", "end", "categories")} for event in back]
    assert sorted(map(repr, kept)) == sorted(
        repr({name: event[name] for name in ("title", "location", "start", "end", "categories")})
        for event in given_events
    )


@timeless
@given(printable.filter(bool), st.sampled_from("LMQH"))
def test_a_code_says_what_it_was_told(text: str, correction: Any) -> None:
    with folder() as files:
        code = make_qr(MakeQr(text=text, correction=correction, size=4), files)
        assert [one.text for one in read_codes(ReadCodes(file=code), files)] == [text]


def picture(files: FolderFiles, width: int, height: int, seed: int) -> File:
    made = Image.frombytes("RGB", (width, height), bytes((seed + i * 37) % 256 for i in range(width * height * 3)))
    buffer = io.BytesIO()
    made.save(buffer, "PNG")
    return files.save("p.png", "image/png", buffer.getvalue())


def points(files: FolderFiles, file: File) -> tuple[tuple[int, int], bytes]:
    with files.open(file) as stream, Image.open(stream) as opened:
        return opened.size, opened.convert("RGB").tobytes()


sides = st.integers(1, 24)


@timeless
@given(sides, sides, st.integers(0, 255), st.sampled_from([90, 180, 270, -90]))
def test_quarters_add_up_to_a_whole(width: int, height: int, seed: int, degrees: int) -> None:
    with folder() as files:
        first = file = picture(files, width, height, seed)
        for _ in range(4):
            file = rotate(Rotate(file=file, degrees=degrees), files)
        twice = rotate(Rotate(file=rotate(Rotate(file=first, flip="up_down"), files), flip="up_down"), files)
        assert points(files, file) == points(files, twice) == points(files, first)


@timeless
@given(sides, sides, sides, sides)
def test_a_resized_picture_fits_and_keeps_its_shape(width: int, height: int, wide: int, high: int) -> None:
    with folder() as files:
        file = picture(files, width, height, 1)
        inside, _ = points(files, resize(Resize(file=file, width=wide, height=high, enlarge=True), files))
        cover, _ = points(files, resize(Resize(file=file, width=wide, height=high, fit="cover", enlarge=True), files))
    assert cover == (wide, high)
    assert inside[0] <= wide and inside[1] <= high and (inside[0] == wide or inside[1] == high)


@timeless
@given(sides, sides, st.data())
def test_a_part_is_as_large_as_asked(width: int, height: int, data: st.DataObject) -> None:
    left, top = data.draw(st.integers(0, width - 1)), data.draw(st.integers(0, height - 1))
    wide, high = data.draw(st.integers(1, width - left)), data.draw(st.integers(1, height - top))
    with folder() as files:
        part = crop(Crop(file=picture(files, width, height, 5), left=left, top=top, width=wide, height=high), files)
        assert points(files, part)[0] == (wide, high)
