"""exchange and callbacks"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "reply_partition",
        sa.Column("partition", sa.Integer(), nullable=False, comment="of the topic of replies"),
        sa.Column("instance", sa.Text(), comment="the console process that reads it"),
        sa.Column(
            "lease_until", sa.DateTime(timezone=True), comment="after it another process may take the partition"
        ),
        sa.PrimaryKeyConstraint("partition", name=op.f("pk_reply_partition")),
    )
    op.create_table(
        "callback_once",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False, comment="of a call, blinded: what its sender must not use twice"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agency", "id", name=op.f("pk_callback_once")),
    )
    op.create_index("ix_callback_once_at", "callback_once", ["at"])


def downgrade() -> None:
    """Undo."""
    op.drop_table("callback_once")
    op.drop_table("reply_partition")
