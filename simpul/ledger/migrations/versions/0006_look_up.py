"""look up before sending"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "step_run",
        sa.Column(
            "look_up",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="it may have happened: the agency is asked by our reference before anything is sent",
        ),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_column("step_run", "look_up")
