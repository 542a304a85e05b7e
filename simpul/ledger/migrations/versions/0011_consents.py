"""consents given when an application is filed"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.add_column(
        "application",
        sa.Column(
            "consents",
            postgresql.ARRAY(sa.Text()),
            server_default=sa.text("'{}'"),
            nullable=False,
            comment="gathering agreed to when filed",
        ),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_column("application", "consents")
