"""undoing what took effect for applications that ended in nothing"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "application",
        sa.Column("undoes", sa.Text(), comment="number of the application that this one undoes: a compensation"),
    )
    op.create_unique_constraint("uq_application_undoes", "application", ["undoes"])
    op.add_column(
        "application",
        sa.Column(
            "calls",
            postgresql.JSONB(),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="of a compensation, by step: the operation it calls, and the steps that this undoes",
        ),
    )
    op.create_table(
        "compensation",
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column(
            "steps",
            postgresql.JSONB(),
            nullable=False,
            comment="what took effect and can be undone: step, revision, operation; last first",
        ),
        sa.Column(
            "created_at", sa.DateTime(timezone=True), nullable=False, comment="when the application ended"
        ),
        sa.Column(
            "opened_at", sa.DateTime(timezone=True), comment="when the engine filed the application that undoes it"
        ),
        sa.ForeignKeyConstraint(
            ["application"], ["application.number"], name="fk_compensation_application_application"
        ),
        sa.PrimaryKeyConstraint("application", name="pk_compensation"),
    )
    op.create_index(
        "ix_compensation_due", "compensation", ["created_at"], postgresql_where=sa.text("opened_at IS NULL")
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("compensation")
    op.drop_constraint("uq_application_undoes", "application")
    op.drop_column("application", "calls")
    op.drop_column("application", "undoes")
