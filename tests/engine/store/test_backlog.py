"""Whose turn it is: workspaces in turn, shares of the slots, limits, and what is delivered without waiting."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import insert

from engine.models import Run, Segment, Workflow, Workspace, new_id
from engine.store import settling, starting
from engine.store.backlog import HELD, Dispatched, Held, Place, any_left, choose, dispatch
from engine.store.changes import Changes, NewWait
from engine.store.checkpoint import Checkpoints
from engine.store.db import Database, database
from engine.store.lease import Leases
from engine.store.results import Started
from engine.store.sweeping import sweep
from engine.store.writer import Writer
from tests.engine.seed import Seed, seed

SLOTS = 100


def places(workspace: str, count: int, *, workflow: str = "", priority: int = 2, since: int = 0) -> list[Place]:
    whose = workflow or f"{workspace}-flow"
    return [Place(f"{workspace}{since + n:05}", 0, workspace, whose, priority, since + n) for n in range(count)]


def chosen(backlog: Sequence[Place], room: int, **more: Any) -> list[str]:
    given_ = {"held": Held(), "limits": {}, "slots": SLOTS} | more
    return [place.run_id for place in choose(backlog, room=room, **given_)]


def test_workspaces_take_turns_and_each_gives_its_oldest_first() -> None:
    backlog = [*places("a", 100), *places("b", 2, since=500), *places("c", 1, since=900)]
    random.Random(1).shuffle(backlog)
    assert chosen(backlog, 6) == ["a00000", "b00500", "c00900", "a00001", "b00501", "a00002"]


def test_who_holds_least_goes_first() -> None:
    backlog = [*places("a", 5), *places("b", 5, since=100)]
    assert chosen(backlog, 3, held=Held(segments={"a": 2}))[:3] == ["b00100", "a00000", "b00101"]


def test_what_somebody_waits_for_goes_ahead_within_its_workspace_alone() -> None:
    backlog = [*places("a", 3), *places("a", 1, priority=0, since=50), *places("b", 1, since=99)]
    assert chosen(backlog, 3) == ["a00050", "b00099", "a00000"]


def test_nobody_holds_more_than_four_fifths_while_another_waits() -> None:
    both = [*places("a", 200), *places("b", 200, since=900)]
    held = Held(segments={"a": 79})
    counts = Counter(run[0] for run in chosen(both, 21, held=held))
    assert counts == {"b": 20, "a": 1}
    assert len(chosen(places("a", 200), 21, held=Held(segments={"a": 79}))) == 21


def test_who_only_waits_for_its_own_limit_costs_nobody_a_slot() -> None:
    backlog = [*places("a", 50), *places("b", 50, since=900)]
    held = Held(segments={"a": 90}, runs={"b-flow": 1})
    assert chosen(backlog, 5, held=held, limits={"b-flow": 1}) == [f"a0000{n}" for n in range(5)]


def test_a_workflow_at_its_limit_is_passed_over_by_the_others_of_its_workspace() -> None:
    backlog = [*places("a", 10, workflow="one"), *places("a", 2, workflow="two", since=50)]
    assert chosen(backlog, 10, limits={"one": 3}) == ["a00000", "a00001", "a00002", "a00050", "a00051"]
    assert chosen(backlog, 10, limits={"a": 4}) == ["a00000", "a00001", "a00002", "a00003"]


@given(
    counts=st.lists(st.integers(0, 30), min_size=1, max_size=5),
    held=st.lists(st.integers(0, 60), min_size=5, max_size=5),
    limits=st.lists(st.integers(1, 20) | st.none(), min_size=5, max_size=5),
    room=st.integers(0, 60),
)
def test_whatever_waits_the_rules_hold(counts: list[int], held: list[int], limits: list[int | None], room: int) -> None:
    names = "abcde"
    backlog = [place for name, count in zip(names, counts, strict=False) for place in places(name, count)]
    most = {name: limit for name, limit in zip(names, limits, strict=True) if limit is not None}
    under_way = dict(zip(names, held, strict=True))
    picked = choose(backlog, Held(dict(under_way), dict(under_way)), most, room, SLOTS)
    assert len(picked) <= room
    assert len({place.run_id for place in picked}) == len(picked)
    for name, count in zip(names, counts, strict=False):
        mine = [place.run_id for place in picked if place.workspace_id == name]
        assert mine == [place.run_id for place in places(name, count)][: len(mine)]
        assert len(mine) + under_way[name] <= max(most.get(name, 1_000), under_way[name])
    left = [n for n, count in zip(names, counts, strict=False) if count > sum(p.workspace_id == n for p in picked)]
    free = [
        name for name in left if Counter(p.workspace_id for p in picked)[name] + under_way[name] < most.get(name, 99)
    ]
    if len(free) == 1 and under_way[free[0]] < 80:
        assert len(picked) == room


class Store:
    """A writer, and workspaces with runs in the backlog."""

    def __init__(self, data: Database, writer: Writer) -> None:
        self.data, self.writer = data, writer
        self.leases = Leases(writer)

    async def backlog(self, place: Seed, count: int, **more: Any) -> list[str]:
        starts = (partial(starting.start, new=place.run(**more), deliver=False) for _ in range(count))
        return [one.run_id for one in [await self.writer.submit(start) for start in starts]]

    async def start(self, place: Seed, **more: Any) -> Started:
        started: Started = await self.writer.submit(partial(starting.start, new=place.run(**more)))
        return started

    async def dispatch(self, room: int) -> Dispatched:
        done: Dispatched = await self.writer.submit(partial(dispatch, room=room, slots=SLOTS))
        return done

    def limit(self, model: Any, key: str, runs: int) -> None:
        with self.data.transaction() as session:
            row = session.get(model, key)
            row.limits = {"runs_at_once": runs}

    def segment(self, run_id: str) -> Segment:
        with self.data.transaction(write=False) as session:
            found = session.get(Segment, (run_id, 0))
        assert found is not None
        return found


@pytest.fixture
async def store(any_database: str) -> AsyncIterator[Store]:
    writer = Writer(database())
    writer.start()
    yield Store(database(), writer)
    await asyncio.to_thread(writer.stop)


async def test_a_run_is_delivered_at_once_unless_its_workspace_waits(store: Store) -> None:
    one, two = seed(store.data), seed(store.data)
    assert not (await store.start(one)).held
    await store.backlog(one, 1)
    held = await store.start(one)
    assert (held.held, held.deliveries) == (True, ())
    assert store.segment(held.run_id).delivered_at is None
    assert not (await store.start(two)).held


async def test_the_backlog_goes_in_turns_and_each_segment_once(store: Store) -> None:
    big, small = seed(store.data), seed(store.data)
    many = await store.backlog(big, 30)
    (single,) = await store.backlog(small, 1)
    first = await store.dispatch(6)
    assert [delivery.run_id for delivery in first.deliveries] == [many[0], single, *many[1:5]]
    assert first.left
    rest = await store.dispatch(100)
    assert [delivery.run_id for delivery in rest.deliveries] == many[5:]
    assert not rest.left
    assert await store.dispatch(100) == Dispatched()
    assert not any_left(store.data)


async def test_a_workspace_with_ten_thousand_queued_runs_is_one_of_two(store: Store) -> None:
    big, small = seed(store.data), seed(store.data)
    add_runs(store.data, big, 10_000)
    (single,) = await store.backlog(small, 1)
    first = await store.dispatch(50)
    assert single in [delivery.run_id for delivery in first.deliveries[:2]]
    assert len(first.deliveries) == 50


def add_runs(data: Database, place: Seed, count: int) -> None:
    """Puts so many queued runs into the backlog."""
    values = {"workspace_id": place.workspace_id, "workflow_id": place.workflow_id}
    runs = [{"id": f"r{n:05}", "version_id": place.version_id, **values} for n in range(count)]
    segments = [{"run_id": f"r{n:05}", "queued_at": 1 + n, **values} for n in range(count)]
    with data.transaction() as session:
        session.execute(insert(Run).values(source="api", input={}, options={}), runs)
        session.execute(insert(Segment), segments)


async def test_limits_of_workflow_and_workspace_count_what_is_under_way(store: Store) -> None:
    place = seed(store.data)
    store.limit(Workflow, place.workflow_id, 2)
    starts = [await store.start(place) for _ in range(4)]
    assert all(started.held for started in starts)
    first = await store.dispatch(10)
    assert [delivery.run_id for delivery in first.deliveries] == [started.run_id for started in starts[:2]]
    assert (await store.dispatch(10)).deliveries == ()
    claim = await store.leases.claim(first.deliveries[0])
    assert claim is not None
    assert (await store.dispatch(10)).deliveries == ()
    await Checkpoints(store.data, store.writer).save(claim, Changes(end="done"))
    assert len((await store.dispatch(10)).deliveries) == 1
    store.limit(Workflow, place.workflow_id, 50)
    store.limit(Workspace, place.workspace_id, 3)
    assert len((await store.dispatch(10)).deliveries) == 1


async def test_a_limit_holds_with_many_dispatchers_at_once(store: Store) -> None:
    place = seed(store.data)
    store.limit(Workflow, place.workflow_id, 3)
    await store.backlog(place, 20)
    others = [Writer(store.data) for _ in range(4)]
    for writer in others:
        writer.start()
    done = await asyncio.gather(
        *(writer.submit(partial(dispatch, room=20, slots=SLOTS)) for writer in others for _ in range(3))
    )
    for writer in others:
        await asyncio.to_thread(writer.stop)
    assert sum(len(one.deliveries) for one in done) <= 3
    await store.dispatch(20)
    with store.data.reader() as driver:
        assert sum(row[3] for row in driver.send(HELD, {}).rows()) == 3


async def test_who_waits_for_an_answer_goes_ahead_and_what_was_begun_before_what_is_new(store: Store) -> None:
    place = seed(store.data)
    started = await store.start(place)
    claim = await store.leases.claim(started.deliveries[0])
    assert claim is not None
    wait = NewWait(new_id(), "pause", "timer", due=1)
    assert (await Checkpoints(store.data, store.writer).save(claim, Changes(waits=[wait], park=True))).parked
    new = await store.backlog(place, 2)
    (answered,) = await store.backlog(place, 1, reply=True)
    woken = await store.writer.submit(partial(settling.settle, wait_id=wait.id, outcome={}, early=True))
    assert (woken.held, woken.deliveries) == (True, ())
    done = await store.dispatch(10)
    assert [delivery.run_id for delivery in done.deliveries] == [answered, started.run_id, *new]


async def test_what_was_lost_takes_its_old_place(store: Store) -> None:
    place = seed(store.data)
    lost = await store.start(place)
    await asyncio.sleep(0.02)
    (later,) = await store.backlog(place, 1)
    swept = await store.writer.submit(partial(sweep, patience=10))
    assert [delivery.run_id for delivery in swept.forgotten] == [lost.run_id]
    done = await store.dispatch(10)
    assert [delivery.run_id for delivery in done.deliveries] == [lost.run_id, later]
