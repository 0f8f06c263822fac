"""What each plan was made of: options and models, so that `medley plan` can say what is otherwise now."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    op.create_table(
        "plans",
        sa.Column("plan", sa.String(32), primary_key=True),
        sa.Column("flow", sa.String(32), nullable=False),
        sa.Column("made_of", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """Takes it away."""
    op.drop_table("plans")
