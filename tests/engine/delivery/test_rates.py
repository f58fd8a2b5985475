"""The rules of rates, the same in Valkey and in one process: bursts, reservations, calls at once, the breaker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
import redis

from engine.contract import CallLimits
from engine.delivery import rates
from engine.delivery.governor import Governor
from engine.delivery.rates import FAILURES_TO_OPEN, OPEN_SECONDS, Limits, Outcome, Verdict
from engine.delivery.standing import now_of

KEY = "account:api.example.com"


class Rules:
    """The governor's decisions, with a clock that can be turned on; `real`: it goes on by itself too."""

    def __init__(self, governor: Governor, turn: Callable[[float], Awaitable[None]], real: bool) -> None:
        self.governor, self.later, self.real = governor, turn, real
        self._tickets = 0

    async def enter(self, limits: Limits, ticket: str = "") -> Verdict:
        self._tickets += 1
        return await self.governor.enter(KEY, limits, ticket or str(self._tickets))

    async def leave(self, outcome: Outcome, ticket: str = "x", wait: float = 0.0) -> None:
        await self.governor.leave(KEY, ticket, outcome, wait, 0.1)


@pytest.fixture(params=["valkey", "one process"])
async def rules(request: pytest.FixtureRequest) -> AsyncIterator[Rules]:
    if request.param == "valkey":
        url = request.getfixturevalue("valkey_url")
        client = redis.Redis.from_url(url)

        async def turn(seconds: float) -> None:
            """What is stored moves into the past, which is the same as time that passes."""
            moved: Any = client.hgetall(f"weft:rate:{KEY}")
            for name in (b"tat", b"minute", b"until", b"open", b"probe"):
                if name in moved:
                    client.hset(f"weft:rate:{KEY}", name.decode(), f"{float(moved[name]) - seconds * 1e6:.0f}")
            reserved: Any = client.keys(f"weft:rate:{KEY}:*")
            for key in reserved:
                if client.type(key) == b"string":
                    value: Any = client.get(key)
                    client.set(key, f"{float(value) - seconds * 1e6:.0f}")

        governor = Governor(url)
        yield Rules(governor, turn, real=True)
        await governor.aclose()
        client.close()
    else:
        clock = [1000.0]

        async def pass_time(seconds: float) -> None:
            clock[0] += seconds

        yield Rules(Governor(clock=lambda: clock[0]), pass_time, real=False)


async def test_a_burst_goes_then_each_gets_the_next_free_time(rules: Rules) -> None:
    limits = Limits(per_second=2, burst=3)
    assert [(await rules.enter(limits)).why for _ in range(3)] == ["go"] * 3
    waits = [await rules.enter(limits, f"w{n}") for n in range(4)]
    assert [one.why for one in waits] == ["rate"] * 4
    assert [one.seconds for one in waits] == pytest.approx([0.5, 1.0, 1.5, 2.0], abs=0.2)
    again = await rules.enter(limits, "w1")
    assert again.seconds == pytest.approx(1.0, abs=0.2)  # asking again costs no second place
    await rules.later(1.05)
    assert (await rules.enter(limits, "w0")).why == "go"
    assert (await rules.enter(limits, "w1")).why == "go"
    assert (await rules.enter(limits, "w2")).why == "rate"


async def test_an_idle_account_has_its_burst_again_and_no_more(rules: Rules) -> None:
    limits = Limits(per_second=10, burst=2)
    assert [(await rules.enter(limits)).why for _ in range(2)] == ["go"] * 2
    await rules.later(60)
    assert [(await rules.enter(limits)).why for _ in range(3)] == ["go", "go", "rate"]


async def test_no_minute_has_more_calls_than_its_limit_and_the_slower_of_two_limits_counts(rules: Rules) -> None:
    limits = Limits(per_second=5, per_minute=20)
    passed, clock, began = [], 0.0, time.monotonic()
    for ticket in map(str, range(60)):
        while (verdict := await rules.enter(limits, ticket)).why != "go":
            await rules.later(verdict.seconds)
            clock += verdict.seconds
        passed.append(clock + (time.monotonic() - began) * rules.real)
    assert max(sum(start <= one < start + 59.5 for one in passed) for start in passed) == 20
    assert passed[1] == pytest.approx(0, abs=0.5)
    assert passed[-1] == pytest.approx(58 * 60 / 19, rel=0.05)  # two together, then one at a time


async def test_nobody_reserves_a_time_that_is_hours_away(rules: Rules) -> None:
    limits = Limits(per_second=1 / 1800, burst=1)
    assert (await rules.enter(limits)).why == "go"
    waits = [(await rules.enter(limits)).seconds for _ in range(5)]
    assert max(waits) == pytest.approx(5400, rel=0.01)


async def test_what_a_service_asks_holds_for_all_its_callers(rules: Rules) -> None:
    assert (await rules.enter(Limits())).why == "go"
    await rules.leave("limited", wait=7)
    await rules.leave("limited", wait=2)
    asked = await rules.enter(Limits())
    assert (asked.why, asked.seconds) == ("asked", pytest.approx(7, abs=0.5))
    await rules.later(7.1)
    assert (await rules.enter(Limits())).why == "go"


async def test_only_so_many_calls_are_under_way_at_once(rules: Rules) -> None:
    limits = Limits(at_once=2)
    assert [(await rules.enter(limits, ticket)).why for ticket in "ab"] == ["go", "go"]
    full = await rules.enter(limits, "c")
    assert full.why == "busy"
    assert 0 < full.seconds < 1
    await rules.leave("ok", "a")
    assert (await rules.enter(limits, "c")).why == "go"
    await rules.leave("failed", "b")
    await rules.leave("nothing", "c")
    assert [(await rules.enter(limits, ticket)).why for ticket in "de"] == ["go", "go"]


async def test_the_breaker_opens_after_failures_in_a_row_and_one_probe_closes_it(rules: Rules) -> None:
    for _ in range(FAILURES_TO_OPEN - 1):
        await rules.leave("failed")
    await rules.leave("ok")
    for _ in range(FAILURES_TO_OPEN - 1):
        await rules.leave("failed")
    closed = await rules.enter(Limits())
    assert (closed.why, closed.dirty) == ("go", True)
    await rules.leave("failed")
    stopped = await rules.enter(Limits())
    assert (stopped.why, stopped.seconds) == ("open", pytest.approx(OPEN_SECONDS, abs=0.5))
    await rules.later(OPEN_SECONDS + 0.1)
    assert (await rules.enter(Limits())).why == "go"
    assert [(await rules.enter(Limits())).why for _ in range(2)] == ["open", "open"]
    await rules.leave("ok")
    good = await rules.enter(Limits())
    assert (good.why, good.dirty) == ("go", False)


async def test_a_probe_that_fails_doubles_the_pause(rules: Rules) -> None:
    for _ in range(FAILURES_TO_OPEN):
        await rules.leave("failed")
    for expected in (OPEN_SECONDS, 2 * OPEN_SECONDS, 4 * OPEN_SECONDS):
        stopped = await rules.enter(Limits())
        assert (stopped.why, stopped.seconds) == ("open", pytest.approx(expected, abs=0.5))
        await rules.later(expected + 0.1)
        assert (await rules.enter(Limits())).why == "go"
        await rules.leave("failed")


async def test_a_place_is_kept_while_its_process_renews_it_and_lost_when_it_does_not(valkey_url: str) -> None:
    holder, other = Governor(valkey_url, lease=0.6), Governor(valkey_url, lease=0.6)
    limits = Limits(at_once=1)
    assert (await holder.enter(KEY, limits, "mine")).why == "go"
    await asyncio.sleep(1.2)
    assert (await other.enter(KEY, limits, "yours")).why == "busy"
    await holder.aclose()  # as a process that is gone: it renews nothing, and never said that the call is over
    await asyncio.sleep(0.7)
    assert (await other.enter(KEY, limits, "yours")).why == "go"
    await other.leave(KEY, "yours", "ok", 0, 0.1)
    await other.aclose()
    client = redis.Redis.from_url(valkey_url)
    assert client.zcard(f"weft:rate:{KEY}:calls") == 0
    client.close()


async def test_what_an_account_is_doing_can_be_looked_at(valkey_url: str) -> None:
    governor, client = Governor(valkey_url), redis.Redis.from_url(valkey_url)
    limits = Limits(per_second=0.5, burst=1, at_once=2)
    assert [(await governor.enter("shop:a.example.com", limits, ticket)).why for ticket in "abc"] == [
        "go",
        *["rate"] * 2,
    ]
    for _ in range(FAILURES_TO_OPEN):
        await governor.leave("shop:b.example.com:8080", "x", "failed", 0, 0.1)
    await governor.leave("shop:c.example.com", "x", "limited", 30, 0.1)
    first, second, third = now_of(client, {"shop": limits, "other": limits})["shop"]
    assert (first.host, first.under_way, first.ahead) == ("a.example.com", 1, 2)
    assert first.next_turn == pytest.approx(6, abs=0.5)
    assert (second.host, second.failures) == ("b.example.com:8080", FAILURES_TO_OPEN)
    assert second.closed_for == pytest.approx(OPEN_SECONDS, abs=0.5)
    assert (third.host, third.asked_for, third.closed_for) == ("c.example.com", pytest.approx(30, abs=0.5), 0)
    await governor.aclose()
    client.close()


async def test_two_processes_share_one_limit(valkey_url: str) -> None:
    one, two = Governor(valkey_url), Governor(valkey_url)
    limits = Limits(per_second=1, burst=5)
    verdicts = await asyncio.gather(*(each.enter(KEY, limits, f"{n}") for n, each in enumerate([one, two] * 5)))
    assert sum(verdict.why == "go" for verdict in verdicts) == 5
    await one.aclose()
    await two.aclose()


async def test_without_redis_each_process_counts_for_itself() -> None:
    alone = Governor("redis://127.0.0.1:9")
    limits = Limits(per_second=1, burst=2)
    assert [(await alone.enter(KEY, limits, str(n))).why for n in range(3)] == ["go", "go", "rate"]
    await alone.leave(KEY, "0", "limited", 60, 0.1)
    assert (await alone.enter(KEY, limits, "9")).why == "asked"
    await alone.aclose()


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        ({}, Limits(5, 60, 8, 3)),
        ({"per_second": 2}, Limits(2, 60, None, 3)),
        ({"per_second": "0.5", "burst": 4, "at_once": 1}, Limits(0.5, 60, 4, 1)),
        ({"per_second": None, "per_minute": None, "at_once": None}, Limits()),
    ],
)
def test_what_an_account_does_not_say_is_as_usual(stored: dict[str, Any], expected: Limits) -> None:
    assert Limits.of(stored, CallLimits(5, 60, 8, 3)) == expected


def test_a_burst_is_a_seconds_worth_unless_it_is_set() -> None:
    assert Limits(per_second=10).window == 1_000_000
    assert Limits(per_second=10, burst=1).window == 100_000
    assert Limits(per_second=0.1).window == Limits(per_second=0.1).interval == 10_000_000
    assert rates.Limits().interval == 0
