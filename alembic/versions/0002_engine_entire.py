"""The engine entire: scopes of containers; the backlog and limits.

Revision 0002. Keys gain a column, so tables are made anew beside the old ones and their rows moved over, the same on
both databases.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | Sequence[str] | None = "0001"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

SCOPE = ["scope"]


RUNNING = sa.text("status = 'running'")
DELIVERED = sa.text("status = 'queued' AND delivered_at IS NOT NULL")
BACKLOG = sa.text("status = 'queued' AND delivered_at IS NULL")
UNMEASURED = sa.text("row_bytes IS NULL AND finished_at IS NOT NULL")
REMOVED = sa.text("removed_at IS NOT NULL")
KEPT = ("row_bytes", "payload_bytes", "removed_at")
SPENT = {"steps": sa.Integer(), "cost": sa.Float(), "worked": sa.BigInteger()}
CALLED = {"parent_run_id": sa.String(length=32), "parent_step": sa.JSON(), "root_run_id": sa.String(length=32)}
LIMITED = ("workspace", "workflow", "credential")


def upgrade() -> None:
    _remake("attempt", _attempt(SCOPE), {"scope": "''"})
    _remake("step", _step(SCOPE), {"scope": "''"})
    _remake_wait([*_wait(SCOPE), *_door()], {"scope": "''", "token_hash": "NULL"})
    op.create_index("ix_wait_asks", "wait", ["workspace_id", "kind", "settled_at"])
    op.add_column("wait", sa.Column("wake", sa.Integer(), nullable=True))
    for name, kind in CALLED.items():
        op.add_column("run", sa.Column(name, kind, nullable=True))
    op.create_index("ix_run_parent_run_id", "run", ["parent_run_id"])
    op.add_column("run", sa.Column("budget", sa.JSON(), nullable=True))
    for name, kind in SPENT.items():
        op.add_column("run", sa.Column(name, kind, nullable=False, server_default="0"))
    for name in KEPT:
        op.add_column("run", sa.Column(name, sa.BigInteger(), nullable=True))
    _index("ix_run_unmeasured", ["finished_at"], UNMEASURED, "run")
    _index("ix_run_removed", ["removed_at"], REMOVED, "run")
    _add_backlog()
    for table in LIMITED:
        op.add_column(table, sa.Column("limits", sa.JSON(), nullable=False, server_default="{}"))
    op.add_column("step", sa.Column("reused_from", sa.String(length=32), nullable=True))
    op.add_column("step", sa.Column("stand_in", sa.JSON(), nullable=True))
    _add_stored_values()


def downgrade() -> None:
    for index in ("ix_run_unmeasured", "ix_run_removed"):
        op.drop_index(index, table_name="run")
    for name in ("budget", *SPENT, *KEPT):
        op.drop_column("run", name)
    op.drop_index("ix_run_parent_run_id", table_name="run")
    for name in CALLED:
        op.drop_column("run", name)
    for table in ("value_change", "seen_key", "stored_value"):
        op.drop_table(table)
    for table in LIMITED:
        op.drop_column(table, "limits")
    _drop_backlog()
    for table in ("wait", "step", "attempt"):
        op.execute(sa.text(f"DELETE FROM {table} WHERE scope <> ''"))  # noqa: S608 - constants only
    _remake_wait(_wait([]), {})
    _remake("step", _step([]), {})
    _remake("attempt", _attempt([]), {})


def _add_stored_values() -> None:
    op.create_table(
        "stored_value",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("workflow_id", sa.String(), nullable=True),
        sa.Column("holder", sa.String(length=32), nullable=False),
        sa.Column("draft", sa.Boolean(), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.JSON(), nullable=True),
        sa.Column("run_id", sa.String(length=32), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "holder", "draft", "name"),
    )
    op.create_index("ix_stored_value_workflow_id", "stored_value", ["workflow_id"])
    op.create_index("ix_stored_value_workspace_id", "stored_value", ["workspace_id"])
    op.create_table(
        "seen_key",
        sa.Column("value_id", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("effect", sa.String(length=64), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["value_id"], ["stored_value.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("value_id", "key"),
    )
    op.create_index("ix_seen_key_age", "seen_key", ["value_id", "seen_at"])
    op.create_table(
        "value_change",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("effect", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "effect"),
    )


def _add_backlog() -> None:
    op.add_column("segment", sa.Column("workflow_id", sa.String(length=32), nullable=False, server_default=""))
    op.add_column("segment", sa.Column("priority", sa.Integer(), nullable=False, server_default="2"))
    op.add_column("segment", sa.Column("delivered_at", sa.BigInteger(), nullable=True))
    op.add_column("segment", sa.Column("task", sa.JSON(), nullable=True))
    op.execute(sa.text("UPDATE segment SET workflow_id = (SELECT workflow_id FROM run WHERE run.id = segment.run_id)"))
    op.drop_index("ix_segment_sweep", table_name="segment")
    _index("ix_segment_lease", ["lease_until"], RUNNING)
    _index("ix_segment_delivered", ["delivered_at"], DELIVERED)
    _index("ix_segment_backlog", ["workspace_id", "workflow_id", "priority", "queued_at"], BACKLOG)


def _drop_backlog() -> None:
    for index in ("ix_segment_backlog", "ix_segment_delivered", "ix_segment_lease"):
        op.drop_index(index, table_name="segment")
    op.create_index("ix_segment_sweep", "segment", ["status", "lease_until"])
    for column in ("task", "delivered_at", "priority", "workflow_id"):
        op.drop_column("segment", column)


def _index(name: str, columns: list[str], where: sa.TextClause, table: str = "segment") -> None:
    op.create_index(name, table, columns, sqlite_where=where, postgresql_where=where)


def _remake_wait(columns: Sequence[sa.schema.SchemaItem], added: Mapping[str, str]) -> None:
    for index in ("ix_wait_due", "ix_wait_run_id", "ix_wait_workspace_id"):
        op.drop_index(index, table_name="wait")
    _remake("wait", columns, added)
    op.create_index("ix_wait_due", "wait", ["settled_at", "due"])
    op.create_index("ix_wait_run_id", "wait", ["run_id"])
    op.create_index("ix_wait_workspace_id", "wait", ["workspace_id"])


def _remake(table: str, items: Sequence[sa.schema.SchemaItem], added: Mapping[str, str]) -> None:
    """Make the table anew of these columns and keys; `added` says in SQL what fills those that the old one lacks."""
    made = op.create_table(f"new_{table}", *items)
    names = [column.name for column in made.columns]
    taken = ", ".join(added.get(name, name) for name in names)
    op.execute(sa.text(f"INSERT INTO new_{table} ({', '.join(names)}) SELECT {taken} FROM {table}"))  # noqa: S608
    op.drop_table(table)
    op.rename_table(f"new_{table}", table)


def _attempt(scope: Sequence[str]) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("run_id", sa.String(length=32), nullable=False),
        *(sa.Column(name, sa.String(length=400), nullable=False) for name in scope),
        sa.Column("node_id", sa.String(length=60), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", *scope, "node_id", "item", "number"),
    ]


def _step(scope: Sequence[str]) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("run_id", sa.String(length=32), nullable=False),
        *(sa.Column(name, sa.String(length=400), nullable=False) for name in scope),
        sa.Column("node_id", sa.String(length=60), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("status", sa.String(length=10), nullable=False),
        sa.Column("output", sa.JSON(), nullable=True),
        sa.Column("input", sa.JSON(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=True),
        sa.Column("log", sa.JSON(), nullable=True),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("finished_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", *scope, "node_id", "item"),
    ]


def _door() -> list[sa.schema.SchemaItem]:
    """The fingerprint of a wait's one-time address."""
    return [sa.Column("token_hash", sa.String(length=64), nullable=True), sa.UniqueConstraint("token_hash")]


def _wait(scope: Sequence[str]) -> list[sa.schema.SchemaItem]:
    return [
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("run_id", sa.String(), nullable=False),
        *(sa.Column(name, sa.String(length=400), nullable=False) for name in scope),
        sa.Column("node_id", sa.String(length=60), nullable=False),
        sa.Column("item", sa.String(length=200), nullable=False),
        sa.Column("round", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("due", sa.BigInteger(), nullable=True),
        sa.Column("detail", sa.JSON(), nullable=True),
        sa.Column("outcome", sa.JSON(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("settled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("run_id", *scope, "node_id", "item", "round"),
    ]
