"""What a file says of itself (title, artist, author), to be searched."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the column."""
    op.add_column("assets", sa.Column("about", sa.Text))


def downgrade() -> None:
    """Takes it away."""
    op.drop_column("assets", "about")
