"""Encrypt and decrypt with AES-256-GCM, in the form of JSON Web Encryption (RFC 7516), which other systems read too."""

from __future__ import annotations

import asyncio
import mimetypes
from typing import Annotated, Any

from pydantic import Field

from engine.contract import (
    Account,
    BadParams,
    Credentials,
    File,
    Files,
    Multiline,
    Params,
    PermanentError,
    Port,
    action,
)
from integrations.core.data.encode import as_file, content_of
from integrations.core.data.text import dump_json, load_json
from integrations.core.security.accounts import secret_of, symmetric
from integrations.core.security.content import bytes_of, read
from integrations.core.values import kind

_ENDING = ".jwe"
_ALGORITHMS = ["dir", "PBES2-HS512+A256KW", "A256GCM"]
# OWASP's count for PBKDF2 with SHA-512.
_ROUNDS = 210_000


class Encrypt(Params):
    value: Annotated[Any, Port(), Multiline()] = Field(
        description="The text, record or file to encrypt", examples=["4111 1111 1111 1111"]
    )
    account: Annotated[str, Account(types=("core.secret",))] = Field(
        description="The secret to encrypt with", examples=["acc_1"]
    )


@action(
    "security.encrypt",
    title="Encrypt",
    category="security",
    icon="lock",
    subtitle="Only the secret opens it",
    keywords=("aes", "gcm", "cipher", "jwe", "crypto", "protect", "secret"),
)
async def encrypt(params: Encrypt, credentials: Credentials, files: Files) -> str | File:
    """Encrypt a text, a record or a file with a secret: only who has the secret can read it, and a change is noticed.

    The result is a text (compact JWE with AES-256-GCM), or for a file a file. Encrypting the same twice gives two
    different texts. With a secret of 32 random bytes it is fast; a passphrase costs a quarter of a second each time.

    With a list: each value is encrypted by itself.
    """
    file = as_file(params.value)
    if file or isinstance(params.value, str):
        content = await bytes_of(params.value, files)
    else:
        content = dump_json(params.value).encode()
    form = "octet-stream" if file else "text/plain" if isinstance(params.value, str) else "json"
    token = await asyncio.to_thread(_sealed, content, form, await secret_of(params.account, credentials))
    if file is None:
        return token
    return await asyncio.to_thread(files.save, file.name + _ENDING, "application/jose", token.encode())


def _sealed(content: bytes, form: str, secret: str) -> str:
    from joserfc import jwe  # noqa: PLC0415

    algorithm, key = _key(secret)
    header: dict[str, Any] = {"alg": algorithm, "enc": "A256GCM", "cty": form}
    if algorithm != "dir":
        header["p2c"] = _ROUNDS
    return jwe.encrypt_compact(header, content, key, algorithms=_ALGORITHMS)


def _key(secret: str) -> tuple[str, Any]:
    """32 bytes in hex or Base64 are the key itself (RFC 7518, `dir`); anything else is a passphrase (`PBES2`)."""
    try:
        keys = [key for key in read(secret, "account") if len(key) == 32]
    except BadParams:
        keys = []
    if keys:
        return "dir", symmetric(keys[0])
    if len(secret) < 14:
        raise BadParams(
            "This secret is too short to encrypt with.",
            field="account",
            hint="Use 32 random bytes in Base64 or hex, or a passphrase of 14 characters or more.",
        )
    return "PBES2-HS512+A256KW", symmetric(secret)


class Decrypt(Params):
    value: Annotated[Any, Port(), Multiline()] = Field(
        description="What Encrypt gave, a text or a file", examples=["eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0..…"]
    )
    account: Annotated[str, Account(types=("core.secret",))] = Field(
        description="The secret that it was encrypted with", examples=["acc_1"]
    )


@action(
    "security.decrypt",
    title="Decrypt",
    category="security",
    icon="key-round",
    subtitle="Open with the secret",
    keywords=("aes", "gcm", "cipher", "jwe", "crypto", "open", "secret"),
)
async def decrypt(params: Decrypt, credentials: Credentials, files: Files) -> Any:
    """Read what was encrypted: a text as a text, a record as a record, a file as a file.

    What leaves this node is readable again, also in the run's history.

    With a list: each value is decrypted by itself.
    """
    file = as_file(params.value)
    if file is None and not isinstance(params.value, str):
        raise BadParams(f"A text or file is needed, but the value is {kind(params.value)}.", field="value")
    token = params.value if file is None else (await content_of(file, files)).decode(errors="replace")
    content, form = await asyncio.to_thread(_opened, token.strip(), await secret_of(params.account, credentials))
    if form == "octet-stream":
        name = file.name.removesuffix(_ENDING) if file else "decrypted"
        media_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        return await asyncio.to_thread(files.save, name, media_type, content)
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        raise BadParams("What was decrypted is no text in UTF-8.", field="value") from error
    return load_json(text, "value") if form == "json" else text


def _opened(token: str, secret: str) -> tuple[bytes, str]:
    from joserfc import jwe  # noqa: PLC0415
    from joserfc.errors import JoseError  # noqa: PLC0415

    _, key = _key(secret)
    try:
        found = jwe.decrypt_compact(token, key, algorithms=_ALGORITHMS)
    except (JoseError, ValueError, TypeError, KeyError, AssertionError) as error:
        raise PermanentError(
            "This cannot be decrypted: the secret is another one, or the text was changed or cut.",
            hint="Choose the secret that it was encrypted with, and pass the text on whole.",
        ) from error
    return found.plaintext or b"", str(found.protected.get("cty", "text/plain"))
