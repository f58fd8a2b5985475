"""When a call to a service may be made: rate, calls at once, the service's own wish, and a circuit breaker.

The rate is kept by the generic cell rate algorithm (GCRA, ITU-T I.371), which needs one number per account and host:
the time at which the bucket is full again. A call that comes too early gets the next free time reserved, so callers
who wait wake in order and not all at once. The circuit breaker is that of M. Nygard, "Release It!" (2007): it opens
after consecutive failures, lets one call through after a while (half-open), and closes when that succeeds.

Valkey decides for all processes in one script; `Here` is the same for a single process while Valkey is away.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

Why = Literal["go", "rate", "asked", "busy", "open"]
Outcome = Literal["ok", "failed", "limited", "nothing"]
CODES: Final[tuple[Why, ...]] = ("go", "rate", "asked", "busy", "open")

FAILURES_TO_OPEN: Final = 10
OPEN_SECONDS: Final = 15.0
LONGEST_OPEN_SECONDS: Final = 300.0
# How long a call counts that never said that it ended: its process was killed.
HELD_SECONDS: Final = 900
KEPT_SECONDS: Final = 86_400
LONGEST_RESERVATION_SECONDS: Final = 3_600.0
USUAL_SECONDS: Final = 0.2

# KEYS: state, calls under way, reservation of this call.
# ARGV: microseconds between calls (0: any), microseconds that may be owed, calls at once (0: any), ticket.
ENTER: Final = f"""
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
local s = redis.call('hmget', KEYS[1], 'tat', 'until', 'open', 'probe', 'failures', 'hold')
local due, open, probe = tonumber(s[2] or 0), tonumber(s[3] or 0), tonumber(s[4] or 0)
local dirty = (tonumber(s[5] or 0) > 0 or open > 0) and 1 or 0
if open > now then return {{4, open - now, 1}} end
if open > 0 and probe > now then return {{4, probe - now, 1}} end
if due > now then return {{2, due - now, dirty}} end
local most = tonumber(ARGV[3])
if most > 0 then
    redis.call('zremrangebyscore', KEYS[2], '-inf', now)
    if redis.call('zcard', KEYS[2]) >= most then
        return {{3, math.floor(tonumber(s[6] or {USUAL_SECONDS * 1e6:.0f}) / most), dirty}}
    end
end
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if interval > 0 then
    local reserved = tonumber(redis.call('get', KEYS[3]) or 0)
    if reserved == 0 then
        local tat = math.max(tonumber(s[1] or now), now) + interval
        local wait = tat - window - now
        if wait > {LONGEST_RESERVATION_SECONDS * 1e6:.0f} then return {{1, wait, dirty}} end
        redis.call('hset', KEYS[1], 'tat', string.format('%.0f', tat))
        redis.call('expire', KEYS[1], {KEPT_SECONDS})
        reserved = now + wait
    end
    if reserved > now then
        redis.call('set', KEYS[3], string.format('%.0f', reserved), 'PX', math.ceil((reserved - now) / 1000) + 60000)
        return {{1, reserved - now, dirty}}
    end
    redis.call('del', KEYS[3])
end
if open > 0 then redis.call('hset', KEYS[1], 'probe', string.format('%.0f', now + {HELD_SECONDS * 1_000_000} / 30)) end
if most > 0 then
    redis.call('zadd', KEYS[2], now + {HELD_SECONDS * 1_000_000}, ARGV[4])
    redis.call('expire', KEYS[2], {HELD_SECONDS})
end
return {{0, 0, dirty}}
"""

# KEYS: state, calls under way. ARGV: ticket, outcome, microseconds that the service asks to wait, that the call took.
LEAVE: Final = f"""
local clock = redis.call('time')
local now = clock[1] * 1000000 + clock[2]
redis.call('zrem', KEYS[2], ARGV[1])
local held = tonumber(redis.call('hget', KEYS[1], 'hold') or ARGV[4])
redis.call('hset', KEYS[1], 'hold', string.format('%.0f', (held * 3 + ARGV[4]) / 4))
redis.call('expire', KEYS[1], {KEPT_SECONDS})
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


@dataclass(frozen=True, slots=True)
class Limits:
    """What an account allows: calls per second, how many of these may come together, and how many at once."""

    per_second: float | None = None
    burst: int | None = None
    at_once: int | None = None

    @classmethod
    def of(cls, stored: Mapping[str, Any], usual: Limits | None = None) -> Limits:
        """Those that are stored with an account; what it does not say is as `usual`."""
        usual = usual or cls()
        rate, burst, most = (stored.get(name) for name in ("per_second", "burst", "at_once"))
        return cls(
            float(rate) if rate else usual.per_second,
            int(burst) if burst else usual.burst,
            int(most) if most else usual.at_once,
        )

    @property
    def interval(self) -> int:
        """Microseconds between calls; 0 for any."""
        return max(1, round(1_000_000 / self.per_second)) if self.per_second else 0

    @property
    def window(self) -> int:
        """Microseconds that may be owed at any time: the burst, which is a second's worth unless it is set."""
        return self.interval * (self.burst or max(1, math.floor(self.per_second or 1)))


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a call may be made now, else why not and for how many seconds. `dirty`: there were failures before."""

    why: Why
    seconds: float = 0.0
    dirty: bool = False


@dataclass(slots=True)
class _State:
    full_at: float = 0.0
    asked_until: float = 0.0
    open_until: float = 0.0
    probe_until: float = 0.0
    failures: int = 0
    opened: int = 0
    hold: float = USUAL_SECONDS
    calls: dict[str, float] = field(default_factory=dict)
    reserved: dict[str, float] = field(default_factory=dict)


class Here:
    """The same rules for this process alone, by its own clock. Times in seconds."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._states: dict[str, _State] = {}

    def enter(self, key: str, limits: Limits, ticket: str) -> Verdict:
        """Whether the call may be made now; it then counts as under way."""
        now, state = self._clock(), self._states.setdefault(key, _State())
        dirty = state.failures > 0 or state.open_until > 0
        if state.open_until > now or (state.open_until > 0 and state.probe_until > now):
            return Verdict("open", max(state.open_until, state.probe_until) - now, True)
        if state.asked_until > now:
            return Verdict("asked", state.asked_until - now, dirty)
        if limits.at_once:
            state.calls = {one: until for one, until in state.calls.items() if until > now}
            if len(state.calls) >= limits.at_once:
                return Verdict("busy", state.hold / limits.at_once, dirty)
        if limits.interval and (wait := self._reserve(state, limits, ticket, now)) > 0:
            return Verdict("rate", wait, dirty)
        if state.open_until > 0:
            state.probe_until = now + HELD_SECONDS / 30
        if limits.at_once:
            state.calls[ticket] = now + HELD_SECONDS
        return Verdict("go", dirty=dirty)

    def _reserve(self, state: _State, limits: Limits, ticket: str, now: float) -> float:
        at = state.reserved.get(ticket)
        if at is None:
            full_at = max(state.full_at, now) + limits.interval / 1e6
            at = full_at - limits.window / 1e6
            if at - now > LONGEST_RESERVATION_SECONDS:
                return at - now
            state.full_at = full_at
        if at > now:
            state.reserved[ticket] = at
            return at - now
        state.reserved.pop(ticket, None)
        return 0.0

    def leave(self, key: str, ticket: str, outcome: Outcome, wait: float, took: float) -> None:
        """Says what came of the call; `wait` is what the service asks for."""
        now, state = self._clock(), self._states.setdefault(key, _State())
        state.calls.pop(ticket, None)
        state.hold = (state.hold * 3 + took) / 4
        state.probe_until = 0.0
        if outcome == "ok":
            state.failures, state.opened, state.open_until = 0, 0, 0.0
        elif outcome == "limited":
            state.asked_until = max(state.asked_until, now + wait)
        elif outcome == "failed":
            state.failures += 1
            if state.failures == FAILURES_TO_OPEN or 0 < state.open_until <= now:
                state.opened += 1
                state.open_until = now + min(OPEN_SECONDS * 2 ** (state.opened - 1), LONGEST_OPEN_SECONDS)
