"""priority at intake"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_RUNNABLE = sa.text("state = 'runnable'")
_QUEUE = ["service", "version", "next_step"]


def upgrade() -> None:
    """Apply. What was filed before has no turn and goes first."""
    op.add_column(
        "application", sa.Column("ground", sa.LargeBinary(), comment="sealed: why it has priority; aad ground")
    )
    op.add_column(
        "application",
        sa.Column(
            "turn_at",
            sa.DateTime(timezone=True),
            comment="filed at, less the head start of priority: the order of waves",
        ),
    )
    op.alter_column("application", "priority", comment="1: of a vulnerable group")
    op.drop_index("ix_application_runnable", table_name="application")
    op.create_index(
        "ix_application_runnable",
        "application",
        [*_QUEUE, sa.text("turn_at NULLS FIRST"), "number"],
        postgresql_where=_RUNNABLE,
    )


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_application_runnable", table_name="application")
    op.create_index(
        "ix_application_runnable",
        "application",
        [*_QUEUE, sa.text("priority DESC"), "number"],
        postgresql_where=_RUNNABLE,
    )
    op.alter_column("application", "priority", comment=None)
    op.drop_column("application", "turn_at")
    op.drop_column("application", "ground")
