"""Compress files into an archive, and unpack one, within limits: a small archive can hold endless bytes."""

from __future__ import annotations

import fnmatch
import gzip
import mimetypes
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BeforeValidator, Field

from engine.contract import BadParams, File, FileField, Files, OutputTooLarge, Params, Port, Select, action
from integrations.core.files.tables import file_name
from integrations.core.values import show

_CHUNK = 1 << 20
MOST_FILES = 10_000
# Above this ratio nothing that people compress is found; bombs have a thousand and more.
HIGHEST_RATIO = 200
FREE_BYTES = 10_000_000  # up to here no ratio counts: ten megabytes harm nobody
_EXAMPLE = {"$file": "0" * 64, "name": "report.pdf", "media_type": "application/pdf", "size": 12}
_ZIP_EXAMPLE = {"$file": "0" * 64, "name": "reports.zip", "media_type": "application/zip", "size": 12}
# The same files give the same bytes: a zip entry carries a date, and this is the earliest it can say.
_EARLIEST = (1980, 1, 1, 0, 0, 0)


def _one_or_more(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


class Compress(Params):
    files: Annotated[list[File], BeforeValidator(_one_or_more), Port()] = Field(
        description="The files to compress", examples=[[_EXAMPLE]]
    )
    kind: Annotated[
        Literal["zip", "gzip"], Select(options=("zip", "gzip"), labels=("Zip, several files", "Gzip, one file"))
    ] = Field(default="zip", description="Zip: all files into one archive. Gzip: one file alone", examples=["zip"])
    name: str = Field(
        default="",
        description="The archive's name; empty: archive.zip, or the file's name with .gz",
        examples=["reports.zip"],
    )
    level: int = Field(default=6, ge=0, le=9, description="0 only packs, 9 takes longest and saves most", examples=[9])


@action(
    "files.compress",
    title="Compress files",
    category="files",
    icon="archive",
    cpu=True,
    subtitle="Zip or gzip",
    keywords=("zip", "gzip", "archive", "pack", "compress", "bundle"),
)
def compress(params: Compress, files: Files) -> File:
    """Pack files into a zip archive, or compress one file with gzip. Files of the same name get a number.

    With a list: takes it whole; all files go into one archive.
    """
    if params.kind == "gzip" and len(params.files) != 1:
        raise BadParams(
            f"Gzip takes one file, but there are {len(params.files):,}.", field="files", hint="Use zip for several."
        )
    with tempfile.TemporaryFile() as out:
        if params.kind == "gzip":
            (only,) = params.files
            with files.open(only) as stream, gzip.GzipFile("", "wb", params.level, out, mtime=0) as packed:
                _copy(stream, packed)
            name, media_type = params.name or f"{only.name}.gz", "application/gzip"
        else:
            _zip(params, files, out)
            name, media_type = params.name or "archive.zip", "application/zip"
        out.seek(0)
        return files.save(file_name(name, ".gz" if params.kind == "gzip" else ".zip"), media_type, out)


def _zip(params: Compress, files: Files, out: Any) -> None:
    taken: set[str] = set()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=params.level) as archive:
        for file in params.files:
            entry = zipfile.ZipInfo(_free(file.name, taken), _EARLIEST)
            entry.compress_type = zipfile.ZIP_DEFLATED
            with files.open(file) as stream, archive.open(entry, "w", force_zip64=True) as packed:
                _copy(stream, packed)


def _copy(source: Any, target: Any) -> None:
    while chunk := source.read(_CHUNK):
        target.write(chunk)


def _free(name: str, taken: set[str]) -> str:
    """The file's bare name, with a number where another has it already."""
    path = PurePosixPath(name.replace("\\", "/"))
    free, n = path.name or "file", 2
    while free in taken:
        free, n = f"{path.stem} {n}{path.suffix}", n + 1
    taken.add(free)
    return free


class Unpack(Params):
    file: Annotated[File, Port(), FileField(accept=".zip,.gz,application/zip,application/gzip")] = Field(
        description="The archive", examples=[_ZIP_EXAMPLE]
    )
    only: str = Field(
        title="Only these files",
        default="",
        description="Which files to take out, with * for anything; none: all",
        examples=["*.csv"],
    )
    max_megabytes: float = Field(
        default=500, gt=0, le=10_000, description="How large all files may be together", examples=[100]
    )


@action(
    "files.unpack",
    title="Unpack files",
    category="files",
    icon="package",
    cpu=True,
    subtitle="Files out of zip or gzip",
    keywords=("unzip", "gunzip", "extract", "archive", "decompress", "zip", "gzip"),
)
def unpack(params: Unpack, files: Files) -> list[File]:
    """Take the files out of a zip archive or a gzip file. Folders in it are passed over; a file's name is what stands
    after the last slash.

    An archive that would fill the disk, though it is small, is refused, as is one with a password.

    With a list: each archive is unpacked by itself, so the output is a list of lists.
    """
    with files.open(params.file) as stream:
        magic = stream.read(4)
        stream.seek(0)
        try:
            if magic[:2] == b"\x1f\x8b":
                return [_gunzipped(stream, params, files)]
            return list(_unzipped(stream, params, files))
        except (zipfile.BadZipFile, gzip.BadGzipFile, EOFError, zlib.error, NotImplementedError, ValueError) as error:
            raise BadParams(
                f"“{show(params.file.name)}” cannot be unpacked: {show(str(error) or 'it ends too early', 120)}.",
                field="file",
                hint="Check that it is a whole zip or gzip file.",
            ) from error


def _gunzipped(stream: BinaryIO, params: Unpack, files: Files) -> File:
    name = params.file.name.removesuffix(".gz") if params.file.name.endswith(".gz") else f"{params.file.name}.unpacked"
    with gzip.GzipFile(fileobj=stream) as source:
        return _saved(name, source, _Allowance(params, params.file.size), files)


def _unzipped(stream: BinaryIO, params: Unpack, files: Files) -> Iterator[File]:
    allowance = _Allowance(params, params.file.size)
    taken: set[str] = set()
    with zipfile.ZipFile(stream) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        if len(entries) > MOST_FILES:
            raise OutputTooLarge(f"The archive holds {len(entries):,} files, more than {MOST_FILES:,}.")
        for entry in entries:
            bare = PurePosixPath(entry.filename.replace("\\", "/")).name
            if params.only and not fnmatch.fnmatch(bare.lower(), params.only.lower()):
                continue
            if entry.flag_bits & 0x1:
                raise BadParams(f"“{show(bare)}” is locked with a password.", field="file", hint="Pack it without one.")
            with archive.open(entry) as source:
                yield _saved(_free(entry.filename, taken), source, allowance, files)


class _Allowance:
    """How many bytes may still come out."""

    def __init__(self, params: Unpack, packed: int) -> None:
        self._limit = params.max_megabytes * 1e6
        self._ratio = max(FREE_BYTES, packed * HIGHEST_RATIO)
        self._name = params.file.name
        self._out = 0

    def take(self, count: int) -> None:
        """Raises `OutputTooLarge`."""
        self._out += count
        if self._out > self._limit:
            raise OutputTooLarge(
                f"“{show(self._name)}” holds more than {self._limit / 1e6:,g} MB.",
                hint="Raise “Max megabytes” if you trust it, or take out fewer files.",
            )
        if self._out > self._ratio:
            raise OutputTooLarge(
                f"“{show(self._name)}” unpacks to more than {HIGHEST_RATIO} times its size, as archives "
                "do that are meant to harm."
            )


def _saved(name: str, source: Any, allowance: _Allowance, files: Files) -> File:
    with tempfile.TemporaryFile() as out:
        while chunk := source.read(_CHUNK):
            allowance.take(len(chunk))
            out.write(chunk)
        out.seek(0)
        clean = file_name(name, PurePosixPath(name).suffix)
        return files.save(clean, mimetypes.guess_type(clean)[0] or "application/octet-stream", out)
