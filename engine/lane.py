"""The short way: workflows that only compute, run by the process that was asked, with a worker's claim and checkpoints.

A run takes the same rows, the same fence and the same commits as in a worker, so its results are the same; what falls
away is the way through Redis and back. It is for those who ask for it, and it is bounded: so many at once, so long
each. What does not fit, or takes longer, goes to a worker. If this process dies, the sweep finds the run as any
other whose lease ran out.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson
import structlog

from engine.delivery.replies import RunResult
from engine.events import Event
from engine.launch import Launcher, launcher
from engine.models import new_id
from engine.run.executor import Executor
from engine.run.plan import Plan
from engine.run.plans import Plans
from engine.run.pool import Pool
from engine.settings import Settings, settings
from engine.store import starting
from engine.store.claim import Claim, Fenced, take
from engine.store.db import DatabaseUnavailable
from engine.store.driver import Driver, Operation
from engine.store.lease import Leases
from engine.store.places import StoreUnavailable
from engine.store.results import Delivery, Started
from engine.store.starting import NewRun
from engine.worker import Parts, parts

AT_ONCE = 32
SECONDS = 1.0
MOST_NODES = 50

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Held:
    """A run that was recorded and taken in one transaction; `claim` is None if it was there before, or has to wait."""

    started: Started
    claim: Claim | None

    @property
    def held(self) -> bool:
        """Whether it waits in the backlog for its turn."""
        return self.started.held

    @property
    def events(self) -> tuple[Event, ...]:
        return (*self.started.events, *(self.claim.events if self.claim else ()))


def start_held(driver: Driver, new: NewRun, owner: str, milliseconds: int, deadline: float) -> Operation:
    """Records a run and claims its first segment for `milliseconds`. Gives Held."""
    started: Started = yield from starting.start(driver, new)
    if not started.created or started.held:
        return Held(started, None)
    claim = yield from take(driver, Delivery(new.id, 0, 0), owner, milliseconds, deadline)
    return Held(replace(started, deliveries=()), claim)


class Lane:
    """Runs in this process, on the running event loop. `opened` makes one."""

    def __init__(self, launch: Launcher, leases: Leases, made: Parts, seconds: float) -> None:
        self.launcher, self._leases, self._seconds = launch, leases, seconds
        self._plans: Plans = made.plans
        self._executor: Executor = made.executor
        self._under_way = 0

    async def takes(self, version_id: str) -> bool:
        """Whether there is room, and the version is short and only computes."""
        return self._under_way < AT_ONCE and fits(await self._plans.get(version_id))

    async def run(self, **values: Any) -> tuple[Started, RunResult | None]:
        """Record a run and walk it here; `values` as for `Launcher.start_run`.

        The result is None if it was started before, or if a worker must go on with it. Raises DatabaseUnavailable: then
        nothing was started.
        """
        self._under_way += 1
        try:
            milliseconds, deadline = int(self._seconds * 1000), time.monotonic() + self._seconds
            held: Held = await self.launcher.writer.submit(
                partial(
                    start_held,
                    new=NewRun(id=new_id(), **values),
                    owner=self._leases.owner,
                    milliseconds=milliseconds,
                    deadline=deadline,
                )
            )
            return held.started, await self._walk(held.claim) if held.claim else None
        finally:
            self._under_way -= 1

    async def _walk(self, claim: Claim) -> RunResult | None:
        self._leases.adopt(claim)
        too_long = asyncio.get_running_loop().call_later(SECONDS, claim.end, "drain")
        try:
            if not await self._executor.execute(claim):
                await self._leases.give_back(claim)
        except (Fenced, DatabaseUnavailable, StoreUnavailable) as lost:
            log.warning("lane.lost", run_id=claim.run_id, error=repr(lost))
        except asyncio.CancelledError:
            await self._leases.give_back(claim)
            raise
        finally:
            too_long.cancel()
            self._leases.drop(claim)
        if claim.ended is None:
            return None
        # As a reader of the row would get it: what is stored may hold JSON that is written already.
        status, output, failure = orjson.loads(orjson.dumps(claim.ended, option=orjson.OPT_NON_STR_KEYS))
        return RunResult(claim.run_id, status, output, failure)


def fits(plan: Plan) -> bool:
    """Whether a version is short, and no step of it reaches outside, waits for a process or holds a body."""
    nodes = plan.nodes.values()
    return len(nodes) <= MOST_NODES and all(one.quick and one.type.kind in ("action", "trigger") for one in nodes)


@asynccontextmanager
async def opened(config: Settings) -> AsyncIterator[Lane]:
    """A lane of this process, on its launcher's writer, for as long as the block runs."""
    launch = launcher()
    leases = Leases(launch.writer, config.lease_seconds)
    leases.start()
    made = parts(launch.writer, config, Pool())
    try:
        yield Lane(launch, leases, made, config.lease_seconds)
    finally:
        for claim in leases.held:
            claim.end("drain")
        await leases.stop()
        await made.toolbox.aclose()


_opening = asyncio.Lock()
_current: tuple[AsyncExitStack, Lane] | None = None


async def lane() -> Lane:
    """The lane of this process, opened on first use, and again should its launcher have been replaced."""
    global _current  # noqa: PLW0603 - one per process, as its launcher is
    async with _opening:
        if _current is None or _current[1].launcher is not launcher():
            stack = AsyncExitStack()
            _current = (stack, await stack.enter_async_context(opened(settings())))
        return _current[1]


async def close() -> None:
    """Hand what is under way to workers, and end the lane of this process."""
    global _current  # noqa: PLW0603
    if _current is not None:
        await _current[0].aclose()
    _current = None
