"""Where the pid of a run means one process: containers on one machine may share its host name."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("runs", sa.Column("space", sa.Text))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("runs", "space")
