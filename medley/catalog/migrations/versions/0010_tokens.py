"""Tokens that stages have sent to models behind servers, and got from them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("stages", sa.Column("tokens", sa.Integer, nullable=True))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("stages", "tokens")
