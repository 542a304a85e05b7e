"""payload shapes"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "payload_shape",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("operation", sa.Text(), nullable=False, comment="contract:<file> for a published contract"),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column(
            "shape", postgresql.JSONB(astext_type=sa.Text()), nullable=False, comment="fields and types, no values"
        ),
        sa.Column("samples", sa.BigInteger(), nullable=False),
        sa.Column("last_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agency", "operation", "day", name=op.f("pk_payload_shape")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("payload_shape")
