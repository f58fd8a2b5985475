"""How often somebody may ask, counted in Valkey and without it."""

import asyncio

import pytest

from app.services.errors import TooMany
from app.services.limits import Limit, limiter
from tests.servers import ValkeyServer

FEW = Limit("few", 3, 3600)
QUICK = Limit("quick", 2, 0.2)


async def allowed(limit: Limit, caller: str, times: int) -> list[bool]:
    return [(await limiter().ask(limit, caller)).allowed for _ in range(times)]


async def test_a_burst_and_then_no_more(valkey_url: str) -> None:
    verdicts = [await limiter().ask(FEW, "ada") for _ in range(4)]
    assert [verdict.allowed for verdict in verdicts] == [True, True, True, False]
    assert [verdict.remaining for verdict in verdicts] == [2, 1, 0, 0]
    assert 1190 < verdicts[3].retry_after <= 1200
    assert verdicts[3].headers()["Retry-After"] in ("1200", "1201")
    assert verdicts[0].headers()["RateLimit-Policy"] == '"few";q=3;w=3600'


async def test_callers_and_limits_do_not_share(valkey_url: str) -> None:
    assert await allowed(FEW, "ada", 4) == [True, True, True, False]
    assert await allowed(FEW, "bob", 1) == [True]
    assert await allowed(Limit("other", 3, 3600), "ada", 1) == [True]


async def test_time_gives_calls_back(valkey_url: str) -> None:
    assert await allowed(QUICK, "ada", 3) == [True, True, False]
    while not (await limiter().ask(QUICK, "ada")).allowed:
        await asyncio.sleep(0.02)
    assert await allowed(QUICK, "ada", 1) == [False]


async def test_calls_at_the_same_moment_are_all_counted(valkey_url: str) -> None:
    verdicts = await asyncio.gather(*(limiter().ask(FEW, "ada") for _ in range(20)))
    assert sum(verdict.allowed for verdict in verdicts) == 3


async def test_forgiving(valkey_url: str) -> None:
    await allowed(FEW, "ada", 4)
    await limiter().forgive(FEW, "ada")
    assert await allowed(FEW, "ada", 1) == [True]


async def test_needing_raises_with_the_time_to_wait(valkey_url: str) -> None:
    await allowed(FEW, "ada", 3)
    with pytest.raises(TooMany, match="Slow down") as refused:
        await limiter().need(FEW, "ada", "Slow down.")
    assert 1190 < refused.value.retry_after <= 1200


async def test_without_valkey_each_process_counts_for_itself(own_valkey: ValkeyServer) -> None:
    assert await allowed(FEW, "ada", 1) == [True]
    own_valkey.stop()
    assert await allowed(FEW, "ada", 4) == [True, True, True, False]
    assert await allowed(FEW, "bob", 1) == [True]
    await limiter().forgive(FEW, "ada")
    assert await allowed(FEW, "ada", 1) == [True]
