"""What is spent a day, and the zone in which a workspace's days begin.

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


def downgrade() -> None:
    op.drop_table("spending")
    op.drop_column("workspace", "time_zone")
