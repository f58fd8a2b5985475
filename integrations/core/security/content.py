"""What is hashed, signed and encrypted: the bytes of a value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Literal

from engine.contract import BadParams, Files
from integrations.core.data.encode import as_file, content_of
from integrations.core.values import canonical, kind

Encoding = Literal["hex", "base64", "base64url"]


async def bytes_of(value: Any, files: Files) -> bytes:
    """The bytes of a file, a text (UTF-8), or any other value as JSON: fields in order of name, no spaces.

    Equal values have equal bytes: 1.0 is written as 1.
    """
    if file := as_file(value):
        return await content_of(file, files)
    if isinstance(value, str):
        return value.encode()
    try:
        return canonical(value)
    except (ValueError, TypeError, RecursionError) as error:
        raise BadParams(f"The value ({kind(value)}) cannot be written as JSON.", field="value") from error


def written(content: bytes, encoding: Encoding) -> str:
    """Bytes as text."""
    return WRITE[encoding](content)


def read(text: str, field: str) -> list[bytes]:
    """The bytes that a text may stand for: in hex, Base64 or Base64 for addresses. Raises `BadParams` for none."""
    clean = "".join(text.split())
    found: list[bytes] = []
    padded = clean.rstrip("=").translate(str.maketrans("-_", "+/"))
    with suppress(ValueError):
        found.append(bytes.fromhex(clean))
    with suppress(binascii.Error, ValueError):
        found.append(base64.b64decode(padded + "=" * (-len(padded) % 4), validate=True))
    if not found:
        raise BadParams("This is written neither in hex nor in Base64.", field=field)
    return found


WRITE: Mapping[Encoding, Callable[[bytes], str]] = {
    "hex": bytes.hex,
    "base64": lambda content: base64.b64encode(content).decode(),
    "base64url": lambda content: base64.urlsafe_b64encode(content).rstrip(b"=").decode(),
}
