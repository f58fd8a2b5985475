"""Hash: a short fingerprint of any value."""

from __future__ import annotations

import hashlib
import zlib
from typing import Annotated, Any, Literal, get_args

from pydantic import Field

from engine.contract import Files, Multiline, Params, Port, Select, action
from integrations.core.security.content import Encoding, bytes_of, written

Algorithm = Literal["sha256", "sha512", "sha3_256", "blake2b", "sha1", "md5", "crc32"]


class Hash(Params):
    value: Annotated[Any, Port(), Multiline()] = Field(
        description="The text, record or file", examples=["ada@example.com"]
    )
    algorithm: Annotated[
        Algorithm,
        Select(
            options=get_args(Algorithm), labels=("SHA-256", "SHA-512", "SHA3-256", "BLAKE2b", "SHA-1", "MD5", "CRC-32")
        ),
    ] = Field(
        default="sha256",
        description="How; SHA-1, MD5 and CRC-32 only where somebody else asks for them, they protect nothing",
        examples=["sha256"],
    )
    encoding: Annotated[
        Encoding, Select(options=get_args(Encoding), labels=("Hex", "Base64", "Base64 for addresses"))
    ] = Field(default="hex", description="How the result is written", examples=["base64"])


@action(
    "security.hash",
    title="Hash",
    category="security",
    icon="fingerprint",
    subtitle="SHA-256, MD5 and others",
    keywords=("sha256", "sha512", "md5", "checksum", "digest", "fingerprint", "crc32", "crypto"),
)
async def hash_value(params: Hash, files: Files) -> str:
    """Work out the fingerprint of a text, a record or a file: equal values have equal ones, others have not.

    Records are taken as JSON with their fields in order of name. For a fingerprint with a secret (HMAC), use Sign.

    With a list: each value is hashed by itself.
    """
    content = await bytes_of(params.value, files)
    if params.algorithm == "crc32":
        return written(zlib.crc32(content).to_bytes(4), params.encoding)
    return written(hashlib.new(params.algorithm, content, usedforsecurity=False).digest(), params.encoding)
