"""When a call to a service may be made: rate, calls at once, the service's own wish, and a circuit breaker.

The rate is kept by the generic cell rate algorithm (GCRA, ITU-T I.371), which needs one number per account and host:
the time at which the bucket is full again. A call that comes too early gets the next free time reserved, so callers
who wait wake in order and not all at once. The circuit breaker is that of M. Nygard, "Release It!" (2007): it opens
after consecutive failures, lets one call through after a while (half-open), and closes when that succeeds.

Valkey decides for all processes in one script; `engine.delivery.here` does the same for a single process while Valkey
is away. A call holds its place under a lease that its process renews, so a place whose process was killed is free again
when the lease ends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from engine.contract.auth import CallLimits

Why = Literal["go", "rate", "asked", "busy", "open"]
Outcome = Literal["ok", "failed", "limited", "nothing"]
CODES: Final[tuple[Why, ...]] = ("go", "rate", "asked", "busy", "open")

FAILURES_TO_OPEN: Final = 10
OPEN_SECONDS: Final = 15.0
LONGEST_OPEN_SECONDS: Final = 300.0
# How long nobody else tries a service while one call finds out whether it is well again.
PROBE_SECONDS: Final = 30
KEPT_SECONDS: Final = 86_400
LONGEST_RESERVATION_SECONDS: Final = 3_600.0
USUAL_SECONDS: Final = 0.2

# KEYS: state, calls under way, reservation of this call, hosts of the owner.
# ARGV: for a second's and a minute's limit the microseconds between calls (0: any) and those that may be owed,
#   calls at once (0: any), ticket, microseconds of a place's lease, host.
ENTER: Final = f"""
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
local s = redis.call('hmget', KEYS[1], 'tat', 'until', 'open', 'probe', 'failures', 'hold', 'minute')
local due, open, probe = tonumber(s[2] or 0), tonumber(s[3] or 0), tonumber(s[4] or 0)
local dirty = (tonumber(s[5] or 0) > 0 or open > 0) and 1 or 0
if open > now then return {{4, open - now, 1}} end
if open > 0 and probe > now then return {{4, probe - now, 1}} end
if due > now then return {{2, due - now, dirty}} end
local most = tonumber(ARGV[5])
if most > 0 then
    redis.call('zremrangebyscore', KEYS[2], '-inf', now)
    if redis.call('zcard', KEYS[2]) >= most then
        return {{3, math.floor(tonumber(s[6] or {USUAL_SECONDS * 1e6:.0f}) / most), dirty}}
    end
end
local limits = {{
    {{name = 'tat', full = tonumber(s[1] or now), interval = tonumber(ARGV[1]), window = tonumber(ARGV[2])}},
    {{name = 'minute', full = tonumber(s[7] or now), interval = tonumber(ARGV[3]), window = tonumber(ARGV[4])}},
}}
if limits[1].interval > 0 or limits[2].interval > 0 then
    local reserved = tonumber(redis.call('get', KEYS[3]) or 0)
    if reserved == 0 then
        local wait = -1
        for _, limit in ipairs(limits) do
            if limit.interval > 0 then
                limit.full = math.max(limit.full, now) + limit.interval
                wait = math.max(wait, limit.full - limit.window - now)
            end
        end
        if wait > {LONGEST_RESERVATION_SECONDS * 1e6:.0f} then return {{1, wait, dirty}} end
        for _, limit in ipairs(limits) do
            if limit.interval > 0 then redis.call('hset', KEYS[1], limit.name, string.format('%.0f', limit.full)) end
        end
        redis.call('expire', KEYS[1], {KEPT_SECONDS})
        redis.call('sadd', KEYS[4], ARGV[8])
        redis.call('expire', KEYS[4], {KEPT_SECONDS})
        reserved = now + wait
    end
    if reserved > now then
        redis.call('set', KEYS[3], string.format('%.0f', reserved), 'PX', math.ceil((reserved - now) / 1000) + 60000)
        return {{1, reserved - now, dirty}}
    end
    redis.call('del', KEYS[3])
end
if open > 0 then redis.call('hset', KEYS[1], 'probe', string.format('%.0f', now + {PROBE_SECONDS * 1_000_000})) end
if most > 0 then
    redis.call('zadd', KEYS[2], now + ARGV[7], ARGV[6])
    redis.call('expire', KEYS[2], math.ceil(ARGV[7] / 1000000))
    redis.call('sadd', KEYS[4], ARGV[8])
    redis.call('expire', KEYS[4], {KEPT_SECONDS})
end
return {{0, 0, dirty}}
"""

# KEYS: state, calls under way, hosts of the owner.
# ARGV: ticket, outcome, microseconds that the service asks to wait, that the call took, host.
LEAVE: Final = f"""
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
redis.call('zrem', KEYS[2], ARGV[1])
local held = tonumber(redis.call('hget', KEYS[1], 'hold') or ARGV[4])
redis.call('hset', KEYS[1], 'hold', string.format('%.0f', (held * 3 + ARGV[4]) / 4))
redis.call('expire', KEYS[1], {KEPT_SECONDS})
redis.call('sadd', KEYS[3], ARGV[5])
redis.call('expire', KEYS[3], {KEPT_SECONDS})
if ARGV[2] == 'ok' then
    redis.call('hdel', KEYS[1], 'failures', 'open', 'opened', 'probe')
elseif ARGV[2] == 'limited' then
    redis.call('hdel', KEYS[1], 'probe')
    local due = math.max(tonumber(redis.call('hget', KEYS[1], 'until') or 0), now + ARGV[3])
    redis.call('hset', KEYS[1], 'until', string.format('%.0f', due))
elseif ARGV[2] == 'failed' then
    local failures = redis.call('hincrby', KEYS[1], 'failures', 1)
    local half = redis.call('hget', KEYS[1], 'open')
    if failures == {FAILURES_TO_OPEN} or half and tonumber(half) <= now then
        local opened = redis.call('hincrby', KEYS[1], 'opened', 1)
        local pause = math.min({OPEN_SECONDS} * 2 ^ (opened - 1), {LONGEST_OPEN_SECONDS}) * 1000000
        redis.call('hset', KEYS[1], 'open', string.format('%.0f', now + pause))
    end
    redis.call('hdel', KEYS[1], 'probe')
else
    redis.call('hdel', KEYS[1], 'probe')
end
"""

# KEYS: calls under way, of one or more hosts. ARGV: microseconds of the lease, then a ticket for each key.
RENEW: Final = """
local clock = redis.call('time')
local till = clock[1] * 1000000 + clock[2] + ARGV[1]
for number, key in ipairs(KEYS) do
    redis.call('zadd', key, till, ARGV[number + 1])
    redis.call('expire', key, math.ceil(ARGV[1] / 1000000))
end
"""


def state_key(key: str) -> str:
    """Where the state of the calls to one host is kept; `key` is `owner:host`."""
    return f"weft:rate:{key}"


def calls_key(key: str) -> str:
    """Where the calls under way are kept, each until its lease ends."""
    return f"weft:rate:{key}:calls"


def hosts_key(owner: str) -> str:
    """Where the hosts are kept that an account, or a workspace without one, called of late."""
    return f"weft:rate-hosts:{owner}"


@dataclass(frozen=True, slots=True)
class Limits(CallLimits):
    """What an account allows, as the scripts take it."""

    @classmethod
    def of(cls, stored: Mapping[str, Any], usual: CallLimits | None = None) -> Limits:
        """Those that are stored with an account; what it does not name is as `usual`, and null is no limit."""
        usual = usual or CallLimits()
        rate, minute, burst, most = (
            stored.get(name, getattr(usual, name)) for name in ("per_second", "per_minute", "burst", "at_once")
        )
        if "per_second" in stored and "burst" not in stored:
            burst = None  # the usual burst belongs to the usual rate
        return cls(
            float(rate) if rate else None,
            int(minute) if minute else None,
            int(burst) if burst else None,
            int(most) if most else None,
        )

    @property
    def interval(self) -> int:
        """Microseconds between calls; 0 for any."""
        return max(1, round(1_000_000 / self.per_second)) if self.per_second else 0

    @property
    def window(self) -> int:
        """Microseconds that may be owed at any time: the burst, which is a second's worth unless it is set."""
        return self.interval * (self.burst or max(1, math.floor(self.per_second or 1)))

    @property
    def minute(self) -> tuple[int, int]:
        """Interval and window of the limit per minute.

        A tenth of the calls may come together, the others are spread so that no minute has more than its limit.
        """
        if not self.per_minute:
            return 0, 0
        together = max(1, self.per_minute // 10)
        interval = math.ceil(60_000_000 / (self.per_minute - together + 1))
        return interval, interval * together


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may be made now, else why not and for how many seconds. `dirty`: there were failures before."""

    why: Why
    seconds: float = 0.0
    dirty: bool = False
