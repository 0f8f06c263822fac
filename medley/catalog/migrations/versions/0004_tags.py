"""Words that people put on files when they ingest them, so that searches can look at those only."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "tags",
        sa.Column("asset_id", sa.String(64), sa.ForeignKey("assets.asset_id"), primary_key=True),
        sa.Column("tag", sa.String(64), primary_key=True, index=True),
    )


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("tags")
