"""Whether the parts that a server process needs answer."""

import asyncio
from typing import Final

from redis.exceptions import RedisError

from app.services.limits import limiter
from engine.store.db import DatabaseUnavailable
from engine.store.db import database as engine_database
from engine.store.places import StoreUnavailable
from engine.store.storage import storage

_PATIENCE: Final = 2.0
_asked: dict[str, asyncio.Future[None]] = {}


async def database() -> str:
    """``ok``, or what is wrong, without the address."""
    try:
        await asyncio.wait_for(asyncio.to_thread(engine_database().check), _PATIENCE)
    except (DatabaseUnavailable, TimeoutError) as error:
        return type(error).__name__
    return "ok"


async def payloads() -> str:
    """``ok``, or what is wrong, without the address. A store that hangs is asked once, however many want to know."""
    if "payloads" not in _asked or _asked["payloads"].done():
        _asked["payloads"] = asyncio.get_running_loop().run_in_executor(None, storage().place.check)
        _asked["payloads"].add_done_callback(lambda asked: asked.cancelled() or asked.exception())
    try:
        await asyncio.wait_for(asyncio.shield(_asked["payloads"]), _PATIENCE)
    except StoreUnavailable as error:
        return error.message
    except TimeoutError:
        return "The payload store does not answer."
    return "ok"


async def redis() -> str:
    """``ok``, or what is wrong."""
    try:
        await asyncio.wait_for(limiter().ping(), _PATIENCE)
    except (RedisError, OSError, TimeoutError) as error:
        return type(error).__name__
    return "ok"
