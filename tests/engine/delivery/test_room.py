"""How much room there is: slots that workers announce, what waits, what is under way, and how fast jobs end."""

from collections.abc import Iterator

import pytest
import redis

from engine.delivery import room, scripts
from engine.delivery.queue import RunQueue
from engine.delivery.room import LEAST_AHEAD, Look, Room, announce, withdraw
from engine.store.results import Delivery


@pytest.fixture
def jobs(valkey_url: str) -> Iterator[RunQueue]:
    with redis.Redis.from_url(valkey_url) as client:
        yield RunQueue(client)


def enqueue(jobs: RunQueue, *numbers: int) -> None:
    with jobs.client.pipeline() as pipe:
        jobs.enqueue(pipe, [Delivery("r", number, 0) for number in numbers])
        pipe.execute()


def take(jobs: RunQueue, most: int) -> list[scripts.Taken]:
    return scripts.take(jobs.client, jobs.queue, "w", 60, most=most)[1]


def test_workers_are_counted_with_their_slots_until_they_leave_or_fall_silent(jobs: RunQueue) -> None:
    announce(jobs.client, jobs.queue, "one", 100, 60)
    announce(jobs.client, jobs.queue, "two", 50, 60)
    announce(jobs.client, jobs.queue, "three", 50, -1)
    assert (jobs.look().slots, jobs.look().workers) == (150, 2)
    withdraw(jobs.client, jobs.queue, "one", 100)
    assert (jobs.look().slots, jobs.look().workers) == (50, 1)


def test_what_waits_and_what_is_under_way_takes_room(jobs: RunQueue) -> None:
    announce(jobs.client, jobs.queue, "one", 10, 60)
    mine = Room()
    mine.seen(jobs.look())
    assert mine.free == 10 + LEAST_AHEAD
    enqueue(jobs, *range(6))
    take(jobs, 4)
    now = jobs.look()
    assert (now.started, now.waiting) == (4, 2)
    mine.seen(now)
    assert mine.free == 10 + LEAST_AHEAD - 6
    assert [mine.take() for _ in range(8)] == [True] * 6 + [False] * 2


def test_the_queue_holds_half_a_second_of_what_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr(room.time, "monotonic", lambda: clock[0])
    mine = Room()
    ended = 0
    for _ in range(20):
        mine.seen(Look(10, 1, 0, 10, ended, 0, False))
        clock[0] += 0.5
        ended += 200
    assert mine.free == pytest.approx(200, abs=5)  # 400 jobs a second
    mine.seen(Look(10, 1, 0, 10, 3, 0, False))  # Redis began anew: nothing is made of a count that fell
    assert mine.free == pytest.approx(200, abs=5)


def test_it_is_known_since_when_all_are_busy(jobs: RunQueue) -> None:
    announce(jobs.client, jobs.queue, "one", 2, 60)
    enqueue(jobs, *range(3))
    assert jobs.look().busy_since == 0
    taken = take(jobs, 2)
    since = jobs.look().busy_since
    assert since > 1_600_000_000_000
    assert jobs.look().busy_since == since
    scripts.end(jobs.client, jobs.queue, [(taken[0].job_id, taken[0].execution_id)], worker="w")
    assert jobs.look().busy_since == 0


def test_one_dispatcher_at_a_time_has_its_turn(jobs: RunQueue) -> None:
    assert [jobs.look(turn=True).turn for _ in range(3)].count(True) == 1
    assert not jobs.look().turn


def test_what_still_waits_is_not_queued_twice_and_what_was_lost_is_queued_again(jobs: RunQueue) -> None:
    enqueue(jobs, 1, 2)
    enqueue(jobs, 1, 2, 3)
    assert jobs.depth() == 3
    jobs.client.delete(jobs.queue.key)
    enqueue(jobs, 1, 2)
    assert jobs.depth() == 2
