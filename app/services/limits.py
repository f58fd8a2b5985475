"""How often somebody may ask: the generic cell rate algorithm (GCRA, ITU-T I.371) in one Lua call on Valkey.

While Valkey cannot be reached, each process counts for itself, so that a sign-in stays guarded.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, cast

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from app.services.errors import TooMany
from engine.settings import settings

_LUA: Final = """
local clock = redis.call('TIME')
local now = clock[1] * 1000000 + clock[2]
local interval = tonumber(ARGV[1])
local window = tonumber(ARGV[2])
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now)
local next_due = due + interval
if next_due - window > now then
  return {0, 0, next_due - window - now, due - now}
end
redis.call('SET', KEYS[1], string.format('%.0f', next_due), 'PX', math.ceil((next_due - now) / 1000))
return {1, math.floor((window - (next_due - now)) / interval), 0, next_due - now}
"""
_REMEMBERED: Final = 10_000
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limit:
    """``count`` calls per ``period`` seconds, all of which may come at once."""

    name: str
    count: int
    period: float

    @property
    def interval(self) -> int:
        """Microseconds after which one call is given back."""
        return max(1, round(self.period * 1_000_000 / self.count))

    @property
    def window(self) -> int:
        """Microseconds that may be owed at any time."""
        return self.interval * self.count


@dataclass(frozen=True, slots=True)
class Verdict:
    """``remaining`` calls now; ``retry_after`` and ``reset`` in seconds."""

    limit: Limit
    allowed: bool
    remaining: int
    retry_after: float
    reset: float

    def need(self, message: str) -> None:
        """Raise TooMany with this message unless the call is allowed."""
        if not self.allowed:
            raise TooMany(message, self.retry_after)

    def headers(self) -> dict[str, str]:
        """The fields of draft-ietf-httpapi-ratelimit-headers."""
        limit = self.limit
        fields = {
            "RateLimit-Policy": f'"{limit.name}";q={limit.count};w={round(limit.period)}',
            "RateLimit": f'"{limit.name}";r={self.remaining};t={round(self.reset + 0.5)}',
        }
        if not self.allowed:
            fields["Retry-After"] = str(max(1, round(self.retry_after + 0.5)))
        return fields


class Limiter:
    """Counts calls per limit and caller. One per event loop, since it holds a connection pool."""

    def __init__(self, redis_url: str) -> None:
        self._redis = Redis.from_url(redis_url, socket_timeout=1.0, socket_connect_timeout=1.0)
        self._script = self._redis.register_script(_LUA)
        self._local: OrderedDict[str, float] = OrderedDict()

    async def ask(self, limit: Limit, caller: str) -> Verdict:
        """Count one call of ``caller``, if it is allowed."""
        key = f"weft:limit:{limit.name}:{caller}"
        try:
            answer = await self._script(keys=[key], args=[limit.interval, limit.window])
        except (RedisError, OSError) as error:
            _log.warning("rate limits counted in this process only", cause=type(error).__name__)
            return self.ask_here(limit, caller)
        allowed, remaining, retry_after, reset = cast(list[int], answer)
        return Verdict(limit, bool(allowed), remaining, retry_after / 1e6, reset / 1e6)

    async def need(self, limit: Limit, caller: str, message: str) -> None:
        """Count one call, and raise TooMany if it is not allowed."""
        (await self.ask(limit, caller)).need(message)

    async def forgive(self, limit: Limit, caller: str) -> None:
        """Forget what was counted, for instance after a right password."""
        key = f"weft:limit:{limit.name}:{caller}"
        self._local.pop(key, None)
        try:
            await self._redis.delete(key)
        except (RedisError, OSError) as error:
            _log.warning("a rate limit could not be reset", cause=type(error).__name__)

    async def ping(self) -> None:
        """Ask for a sign of life; raises RedisError."""
        await cast("Awaitable[bool]", self._redis.ping())

    async def close(self) -> None:
        """Give the connections back."""
        await self._redis.aclose()

    def ask_here(self, limit: Limit, caller: str) -> Verdict:
        """The same, counted in this process alone."""
        key, now = f"weft:limit:{limit.name}:{caller}", time.monotonic() * 1e6
        due = max(self._local.get(key, now), now)
        next_due = due + limit.interval
        if next_due - limit.window > now:
            return Verdict(limit, False, 0, (next_due - limit.window - now) / 1e6, (due - now) / 1e6)
        self._local[key] = next_due
        self._local.move_to_end(key)
        while len(self._local) > _REMEMBERED:
            self._local.popitem(last=False)
        left = int((limit.window - (next_due - now)) // limit.interval)
        return Verdict(limit, True, left, 0.0, (next_due - now) / 1e6)


_limiters: dict[asyncio.AbstractEventLoop, Limiter] = {}


def limiter() -> Limiter:
    """The limiter of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _limiters:
        for closed in [known for known in _limiters if known.is_closed()]:
            del _limiters[closed]
        _limiters[loop] = Limiter(settings().redis_url)
    return _limiters[loop]


async def close() -> None:
    """Close the limiter of the running event loop, if there is one; for the end of a process."""
    kept = _limiters.pop(asyncio.get_running_loop(), None)
    if kept:
        await kept.close()
