"""Starts what is due: runs of schedules, and runs whose waiting is over. `./weft scheduler` runs it.

Several schedulers may run: a schedule's run is recorded and its next time moved in one transaction, unique by trigger
and due time, and each wait settles once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
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
from engine.store import record
from engine.store.db import DatabaseUnavailable, database
from engine.store.driver import Driver, Operation, Row, Statement
from engine.store.lease import Delivery
from engine.store.record import NewRun, Started
from engine.sweep import sweep_for_ever

EVERY_SECONDS = 0.5
TRIGGERS_AT_ONCE = 50
WAITS_AT_ONCE = 200
EXIT_WITHOUT_WRITER = 70

log = structlog.get_logger()

DUE_TRIGGERS = Statement(
    """SELECT id, workspace_id, workflow_id, version_id, node_id, params, next_due, {clock} FROM "trigger"
    WHERE enabled = :yes AND kind = 'schedule' AND next_due <= {clock} ORDER BY next_due LIMIT :limit {skip}"""
)
BUSY = Statement(
    """SELECT 1 FROM run WHERE trigger_id = :trigger AND status IN ('queued', 'running', 'waiting', 'paused') LIMIT 1"""
)
MOVE = Statement(
    """UPDATE "trigger" SET next_due = :next, last_fired = COALESCE(:fired, last_fired), alarm = :alarm
    WHERE id = :trigger AND next_due = :due"""
)


@dataclass(frozen=True, slots=True)
class Fired:
    """The runs that were recorded, to be delivered and told of."""

    run_ids: tuple[str, ...]
    deliveries: tuple[Delivery, ...]
    events: tuple[Event, ...]


def fire(driver: Driver) -> Operation:
    """Records the runs of schedules that are due, and moves their next times. Gives Fired."""
    found = driver.send(DUE_TRIGGERS, {"yes": True, "limit": TRIGGERS_AT_ONCE})
    yield
    started: list[Started] = []
    for row in found.rows():
        started += yield from _fire_one(driver, row)
    created = [one for one in started if one.created]
    return Fired(
        tuple(one.run_id for one in created),
        tuple(delivery for one in created for delivery in one.deliveries),
        tuple(event for one in created for event in one.events),
    )


def _fire_one(driver: Driver, row: Row) -> Operation:
    trigger, workspace, workflow, version, node, params, at, clock = row
    moment = from_ms(clock)
    where = {"trigger": trigger, "due": at}
    try:
        schedule = Schedule.of(orjson.loads(params))
        decided = due(schedule, from_ms(at), moment)
    except BadSchedule as error:
        driver.send(MOVE, {**where, "next": None, "fired": None, "alarm": str(error)})
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
        started.append((yield from record.start(driver, new)))
    fired = to_ms(decided.fires[-1]) if decided.fires else None
    driver.send(MOVE, {**where, "next": to_ms(decided.next_due), "fired": fired, "alarm": decided.alarm})
    yield
    return started


def _one_at_a_time(decided: Due, busy: bool) -> Due:
    """The first fire alone, the others later; or, beside a run that is not over, none of them."""
    if busy:
        return Due((), decided.next_due, decided.alarm)
    if len(decided.fires) > 1:
        return Due(decided.fires[:1], decided.fires[1], decided.alarm)
    return decided


async def tick(launcher: Launcher) -> None:
    """Fires what is due and settles the waits that are over."""
    fired: Fired = await launcher.writer.submit(fire)
    if fired.run_ids:
        log.info("scheduler.fired", runs=len(fired.run_ids))
    over: list[str] = await launcher.writer.submit(partial(record.due_waits, limit=WAITS_AT_ONCE))
    outcome: dict[str, Any] = {"due": True}
    settle = (partial(record.settle, wait_id=wait_id, outcome=outcome, early=False) for wait_id in over)
    await asyncio.gather(*(launcher.writer.submit(operation) for operation in settle))


async def _tick_for_ever(launcher: Launcher) -> None:
    while True:
        try:
            await tick(launcher)
        except DatabaseUnavailable as error:
            log.warning("scheduler.failed", error=str(error))
        except Exception:
            # One broken row must not keep all others from being started.
            log.exception("scheduler.failed")
        await asyncio.sleep(EVERY_SECONDS)


async def _run() -> None:
    asked = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, asked.set)
    # Without its writer a scheduler does nothing: end, and be started again.
    launcher = Launcher(database(), settings().redis_url, died=lambda _error: os._exit(EXIT_WITHOUT_WRITER))
    launcher.start()
    tasks = [asyncio.create_task(_tick_for_ever(launcher)), asyncio.create_task(sweep_for_ever(launcher))]
    log.info("scheduler.started", at=datetime.now(UTC).isoformat())
    async with telling("scheduler", settings().redis_url):
        await asked.wait()
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.gather(*tasks, return_exceptions=True)
    await asyncio.to_thread(launcher.close)


def main() -> None:
    """`./weft scheduler`: works until a signal asks to stop. Raises DatabaseUnavailable."""
    uvloop.run(_run())
