"""Encode and decode: Base64, hex, URL, HTML; texts and files."""

from __future__ import annotations

import asyncio
import base64
import binascii
import html
import mimetypes
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args
from urllib.parse import quote, unquote

from pydantic import Field, ValidationError

from engine.contract import BadParams, File, Files, Multiline, OutputTooLarge, Params, Port, Select, ShowIf, action
from integrations.core.values import cell_text, kind

Encoding = Literal["base64", "base64url", "hex", "url", "html"]
LARGEST_FILE = 50_000_000


class Encode(Params):
    value: Annotated[Any, Port(), Multiline()] = Field(
        description="The text, or a file to encode as Base64 or hex", examples=["Ünal & Söhne"]
    )
    direction: Annotated[Literal["encode", "decode"], Select(options=("encode", "decode"))] = Field(
        default="encode", description="Encode: into the encoding. Decode: back out of it", examples=["decode"]
    )
    encoding: Annotated[
        Encoding, Select(options=get_args(Encoding), labels=("Base64", "Base64 for addresses", "Hex", "URL", "HTML"))
    ] = Field(
        default="base64",
        description="Base64 and hex: bytes as letters and digits. URL: %20 as in web addresses. HTML: &amp; and such",
        examples=["url"],
    )
    file_name: Annotated[str, ShowIf(field="direction", values=("decode",))] = Field(
        title="File name",
        default="",
        description="To get a file instead of a text: what it is called",
        examples=["invoice.pdf"],
    )


@action(
    "data.encode",
    title="Encode or decode",
    category="text",
    icon="binary",
    subtitle="Base64, hex, URL, HTML",
    keywords=("base64", "hex", "percent", "urlencode", "entities", "escape", "unescape", "decode", "data uri"),
)
async def encode(params: Encode, files: Files) -> str | File:
    """Write a text or a file in an encoding, or read it back. Texts are taken as UTF-8.

    A data URI (data:image/png;base64,…) can be decoded as Base64 too. Decoding gives a text, or a file under the name
    that is given.

    With a list: each value is encoded by itself.
    """
    if params.direction == "encode":
        if file := as_file(params.value):
            if params.encoding not in BYTES:
                raise BadParams("A file can be encoded as Base64 or hex only.", field="encoding")
            return BYTES[params.encoding][0](await content_of(file, files))
        return _encoded(cell_text(params.value), params.encoding)
    text = _text(params.value)
    if params.encoding not in BYTES:
        return unquote(text) if params.encoding == "url" else html.unescape(text)
    content = _decoded(text, params.encoding)
    if params.file_name:
        media_type = mimetypes.guess_type(params.file_name)[0] or "application/octet-stream"
        return await asyncio.to_thread(files.save, params.file_name, media_type, content)
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise BadParams(
            "What was decoded is no text in UTF-8.",
            field="value",
            hint="Give a file name, and it becomes a file.",
        ) from error


def as_file(value: Any) -> File | None:
    """The file that a value refers to, if it does."""
    if isinstance(value, Mapping) and "$file" in value:
        try:
            return File.model_validate(value)
        except ValidationError:
            return None
    return value if isinstance(value, File) else None


async def content_of(file: File, files: Files) -> bytes:
    """The file's bytes. Raises `OutputTooLarge` for files above 50 MB."""
    if file.size > LARGEST_FILE:
        raise OutputTooLarge(
            f"“{file.name}” has {file.size / 1e6:,.0f} MB; this can be done with files of up to "
            f"{LARGEST_FILE / 1e6:,.0f} MB.",
            hint="Use a smaller file, or compress it first.",
        )

    def read() -> bytes:
        with files.open(file) as stream:
            return stream.read()

    return await asyncio.to_thread(read)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadParams(f"A text is needed to decode, but the value is {kind(value)}.", field="value")
    return value


def _encoded(text: str, encoding: Encoding) -> str:
    if encoding in BYTES:
        return BYTES[encoding][0](text.encode())
    return quote(text, safe="") if encoding == "url" else html.escape(text)


def _decoded(text: str, encoding: Encoding) -> bytes:
    if text.startswith("data:") and ";base64," in text[:200]:
        text = text.partition(";base64,")[2]
    try:
        return BYTES[encoding][1]("".join(text.split()))
    except (binascii.Error, ValueError) as error:
        raise BadParams(
            f"The text is not written in {encoding}.", field="value", hint="Choose the encoding that it is written in."
        ) from error


def _from_base64(text: str) -> bytes:
    return base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), validate=True)


def _from_base64url(text: str) -> bytes:
    return _from_base64(text.translate(str.maketrans("-_", "+/")))


BYTES: Mapping[str, tuple[Callable[[bytes], str], Callable[[str], bytes]]] = {
    "base64": (lambda content: base64.b64encode(content).decode(), _from_base64),
    "base64url": (lambda content: base64.urlsafe_b64encode(content).rstrip(b"=").decode(), _from_base64url),
    "hex": (bytes.hex, bytes.fromhex),
}
