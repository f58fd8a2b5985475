"""Starts what is due: runs of schedules, and runs whose waiting is over. `./weft scheduler` runs it.

Several schedulers may run: a schedule's run is recorded and its next time moved in one transaction, unique by trigger
and due time, and each wait settles once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson
import structlog
import uvloop

from engine.events import Event
from engine.launch import Launcher
from engine.models import from_ms, new_id, to_ms
from engine.presence import telling
from engine.schedules import BadSchedule, Due, Schedule, due
from engine.settings import settings
from engine.store import pausing, settling, starting
from engine.store.db import Database, DatabaseUnavailable, database
from engine.store.driver import Driver, Operation, Row
from engine.store.results import Started
from engine.store.starting import NewRun
from engine.store.statement import Statement
from engine.store.storage import storage
from engine.sweep import sweep_for_ever
from engine.telemetry import hide_secrets
from engine.upkeep import Upkeep

EVERY_SECONDS = 0.5
TRIGGERS_AT_ONCE = 50
LONGEST_PAUSE = 60.0
WAITS_AT_ONCE = 200
EXIT_WITHOUT_WRITER = 70

log = structlog.get_logger()

DUE_TRIGGERS = Statement(
    """SELECT id, next_due FROM "trigger" WHERE enabled = :yes AND kind = 'schedule' AND next_due <= {clock}
    AND (next_due > :due OR (next_due = :due AND id > :last)) ORDER BY next_due, id LIMIT :limit"""
)
DUE_TRIGGER = Statement(
    """SELECT workspace_id, workflow_id, version_id, node_id, params, next_due, {clock} FROM "trigger"
    WHERE id = :trigger AND enabled = :yes AND kind = 'schedule' AND next_due <= {clock} {skip}"""
)
BUSY = Statement(
    """SELECT 1 FROM run WHERE trigger_id = :trigger AND status IN ('queued', 'running', 'waiting', 'paused') LIMIT 1"""
)
MOVE = Statement(
    """UPDATE "trigger" SET next_due = :next, last_fired = COALESCE(:fired, last_fired), alarm = :alarm
    WHERE id = :trigger AND next_due = :due"""
)
RAISE_ALARM = Statement("""UPDATE "trigger" SET alarm = :alarm WHERE id = :trigger""")


@dataclass(frozen=True, slots=True)
class Fired:
    """The runs that one schedule started, to be delivered and told of. `held`: they wait in the backlog."""

    run_ids: tuple[str, ...] = ()
    events: tuple[Event, ...] = ()

    @property
    def held(self) -> bool:
        return bool(self.run_ids)


def due_triggers(data: Database) -> list[str]:
    """The schedules whose time has come, longest due first: all of them, so that none stands in another's way."""
    found: list[str] = []
    last: tuple[int, str] = (-1, "")
    with data.reader() as driver:
        while True:
            values = {"yes": True, "due": last[0], "last": last[1], "limit": TRIGGERS_AT_ONCE}
            rows = driver.send(DUE_TRIGGERS, values).rows()
            found += [row[0] for row in rows]
            if len(rows) < TRIGGERS_AT_ONCE:
                return found
            last = (rows[-1][1], rows[-1][0])


def fire(driver: Driver, trigger: str) -> Operation:
    """Records the runs of one schedule that is due, and moves its next time, in one transaction. Gives Fired.

    A schedule that another process fires at this moment, or has fired, is left to it.
    """
    found = driver.send(DUE_TRIGGER, {"trigger": trigger, "yes": True})
    yield
    rows = found.rows()
    if not rows:
        return Fired()
    started: list[Started] = yield from _fire(driver, trigger, rows[0])
    created = [one for one in started if one.created]
    return Fired(tuple(one.run_id for one in created), tuple(event for one in created for event in one.events))


def _fire(driver: Driver, trigger: str, row: Row) -> Operation:
    workspace, workflow, version, node, params, at, clock = row
    moment = from_ms(clock)
    where = {"trigger": trigger, "due": at}
    try:
        schedule = Schedule.of(orjson.loads(params))
        decided = due(schedule, from_ms(at), moment)
    except BadSchedule as error:
        driver.send(MOVE, {**where, "next": None, "fired": None, "alarm": f"It cannot fire any more. {error}"})
        yield
        return []
    if schedule.overlap != "run":
        busy = driver.send(BUSY, {"trigger": trigger})
        yield
        if busy.rows() and schedule.overlap == "queue":
            return []
        decided = _one_at_a_time(decided, busy=bool(busy.rows()))
    started: list[Started] = []
    for when in decided.fires:
        payload = {"due": when.isoformat(), "fired_at": moment.isoformat()}
        new = NewRun(
            id=new_id(),
            workspace_id=workspace,
            workflow_id=workflow,
            version_id=version,
            source="schedule",
            input={"trigger": node, "payload": payload, "inputs": {}},
            trigger_id=trigger,
            due=to_ms(when),
        )
        # Into the backlog, whose dispatcher hears of it: a hundred that are caught up must not crowd the queue.
        started.append((yield from starting.start(driver, new, deliver=False)))
    fired = to_ms(decided.fires[-1]) if decided.fires else None
    driver.send(MOVE, {**where, "next": to_ms(decided.next_due), "fired": fired, "alarm": decided.alarm})
    yield
    return started


def raise_alarm(driver: Driver, trigger: str, alarm: str) -> Operation:
    """Notes on a schedule why it does not fire. Its time stays where it is, so it is overdue until it has fired."""
    driver.send(RAISE_ALARM, {"trigger": trigger, "alarm": alarm[:500]})
    yield


def _one_at_a_time(decided: Due, busy: bool) -> Due:
    """The first fire alone, the others later; or, beside a run that is not over, none of them."""
    if busy:
        return Due((), decided.next_due, decided.alarm)
    if len(decided.fires) > 1:
        return Due(decided.fires[:1], decided.fires[1], decided.alarm)
    return decided


class Clockwork:
    """Fires what is due and settles the waits that are over. One schedule that fails stands in no other's way."""

    def __init__(self, launcher: Launcher, data: Database) -> None:
        self._launcher, self._data = launcher, data
        self._broken: dict[str, tuple[float, float]] = {}

    async def tick(self) -> None:
        """Does both, once. Raises DatabaseUnavailable: then nothing moved, and the next tick finds it all."""
        await self._fire_all()
        while await self._settle_some() == WAITS_AT_ONCE:
            pass

    async def _settle_some(self) -> int:
        writer, room = self._launcher.writer, self._launcher.room
        over: list[str] = await writer.submit(partial(settling.due_waits, limit=WAITS_AT_ONCE))
        outcome: dict[str, Any] = {"due": True}
        settle = (
            partial(pausing.settle_due, wait_id=wait_id, outcome=outcome, deliver=room.take()) for wait_id in over
        )
        await asyncio.gather(*(writer.submit(operation) for operation in settle))
        return len(over)

    async def _fire_all(self) -> None:
        moment = time.monotonic()
        triggers = [
            trigger
            for trigger in await asyncio.to_thread(due_triggers, self._data)
            if self._broken.get(trigger, (0.0, 0.0))[0] <= moment
        ]
        runs = 0
        for start in range(0, len(triggers), TRIGGERS_AT_ONCE):
            runs += sum(await asyncio.gather(*map(self._fire, triggers[start : start + TRIGGERS_AT_ONCE])))
        if runs:
            log.info("scheduler.fired", runs=runs)

    async def _fire(self, trigger: str) -> int:
        try:
            fired: Fired = await self._launcher.writer.submit(partial(fire, trigger=trigger))
        except DatabaseUnavailable:
            raise
        except Exception as error:
            await self._put_off(trigger, error)
            return 0
        self._broken.pop(trigger, None)
        return len(fired.run_ids)

    async def _put_off(self, trigger: str, error: Exception) -> None:
        """Says on the schedule that it could not be fired, and tries again later and later."""
        pause = min(LONGEST_PAUSE, self._broken.get(trigger, (0.0, 1.0))[1] * 2)
        self._broken[trigger] = (time.monotonic() + pause, pause)
        log.error("scheduler.not_fired", trigger=trigger, error=repr(error))
        said = f"It was due and could not be started: {hide_secrets(str(error))}. It is tried again."
        await self._launcher.writer.submit(partial(raise_alarm, trigger=trigger, alarm=said))


async def _tick_for_ever(clockwork: Clockwork) -> None:
    while True:
        try:
            await clockwork.tick()
        except DatabaseUnavailable as error:
            log.warning("scheduler.failed", error=str(error))
        except Exception:
            # One broken row must not keep all others from being started.
            log.exception("scheduler.failed")
        await asyncio.sleep(EVERY_SECONDS)


async def _run() -> None:
    # Without its writer a scheduler does nothing: end, and be started again.
    launcher = Launcher(database(), settings().redis_url, died=lambda _error: os._exit(EXIT_WITHOUT_WRITER))
    await launcher.start_with_database()
    asked = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, asked.set)
    beside = (
        _tick_for_ever(Clockwork(launcher, database())),
        sweep_for_ever(launcher),
        Upkeep(database(), launcher.writer, storage()).go_on(),
    )
    tasks = [asyncio.create_task(each) for each in beside]
    log.info("scheduler.started", at=datetime.now(UTC).isoformat())
    async with telling("scheduler", settings().redis_url):
        await asked.wait()
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(launcher.close)


def main() -> None:
    """`./weft scheduler`: works until a signal asks to stop."""
    uvloop.run(_run())
