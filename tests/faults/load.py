"""Work for an installation that is being broken, and the accounts of it afterwards.

Calls come from outside, over HTTP, each with an idempotency key and again until it is taken, as a careful caller does.
What happened is counted from a log outside of the database, which each effect appends to.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlmodel import col

from engine.launch import Launcher
from engine.models import Attempt, Run, Segment, Step, Trigger, Wait, now
from engine.store.db import Database, DatabaseUnavailable
from tests.engine.seed import Seed, seed

EFFECT_SECONDS = 1.0  # that one effect may take: what a crash left open is decided after that
OVER = ("done", "failed", "cancelled")


EACH_MINUTE = {"cron": "* * * * *", "missed": "all", "overlap": "run"}
MISSED_MINUTES = 3  # that the schedules are behind when they are switched on


def document(log: Path, limit: float = EFFECT_SECONDS, pause: float = 0.02) -> dict[str, Any]:
    """Started by a call or the clock: effects under each of the three settings, a rest, rounds with an effect each."""

    def effect(value: Any, rule: str, **more: Any) -> dict[str, Any]:
        given = {"value": value, "path": str(log), "seconds": pause}
        return {"type": "lab.write", "with": given, "on_unknown": rule, "time_limit": limit, **more}

    return {
        "weft": 1,
        "name": "Load",
        "nodes": {
            "hook": {"type": "trigger.webhook", "with": {"path": "load", "method": "POST"}},
            "each_minute": {"type": "trigger.schedule", "with": EACH_MINUTE},
            "text": {"type": "data.template", "with": {"text": "{{ hook.body.number }}!"}},
            "fails": effect("{{ text }}", "fail"),
            "rest": {"type": "flow.wait", "with": {"amount": 1.2, "unit": "seconds", "value": "{{ fails }}"}},
            "rounds": {
                "type": "flow.for_each",
                "with": {"items": ["{{ rest }}", 1, 2], "result": "{{ again }}"},
            },
            "again": effect("{{ item }}", "again", **{"in": "rounds"}),
            "asks": effect("{{ rounds | length }}", "ask"),
            "end": {"type": "flow.output", "with": {"name": "end", "value": "{{ asks }}"}},
        },
    }


EFFECTS = 5  # of each run of that document
MAY_REPEAT = "again"
FAILED = select(col(Run.id), col(Run.error)).where(col(Run.status) != "done")


@dataclass
class Load:
    """So many calls on one installation; `accepted` are the runs that the caller was told of, by number of the call."""

    url: str
    database: Database
    launcher: Launcher
    place: Seed
    log: Path
    accepted: dict[int, str] = field(default_factory=dict)
    refused: int = 0

    def effects(self) -> int:
        """How many effects happened so far."""
        return self.log.read_bytes().count(b"\n") if self.log.exists() else 0

    async def call_all(self, count: int, at_once: int) -> None:
        """Call so often, about so many runs at a time, so that there is work to lose until the end."""
        numbers = iter(range(count))
        async with httpx.AsyncClient(base_url=self.url, timeout=10) as client:
            await asyncio.gather(*(self._caller(client, numbers, at_once) for _ in range(8)))

    async def _caller(self, client: httpx.AsyncClient, numbers: Iterator[int], at_once: int) -> None:
        address = f"/hooks/{self.place.slug}/load"
        for number in numbers:
            while len(self.accepted) - self.effects() / EFFECTS > at_once:
                await asyncio.sleep(0.05)
            while number not in self.accepted:
                try:
                    answer = await client.post(
                        address, json={"number": number}, headers={"Idempotency-Key": str(number)}
                    )
                    if answer.status_code == 202:
                        self.accepted[number] = answer.json()["run_id"]
                        continue
                except httpx.HTTPError:
                    pass
                self.refused += 1
                await asyncio.sleep(0.1)

    async def answer_questions(self) -> None:
        """A person who says of every effect in doubt that it happened."""
        doubts = select(col(Wait.id)).where(col(Wait.kind) == "ask", col(Wait.settled_at).is_(None))
        while True:
            for (wait_id,) in await self.rows(doubts):
                with suppress(DatabaseUnavailable):
                    await self.launcher.settle(wait_id, {"choice": "done"})
            await asyncio.sleep(0.5)

    async def until_over(self, longest: float) -> None:
        """Wait until every accepted run is over. Raises AssertionError with what is left."""
        over = select(func.count()).where(col(Run.status).in_(OVER), col(Run.source) == "webhook")
        try:
            async with asyncio.timeout(longest):
                while (await self.rows(over))[0][0] < len(self.accepted):
                    await asyncio.sleep(0.2)
        except TimeoutError:
            left = await self.rows(select(col(Run.status), func.count()).group_by(col(Run.status)))
            raise AssertionError(f"runs were lost: {left}") from None

    async def rows(self, query: Any) -> Sequence[Any]:
        """Ask the database, again while it is away."""
        while True:
            try:
                return await asyncio.to_thread(self.ask, query)
            except (DatabaseUnavailable, OperationalError):
                await asyncio.sleep(0.2)

    def ask(self, query: Any) -> Sequence[Any]:
        with self.database.transaction(write=False) as session:
            return session.execute(query).all()


@dataclass(frozen=True, slots=True)
class Account:
    """What came of it, in numbers, and every breach of a promise in words: there should be none."""

    runs: Counter[str]
    effects: int
    repeated: int
    unknown: int
    late: int
    breaches: tuple[str, ...]


def account(load: Load) -> Account:
    """Compare the rows with the log of effects."""
    runs = dict(load.ask(select(col(Run.id), col(Run.status)).where(col(Run.source) == "webhook")))
    done = _effects(load.log)
    attempts = _attempts(load)
    breaches = [
        *_lost(load, runs),
        *_failed_without_reason(load),
        *_repeated_without_leave(done, attempts),
        *_missing(done, runs),
        *_written_by_a_fenced_worker(load),
        *_not_fired(load),
    ]
    outcomes = [outcome for tries in attempts.values() for outcome in tries]
    return Account(
        Counter(runs.values()),
        sum(map(len, done.values())),
        sum(len(keys) > 1 for keys in done.values()),
        outcomes.count("unknown"),
        sum(error is not None and error["kind"] == "TimedOut" for _, error in load.ask(FAILED)),
        tuple(breaches),
    )


Effect = tuple[str, str, str, str]  # run, scope, node, item


def _effects(log: Path) -> dict[Effect, list[str]]:
    """The idempotency keys under which each effect happened."""
    found: defaultdict[Effect, list[str]] = defaultdict(list)
    for line in log.read_text().splitlines():
        run_id, node_id, item, _attempt, key, scope = line.split()
        found[run_id, scope.strip("-"), node_id, item.strip("-")].append(key)
    return found


def _attempts(load: Load) -> dict[Effect, list[str | None]]:
    columns = (Attempt.run_id, Attempt.scope, Attempt.node_id, Attempt.item, Attempt.outcome)
    found: defaultdict[Effect, list[str | None]] = defaultdict(list)
    for run_id, scope, node_id, item, outcome in load.ask(select(*map(col, columns)).order_by(col(Attempt.number))):
        found[run_id, scope, node_id, item].append(outcome)
    return found


def _lost(load: Load, runs: dict[str, str]) -> Iterator[str]:
    told = Counter(load.accepted.values())
    yield from (f"run {run_id} was accepted and is not there" for run_id in told if run_id not in runs)
    yield from (f"two calls were told of run {run_id}" for run_id, count in told.items() if count > 1)
    yield from (f"run {run_id} is {status}" for run_id, status in runs.items() if status not in OVER)
    # A call whose answer was lost is made again with its key: there is one run for each call, not more.
    if len(runs) != len(load.accepted):
        yield f"{len(load.accepted)} calls were accepted and {len(runs)} runs are there"


def _failed_without_reason(load: Load) -> Iterator[str]:
    """A run may fail since nobody knows whether `fails` happened, or since an effect took longer than it may."""
    for run_id, error in load.ask(FAILED):
        if not error or ((error["node"], error["kind"]) != ("fails", "UnknownOutcome") and error["kind"] != "TimedOut"):
            yield f"run {run_id} ended with {error}"


def _repeated_without_leave(done: dict[Effect, list[str]], attempts: dict[Effect, list[str | None]]) -> Iterator[str]:
    for effect, keys in done.items():
        tries = attempts[effect]
        if len(keys) > len(tries):
            yield f"{effect} happened {len(keys)} times in {len(tries)} attempts"
        if len(keys) == 1:
            continue
        if effect[2] != MAY_REPEAT:
            yield f"{effect} happened {len(keys)} times against its setting"
        if len(set(keys)) > 1:
            yield f"the repeats of {effect} cannot be recognized: {keys}"
        if any(outcome != "unknown" for outcome in tries[:-1]):
            yield f"{effect} was repeated without need: {tries}"


def _missing(done: dict[Effect, list[str]], runs: dict[str, str]) -> Iterator[str]:
    for run_id, status in runs.items():
        wanted = [(run_id, "", "fails", ""), *((run_id, f"rounds.{n}", MAY_REPEAT, "") for n in range(3))]
        if status == "done":
            yield from (f"{effect} counts as done and did not happen" for effect in wanted if effect not in done)


def _written_by_a_fenced_worker(load: Load) -> Iterator[str]:
    """A run's events are numbered as they are recorded: no later one may come from an earlier epoch."""
    query = select(col(Step.run_id), col(Step.seq), col(Step.epoch)).order_by(col(Step.run_id), col(Step.seq))
    before: tuple[str, int] = ("", 0)
    for run_id, seq, epoch in load.ask(query):
        if run_id == before[0] and epoch < before[1]:
            yield f"event {seq} of run {run_id} was written in epoch {epoch}, after epoch {before[1]} had begun"
        before = (run_id, max(epoch, before[1]) if run_id == before[0] else epoch)


def _not_fired(load: Load) -> Iterator[str]:
    """Between the first and the next minute that a schedule is due, each minute has one run."""
    columns = (col(Trigger.id), col(Trigger.created_at), col(Trigger.next_due))
    for trigger_id, first, following in load.ask(select(*columns).where(col(Trigger.kind) == "schedule")):
        fired = [due for (due,) in load.ask(select(col(Run.due)).where(col(Run.trigger_id) == trigger_id))]
        minutes = round((following - first) / timedelta(minutes=1))
        if sorted(fired) != [first + timedelta(minutes=number) for number in range(minutes)]:
            yield f"schedule {trigger_id} fired {len(fired)} times in {minutes} minutes"


def left_over(load: Load) -> int:
    """Segments that are neither done nor parked: once all runs are over there should be none."""
    return int(load.ask(select(func.count()).where(col(Segment.status).in_(("queued", "running"))))[0][0])


def prepare(database: Database, log: Path, limit: float = EFFECT_SECONDS) -> Seed:
    """A workspace with the workflow, published and switched on; its schedule is some minutes late already."""
    place = seed(database, document(log, limit))
    whose = {name: getattr(place, name) for name in ("workspace_id", "workflow_id", "version_id")}
    called = {"path": "load", "method": "POST"}
    first = now().replace(second=0, microsecond=0) - timedelta(minutes=MISSED_MINUTES)
    late = {"next_due": first, "created_at": first}
    with database.transaction() as session:
        session.add(Trigger(**whose, **called, node_id="hook", kind="webhook", params=called, enabled=True))
        session.add(Trigger(**whose, **late, node_id="each_minute", kind="schedule", params=EACH_MINUTE, enabled=True))
    return place
