"""The window of calls in flight, and the chunks of a list."""

import asyncio

import pytest

from engine.run.mapping import Chunks, run_window


class Counter:
    """Performs by sleeping a moment; remembers what it did and how much at once."""

    def __init__(self, stop_after: int = 1_000_000) -> None:
        self.done: list[int] = []
        self.inside = self.most = 0
        self.stop_after = stop_after

    async def perform(self, indexes: list[int]) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)
        await asyncio.sleep(0)
        self.done += indexes
        self.inside -= 1

    def halted(self) -> bool:
        return len(self.done) >= self.stop_after


async def test_every_index_once_and_no_more_than_the_window_at_a_time() -> None:
    counter = Counter()
    await run_window(range(1_000), window=7, batch=3, perform=counter.perform, halted=counter.halted)
    assert sorted(counter.done) == list(range(1_000))
    assert counter.most == 7


async def test_nothing_starts_after_a_halt() -> None:
    counter = Counter(stop_after=20)
    await run_window(range(1_000), window=5, batch=1, perform=counter.perform, halted=counter.halted)
    assert 20 <= len(counter.done) <= 25


async def test_what_perform_raises_comes_out_after_all_have_ended() -> None:
    counter = Counter()

    async def perform(indexes: list[int]) -> None:
        await counter.perform(indexes)
        if indexes == [3]:
            raise LookupError("three")

    with pytest.raises(LookupError):
        await run_window(range(10), window=2, batch=1, perform=perform, halted=counter.halted)
    assert counter.inside == 0


async def test_an_empty_list_makes_no_call() -> None:
    counter = Counter()
    await run_window([], window=2, batch=1, perform=counter.perform, halted=counter.halted)
    assert counter.done == []


def test_chunks_are_complete_when_each_of_their_indexes_is() -> None:
    chunks = Chunks(300, known=range(255))
    assert chunks.settle(255) == 0
    assert [chunks.settle(i) for i in range(256, 300)][-1] == 256
    assert Chunks.name(chunks.part(0, 300)) == "0-255"
    assert Chunks.name(chunks.part(256, 300)) == "256-299"
