"""Whether the parts that a server process needs answer."""

import asyncio
from typing import Final

from redis.exceptions import RedisError

from app.services.limits import limiter
from engine.store.db import DatabaseUnavailable
from engine.store.db import database as engine_database

_PATIENCE: Final = 2.0


async def database() -> str:
    """``ok``, or what is wrong, without the address."""
    try:
        await asyncio.wait_for(asyncio.to_thread(engine_database().check), _PATIENCE)
    except (DatabaseUnavailable, TimeoutError) as error:
        return type(error).__name__
    return "ok"


async def redis() -> str:
    """``ok``, or what is wrong."""
    try:
        await asyncio.wait_for(limiter().ping(), _PATIENCE)
    except (RedisError, OSError, TimeoutError) as error:
        return type(error).__name__
    return "ok"
