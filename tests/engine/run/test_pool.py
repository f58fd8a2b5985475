"""Child processes: they keep what they loaded, survive being killed, and stop when their call is cancelled."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import catalog
from engine.contract import PermanentError
from engine.run.pool import Crash, Pool
from tests.engine import lab


@pytest.fixture
def nodes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    lab.install(monkeypatch)
    yield
    catalog.cache_clear()


@pytest.fixture
async def pool(nodes: None) -> AsyncIterator[Pool]:
    yield Pool(1)


async def compute(pool: Pool, *values: Any, **more: Any) -> list[Any]:
    params = [catalog()["lab.compute"].params.model_validate({"value": value, **more}) for value in values]
    result: list[Any] = await pool.call("lab.compute", 1, params, {})
    return result


async def test_a_child_is_warm_and_stays(pool: Pool) -> None:
    await pool.warm()
    first, second = await compute(pool, 3), await compute(pool, 4)
    assert [first[0]["square"], second[0]["square"]] == [9, 16]
    assert first[0]["pid"] == second[0]["pid"]


async def test_a_killed_child_is_replaced_and_its_call_made_again(pool: Pool, tmp_path: Path) -> None:
    before = await compute(pool, 3)
    results = await compute(pool, 2, "die", once=str(tmp_path / "died"))
    assert results[0]["square"] == 4
    assert results[0]["pid"] != before[0]["pid"]


async def test_a_child_that_always_dies_is_an_error_in_words(pool: Pool) -> None:
    with pytest.raises(PermanentError, match="ran out of memory"):
        await compute(pool, "die")
    assert (await compute(pool, 5))[0]["square"] == 25


async def test_another_exception_comes_back_as_text(pool: Pool) -> None:
    with pytest.raises(Crash, match="ValueError: crashed as asked"):
        await compute(pool, "crash")


async def test_cancelling_a_call_ends_its_child(pool: Pool) -> None:
    before = await compute(pool, 3)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await compute(pool, 3, seconds=60)
    after = await compute(pool, 3)
    assert after[0]["pid"] != before[0]["pid"]
