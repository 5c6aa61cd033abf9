"""Indexes of the names by which people sign in: without them each guess of a password reads every user."""

from __future__ import annotations

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COLUMNS = ("email", "username")


def upgrade() -> None:
    for column in _COLUMNS:
        op.create_index(op.f(f"ix_users_{column}"), "users", [column])


def downgrade() -> None:
    for column in _COLUMNS:
        op.drop_index(op.f(f"ix_users_{column}"), "users")
