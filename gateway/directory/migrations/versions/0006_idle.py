"""A column for the time without use after which a session ends."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sessions", sa.Column("idle", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("sessions", "idle")
