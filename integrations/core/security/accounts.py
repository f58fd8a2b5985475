"""The accounts of keys: a secret that two sides share, and a key that one side keeps."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from engine.contract import BadParams, Credentials, CredentialType, Secrets


class SharedSecret(Secrets):
    secret: str = Field(
        min_length=8,
        description="The secret. To encrypt: best 32 random bytes in Base64 or hex; a passphrase works too, but slowly",
        examples=["whsec_2f6a0e9c41d84b7f"],
    )


class PrivateKey(Secrets):
    key: str = Field(
        min_length=40,
        description="The key as PEM text; a public key is enough to check signatures",
        examples=["-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA…\n-----END PRIVATE KEY-----"],
    )


SECRET = CredentialType(
    "core.secret", "Secret", "A secret that two sides share, to encrypt and sign with.", SharedSecret
)
KEY = CredentialType("core.key", "Key", "A private or public key (PEM), to sign with and check signatures.", PrivateKey)
CREDENTIALS = (SECRET, KEY)


def symmetric(secret: str | bytes) -> Any:
    """A secret as joserfc takes it. Raises `BadParams` for a public key, which everybody may know."""
    from joserfc.jwk import OctKey  # noqa: PLC0415

    try:
        return OctKey.import_key(secret)
    except ValueError as error:
        raise BadParams(
            "This secret is a key of a pair, which is no secret for two.",
            field="account",
            hint="Store it as an account of the kind Key.",
        ) from error


async def secret_of(account: str, credentials: Credentials) -> str:
    """The shared secret of an account. Raises `BadParams` for one of another kind."""
    kind, fields = await credentials.get(account)
    if kind != SECRET.id:
        raise BadParams("A secret is needed here.", field="account", hint="Choose an account of the kind Secret.")
    return str(fields["secret"])


async def key_of(account: str, credentials: Credentials) -> str:
    """The PEM text of an account. Raises `BadParams` for one of another kind."""
    kind, fields = await credentials.get(account)
    if kind != KEY.id:
        raise BadParams("A key (PEM) is needed here.", field="account", hint="Choose an account of the kind Key.")
    return str(fields["key"]).strip()
