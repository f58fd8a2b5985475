"""What happened: runs, their segments, steps, attempts and waits. Rows are the truth; the queue only delivers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlmodel import Field

from engine.models.base import Table, id_field, instant, json_column, partial_index, stamp, workspace_key

RunStatus = Literal["queued", "running", "waiting", "paused", "done", "failed", "cancelled"]
StepStatus = Literal["running", "done", "failed", "skipped", "waiting", "cancelled"]
SegmentStatus = Literal["queued", "running", "parked", "paused", "done"]
Wanted = Literal["cancel", "pause"]


class Run(Table, table=True):
    """One run of one version. `seq` is the number of its newest event; `wake` grows with every settled wait.

    From `removed_at` on its rows are being deleted, some at a time; that is never taken back.
    """

    __table_args__ = (
        sa.UniqueConstraint("workspace_id", "idempotency_key"),
        sa.UniqueConstraint("trigger_id", "due"),
        sa.Index("ix_run_list", "workspace_id", "created_at"),
        sa.Index("ix_run_of_workflow", "workflow_id", "created_at"),
        sa.Index("ix_run_status", "status", "created_at"),
        partial_index("ix_run_unmeasured", "finished_at", where="row_bytes IS NULL AND finished_at IS NOT NULL"),
        partial_index("ix_run_removed", "removed_at", where="removed_at IS NOT NULL"),
    )

    id: str = id_field()
    workspace_id: str = Field(foreign_key="workspace.id", max_length=32, ondelete="CASCADE")
    workflow_id: str = Field(foreign_key="workflow.id", ondelete="CASCADE")
    version_id: str = Field(foreign_key="workflow_version.id", ondelete="CASCADE")
    status: str = Field(default="queued", max_length=10)
    source: str = Field(max_length=10)
    started_by: str | None = Field(default=None, max_length=32)
    input: dict[str, Any] = json_column(nullable=False)
    options: dict[str, Any] = json_column(default_factory=dict, nullable=False)
    output: dict[str, Any] | None = json_column(default=None, nullable=True)
    error: dict[str, Any] | None = json_column(default=None, nullable=True)
    wanted: str | None = Field(default=None, max_length=8)
    wanted_at: int | None = Field(default=None, sa_type=sa.BigInteger, description="ms, by the database's clock")
    wake: int = Field(default=0)
    seq: int = Field(default=0)
    idempotency_key: str | None = Field(default=None, max_length=200)
    trigger_id: str | None = Field(default=None, max_length=32)
    due: datetime | None = instant(default=None, nullable=True)
    again_of: str | None = Field(default=None, max_length=32)
    parent_run_id: str | None = Field(default=None, max_length=32, index=True, description="The run that started it")
    parent_step: dict[str, Any] | None = json_column(default=None, nullable=True)
    root_run_id: str | None = Field(default=None, max_length=32, description="The first of the runs around it")
    reply: bool = Field(default=False)
    budget: dict[str, Any] | None = json_column(default=None, nullable=True)
    steps: int = Field(default=0, sa_column_kwargs={"server_default": "0"}, description="Calls of nodes that ended")
    cost: float = Field(default=0.0, sa_column_kwargs={"server_default": "0"}, description="As reported by its steps")
    worked: int = Field(
        default=0,
        sa_type=sa.BigInteger,
        sa_column_kwargs={"server_default": "0"},
        description="ms that workers held it",
    )
    row_bytes: int | None = Field(default=None, sa_type=sa.BigInteger, description="Of all its rows; counted once over")
    payload_bytes: int | None = Field(default=None, sa_type=sa.BigInteger, description="Of what its rows name")
    removed_at: datetime | None = instant(default=None, nullable=True)
    created_at: datetime = stamp()
    started_at: datetime | None = instant(default=None, nullable=True)
    finished_at: datetime | None = instant(default=None, nullable=True)


class Segment(Table, table=True):
    """The part of a run that one worker advances at a time, under a lease and fenced by `epoch`.

    Number 0 walks the run; the others are shards, whose `task` names a node and a range of its items.
    A queued segment waits in the backlog until it is delivered: until then `delivered_at` is null.
    """

    __table_args__ = (
        partial_index("ix_segment_lease", "lease_until", where="status = 'running'"),
        partial_index("ix_segment_delivered", "delivered_at", where="status = 'queued' AND delivered_at IS NOT NULL"),
        partial_index(
            "ix_segment_backlog",
            *("workspace_id", "workflow_id", "priority", "queued_at"),
            where="status = 'queued' AND delivered_at IS NULL",
        ),
    )

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", max_length=32)
    number: int = Field(default=0, primary_key=True)
    workspace_id: str = Field(max_length=32)
    workflow_id: str = Field(max_length=32)
    status: str = Field(default="queued", max_length=8)
    priority: int = Field(default=2, description="0: somebody waits for the answer; 1: begun before; 2: new")
    epoch: int = Field(default=0)
    task: dict[str, Any] | None = json_column(default=None, nullable=True)
    owner: str | None = Field(default=None, max_length=32)
    lease_until: int | None = Field(default=None, sa_type=sa.BigInteger, description="ms, by the database's clock")
    queued_at: int | None = Field(default=None, sa_type=sa.BigInteger, description="ms, by the database's clock")
    delivered_at: int | None = Field(default=None, sa_type=sa.BigInteger, description="ms, by the database's clock")


ASIDE = "~"  # in the scope of a row whose round was tried again since: what failed then


class Step(Table, table=True):
    """What one node did for one item. `item` is empty for the whole node, else a path such as `17` or `0-255`.

    `scope` is empty at the top level, else the path of the body that was walked: `<container>.<index>` for each level,
    joined by `/`. `stand_in` says that the node was not called, and what its output is instead: `{"by": "kept" |
    "last_run" | "example"}`; in a dry run also `sends`, the request that would have been sent.
    """

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", max_length=32)
    scope: str = Field(default="", primary_key=True, max_length=400)
    node_id: str = Field(primary_key=True, max_length=60)
    item: str = Field(default="", primary_key=True, max_length=200)
    workspace_id: str = Field(max_length=32)
    seq: int = Field(default=0, description="The event that told of the row's present state")
    epoch: int = Field(default=0)
    attempt: int = Field(default=1)
    status: str = Field(max_length=10)
    output: dict[str, Any] | None = json_column(default=None, nullable=True)
    input: dict[str, Any] | None = json_column(default=None, nullable=True)
    error: dict[str, Any] | None = json_column(default=None, nullable=True)
    counts: dict[str, Any] | None = json_column(default=None, nullable=True)
    log: list[Any] | None = json_column(default=None, nullable=True)
    reused_from: str | None = Field(default=None, max_length=32, description="The run that really did this")
    stand_in: dict[str, Any] | None = json_column(default=None, nullable=True)
    started_at: datetime | None = instant(default=None, nullable=True)
    finished_at: datetime | None = instant(default=None, nullable=True)


class Attempt(Table, table=True):
    """One try of an effect, written before the effect happens. Open (`outcome` null) after a crash: nobody knows."""

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", max_length=32)
    scope: str = Field(default="", primary_key=True, max_length=400)
    node_id: str = Field(primary_key=True, max_length=60)
    item: str = Field(default="", primary_key=True, max_length=200)
    number: int = Field(primary_key=True)
    workspace_id: str = Field(max_length=32)
    generation: int = Field(default=0, description="Grows when a repeat is a new request, not the same one again")
    epoch: int = Field(default=0)
    started_at: int = Field(sa_type=sa.BigInteger, description="ms, by the database's clock")
    deadline: int = Field(sa_type=sa.BigInteger, description="ms; after this the call can no longer be under way")
    outcome: str | None = Field(default=None, max_length=10)
    error: dict[str, Any] | None = json_column(default=None, nullable=True)


class Wait(Table, table=True):
    """What a parked run waits for. Settled once: settling consumes the row's token and raises the run's `wake`."""

    __table_args__ = (
        sa.UniqueConstraint("run_id", "scope", "node_id", "item", "round"),
        sa.Index("ix_wait_due", "settled_at", "due"),
        sa.Index("ix_wait_asks", "workspace_id", "kind", "settled_at"),
    )

    id: str = id_field()
    workspace_id: str = workspace_key()
    run_id: str = Field(foreign_key="run.id", index=True, ondelete="CASCADE")
    scope: str = Field(default="", max_length=400)
    node_id: str = Field(max_length=60)
    item: str = Field(default="", max_length=200)
    round: int = Field(default=0, description="Several waits of one step, one after the other")
    kind: str = Field(max_length=10, description="timer, retry, ask, call, approval, budget, run or limit")
    due: datetime | None = instant(default=None, nullable=True)
    detail: dict[str, Any] | None = json_column(default=None, nullable=True)
    outcome: dict[str, Any] | None = json_column(default=None, nullable=True)
    token_hash: str | None = Field(default=None, max_length=64, unique=True, repr=False)
    created_at: datetime = stamp()
    settled_at: datetime | None = instant(default=None, nullable=True)
    wake: int | None = Field(default=None, description="The run's `wake` from when it was settled on")


class Spending(Table, table=True):
    """What a run spent in a quarter of an hour. It outlives its run, so that removing runs gives back no budget."""

    __table_args__ = (
        sa.Index("ix_spending_of_workspace", "workspace_id", "at"),
        sa.Index("ix_spending_of_workflow", "workflow_id", "at"),
    )

    run_id: str = Field(primary_key=True, max_length=32)
    at: int = Field(primary_key=True, sa_type=sa.BigInteger, description="ms; when the quarter began")
    workspace_id: str = Field(foreign_key="workspace.id", max_length=32, ondelete="CASCADE")
    workflow_id: str = Field(max_length=32)
    dollars: float


class Payload(Table, table=True):
    """A stored value above the inline limit, by the SHA-256 of its bytes."""

    workspace_id: str = Field(primary_key=True, foreign_key="workspace.id", ondelete="CASCADE", max_length=32)
    hash: str = Field(primary_key=True, max_length=64)
    size: int = Field(sa_type=sa.BigInteger)
    created_at: datetime = stamp()


class RunPayload(Table, table=True):
    """A payload that rows of a run name. Written once, when the run is over and measured: then they never change."""

    __tablename__ = "run_payload"
    __table_args__ = (sa.Index("ix_run_payload_hash", "workspace_id", "hash"),)

    run_id: str = Field(primary_key=True, foreign_key="run.id", ondelete="CASCADE", max_length=32)
    hash: str = Field(primary_key=True, max_length=64)
    workspace_id: str = Field(max_length=32)


class PayloadNames(Table, table=True):
    """The payloads that stand inside a payload, found by reading it once: its bytes never change."""

    __tablename__ = "payload_names"

    workspace_id: str = Field(primary_key=True, max_length=32)
    hash: str = Field(primary_key=True, max_length=64)
    names: list[str] = json_column()


class StoredFile(Table, table=True):
    """A file that a person uploaded or a run produced. The bytes lie in the payload store under `hash`."""

    __tablename__ = "stored_file"
    __table_args__ = (sa.Index("ix_stored_file_hash", "workspace_id", "hash"),)

    id: str = id_field()
    workspace_id: str = workspace_key()
    hash: str = Field(max_length=64)
    name: str = Field(max_length=255)
    media_type: str = Field(max_length=120)
    size: int = Field(sa_type=sa.BigInteger)
    run_id: str | None = Field(default=None, max_length=32)
    created_by: str | None = Field(default=None, max_length=32)
    created_at: datetime = stamp()
