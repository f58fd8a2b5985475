"""Secrets at rest: an envelope of AES-256-GCM around each credential.

Every credential has a random data key of its own; that key is sealed ("wrapped") with a key derived from the
installation's secret key. `workspace:credential` is authenticated with both, so ciphertext copied into another row does
not open. To change the secret key only the small wrapped keys are sealed anew (envelope encryption, NIST SP 800-57).

    sealed = version (1 byte) · nonce (12) · wrapped data key (32 + 16) · nonce (12) · ciphertext + tag
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy import func, select
from sqlmodel import col

from engine.contract.errors import AuthExpired, NotFound
from engine.models import Credential
from engine.settings import settings
from engine.store.db import Database

VERSION = b"\x01"
NONCE_BYTES = 12
KEY_BYTES = 32
WRAPPED_BYTES = KEY_BYTES + 16


class CannotOpen(ValueError):
    """The secret was sealed with another key, for another row, or was changed since."""


class Vault:
    """Seals and opens secrets with one key. `key_id` names the key without telling anything about it."""

    __slots__ = ("_cipher", "key_id")

    def __init__(self, secret_key: bytes) -> None:
        key = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=b"weft vault 1").derive(secret_key)
        self._cipher = AESGCM(key)
        self.key_id = hashlib.sha256(b"weft vault key id" + key).hexdigest()[:16]

    def __repr__(self) -> str:
        return f"Vault(key_id={self.key_id!r})"

    def seal(self, workspace_id: str, credential_id: str, secret: Mapping[str, Any]) -> bytes:
        """The ciphertext of a credential's fields, to be opened for this workspace and credential only."""
        about = _about(workspace_id, credential_id)
        data_key = AESGCM.generate_key(KEY_BYTES * 8)
        nonce = os.urandom(NONCE_BYTES)
        body = nonce + AESGCM(data_key).encrypt(nonce, orjson.dumps(dict(secret)), about)
        return VERSION + self._wrap(data_key, about) + body

    def open(self, workspace_id: str, credential_id: str, sealed: bytes) -> dict[str, Any]:
        """The fields that were sealed. Raises CannotOpen."""
        about = _about(workspace_id, credential_id)
        data_key, body = self._unwrap(sealed, about)
        try:
            opened = AESGCM(data_key).decrypt(body[:NONCE_BYTES], body[NONCE_BYTES:], about)
        except InvalidTag:
            raise CannotOpen("The stored secret was changed") from None
        fields: dict[str, Any] = orjson.loads(opened)
        return fields

    def rewrap(self, workspace_id: str, credential_id: str, sealed: bytes, former: Vault) -> bytes:
        """What `former` sealed, sealed with this vault's key; the secret itself is not decrypted."""
        about = _about(workspace_id, credential_id)
        data_key, body = former._unwrap(sealed, about)
        return VERSION + self._wrap(data_key, about) + body

    def _wrap(self, data_key: bytes, about: bytes) -> bytes:
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data_key, about)

    def _unwrap(self, sealed: bytes, about: bytes) -> tuple[bytes, bytes]:
        end = len(VERSION) + NONCE_BYTES + WRAPPED_BYTES
        if not sealed.startswith(VERSION) or len(sealed) <= end + NONCE_BYTES:
            raise CannotOpen("The stored secret is damaged")
        nonce = sealed[len(VERSION) : len(VERSION) + NONCE_BYTES]
        try:
            return self._cipher.decrypt(nonce, sealed[len(VERSION) + NONCE_BYTES : end], about), sealed[end:]
        except InvalidTag:
            raise CannotOpen("The stored secret was sealed with another key, or for another account") from None


def _about(workspace_id: str, credential_id: str) -> bytes:
    return f"{workspace_id}:{credential_id}".encode()


@lru_cache(maxsize=2)
def _vault(secret_key: bytes) -> Vault:
    return Vault(secret_key)


def vault() -> Vault:
    """The vault of this process's settings."""
    return _vault(settings().secret_key)


def seal(workspace_id: str, credential_id: str, secret: Mapping[str, Any]) -> tuple[bytes, str]:
    """A credential's fields as ciphertext, and the id of the key that sealed them."""
    mine = vault()
    return mine.seal(workspace_id, credential_id, secret), mine.key_id


def rewrap_all(database: Database, former: Vault, present: Vault) -> int:
    """Seals every credential of the `former` key with the `present` one; gives how many. Raises CannotOpen."""
    with database.transaction() as session:
        rows = session.scalars(
            select(Credential).where(col(Credential.key_id) == former.key_id).with_for_update()
        ).all()
        for row in rows:
            row.sealed = present.rewrap(row.workspace_id, row.id, row.sealed, former)
            row.key_id = present.key_id
        return len(rows)


def sealed_otherwise(database: Database, present: Vault) -> int:
    """How many credentials another key than the `present` one has sealed."""
    with database.transaction(write=False) as session:
        other = select(func.count()).select_from(Credential).where(col(Credential.key_id) != present.key_id)
        return session.scalar(other) or 0


class Accounts:
    """The credentials of one workspace, opened for the time of a call (`engine.contract.Credentials`).

    `opened`: id, name and limits of the one that was opened last.
    """

    def __init__(self, database: Database, workspace_id: str) -> None:
        self._database, self._workspace_id = database, workspace_id
        self.opened: tuple[str, str, Mapping[str, Any]] | None = None

    async def get(self, credential_id: str) -> tuple[str, dict[str, Any]]:
        """Type and secret fields. Raises NotFound if the workspace has no such account, AuthExpired if it is sealed."""
        return await asyncio.to_thread(self._get, credential_id)

    def _get(self, credential_id: str) -> tuple[str, dict[str, Any]]:
        with self._database.transaction(write=False) as session:
            row = session.scalar(
                select(Credential).where(
                    col(Credential.workspace_id) == self._workspace_id, col(Credential.id) == credential_id
                )
            )
        if row is None:
            raise NotFound("This account does not exist any more.", hint="Choose another account in the step.")
        self.opened = (row.id, row.name, row.limits)
        try:
            return row.type, vault().open(row.workspace_id, row.id, row.sealed)
        except CannotOpen as error:
            raise AuthExpired(
                f"The account “{row.name}” cannot be opened: {error}.",
                hint="Restore the secret key that sealed it, or enter the account again.",
            ) from None
