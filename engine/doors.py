"""One-time addresses: whoever knows one may answer what a run waits for, once.

The token in an address is derived from the id of its wait and the installation's secret key (HMAC-SHA256, RFC 2104), so
that it can be shown again to members and need not be kept. The database holds its SHA-256 alone.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from functools import cache

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.settings import settings

PATH = "/c/"
TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def token_of(wait_id: str) -> str:
    """The token of a wait: 32 bytes as 43 characters that are safe in an address."""
    digest = hmac.digest(_key(settings().secret_key), wait_id.encode(), "sha256")
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def fingerprint(token: str) -> str:
    """What is kept of a token, as 64 hex digits: it is long and random, so a plain SHA-256 tells nothing of it."""
    return hashlib.sha256(token.encode()).hexdigest()


def address(public_url: str, wait_id: str) -> str:
    """The address under which a wait can be answered."""
    return f"{public_url}{PATH}{token_of(wait_id)}"


@cache
def _key(secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"weft:one-time-address").derive(secret)
