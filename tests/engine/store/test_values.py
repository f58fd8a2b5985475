"""Stored values on both databases: beside other runs, after a crash, in drafts, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlmodel import col

from engine.contract import BadParams, OutputTooLarge
from engine.models import Run, SeenKey, StoredValue, ValueChange, WorkflowVersion, new_id
from engine.store import values
from engine.store.db import Database
from engine.store.runvalues import RunValues
from engine.store.values import Place
from tests.engine.seed import Seed, seed


class Bench:
    def __init__(self, url: str) -> None:
        self.database = Database(url)
        self.seed: Seed = seed(self.database)
        self.run_id = self.run()

    def run(self, version_id: str | None = None) -> str:
        """A new run; its id."""
        made = self.seed
        run = Run(
            workspace_id=made.workspace_id,
            workflow_id=made.workflow_id,
            version_id=version_id or made.version_id,
            source="manual",
            input={},
        )
        with self.database.transaction() as session:
            session.add(run)
        return run.id

    def store(self, effect: str = "", run_id: str | None = None, workflow_id: str | None = None) -> RunValues:
        return RunValues(
            self.database,
            self.seed.workspace_id,
            workflow_id or self.seed.workflow_id,
            run_id or self.run_id,
            effect or new_id(),
        )

    def place(self, draft: bool = False) -> Place:
        return Place(self.seed.workspace_id, self.seed.workflow_id, draft)

    def count(self, model: Any) -> int:
        with self.database.transaction(write=False) as session:
            return session.scalar(sa.select(sa.func.count()).select_from(model)) or 0


@pytest.fixture
def bench(any_database: str) -> Iterator[Bench]:
    made = Bench(any_database)
    yield made
    made.database.close()


async def test_increments_at_the_same_moment_all_count(bench: Bench) -> None:
    numbers = await asyncio.gather(*(bench.store().increment("n") for _ in range(40)))
    assert sorted(numbers) == list(range(1, 41))


async def test_a_change_that_is_repeated_is_made_once(bench: Bench) -> None:
    first = await bench.store("run:node::0").increment("n", 5)
    await bench.store("another").increment("n")
    again = await bench.store("run:node::0").increment("n", 5)
    assert (first, again) == (5, 5)
    found = await bench.store().get("n")
    assert found is not None and found.value == 6


async def test_a_repeat_at_the_same_moment_is_made_once(bench: Bench) -> None:
    """A worker that was thought dead beside its successor."""
    numbers = await asyncio.gather(*(bench.store("run:node::0").increment("n") for _ in range(8)))
    assert set(numbers) == {1}


async def test_a_repeated_set_leaves_what_came_after_it(bench: Bench) -> None:
    await bench.store("first").set("v", 1)
    await bench.store("second").set("v", 2)
    await bench.store("first").set("v", 1)
    found = await bench.store().get("v")
    assert found is not None and found.value == 2
    assert await bench.store("third").delete("v") is True
    await bench.store("fourth").set("v", 3)
    assert await bench.store("third").delete("v") is True, "what it gave the first time"
    assert await bench.store().get("v") is not None


async def test_several_changes_of_one_call_are_told_apart(bench: Bench) -> None:
    for _ in range(2):
        store = bench.store("run:node::0")
        assert [await store.increment("n"), await store.increment("n")] == [1, 2]


async def test_what_failed_is_not_remembered_as_done(bench: Bench) -> None:
    await bench.store().set("v", "text")
    with pytest.raises(BadParams):
        await bench.store("run:node::0").increment("v")
    await bench.store().set("v", 1)
    assert await bench.store("run:node::0").increment("v") == 2


async def test_a_repeat_sees_the_same_keys_as_new(bench: Bench) -> None:
    await bench.store("earlier").add_if_new("seen", ["a"], keep=10)
    first = await bench.store("call").add_if_new("seen", ["a", "b", "c", "b"], keep=10)
    again = await bench.store("call").add_if_new("seen", ["a", "b", "c", "b"], keep=10)
    later = await bench.store("later").add_if_new("seen", ["a", "b", "c", "d"], keep=10)
    assert first == again == [False, True, True, True]
    assert later == [False, False, False, True]


async def test_each_key_is_new_to_one_of_the_runs_that_see_it_at_once(bench: Bench) -> None:
    lists = [[f"key {(i * 7 + start) % 40}" for i in range(40)] for start in range(6)]
    found = await asyncio.gather(*(bench.store().add_if_new("seen", keys, keep=100) for keys in lists))
    new = [
        key for keys, fresh in zip(lists, found, strict=True) for key, is_new in zip(keys, fresh, strict=True) if is_new
    ]
    assert sorted(new) == sorted(f"key {i}" for i in range(40))


async def test_keys_are_bounded_in_number_and_age(bench: Bench) -> None:
    for start in range(0, 30, 10):
        await bench.store().add_if_new("seen", [str(n) for n in range(start, start + 10)], keep=15)
    assert bench.count(SeenKey) == 15
    with bench.database.transaction() as session:
        session.execute(sa.update(SeenKey).values(seen_at=values.now() - values.timedelta(days=3)))
    assert await bench.store().add_if_new("seen", ["29"], keep=15, days=4) == [False]
    assert await bench.store().add_if_new("seen", ["28", "29"], keep=15, days=2) == [True, False]
    assert bench.count(SeenKey) == 2
    with pytest.raises(OutputTooLarge, match="16 different keys"):
        await bench.store().add_if_new("seen", [str(n) for n in range(16)], keep=15)


async def test_drafts_workflows_and_the_workspace_have_values_of_their_own(bench: Bench) -> None:
    draft = WorkflowVersion(
        workspace_id=bench.seed.workspace_id, workflow_id=bench.seed.workflow_id, document={}, content_hash="1"
    )
    with bench.database.transaction() as session:
        session.add(draft)
    trial = bench.run(draft.id)
    await bench.store().set("v", "published")
    await bench.store(run_id=trial).set("v", "trial")
    await bench.store().set("v", "shared", scope="workspace")
    found = [
        await bench.store().get("v"),
        await bench.store(run_id=trial).get("v"),
        await bench.store().get("v", scope="workspace"),
        await bench.store(run_id=trial).get("v", scope="workspace"),
    ]
    assert [one and one.value for one in found] == ["published", "trial", "shared", None]
    assert set(await bench.store().entries()) == {"v"}


async def test_values_are_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "MOST_NAMES", 2)
    await bench.store().set("a", 1)
    await bench.store().set("b", 1)
    with pytest.raises(OutputTooLarge, match="2 stored values already"):
        await bench.store().set("c", 1)
    await bench.store().set("a", 2)
    with pytest.raises(OutputTooLarge, match="262,146 bytes"):
        await bench.store().set("a", "x" * 262_144)
    with pytest.raises(BadParams, match="already holds a value"):
        await bench.store().add_if_new("a", ["k"], keep=5)
    assert set(await bench.store().entries()) == {"a", "b"}


async def test_nothing_is_left_of_a_run_or_a_workflow_that_is_gone(bench: Bench) -> None:
    await bench.store().increment("n")
    await bench.store().add_if_new("seen", ["a"], keep=5)
    with bench.database.transaction() as session:
        session.execute(sa.delete(Run).where(col(Run.id) == bench.run_id))
    assert (bench.count(ValueChange), bench.count(StoredValue)) == (0, 2)
    with bench.database.transaction() as session:
        session.execute(sa.text("DELETE FROM workflow"))
    assert (bench.count(StoredValue), bench.count(SeenKey)) == (0, 0)
