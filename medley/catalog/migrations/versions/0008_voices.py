"""Voices that have been given names."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "voices",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("asset_id", sa.String(64), sa.ForeignKey("assets.asset_id"), nullable=False),
        sa.Column("speaker", sa.Integer, nullable=False),
        sa.Column("model", sa.String(16), nullable=False),
        sa.Column("vector", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("voices")
