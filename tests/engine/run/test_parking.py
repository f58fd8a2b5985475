"""No moment of parking loses a call: it comes before, inside and after each step, alone or beside other things."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pytest

from engine.models import Run
from engine.store import cancelling, pausing, settling
from engine.store.changes import Changes, Saved
from engine.store.checkpoint import Checkpoints
from engine.store.claim import Claim
from engine.store.results import Woken
from tests.engine.bench import Bench

NODES = {
    "call": {"type": "flow.wait_for_call", "with": {}},
    "send": {"type": "lab.sleep", "with": {"value": "{{ call.opened.url }}"}},
    "then": {"type": "data.set", "with": {"record": {}, "fields": {"n": "{{ call.called.n }}"}}},
}
PAYLOAD = {"payload": {"n": 7}}
Hook = Callable[[str], Awaitable[None]]


class Interrupted(Checkpoints):
    """Checkpoints at whose every step something else gets its turn: before it is sent, and once it is durable."""

    hook: Hook
    order: asyncio.Lock

    async def save(self, held: Claim, changes: Changes) -> Saved:
        what = "park" if changes.park else "wait" if changes.waits else "end" if changes.end else "rows"
        # Saves reach the writer in the order in which they were made, however long the hook takes.
        async with self.order:
            await self.hook(f"before {what}")
            saved = await super().save(held, changes)
        await self.hook(f"after {what}")
        return saved

    async def settled(self, run_id: str, wake: int) -> Any:
        await self.hook("before looking")
        found = await super().settled(run_id, wake)
        await self.hook("after looking")
        return found


async def call(bench: Bench, run_id: str) -> bool:
    """What a POST at the run's address does."""
    history = await bench.checkpoints.history(run_id)
    for row in history.waits:
        settle = partial(settling.settle, wait_id=row["id"], outcome=PAYLOAD, early=True, in_time=True)
        woken: Woken = await bench.writer.submit(settle)
        return woken.done
    return False


def interrupted(bench: Bench, hook: Hook) -> None:
    made = Interrupted(bench.database, bench.writer)
    made.hook, made.order = hook, asyncio.Lock()
    bench.checkpoints = made
    bench.executor = bench.another()


async def moments(bench: Bench) -> list[str]:
    """The moments that such a run passes while it comes to rest, in their order."""
    passed: list[str] = []

    async def note(moment: str) -> None:
        passed.append(moment)

    interrupted(bench, note)
    await bench.advance(await bench.start(NODES))
    assert [moment for moment in passed if moment.endswith(("wait", "park"))] == [
        "before wait",
        "after wait",
        "before park",
        "after park",
    ]
    return passed


async def finished(bench: Bench, run_id: str) -> Run:
    async with asyncio.timeout(10):
        while (row := bench.row(run_id)).status not in ("done", "failed", "cancelled"):
            # Woken at once or not at all: nobody settles anything here.
            assert row.status != "waiting", "the call was lost"
            if bench.segment(run_id).status == "queued":
                await bench.advance(run_id)
    return row


@dataclass
class Scene:
    """One run, to which something happens at the moment of this number."""

    bench: Bench
    number: int
    happens: Callable[[str], Awaitable[list[bool]]]
    run_id: str = ""
    passed: int = 0
    taken: list[bool] = field(default_factory=list)

    async def play(self, nodes: Any) -> str:
        """The run's status once its first segment ended."""
        interrupted(self.bench, self.hook)
        self.run_id = await self.bench.start(nodes)
        return await self.bench.advance(self.run_id)

    async def hook(self, _moment: str) -> None:
        self.passed += 1
        if self.passed == self.number + 1:
            self.taken += await self.happens(self.run_id)


async def test_a_call_at_any_moment_of_parking_is_taken_once(bench: Bench) -> None:
    async def thrice(run_id: str) -> list[bool]:
        return list(await asyncio.gather(*(call(bench, run_id) for _ in range(3))))

    for number, moment in enumerate(await moments(bench)):
        scene = Scene(bench, number, thrice)
        status = await scene.play(NODES)
        if not any(scene.taken):
            # It came before the address was open, when nobody knows it. The next one counts.
            assert (moment, status) == ("before wait", "waiting")
            scene.taken.append(await call(bench, scene.run_id))
        row = await finished(bench, scene.run_id)
        assert scene.taken.count(True) == 1, moment
        assert row.status == "done", moment
        assert (await bench.ran(scene.run_id)).output("then") == {"n": 7}, moment


@pytest.mark.parametrize(
    ("other", "ends"), [("cancel", {"cancelled", "done"}), ("pause", {"done"}), ("timer", {"done", "failed"})]
)
async def test_a_call_beside_something_else_at_any_moment_settles_once(
    bench: Bench, other: str, ends: set[str]
) -> None:
    async def beside(run_id: str) -> bool:
        if other != "timer":
            await bench.writer.submit(
                partial({"cancel": cancelling.cancel, "pause": pausing.pause}[other], run_id=run_id)
            )
            return False
        rows = (await bench.checkpoints.history(run_id)).waits
        due = [partial(settling.settle, wait_id=row["id"], outcome={"due": True}, early=True) for row in rows]
        return any([(await bench.writer.submit(settle)).done for settle in due])

    async def together(run_id: str) -> list[bool]:
        return list(await asyncio.gather(call(bench, run_id), beside(run_id), call(bench, run_id)))

    for number, moment in enumerate(await moments(bench)):
        scene = Scene(bench, number, together)
        await scene.play(NODES)
        await bench.writer.submit(partial(pausing.resume, run_id=scene.run_id))
        if not any(scene.taken):
            scene.taken.append(await call(bench, scene.run_id))
        row = await finished(bench, scene.run_id)
        waits = (await bench.checkpoints.history(scene.run_id)).waits
        assert all(wait["settled_at"] for wait in waits), moment
        assert scene.taken.count(True) <= 1, moment
        assert row.status in ends, moment


async def test_a_call_that_comes_before_the_run_rests_is_kept_over_a_crash(bench: Bench) -> None:
    run_id = await bench.start(NODES)

    async def die(now: str) -> None:
        if now == "before park":
            assert await call(bench, run_id)
            raise asyncio.CancelledError

    interrupted(bench, die)
    claim = await bench.claim(run_id)
    assert claim is not None
    with pytest.raises(asyncio.CancelledError):
        await bench.executor.execute(claim)
    await bench.leases.give_back(claim)
    bench.checkpoints = Checkpoints(bench.database, bench.writer)
    bench.executor = bench.another()
    assert (await finished(bench, run_id)).status == "done"
    assert (await bench.ran(run_id)).output("then") == {"n": 7}
