"""Random tokens that are shown or sent once and kept only as a hash."""

import hashlib
import secrets

API_KEY_PREFIX = "weft_"


def new_token() -> str:
    """256 random bits, safe in a URL and a cookie."""
    return secrets.token_urlsafe(32)


def new_api_key() -> str:
    """An API key: a fixed prefix, so that scanners for leaked secrets can know it, and 256 random bits."""
    return API_KEY_PREFIX + secrets.token_urlsafe(32)


def fingerprint(token: str) -> str:
    """What is stored of a token: SHA-256 is enough, since the token itself is random and long."""
    return hashlib.sha256(token.encode()).hexdigest()
