"""What is spent a day, the zone in which a workspace's days begin, and which payloads runs and payloads name.

Revision 0003.
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | Sequence[str] | None = "0002"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


def upgrade() -> None:
    op.add_column("workspace", sa.Column("time_zone", sa.String(length=60), nullable=False, server_default="UTC"))
    op.create_table(
        "spending",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("workflow_id", sa.String(length=32), nullable=False),
        sa.Column("dollars", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspace.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "at"),
    )
    op.create_index("ix_spending_of_workspace", "spending", ["workspace_id", "at"])
    op.create_index("ix_spending_of_workflow", "spending", ["workflow_id", "at"])
    op.create_table(
        "run_payload",
        sa.Column("run_id", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["run.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("run_id", "hash"),
    )
    op.create_index("ix_run_payload_hash", "run_payload", ["workspace_id", "hash"])
    op.create_table(
        "payload_names",
        sa.Column("workspace_id", sa.String(length=32), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("names", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "hash"),
    )
    # Runs that were measured before are measured again, by which their payloads are noted.
    op.execute("UPDATE run SET row_bytes = NULL, payload_bytes = NULL WHERE row_bytes IS NOT NULL")


def downgrade() -> None:
    op.drop_table("payload_names")
    op.drop_table("run_payload")
    op.drop_table("spending")
    op.drop_column("workspace", "time_zone")
