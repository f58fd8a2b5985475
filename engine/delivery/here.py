"""The rules of `engine.delivery.rates` for one process alone, by its own clock: while Valkey is away."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from engine.delivery.rates import (
    FAILURES_TO_OPEN,
    LONGEST_OPEN_SECONDS,
    LONGEST_RESERVATION_SECONDS,
    OPEN_SECONDS,
    PROBE_SECONDS,
    USUAL_SECONDS,
    Limits,
    Outcome,
    Verdict,
)


@dataclass(slots=True)
class _State:
    full_at: float = 0.0
    minute_at: float = 0.0
    asked_until: float = 0.0
    open_until: float = 0.0
    probe_until: float = 0.0
    failures: int = 0
    opened: int = 0
    hold: float = USUAL_SECONDS
    calls: set[str] = field(default_factory=set)
    reserved: dict[str, float] = field(default_factory=dict)


class Here:
    """The same rules for this process alone. Times in seconds."""

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
        if limits.at_once and len(state.calls) >= limits.at_once:
            return Verdict("busy", state.hold / limits.at_once, dirty)
        if (wait := self._reserve(state, limits, ticket, now)) > 0:
            return Verdict("rate", wait, dirty)
        if state.open_until > 0:
            state.probe_until = now + PROBE_SECONDS
        if limits.at_once:
            state.calls.add(ticket)
        return Verdict("go", dirty=dirty)

    def _reserve(self, state: _State, limits: Limits, ticket: str, now: float) -> float:
        interval, (slow, slow_window) = limits.interval, limits.minute
        if not interval and not slow:
            return 0.0
        at = state.reserved.get(ticket)
        if at is None:
            full_at = max(state.full_at, now) + interval / 1e6
            minute_at = max(state.minute_at, now) + slow / 1e6
            at = max(full_at - limits.window / 1e6, minute_at - slow_window / 1e6)
            if at - now > LONGEST_RESERVATION_SECONDS:
                return at - now
            state.full_at, state.minute_at = full_at, minute_at
        if at > now:
            state.reserved[ticket] = at
            return at - now
        state.reserved.pop(ticket, None)
        return 0.0

    def release(self, key: str, ticket: str) -> None:
        """A call is over, whoever hears what came of it."""
        if key in self._states:
            self._states[key].calls.discard(ticket)

    def leave(self, key: str, ticket: str, outcome: Outcome, wait: float, took: float) -> None:
        """Says what came of the call; `wait` is what the service asks for."""
        now, state = self._clock(), self._states.setdefault(key, _State())
        state.calls.discard(ticket)
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
