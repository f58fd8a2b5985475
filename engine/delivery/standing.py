"""What an account is doing now: calls under way, whose turn comes later, and services that are left alone."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import redis

from engine.delivery.rates import FAILURES_TO_OPEN, Limits, calls_key, hosts_key, state_key


@dataclass(frozen=True, slots=True)
class HostNow:
    """The calls of one account to one host at this moment. Times are seconds from now; 0 for none.

    `closed_for`: the circuit breaker is open that long, after `failures` in a row; `trying`: one call finds out whether
    the service is well again. `asked_for`: the service itself asks to wait. `next_turn`: when one more call
    would go, behind `ahead` others that have their turns already.
    """

    host: str
    under_way: int
    next_turn: float
    ahead: int
    asked_for: float
    closed_for: float
    trying: bool
    failures: int


def now_of(client: redis.Redis, accounts: Mapping[str, Limits]) -> dict[str, list[HostNow]]:
    """The hosts that each account called of late, by name. Raises redis.RedisError."""
    if not accounts:
        return {}
    with client.pipeline(transaction=False) as pipe:
        pipe.time()
        for account_id in accounts:
            pipe.smembers(hosts_key(account_id))
        (seconds, microseconds), *hosts = pipe.execute()
    now = seconds * 1_000_000 + microseconds
    places = [
        (account_id, limits, host.decode())
        for (account_id, limits), names in zip(accounts.items(), hosts, strict=True)
        for host in sorted(names)
    ]
    with client.pipeline(transaction=False) as pipe:
        for account_id, _, host in places:
            pipe.hgetall(state_key(f"{account_id}:{host}"))
            pipe.zcount(calls_key(f"{account_id}:{host}"), f"({now}", "+inf")
        answers: Iterator[Any] = iter(pipe.execute() if places else ())
    found: dict[str, list[HostNow]] = {}
    for account_id, limits, host in places:
        state, under_way = next(answers), next(answers)
        stored = {name.decode(): float(value) for name, value in state.items()}
        found.setdefault(account_id, []).append(_host_now(host, limits, stored, under_way, now))
    return found


def _host_now(host: str, limits: Limits, stored: Mapping[str, float], under_way: int, now: int) -> HostNow:
    def left(name: str) -> float:
        return max(0.0, (stored.get(name, 0.0) - now) / 1e6)

    turn, ahead = 0.0, 0
    for name, (interval, window) in (("tat", (limits.interval, limits.window)), ("minute", limits.minute)):
        if interval:
            wait = max(stored.get(name, 0.0), now) + interval - window - now
            turn, ahead = max(turn, wait / 1e6), max(ahead, math.ceil(wait / interval) - 1)
    return HostNow(
        host,
        under_way=under_way,
        next_turn=turn,
        ahead=ahead,
        asked_for=left("until"),
        closed_for=left("open"),
        trying=0 < stored.get("open", 0.0) <= now and left("probe") > 0,
        failures=max(FAILURES_TO_OPEN if "open" in stored else 0, int(stored.get("failures", 0.0))),
    )
