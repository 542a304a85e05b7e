"""documents and how they are checked"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "paper",
        sa.Column("check", sa.Text(), nullable=False, comment="SHA-256 of the token in the document's QR code"),
        sa.Column("application", sa.Text(), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column(
            "withdrawn_at", sa.DateTime(timezone=True), nullable=True, comment="an operator declared it void"
        ),
        sa.ForeignKeyConstraint(
            ["application"], ["application.number"], name=op.f("fk_paper_application_application")
        ),
        sa.PrimaryKeyConstraint("check", name=op.f("pk_paper")),
        sa.UniqueConstraint(
            "application", "step", "revision", name=op.f("uq_paper_application_step_revision")
        ),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("paper")
