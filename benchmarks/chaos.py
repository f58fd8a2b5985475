"""`python -m benchmarks.chaos [--kills 1000] [--runs 100000] [--database sqlite]`: breaks an installation all the time.

The short form is tests/faults/test_installation.py. Calls come over HTTP; what happened is counted from a log outside
of the database. Prints a table, and every breach of a promise.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

import integrations
from benchmarks.table import machine
from engine.launch import Launcher
from engine.settings import settings
from engine.store.db import Database, DatabaseUnavailable
from engine.store.statement import Statement
from tests.engine import lab
from tests.faults.installation import LEASE_SECONDS, Installation, Part
from tests.faults.load import EFFECTS, Account, Load, account, left_over, prepare

# How often each part is hit, of a hundred; PostgreSQL's share is the workers' on SQLite.
SHARES: dict[Part, int] = {"worker": 50, "web": 15, "scheduler": 10, "valkey": 15, "postgresql": 10}
STANDS_STILL = 0.02  # of all faults: a worker is suspended beyond its lease
AT_ONCE = 200
EFFECT_SECONDS = 5.0  # that one effect may take: a machine that starts a process each second keeps others waiting
TOLD_EACH = 50
SHOWN = 100  # breaches, in words
LATE = Statement(
    """SELECT MAX(CASE WHEN status = 'running' THEN {clock} - lease_until ELSE 0 END),
        MAX(CASE WHEN status = 'queued' THEN {clock} - queued_at ELSE 0 END)
    FROM segment WHERE status IN ('running', 'queued')"""
)


@dataclass
class Recovery:
    """The longest that was seen, in seconds: from a lease's end until that was noticed, and then in the queue."""

    noticed: float = 0.0
    queued: float = 0.0

    async def watch(self, database: Database) -> None:
        """Look ten times a second."""
        while True:
            try:
                noticed, queued = await asyncio.to_thread(self._look, database)
                self.noticed = max(self.noticed, (noticed or 0) / 1000)
                self.queued = max(self.queued, (queued or 0) / 1000)
            except DatabaseUnavailable:
                pass
            await asyncio.sleep(0.1)

    def _look(self, database: Database) -> Any:
        with database.reader() as driver:
            return driver.send(LATE, {}).rows()[0]


async def break_things(there: Installation, load: Load, runs: int, kills: int) -> int:
    """One fault after the other, spread over the runs, until so many were killed; how often a worker stood still."""
    still = killed = 0
    parts = [part for part in there.parts for _ in range(SHARES[part])]
    while killed < kills:
        await asyncio.sleep(random.uniform(0.2, 1.0))
        if len(load.accepted) / runs < killed / kills:
            continue
        if random.random() < STANDS_STILL:
            still += 1
            await asyncio.to_thread(there.suspend_worker, LEASE_SECONDS + 1.5)
        await asyncio.to_thread(there.kill, random.choice(parts))
        killed += 1
        if killed % TOLD_EACH == 0:
            print(f"{killed:,} kills, {len(load.accepted):,} runs accepted", file=sys.stderr, flush=True)
    return still


async def measure(there: Installation, folder: Path, runs: int, kills: int) -> tuple[Account, list[str]]:
    """Break it under load, let it come to rest, and take account."""
    database = Database(settings().database_url)
    launcher = Launcher(database, settings().redis_url)
    launcher.start()
    log = folder / "effects"
    load = Load(there.url, database, launcher, prepare(database, log, EFFECT_SECONDS), log)
    recovery, began = Recovery(), time.monotonic()
    beside = [asyncio.create_task(load.answer_questions()), asyncio.create_task(recovery.watch(database))]
    async with asyncio.TaskGroup() as both:
        breaking = both.create_task(break_things(there, load, runs, kills))
        both.create_task(load.call_all(runs, AT_ONCE))
    still = breaking.result()
    await load.until_over(longest=600)
    took = time.monotonic() - began
    for task in beside:
        task.cancel()
    await asyncio.gather(*beside, return_exceptions=True)
    found, left = account(load), left_over(load)
    await asyncio.to_thread(launcher.close)
    database.close()
    lines = [
        f"| runs accepted | {len(load.accepted):,} |",
        f"| ended | {', '.join(f'{count:,} {status}' for status, count in found.runs.items())} |",
        f"| effects | {found.effects:,} of {runs * EFFECTS:,} wanted |",
        *(f"| kill -9: {part} | {count:,} |" for part, count in there.killed.items() if count),
        f"| of these Valkey came back with nothing of what it held | {there.killed['valkey'] // 2:,} |",
        f"| a worker stood still beyond its lease | {still:,} |",
        f"| calls that were refused or cut off, and made again | {load.refused:,} |",
        f"| attempts whose outcome a crash left open | {found.unknown:,} |",
        f"| runs that failed since an effect took more than {EFFECT_SECONDS:.0f} s | {found.late:,} |",
        f"| effects repeated, all of them with leave | {found.repeated:,} |",
        f"| segments left over | {left:,} |",
        f"| longest time from a lease's end until it was noticed | {recovery.noticed:.1f} s |",
        f"| longest time in the queue after that, or before the first lease | {recovery.queued:.1f} s |",
        f"| breaches of a promise | {len(found.breaches):,} |",
        f"| took | {took / 60:.0f} min |",
    ]
    return found, lines


def main() -> None:
    """Take the arguments, measure, print."""
    wanted = argparse.ArgumentParser(description=__doc__)
    wanted.add_argument("--kills", type=int, default=1_000)
    wanted.add_argument("--runs", type=int, default=100_000)
    wanted.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    given = wanted.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger("error"))
    integrations.__path__ = [*integrations.__path__, str(lab.FOLDER)]
    with tempfile.TemporaryDirectory(prefix="weft-chaos-") as folder:
        there = Installation(Path(folder) / "all", given.database, durable=True)
        with there.running(os.environ.__setitem__):
            found, lines = asyncio.run(measure(there, Path(folder), given.runs, given.kills))
    print("\n".join(["| what | |", "|---|---|", *lines, "", *found.breaches[:SHOWN]]))
    print("\n".join(f"- {line}" for line in machine()))


if __name__ == "__main__":
    main()
