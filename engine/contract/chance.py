"""Random values that are the same whenever a call is repeated, and that nobody outside can foresee."""

from __future__ import annotations

import hashlib
import hmac
import random
from typing import Any, Final

_WORD: Final = 1 << 53


class Chance(random.Random):
    """The random values of one call: a node that asks for it by type gets the same ones when it is called again after a
    crash, as `random()` in a template does.

    The bits are a ChaCha20 keystream (RFC 8439) whose key is the HMAC-SHA256 of the call's place under a secret of the
    deployment, so ids made of them are as hard to guess as those of the operating system. Everything else, such as
    `sample` and `shuffle`, is the standard library's.
    """

    def __new__(cls, secret: bytes, place: str) -> Chance:
        return super().__new__(cls)

    def __init__(self, secret: bytes, place: str) -> None:
        """`place`: what identifies the call, such as `run:scope:node:item`."""
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms  # noqa: PLC0415  heavy

        key = hmac.new(secret, place.encode(), hashlib.sha256).digest()
        self._stream = Cipher(algorithms.ChaCha20(key, bytes(16)), mode=None).encryptor()
        self.gauss_next = None
        super().__init__()

    def random(self) -> float:
        """A number in [0, 1) with 53 random bits."""
        return self.getrandbits(53) / _WORD

    def getrandbits(self, k: int, /) -> int:
        """An integer of `k` random bits."""
        if k < 0:
            raise ValueError("the number of bits must not be negative")
        count = (k + 7) // 8
        return int.from_bytes(self._stream.update(bytes(count))) >> (count * 8 - k)

    def seed(self, *args: Any, **kwargs: Any) -> None:
        """Does nothing: the place is the seed."""

    def getstate(self) -> Any:
        """Raises NotImplementedError: a call's values are drawn in order."""
        raise NotImplementedError("the random values of a call are drawn in order")

    def setstate(self, state: Any) -> None:
        """Raises NotImplementedError, as `getstate`."""
        raise NotImplementedError("the random values of a call are drawn in order")
