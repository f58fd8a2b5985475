"""Passwords: Argon2id (RFC 9106), at most two hashes at a time since each takes 64 MiB of memory."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.profiles import RFC_9106_LOW_MEMORY

from app.services.errors import Invalid

SHORTEST = 10
LONGEST = 200

_hasher = PasswordHasher.from_parameters(RFC_9106_LOW_MEMORY)
_pool = ThreadPoolExecutor(max_workers=2, thread_name_prefix="argon2")
_Result = TypeVar("_Result")


def check(password: str) -> None:
    """Raise Invalid for a password that is too short, too long, or one character over and over."""
    if len(password) < SHORTEST:
        raise Invalid.field("password", f"Use at least {SHORTEST} characters.")
    if len(password) > LONGEST:
        raise Invalid.field("password", f"Use at most {LONGEST} characters.")
    if len(set(password)) < 4:
        raise Invalid.field("password", "Use at least four different characters.")


async def hash_of(password: str) -> str:
    """The Argon2id hash to store, in PHC string format."""
    return await _in_turn(lambda: _hasher.hash(password))


async def matches(stored: str | None, password: str) -> bool:
    """Whether the password is the stored one. Takes as long when there is nothing stored."""

    def compare() -> bool:
        try:
            return _hasher.verify(stored or _nobody(), password) and stored is not None
        except (VerificationError, InvalidHashError):
            return False

    return await _in_turn(compare)


def outdated(stored: str) -> bool:
    """Whether the hash was made with weaker settings than today's and should be made anew."""
    return _hasher.check_needs_rehash(stored)


@cache
def _nobody() -> str:
    return _hasher.hash("the password of nobody")


async def _in_turn(work: Callable[[], _Result]) -> _Result:
    return await asyncio.get_running_loop().run_in_executor(_pool, work)
