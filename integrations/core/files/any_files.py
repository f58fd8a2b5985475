"""What can be said and done of any file: its name, size and fingerprint; another name."""

from __future__ import annotations

import hashlib
import mimetypes
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import BaseModel, Field

from engine.contract import File, FileField, Files, Params, Port, action
from integrations.core.files.tables import file_name

_CHUNK = 1 << 20
_EXAMPLE = {"$file": "0" * 64, "name": "Report 2026.PDF", "media_type": "application/pdf", "size": 12}


class Info(Params):
    file: Annotated[File, Port(), FileField()] = Field(description="The file to look at", examples=[_EXAMPLE])


class About(BaseModel):
    """What is known of a file without understanding its content."""

    name: str = Field(description="The file's name")
    stem: str = Field(description="The name without its extension")
    extension: str = Field(description="The extension in small letters, without the dot")
    media_type: str = Field(description="The MIME type that the file was stored with")
    usual_media_type: str = Field(description="The MIME type that its extension stands for; empty where unknown")
    size: int = Field(description="Length in bytes")
    sha256: str = Field(description="The SHA-256 of the bytes, in hex: equal for equal files")
    md5: str = Field(description="The MD5 of the bytes, in hex, as many services give it")


@action(
    "files.info",
    title="File info",
    category="files",
    icon="file-search",
    cpu=True,
    subtitle="Name, size, kind, fingerprint",
    keywords=("metadata", "extension", "size", "mime", "hash", "checksum", "md5", "sha256"),
)
def info(params: Info, files: Files) -> About:
    """Say what is known of a file: its name and extension, its kind, its size and its fingerprints.

    With a list: each file is looked at by itself.
    """
    sha256, md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    size = 0
    with files.open(params.file) as stream:
        while chunk := stream.read(_CHUNK):
            sha256.update(chunk)
            md5.update(chunk)
            size += len(chunk)
    path = PurePosixPath(params.file.name.replace("\\", "/"))
    return About(
        name=params.file.name,
        stem=path.stem,
        extension=path.suffix.removeprefix(".").lower(),
        media_type=params.file.media_type,
        usual_media_type=mimetypes.guess_type(params.file.name)[0] or "",
        size=size,
        sha256=sha256.hexdigest(),
        md5=md5.hexdigest(),
    )


class Rename(Params):
    file: Annotated[File, Port(), FileField()] = Field(description="The file to rename", examples=[_EXAMPLE])
    name: str = Field(
        min_length=1,
        description="The new name; without an extension it keeps that of the file",
        examples=["{{ order.id }} invoice"],
    )


@action(
    "files.rename",
    title="Rename file",
    category="files",
    icon="square-pen",
    cpu=True,
    subtitle="The same bytes under another name",
    keywords=("name", "extension", "title"),
)
def rename(params: Rename, files: Files) -> File:
    """Give a file another name. The bytes stay the same, and the file before keeps its own name.

    Signs that no file's name may hold become underscores. With another extension the file counts as of that kind; its
    bytes are not converted.

    With a list: each file is renamed; several lists are paired item by item.
    """
    before = PurePosixPath(params.file.name)
    suffix = PurePosixPath(params.name).suffix
    known = bool(suffix) and mimetypes.guess_type(f"x{suffix}")[0] is not None
    name = file_name(params.name, suffix if known else before.suffix)
    media_type = params.file.media_type
    if known and suffix.lower() != before.suffix.lower():
        media_type = mimetypes.guess_type(name)[0] or media_type
    with files.open(params.file) as stream:
        return files.save(name, media_type, stream)
