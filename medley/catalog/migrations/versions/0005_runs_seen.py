"""When a run was last heard of: the death of one on another host is told by its silence."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("runs", sa.Column("seen", sa.Float))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("runs", "seen")
