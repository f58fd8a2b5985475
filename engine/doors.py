"""One-time addresses: whoever knows one may answer what a run waits for, once.

The token in an address is derived from the id of its wait and the installation's secret key (HMAC-SHA256, RFC 2104), so
that it can be shown again to members and need not be kept. The database holds its SHA-256 alone: where a row holds a
value with an address in it, a mark stands in the token's place that names the wait.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from engine.settings import settings

PATH = "/c/"
MARK = re.compile(r"weft-door:([0-9a-f]{32})")
TOKEN_LENGTH = 43
TOKEN = re.compile(rf"[A-Za-z0-9_-]{{{TOKEN_LENGTH}}}")
# In an address a token ends where it ends, whatever was written behind it; elsewhere it stands by itself.
IN_WORDS = re.compile(rf"(?<=/c/){TOKEN.pattern}|(?<![A-Za-z0-9_-]){TOKEN.pattern}(?![A-Za-z0-9_-])")
IN_TEXT = re.compile(IN_WORDS.pattern.encode())


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


class Doors:
    """The one-time addresses that a run has open: finds their tokens in what is to be stored."""

    def __init__(self) -> None:
        self._waits: dict[str, str] = {}

    def __bool__(self) -> bool:
        return bool(self._waits)

    def __contains__(self, wait_id: str) -> bool:
        return wait_id in self._waits.values()

    def add(self, *wait_ids: str) -> None:
        """The addresses of these waits are open."""
        self._waits.update((token_of(wait_id), wait_id) for wait_id in wait_ids)

    def hidden(self, text: bytes) -> bytes:
        """JSON text with a mark in place of each token."""
        return IN_TEXT.sub(lambda found: self._mark(found[0].decode()).encode(), text)

    def marked(self, value: Any) -> Any:
        """A value with a mark in place of each token; the same object where there is none."""
        if isinstance(value, str):
            return IN_WORDS.sub(lambda found: self._mark(found[0]), value) if len(value) >= TOKEN_LENGTH else value
        if isinstance(value, Mapping):
            marked = {name: self.marked(held) for name, held in value.items()}
            return marked if any(marked[name] is not held for name, held in value.items()) else value
        if isinstance(value, list):
            items = [self.marked(held) for held in value]
            return items if any(one is not held for one, held in zip(items, value, strict=True)) else value
        return value

    def _mark(self, word: str) -> str:
        wait_id = self._waits.get(word)
        return word if wait_id is None else f"weft-door:{wait_id}"


def named(value: Any) -> set[str]:
    """The ids of the waits whose marks stand in a value."""
    if isinstance(value, str):
        return set(MARK.findall(value))
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list) else ()
    return {wait_id for held in inner for wait_id in named(held)}


def shown(value: Any) -> Any:
    """A value with its tokens in place of the marks."""
    if isinstance(value, str):
        return MARK.sub(lambda found: token_of(found[1]), value)
    if isinstance(value, Mapping):
        return {name: shown(held) for name, held in value.items()}
    return [shown(held) for held in value] if isinstance(value, list) else value


@cache
def _key(secret: bytes) -> bytes:
    return HKDF(SHA256(), 32, salt=None, info=b"weft:one-time-address").derive(secret)
