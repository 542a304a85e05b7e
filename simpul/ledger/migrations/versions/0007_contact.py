"""where the citizen is told"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "application",
        sa.Column(
            "contact",
            sa.LargeBinary(),
            comment="sealed JSON: where and in which language the citizen is told; aad contact",
        ),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_column("application", "contact")
