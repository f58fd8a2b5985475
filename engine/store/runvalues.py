"""Stored values as one call of a node sees them (`engine.contract.Store`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlmodel import Session, col

from engine.contract.services import Scope, Stored
from engine.models import Run, WorkflowVersion
from engine.store import values
from engine.store.db import Database
from engine.store.values import Number, Place

T = TypeVar("T")


class RunValues:
    """The values of a workflow and its workspace, for one call of a run; each of its changes is made once."""

    def __init__(self, database: Database, workspace_id: str, workflow_id: str, run_id: str, effect: str) -> None:
        """`effect`: the call's idempotency key."""
        self._database = database
        self._workspace_id, self._workflow_id, self._run_id = workspace_id, workflow_id, run_id
        self._effect = effect
        self._changes = 0

    async def get(self, name: str, *, scope: Scope = "workflow") -> Stored | None:
        def work(session: Session, place: Place) -> Stored | None:
            row = values.find(session, place, name)
            return Stored(row.value, row.updated_at) if row else None

        return await asyncio.to_thread(self._read, scope, work)

    async def entries(self, *, scope: Scope = "workflow") -> Mapping[str, Stored]:
        def work(session: Session, place: Place) -> dict[str, Stored]:
            return {row.name: Stored(row.value, row.updated_at) for row in values.listed(session, place)}

        return await asyncio.to_thread(self._read, scope, work)

    async def set(self, name: str, value: Any, *, scope: Scope = "workflow") -> None:
        def work(session: Session, place: Place) -> None:
            values.put(session, place, name, value, self._run_id)

        await self._change(scope, work)

    async def increment(self, name: str, by: Number = 1, *, start: Number = 0, scope: Scope = "workflow") -> Number:
        def work(session: Session, place: Place) -> Number:
            return values.increment(session, place, name, by, start, self._run_id)

        return await self._change(scope, work)

    async def add_if_new(
        self, name: str, keys: Sequence[str], *, keep: int, days: float | None = None, scope: Scope = "workflow"
    ) -> list[bool]:
        # A repeat is told by the keys themselves, which know who saw them first; no result needs to be kept.
        effect = self._next_effect()

        def work(session: Session, place: Place) -> list[bool]:
            return values.add_keys(session, place, name, keys, effect, keep, days, self._run_id)

        return await asyncio.to_thread(self._write, scope, work)

    async def delete(self, name: str, *, scope: Scope = "workflow") -> bool:
        def work(session: Session, place: Place) -> bool:
            return values.remove(session, place, name)

        return await self._change(scope, work)

    async def _change(self, scope: Scope, work: Callable[[Session, Place], T]) -> T:
        effect = self._next_effect()

        def once(session: Session, place: Place) -> T:
            result: T = values.once(session, place, self._run_id, effect, lambda: work(session, place))
            return result

        return await asyncio.to_thread(self._write, scope, once)

    def _next_effect(self) -> str:
        """A node that makes several changes makes them in the same order when it is repeated."""
        self._changes += 1
        return f"{self._effect}#{self._changes}"

    def _read(self, scope: Scope, work: Callable[[Session, Place], T]) -> T:
        with self._database.transaction(write=False) as session:
            return work(session, self._place(session, scope))

    def _write(self, scope: Scope, work: Callable[[Session, Place], T]) -> T:
        with self._database.transaction() as session:
            return work(session, self._place(session, scope))

    def _place(self, session: Session, scope: Scope) -> Place:
        """What a trial run of a draft calls as a run of its own is on trial, too: the first of the runs decides."""
        runs = sa.select(col(Run.id), col(Run.root_run_id), col(WorkflowVersion.number)).join(
            WorkflowVersion, col(Run.version_id) == col(WorkflowVersion.id)
        )
        here = col(Run.workspace_id) == self._workspace_id
        own = session.execute(runs.where(here, col(Run.id) == self._run_id)).one()
        first = session.execute(runs.where(here, col(Run.id) == own.root_run_id)).one_or_none()
        number = (first or own).number
        return Place(self._workspace_id, self._workflow_id if scope == "workflow" else "", number is None)
