"""outcomes that a migration mapped"""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "outcome",
        sa.Column(
            "mapped_from",
            sa.Text(),
            nullable=True,
            comment="step/revision that it was learnt under, in another version of the workflow",
        ),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_column("outcome", "mapped_from")
