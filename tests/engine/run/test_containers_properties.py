"""Made-up nestings of containers, killed again and again: the same result as without, and no effect twice."""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from engine.catalog import catalog
from engine.models import Segment
from engine.store import settling
from engine.store.claim import Claim
from engine.store.sweeping import sweep
from tests.engine import lab
from tests.engine.bench import Bench, Ran, opened
from tests.engine.run.test_containers import START, given, node, text
from tests.engine.run.test_executor_resume import lines

PAYLOAD = [[[[1, 2], [3]], [[4]]], [[[5, 6, 7]]]]
DEEPEST = 4


@pytest.fixture
async def bench(sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    lab.install(monkeypatch)
    async with opened(sqlite_url, tmp_path / "home") as bench:
        yield bench
    catalog.cache_clear()


class Nesting:
    """A drawing made of a seed: containers in containers, with writes, pauses and waits in them."""

    def __init__(self, seed: int, log: Path) -> None:
        self._random, self._log = random.Random(seed), log
        self.nodes: dict[str, Any] = {"start": START}
        self._fill(None, "{{ start }}", 1)

    def _name(self, kind: str) -> str:
        return f"{kind}{len(self.nodes)}"

    def _fill(self, inside: str | None, items: str, depth: int) -> None:
        """One container, and beside it steps that hang on each other."""
        last = self._write(inside, "{{ index }}" if inside and depth > 1 and "item" in items else "top")
        if self._random.random() < 0.5:
            last = self._pause(inside, last)
        if depth > DEEPEST:
            return
        kind = self._random.choice(["each", "each", "in_turn", "repeat", "try"])
        name = self._name(kind)
        options: dict[str, Any] = {"after": [f"{{{{ {last} }}}}"]}
        if self._random.random() < 0.5:
            options |= {"time_limit": 300, "retry": {"times": 9, "wait": self._random.choice([0, 1.05])}}
            self._flaky(name)
        if kind in ("each", "in_turn"):
            params = {"items": items, "mode": "in_turn" if kind == "in_turn" else "parallel"}
            self.nodes[name] = node("flow.for_each", inside, params=params, limit=self._random.randint(1, 3), **options)
            self._fill(name, "{{ item }}", depth + 1)
        elif kind == "repeat":
            params = {"times": 2, "at_limit": "go_on"}
            self.nodes[name] = node("flow.repeat", inside, params=params, **options)
            self._fill(name, items, depth + 1)
        else:
            self.nodes[name] = node("flow.try", inside, **options)
            self._fill(name, items, depth + 1)
        if self._random.random() < 0.5:
            self._write(inside, f"{{{{ {name} }}}}")

    def _flaky(self, inside: str) -> None:
        """A step that fails once, for all rounds together."""
        params = {"value": self._name("flaky"), "path": str(self._log) + ".tries"}
        self.nodes[params["value"]] = node("lab.flaky", inside, params=params)

    def _write(self, inside: str | None, value: str) -> str:
        name = self._name("write")
        whole = self._name("told")
        self.nodes[whole] = text("x" if "{{" in value and "index" not in value else value, inside)
        params = {"value": f"{{{{ {whole} }}}}", "path": str(self._log)}
        self.nodes[name] = node("lab.write", inside, params=params, time_limit=0.8, on_unknown="again")
        return name

    def _pause(self, inside: str | None, after: str) -> str:
        name = self._name("nap")
        kind = self._random.choice(["lab.sleep", "lab.doze"])
        seconds = 1.05 if kind == "lab.doze" else 0.02
        self.nodes[name] = node(kind, inside, params={"value": f"{{{{ {after} }}}}", "seconds": seconds})
        return name


def effects(log: Path) -> Counter[str]:
    """How often each effect happened, by its key without the run."""
    return Counter(line[4].partition(":")[2] for line in lines(log))


async def killed_now_and_then(bench: Bench, run_id: str, log: Path, dice: random.Random) -> Ran:
    """Run to the end, with workers of which three die at moments of their own."""
    for _ in range(3):
        while bench.segment(run_id).status == "parked":
            await asyncio.sleep(0.05)
            for wait_id in await bench.writer.submit(partial(settling.due_waits, limit=100)):
                await bench.settle(wait_id, {})
        if (claim := await bench.claim(run_id)) is None:
            break
        await killed(bench, claim, log, len(lines(log)) + dice.randint(1, 4))
        if bench.segment(run_id).status == "running":
            expire(bench, run_id)
            await bench.writer.submit(partial(sweep, patience=60_000))
    return await bench.finish(run_id, 150)


async def killed(bench: Bench, claim: Claim, log: Path, count: int) -> None:
    """Execute until the log has so many lines, then stop as a killed process does: nothing more is written."""
    running = asyncio.create_task(bench.executor.execute(claim))
    while not running.done() and len(lines(log)) < count:
        await asyncio.sleep(0.005)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    bench.leases.drop(claim)
    bench.executor = bench.another()


def expire(bench: Bench, run_id: str) -> None:
    """The lease of the dead worker runs out."""
    with bench.database.transaction() as session:
        segment = session.get(Segment, (run_id, 0))
        assert segment is not None
        segment.lease_until = 0


@pytest.mark.parametrize("seed", range(5))
async def test_killed_runs_come_to_the_same_end(bench: Bench, tmp_path: Path, seed: int) -> None:
    quiet, noisy = tmp_path / "quiet", tmp_path / "noisy"
    undisturbed = await bench.run(Nesting(seed, quiet).nodes, input=given(PAYLOAD))
    assert undisturbed.run.status == "done", undisturbed.run.error
    run_id = await bench.start(Nesting(seed, noisy).nodes, input=given(PAYLOAD))
    ran = await killed_now_and_then(bench, run_id, noisy, random.Random(seed))
    assert ran.run.status == "done", ran.run.error
    assert {name: row["output"] for name, row in ran.steps.items()} == {
        name: row["output"] for name, row in undisturbed.steps.items()
    }
    assert effects(noisy).keys() == effects(quiet).keys()
    allowed = {
        f"{row['scope']}:{row['node_id']}".removeprefix(":") for row in ran.history.attempts if row["number"] > 1
    }
    repeated = {key.rsplit(":", 2)[0] for key, times in effects(noisy).items() if times > 1}
    assert repeated <= allowed, "only what a crash left open, since the step says so"
