"""Workflows that run others: which versions a run has fixed, and how a run that it waits for came to its end."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from engine.store import cancelling, settling, starting
from engine.store.claim import Claim, Fenced
from engine.store.db import Database
from engine.store.driver import Driver, Operation
from engine.store.results import Started, Told, Woken
from engine.store.starting import NewRun
from engine.store.statement import Statement

PUBLISHED = Statement(
    """SELECT id, published_id FROM workflow
    WHERE workspace_id = :workspace AND id {in:ids} AND published_id IS NOT NULL AND deleted_at IS NULL"""
)
FIX = Statement(
    """UPDATE run SET options = :options WHERE id = :run AND EXISTS (SELECT 1 FROM segment
        WHERE run_id = :run AND number = :segment AND epoch = :epoch AND status = 'running' {share})
    RETURNING id"""
)
ENDED = Statement("SELECT status, output, error FROM run WHERE id = :run AND workspace_id = :workspace")


def published(database: Database, workspace_id: str, workflow_ids: Sequence[str]) -> dict[str, str]:
    """The published version of each of the workspace's workflows that has one."""
    with database.reader() as driver:
        rows = driver.send(PUBLISHED, {"workspace": workspace_id, "ids": list(workflow_ids)}).rows()
        return {row[0]: row[1] for row in rows}


def fix(driver: Driver, held: Claim) -> Operation:
    """Records the options of a held run anew. Gives None, or Fenced (as a value) if the segment was lost."""
    key = {"run": held.run_id, "segment": held.segment, "epoch": held.epoch}
    fixed = driver.send(FIX, {**key, "options": orjson.dumps(held.options).decode()})
    yield
    return None if fixed.rows() else Fenced(f"run {held.run_id} went on in another epoch than {held.epoch}")


def ended(database: Database, workspace_id: str, run_id: str) -> tuple[str, Any, Any]:
    """A run's status, output and error; `cancelled` for one that is not there any more."""
    with database.reader() as driver:
        rows = driver.send(ENDED, {"run": run_id, "workspace": workspace_id}).rows()
    if not rows:
        return "cancelled", None, None
    status, output, error = rows[0]
    return status, _loads(output), _loads(error)


def follow(driver: Driver, held: Claim, runs: Sequence[NewRun], dropped: Sequence[str], end: str | None) -> Operation:
    """What a run's checkpoint means for others: starts some, cancels what nobody waits for any more, tells its caller.

    Args:
        runs: to be started.
        dropped: the awaited runs that are given up.
        end: the status in which this run ends, if it does.

    Gives Told.
    """
    told: list[Started | Woken] = []
    for new in runs:
        # A list may start thousands: they wait for their turn in the backlog, whose dispatcher hears of it.
        told.append((yield from starting.start(driver, new, deliver=False)))
    for run_id in dropped:
        told.append((yield from cancelling.cancel(driver, run_id)))
    if end is not None and "parent" in held.options:
        told.append((yield from settling.settle(driver, held.run_id, {"status": end}, early=True)))
    return Told.of(told)


def _loads(text: Any) -> Any:
    return orjson.loads(text) if isinstance(text, str | bytes) else text
