"""Files that have landed in an upload folder or bucket."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Creates the table."""
    op.create_table(
        "uploads",
        sa.Column("path", sa.Text(), primary_key=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("after", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due", sa.Float()),
        sa.Column("run_id", sa.String(36), sa.ForeignKey("runs.run_id")),
        sa.Column("noted", sa.String(32), nullable=False),
    )
    op.create_index("ix_uploads_source", "uploads", ["source"])


def downgrade() -> None:
    """Drops it."""
    op.drop_table("uploads")
