"""feeds"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Apply."""
    op.create_table(
        "feed",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("cursor", sa.Text(), comment="where the next pull begins, in the agency's terms"),
        sa.Column("owner", sa.Text(), comment="the gateway process that holds the lease"),
        sa.Column("turn", sa.BigInteger(), nullable=False, comment="fencing number of the lease"),
        sa.Column("lease_until", sa.DateTime(timezone=True)),
        sa.Column("next_at", sa.DateTime(timezone=True), comment="when it is due again"),
        sa.Column(
            "under_way",
            postgresql.JSONB(astext_type=sa.Text()),
            comment="ids of a page that is being published, and the topic's ends before it",
        ),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False, comment="in a row"),
        sa.Column("failure", postgresql.JSONB(astext_type=sa.Text()), comment="schemas.messages.Failure"),
        sa.Column(
            "since", sa.DateTime(timezone=True), nullable=False, comment="last page, or the first failure since"
        ),
        sa.Column("published", sa.BigInteger(), server_default=sa.text("0"), nullable=False, comment="changes so far"),
        sa.PrimaryKeyConstraint("agency", "feed", name=op.f("pk_feed")),
    )
    op.create_table(
        "feed_seen",
        sa.Column("agency", sa.Text(), nullable=False),
        sa.Column("feed", sa.Text(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False, comment="of a published change's envelope"),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("agency", "feed", "id", name=op.f("pk_feed_seen")),
    )


def downgrade() -> None:
    """Undo."""
    op.drop_table("feed_seen")
    op.drop_table("feed")
