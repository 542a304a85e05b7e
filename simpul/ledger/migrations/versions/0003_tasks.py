"""tasks"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "task",
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False, comment="officer or citizen"),
        sa.Column("group", sa.Text(), nullable=False, comment="which officers; citizen"),
        sa.Column("state", sa.Text(), nullable=False, comment="open, confirming, returned or closed"),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), comment="when it is overdue"),
        sa.Column("escalated_at", sa.DateTime(timezone=True)),
        sa.Column("first_by", sa.Text(), comment="who decided first, where a second officer must confirm"),
        sa.Column(
            "asked",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="what an officer found missing",
        ),
        sa.Column("content", sa.LargeBinary(), comment="sealed JSON: what was entered and supplied so far"),
        sa.Column("closed_at", sa.DateTime(timezone=True)),
        sa.ForeignKeyConstraint(
            ["application"], ["application.number"], name=op.f("fk_task_application_application")
        ),
        sa.PrimaryKeyConstraint("application", "step", "revision", name=op.f("pk_task")),
    )
    op.create_index("ix_task_open", "task", ["group", "until"], postgresql_where=sa.text("closed_at IS NULL"))


def downgrade() -> None:
    """Undo."""
    op.drop_table("task")
