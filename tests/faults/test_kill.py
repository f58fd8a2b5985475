"""kill -9 under load: no run is lost, and no effect is repeated against its node's setting.

What happened is counted from a log outside of the database, which each effect appends to.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlmodel import col

from engine.launch import Launcher
from engine.models import Attempt, Run, Step, Wait
from engine.settings import settings
from engine.store.db import Database
from tests.engine import lab
from tests.engine.seed import Seed, seed
from tests.faults.workers import Workers
from tests.servers import ValkeyServer

RUNS = 240
AT_ONCE = 40
EFFECTS = 6  # of each run
KILLS = 6
LIMIT = 1.0  # seconds that one effect may take


def document(log: Path) -> dict[str, Any]:
    """A pure step, then effects under each of the three settings, the second of them once per item."""
    effect = {"path": str(log), "seconds": 0.05}
    return {
        "weft": 1,
        "name": "Effects",
        "nodes": {
            "start": {"type": "trigger.manual", "with": {}},
            "text": {"type": "data.template", "with": {"text": "{{ start }}!"}},
            "fails": {
                "type": "lab.write",
                "with": {"value": "{{ text }}", **effect},
                "on_unknown": "fail",
                "time_limit": LIMIT,
            },
            "again": {
                "type": "lab.write",
                "with": {"value": ["{{ fails }}", 1, 2], **effect},
                "on_unknown": "again",
                "time_limit": LIMIT,
            },
            "each": {
                "type": "lab.write",
                "with": {"value": "{{ again }}", **effect},
                "on_unknown": "again",
                "time_limit": LIMIT,
            },
            "asks": {
                "type": "lab.write",
                "with": {"value": "{{ each | length }}", **effect},
                "on_unknown": "ask",
                "time_limit": LIMIT,
            },
            "end": {"type": "flow.output", "with": {"name": "end", "value": "{{ asks }}"}},
        },
    }


@dataclass
class Scene:
    """The database, the way to start runs, and the workers that are killed."""

    database: Database
    launcher: Launcher
    workers: Workers
    place: Seed
    log: Path

    def effects(self) -> int:
        """How many effects happened so far."""
        return self.log.read_bytes().count(b"\n") if self.log.exists() else 0

    async def start_runs(self, count: int) -> list[str]:
        """So many runs, about `AT_ONCE` at a time, so that there is work to lose until the end."""
        started: list[str] = []
        for number in range(count):
            while len(started) - self.effects() / EFFECTS > AT_ONCE:
                await asyncio.sleep(0.02)
            run = await self.launcher.start_run(
                workspace_id=self.place.workspace_id,
                workflow_id=self.place.workflow_id,
                version_id=self.place.version_id,
                source="api",
                input={"trigger": "start", "payload": str(number), "inputs": {}},
            )
            started.append(run.run_id)
        return started

    async def answer_questions(self) -> None:
        """A person who says of every effect in doubt that it happened."""
        while True:
            for (wait_id,) in self.rows(
                select(col(Wait.id)).where(col(Wait.kind) == "ask", col(Wait.settled_at).is_(None))
            ):
                await self.launcher.settle(wait_id, {"choice": "done"})
            await asyncio.sleep(0.5)

    async def until_over(self, count: int, longest: float) -> None:
        """Wait until so many runs are over."""
        over = select(func.count()).where(col(Run.status).in_(("done", "failed", "cancelled")))
        try:
            async with asyncio.timeout(longest):
                while self.rows(over)[0][0] < count:
                    await asyncio.sleep(0.2)
        except TimeoutError:
            counted = self.rows(select(col(Run.status), func.count()).group_by(col(Run.status)))
            pytest.fail(f"runs were lost: {counted}")

    def rows(self, query: Any) -> Sequence[Any]:
        with self.database.transaction(write=False) as session:
            return session.execute(query).all()


@pytest.fixture
async def scene(
    any_database: str, own_valkey: ValkeyServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    lab.install(monkeypatch)
    database = Database(any_database)
    launcher = Launcher(database, settings().redis_url)
    launcher.start()
    log = tmp_path / "effects"
    workers = Workers(tmp_path / "workers.log")
    yield Scene(database, launcher, workers, seed(database, document(log)), log)
    workers.stop()
    await asyncio.to_thread(launcher.close)
    database.close()


@pytest.mark.timeout(150)
async def test_no_run_is_lost_and_no_effect_repeated(scene: Scene, own_valkey: ValkeyServer) -> None:
    scene.workers.start(2)
    answering = asyncio.create_task(scene.answer_questions())
    starting = asyncio.create_task(scene.start_runs(RUNS))
    for number in range(KILLS):
        while scene.effects() < RUNS * EFFECTS * (number + 1) / (KILLS + 2):
            await asyncio.sleep(0.01)
        scene.workers.kill_one()
    own_valkey.kill()
    await asyncio.sleep(0.5)
    own_valkey.start()
    runs = await starting
    await scene.until_over(RUNS, longest=90)
    answering.cancel()
    assert len(set(runs)) == RUNS
    _check(scene)


def _check(scene: Scene) -> None:
    statuses = Counter(status for (status,) in scene.rows(select(col(Run.status))))
    failures = [error for (error,) in scene.rows(select(col(Run.error)).where(col(Run.status) == "failed"))]
    others = [error for error in failures if (error["node"], error["kind"]) != ("fails", "UnknownOutcome")]
    assert not others, others[:3]
    assert statuses["done"] + len(failures) == RUNS
    done = {run_id for (run_id,) in scene.rows(select(col(Run.id)).where(col(Run.status) == "done"))}

    effects: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for line in scene.log.read_text().splitlines():
        run_id, node_id, item, _attempt, key, _scope = line.split()
        effects[run_id, node_id, item.strip("-")].append(key)
    attempts: defaultdict[tuple[str, str, str], list[str | None]] = defaultdict(list)
    columns = (col(Attempt.run_id), col(Attempt.node_id), col(Attempt.item), col(Attempt.outcome))
    for run_id, node_id, item, outcome in scene.rows(select(*columns).order_by(col(Attempt.number))):
        attempts[run_id, node_id, item].append(outcome)

    repeated = {key: keys for key, keys in effects.items() if len(keys) > 1}
    assert all(node_id in ("again", "each") for _, node_id, _ in repeated), "against the node's setting"
    for key, keys in repeated.items():
        assert len(set(keys)) == 1, "a repeat must be recognizable"
        assert len(keys) <= len(attempts[key])
        assert attempts[key][:-1] == ["unknown"] * (len(attempts[key]) - 1), "repeated without need"
    for run_id in done:
        for node_id, item in (("fails", ""), *(("each", str(n)) for n in range(3))):
            assert effects[run_id, node_id, item], "an effect that counts as done did not happen"
    finished = select(func.count()).where(col(Step.node_id) == "end", col(Step.status) == "done")
    assert scene.rows(finished)[0][0] == len(done)
    assert scene.workers.killed == KILLS
    assert any(outcome == "unknown" for outcomes in attempts.values() for outcome in outcomes), "nothing was hit"
