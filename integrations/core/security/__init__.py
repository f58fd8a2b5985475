"""Hashes, encryption, signatures, tokens."""

from integrations.core.security.accounts import CREDENTIALS
from integrations.core.security.encryption import decrypt, encrypt
from integrations.core.security.hashing import hash_value
from integrations.core.security.signatures import sign, verify
from integrations.core.security.tokens import make_jwt, read_jwt

NODES = (hash_value, encrypt, decrypt, sign, verify, make_jwt, read_jwt)

__all__ = ["CREDENTIALS", "NODES"]
