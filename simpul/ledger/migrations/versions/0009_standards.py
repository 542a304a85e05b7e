"""service standards"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_OUTAGES = "action IN ('agency.unreachable', 'agency.reachable', 'agency.stopped', 'agency.resumed')"


def upgrade() -> None:
    """Apply."""
    moment = sa.DateTime(timezone=True)
    op.add_column("application", sa.Column("standard", sa.Text(), comment="as promised when it was filed: 3 working days"))
    op.add_column(
        "application", sa.Column("due_at", moment, comment="end of the standard; moves while its clock is stopped")
    )
    op.add_column(
        "application",
        sa.Column(
            "due_by",
            sa.Text(),
            server_default=sa.text("''"),
            nullable=False,
            comment="digest of the calendar it was counted by",
        ),
    )
    op.add_column(
        "application", sa.Column("standard_at", moment, comment="when the engine looks at the standard next")
    )
    op.add_column("application", sa.Column("warned_at", moment))
    op.add_column("application", sa.Column("breached_at", moment))
    op.create_index(
        "ix_application_standard",
        "application",
        ["standard_at"],
        postgresql_where=sa.text("standard_at IS NOT NULL"),
    )
    op.create_index(
        "ix_application_due_by", "application", ["due_by", "number"], postgresql_where=sa.text("closed_at IS NULL")
    )
    op.create_index(
        "ix_application_warned",
        "application",
        ["service"],
        postgresql_where=sa.text("warned_at IS NOT NULL AND closed_at IS NULL"),
    )
    op.create_index(
        "ix_application_breached", "application", ["service"], postgresql_where=sa.text("breached_at IS NOT NULL")
    )
    op.create_index("ix_event_outage", "event", ["agency", "at"], postgresql_where=sa.text(_OUTAGES))


def downgrade() -> None:
    """Undo."""
    op.drop_index("ix_event_outage", table_name="event")
    for name in ("breached", "warned", "due_by", "standard"):
        op.drop_index(f"ix_application_{name}", table_name="application")
    for name in ("breached_at", "warned_at", "standard_at", "due_by", "due_at", "standard"):
        op.drop_column("application", name)
